//! `plugins!`: registers filters and exports the callbacks they need.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{LitBool, LitByteStr, LitStr, Path, Token};

/// `Filter`, or `"root-id" => Filter`.
struct Entry {
    root_id: Option<LitStr>,
    filter: Path,
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let root_id = if input.peek(LitStr) {
            let root_id = input.parse()?;
            input.parse::<Token![=>]>()?;
            Some(root_id)
        } else {
            None
        };
        Ok(Self {
            root_id,
            filter: input.parse()?,
        })
    }
}

/// What `plugins!` is given.
struct Module {
    /// `stream` or `worker`; empty if nothing is said.
    isolation: String,
    entries: Vec<Entry>,
}

impl Parse for Module {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let isolation = parse_isolation(input)?;
        let entries = Punctuated::<Entry, Token![,]>::parse_terminated(input)?;
        Ok(Self {
            isolation,
            entries: entries.into_iter().collect(),
        })
    }
}

/// Reads `isolation = worker,` if it is there.
fn parse_isolation(input: ParseStream<'_>) -> syn::Result<String> {
    if !(input.peek(syn::Ident) && input.peek2(Token![=])) {
        return Ok(String::new());
    }
    let setting: Ident = input.parse()?;
    if setting != "isolation" {
        return Err(syn::Error::new_spanned(
            setting,
            "there is only `isolation`",
        ));
    }
    input.parse::<Token![=]>()?;
    let isolation: Ident = input.parse()?;
    if isolation != "stream" && isolation != "worker" {
        let message = "streams are isolated per `stream` or per `worker`";
        return Err(syn::Error::new_spanned(isolation, message));
    }
    input.parse::<Token![,]>()?;
    Ok(isolation.to_string())
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    match syn::parse2::<Module>(input).and_then(|module| registration(&module)) {
        Ok(output) => output,
        Err(error) => error.to_compile_error(),
    }
}

/// Starts the collection: the first filter's macro calls the second's, and so on; the last calls
/// `__exports!`.
fn registration(module: &Module) -> syn::Result<TokenStream> {
    let entries = &module.entries;
    let Some((first, others)) = entries.split_first() else {
        return Err(syn::Error::new(
            Span::call_site(),
            "name at least one filter",
        ));
    };
    if let Some(entry) = entries.iter().find(|entry| entry.root_id.is_none())
        && entries.len() > 1
    {
        let message = "with several filters each needs its root_id: \"root-id\" => Filter";
        return Err(syn::Error::new_spanned(&entry.filter, message));
    }
    let plugins = entries.iter().map(|Entry { root_id, filter }| {
        let root_id = root_id.as_ref().map_or_else(String::new, LitStr::value);
        quote! { [#root_id #filter] }
    });
    let isolation = LitStr::new(&module.isolation, Span::call_site());
    let first = &first.filter;
    let others = others.iter().map(|entry| &entry.filter);
    Ok(quote! {
        #first ! { [#isolation #(#plugins)*] [] [#([#others])*] }
    })
}

/// `[isolation [root_id Filter] …] [constructor handler …] …`, with one list for each plugin.
struct Collected {
    isolation: LitStr,
    plugins: Vec<(LitStr, Path)>,
    found: Vec<Found>,
}

/// What a plugin's own macro says of it.
struct Found {
    constructor: Ident,
    /// Whether a handler of its streams can wait.
    waits: LitBool,
    handlers: Vec<Ident>,
}

impl Parse for Collected {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let listed;
        syn::bracketed!(listed in input);
        let isolation = listed.parse()?;
        let mut plugins = Vec::new();
        while !listed.is_empty() {
            let plugin;
            syn::bracketed!(plugin in listed);
            plugins.push((plugin.parse()?, plugin.parse()?));
        }
        let mut found = Vec::new();
        while !input.is_empty() {
            let list;
            syn::bracketed!(list in input);
            let (constructor, waits) = (list.parse()?, list.parse()?);
            let mut handlers = Vec::new();
            while !list.is_empty() {
                handlers.push(list.parse()?);
            }
            found.push(Found {
                constructor,
                waits,
                handlers,
            });
        }
        Ok(Self {
            isolation,
            plugins,
            found,
        })
    }
}

pub(crate) fn exports(input: TokenStream) -> TokenStream {
    match syn::parse2::<Collected>(input) {
        Ok(collected) => module(&collected),
        Err(error) => error.to_compile_error(),
    }
}

fn module(collected: &Collected) -> TokenStream {
    let registrations = collected.plugins.iter().zip(&collected.found).map(
        |((root_id, filter), Found { constructor, .. })| {
            quote! { ::tollgate::exports::Registration::#constructor::<#filter>(#root_id) }
        },
    );
    let registrations: Vec<_> = registrations.collect();
    let select = match &*registrations {
        [only] => quote! { ::core::option::Option::Some(#only) },
        several => quote! { ::tollgate::exports::select(&[#(#several),*]) },
    };
    let mut callbacks = BTreeSet::new();
    for found in &collected.found {
        for handler in &found.handlers {
            callbacks.extend(callbacks_of(&handler.to_string()));
        }
    }
    let silent_end = silent_end(collected);
    if silent_end.is_some() && is_brief(&callbacks) {
        callbacks.insert("request");
    }
    let callbacks = callbacks
        .into_iter()
        .map(|name| Ident::new(name, Span::call_site()));
    let isolation = isolation(collected);
    let hook = (isolation == "stream").then(|| quote! { ::tollgate::__export!(restore); });
    let length = Literal::usize_unsuffixed(isolation.len());
    let isolation = LitByteStr::new(isolation.as_bytes(), Span::call_site());
    quote! {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            ::tollgate::__export!(always #select);
            #( ::tollgate::__export!(#callbacks); )*
            ::tollgate::__isolation!(#length #isolation);
            #hook
            #silent_end
        };
        // Natively a test picks the filter; naming it here keeps it from being called unused.
        #[cfg(not(target_arch = "wasm32"))]
        const _: &[::tollgate::exports::Registration] = &[#(#registrations),*];
    }
}

/// What is said, else what the module allows: a stream in a memory of its own hears of its own
/// callouts, but neither of ticks nor of other streams, which a handler that waits may need.
fn isolation(collected: &Collected) -> String {
    let said = collected.isolation.value();
    let waits = collected.found.iter().any(|found| found.waits.value());
    match (said.is_empty(), waits) {
        (false, _) => said,
        (true, true) => "worker".to_owned(),
        (true, false) => "stream".to_owned(),
    }
}

/// Says what the end of a stream does, if no handler waits: such a one would be dropped then, with
/// what it holds. Otherwise what a stream may hold is its state.
fn silent_end(collected: &Collected) -> Option<TokenStream> {
    let waits = collected.found.iter().any(|found| found.waits.value());
    let mut kinds = collected.found.iter().map(|found| &found.constructor);
    if waits || !kinds.all(|constructor| constructor == "of") {
        return None;
    }
    let filters = collected.plugins.iter().map(|(_, filter)| filter);
    Some(quote! { ::tollgate::__stream_end!(#(#filters)*); })
}

/// Whether streams hear of nothing but the headers of their request.
fn is_brief(callbacks: &BTreeSet<&str>) -> bool {
    let is_of_root = |name: &str| matches!(name, "queue_ready" | "foreign_function");
    let mut of_streams = callbacks.iter().filter(|name| !is_of_root(name));
    of_streams.next() == Some(&"request_headers") && of_streams.next().is_none()
}

/// The callbacks behind a handler. A whole body needs three: its length is taken out of the
/// headers, and trailers may end it.
fn callbacks_of(handler: &str) -> &'static [&'static str] {
    match handler {
        "request" => &["request_headers"],
        "request_body" => &["request_headers", "request_body", "request_trailers"],
        "request_trailers" => &["request_trailers"],
        "response" => &["response_headers"],
        "response_body" => &["response_headers", "response_body", "response_trailers"],
        "response_trailers" => &["response_trailers"],
        "request_chunk" => &["request_headers", "request_body"],
        "response_chunk" => &["response_headers", "response_body"],
        // Whatever comes while the connection's handler waits is held by the data's.
        "connection" | "downstream_data" => &["connection", "downstream_data"],
        "downstream_closed" => &["downstream_closed"],
        "upstream_data" => &["upstream_data"],
        "upstream_closed" => &["upstream_closed"],
        "log" => &["log"],
        "queue_ready" => &["queue_ready"],
        "foreign_function" => &["foreign_function"],
        "stop" => &["done"],
        _ => &[],
    }
}
