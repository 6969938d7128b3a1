//! Attribute and registration macros of the tollgate SDK: they find out which handlers a filter
//! has, so that its module exports the callbacks for those and no others.

mod handlers;
mod plugins;

use proc_macro::TokenStream;

/// Goes above `impl HttpFilter for …`: notes which handlers are written, and which of them await.
///
/// A handler without `.await` cannot pause its stream, so it runs without allocation and the code
/// for waiting is left out.
#[proc_macro_attribute]
pub fn http_filter(arguments: TokenStream, item: TokenStream) -> TokenStream {
    handlers::expand(&handlers::HTTP_FILTER, arguments.into(), item.into()).into()
}

/// Goes above `impl StreamFilter for …`, as [`macro@http_filter`] above `impl HttpFilter for …`.
#[proc_macro_attribute]
pub fn stream_filter(arguments: TokenStream, item: TokenStream) -> TokenStream {
    handlers::expand(&handlers::STREAM_FILTER, arguments.into(), item.into()).into()
}

/// Goes above `impl Service for …`, as [`macro@http_filter`] above `impl HttpFilter for …`.
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    handlers::expand(&handlers::SERVICE, arguments.into(), item.into()).into()
}

/// Makes the crate a Proxy-Wasm module: `plugins! { Filter }`, or one filter per `root_id`:
/// `plugins! { "auth" => Auth, "limit" => Limit }`.
///
/// Hosts that can run each stream in a memory of its own do so if no handler of a stream awaits
/// anything. Such a stream starts from the plugin as it is, and what it changes in the filter's own
/// fields is gone with it; shared data, queues and metrics are seen by all. Filters that need more
/// say `plugins! { isolation = worker, Filter }`; filters that await nothing but callouts, and keep
/// nothing in their fields, may say `isolation = stream`. If no state of a stream must be dropped,
/// a host may delete it before it has ended, as soon as no handler is left to hear of it.
///
/// It goes into the crate's root, once. Natively it does nothing.
#[proc_macro]
pub fn plugins(input: TokenStream) -> TokenStream {
    plugins::expand(input.into()).into()
}

/// The last step of `plugins!`, with the handlers of all filters collected.
#[doc(hidden)]
#[proc_macro]
pub fn __exports(input: TokenStream) -> TokenStream {
    plugins::exports(input.into()).into()
}
