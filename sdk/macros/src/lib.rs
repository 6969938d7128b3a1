//! Attribute and registration macros of the tollgate SDK: they find out which handlers a filter
//! has, so that its module exports the callbacks for those and no others.

mod http_filter;
mod plugins;

use proc_macro::TokenStream;

/// Goes above `impl HttpFilter for …`: notes which handlers are written, and which of them await.
///
/// A handler without `.await` cannot pause its stream, so it runs without allocation and the code
/// for waiting is left out.
#[proc_macro_attribute]
pub fn http_filter(arguments: TokenStream, item: TokenStream) -> TokenStream {
    http_filter::expand(arguments.into(), item.into()).into()
}

/// Makes the crate a Proxy-Wasm module: `plugins! { Filter }`, or one filter per `root_id`:
/// `plugins! { "auth" => Auth, "limit" => Limit }`.
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
