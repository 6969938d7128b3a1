//! `plugins!`: registers filters and exports the callbacks they need.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{LitInt, LitStr, Path, Token};

use crate::http_filter::HANDLERS;

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

struct Entries(Vec<Entry>);

impl Parse for Entries {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let entries = Punctuated::<Entry, Token![,]>::parse_terminated(input)?;
        Ok(Self(entries.into_iter().collect()))
    }
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    match syn::parse2::<Entries>(input).and_then(|entries| registration(&entries.0)) {
        Ok(output) => output,
        Err(error) => error.to_compile_error(),
    }
}

/// Starts the collection: the first filter's macro calls the second's, and so on; the last calls
/// `__exports!`.
fn registration(entries: &[Entry]) -> syn::Result<TokenStream> {
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
    let registrations = entries.iter().map(|Entry { root_id, filter }| {
        let root_id = root_id.as_ref().map_or_else(String::new, LitStr::value);
        quote! { ::tollgate::exports::Registration::of::<#filter>(#root_id) }
    });
    let count = entries.len();
    let first = &first.filter;
    let others = others.iter().map(|entry| &entry.filter);
    Ok(quote! {
        #first ! { [#count #(#registrations),*] [] [#([#others])*] }
    })
}

/// `[count registrations] handler handler …`, with repetitions.
struct Collected {
    count: usize,
    registrations: TokenStream,
    handlers: Vec<Ident>,
}

impl Parse for Collected {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let registrations;
        syn::bracketed!(registrations in input);
        let count = registrations.parse::<LitInt>()?.base10_parse()?;
        let registrations = registrations.parse()?;
        let mut handlers = Vec::new();
        while !input.is_empty() {
            handlers.push(input.parse()?);
        }
        Ok(Self {
            count,
            registrations,
            handlers,
        })
    }
}

pub(crate) fn exports(input: TokenStream) -> TokenStream {
    match syn::parse2::<Collected>(input) {
        Ok(collected) => callbacks(&collected),
        Err(error) => error.to_compile_error(),
    }
}

fn callbacks(collected: &Collected) -> TokenStream {
    let registrations = &collected.registrations;
    let mut callbacks: Vec<&str> = Vec::new();
    for handler in HANDLERS
        .iter()
        .filter(|name| collected.handlers.iter().any(|h| h == *name))
    {
        for callback in callbacks_of(handler) {
            if !callbacks.contains(callback) {
                callbacks.push(callback);
            }
        }
    }
    let select = if collected.count == 1 {
        quote! { ::core::option::Option::Some(#registrations) }
    } else {
        quote! { ::tollgate::exports::select(&[#registrations]) }
    };
    let callbacks = callbacks
        .iter()
        .map(|name| Ident::new(name, Span::call_site()));
    quote! {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            ::tollgate::__export!(always #select);
            #( ::tollgate::__export!(#callbacks); )*
        };
        // Natively a test picks the filter; naming it here keeps it from being called unused.
        #[cfg(not(target_arch = "wasm32"))]
        const _: &[::tollgate::exports::Registration] = &[#registrations];
    }
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
        "log" => &["log"],
        _ => &[],
    }
}
