//! `#[http_filter]` and its siblings: they read an impl block and add what the driver and `plugins!`
//! must know of it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::{Block, ImplItem, ItemImpl, Type};

/// A trait of the SDK whose impl an attribute reads.
pub(crate) struct Kind {
    attribute: &'static str,
    interface: &'static str,
    /// The registration's constructor, which tells `plugins!` the kind.
    pub(crate) constructor: &'static str,
    handlers: &'static [&'static str],
}

/// Handlers of the root context, which all kinds may have.
const ROOT_HANDLERS: [&str; 3] = ["queue_ready", "foreign_function", "stop"];

/// `#[http_filter]`
pub(crate) const HTTP_FILTER: Kind = Kind {
    attribute: "http_filter",
    interface: "HttpFilter",
    constructor: "of",
    handlers: &[
        "request",
        "request_body",
        "request_trailers",
        "request_chunk",
        "response",
        "response_body",
        "response_trailers",
        "response_chunk",
        "log",
    ],
};

/// `#[stream_filter]`
pub(crate) const STREAM_FILTER: Kind = Kind {
    attribute: "stream_filter",
    interface: "StreamFilter",
    constructor: "of_stream_filter",
    handlers: &[
        "connection",
        "downstream_data",
        "downstream_closed",
        "upstream_data",
        "upstream_closed",
        "log",
    ],
};

/// `#[service]`
pub(crate) const SERVICE: Kind = Kind {
    attribute: "service",
    interface: "Service",
    constructor: "of_service",
    handlers: &["log"],
};

/// Handlers that exclude each other, as both would be given the same body.
const EXCLUSIVE: [(&str, &str); 2] = [
    ("request_body", "request_chunk"),
    ("response_body", "response_chunk"),
];

pub(crate) fn expand(kind: &Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    match parse(kind, arguments, item) {
        Ok(output) => output,
        Err(error) => error.to_compile_error(),
    }
}

fn parse(kind: &Kind, arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    if !arguments.is_empty() {
        let message = format!("{} takes no arguments", kind.attribute);
        return Err(syn::Error::new_spanned(arguments, message));
    }
    let mut block: ItemImpl = syn::parse2(item)?;
    let interface = block
        .trait_
        .as_ref()
        .and_then(|(_, path, _)| path.segments.last());
    if interface.is_none_or(|segment| segment.ident != kind.interface) {
        let message = format!(
            "{} goes above `impl {} for …`",
            kind.attribute, kind.interface
        );
        return Err(syn::Error::new_spanned(&block.self_ty, message));
    }
    let filter = name_of(&block.self_ty)?;
    let hooks = hooks(kind, &block);
    for (one, other) in EXCLUSIVE {
        if hooks.iter().any(|(name, _)| name == one)
            && let Some((name, _)) = hooks.iter().find(|(name, _)| name == other)
        {
            let message = format!("a filter has either {one} or {other}");
            return Err(syn::Error::new_spanned(name, message));
        }
    }
    let (names, kinds): (Vec<_>, Vec<_>) = hooks.iter().cloned().unzip();
    block.items.push(syn::parse_quote! {
        #[doc(hidden)]
        const HOOKS: ::tollgate::Hooks = ::tollgate::Hooks {
            #( #names: ::tollgate::Hook::#kinds, )*
            ..::tollgate::Hooks::NONE
        };
    });
    let waits = hooks.iter().any(|(name, hook)| {
        hook == "Awaiting" && kind.handlers.iter().any(|handler| name == handler)
    });
    let collector = collector(kind, &filter, &names, waits);
    Ok(quote! { #block #collector })
}

/// The name that `plugins!` will know the filter by.
fn name_of(filter: &Type) -> syn::Result<Ident> {
    let name = match filter {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map(|segment| segment.ident.clone()),
        _ => None,
    };
    name.ok_or_else(|| syn::Error::new_spanned(filter, "a filter is a type with a name"))
}

/// Each handler that is written, with what the block says about it.
fn hooks(kind: &Kind, block: &ItemImpl) -> Vec<(Ident, Ident)> {
    let known = |name: &Ident| {
        let mut handlers = kind.handlers.iter().chain(&ROOT_HANDLERS);
        handlers.any(|handler| name == handler)
    };
    let functions = block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) if known(&function.sig.ident) => Some(function),
        _ => None,
    });
    functions
        .map(|function| {
            let immediate = is_immediate(&function.sig, &function.block);
            let hook = if immediate { "Immediate" } else { "Awaiting" };
            (
                function.sig.ident.clone(),
                Ident::new(hook, Span::call_site()),
            )
        })
        .collect()
}

/// Whether a handler certainly awaits nothing. One that returns a future of its own making, or
/// calls a macro that could hide an `.await`, may.
fn is_immediate(signature: &syn::Signature, body: &Block) -> bool {
    let is_future = matches!(&signature.output, syn::ReturnType::Type(_, output)
        if matches!(**output, Type::ImplTrait(_)));
    !is_future && !may_await(quote! { #body })
}

/// Macros of the standard library and of the SDK that await nothing themselves. What stands
/// between their parentheses is looked at like other code.
const HARMLESS_MACROS: [&str; 21] = [
    "format",
    "vec",
    "matches",
    "write",
    "writeln",
    "concat",
    "stringify",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "panic",
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "env",
    "include_str",
    "include_bytes",
    "format_args",
];

fn may_await(code: TokenStream) -> bool {
    let mut macro_name: Option<Ident> = None;
    let mut tokens = code.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "await" => return true,
            TokenTree::Ident(ident) => macro_name = Some(ident),
            TokenTree::Punct(punct) if punct.as_char() == '!' => {
                let called = matches!(tokens.peek(), Some(TokenTree::Group(_)));
                let name = macro_name.take();
                let unknown =
                    name.is_some_and(|name| !HARMLESS_MACROS.contains(&name.to_string().as_str()));
                if called && unknown {
                    return true;
                }
            }
            TokenTree::Group(group) => {
                if may_await(group.stream()) {
                    return true;
                }
                macro_name = None;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => macro_name = None,
        }
    }
    false
}

/// A macro with the filter's name, through which `plugins!` collects the kind and the handlers of
/// every filter it lists. It shares the type's name so that importing the type imports it as well.
fn collector(kind: &Kind, filter: &Ident, written: &[Ident], waits: bool) -> TokenStream {
    let collector = format_ident!("__tollgate_handlers_of_{filter}");
    let constructor = Ident::new(kind.constructor, Span::call_site());
    let found = quote! { [#constructor #waits #(#written)*] };
    quote! {
        #[doc(hidden)]
        #[allow(unused_macros, reason = "used by plugins!, which a library part may not have")]
        macro_rules! #collector {
            ($plugins:tt [$($found:tt)*] []) => {
                ::tollgate::__exports! { $plugins $($found)* #found }
            };
            ($plugins:tt [$($found:tt)*] [[$($next:tt)*] $($rest:tt)*]) => {
                $($next)* ! { $plugins [$($found)* #found] [$($rest)*] }
            };
        }
        #[doc(hidden)]
        #[allow(unused_imports, reason = "used by plugins!, which a library part may not have")]
        pub(crate) use #collector as #filter;
    }
}

#[cfg(test)]
mod tests {
    use super::may_await;
    use quote::quote;

    #[test]
    fn code_without_await_cannot_pause() {
        assert!(!may_await(quote!({
            let a = !b(c);
            log::info!("x {a}");
            Ok(())
        })));
    }

    #[test]
    fn an_await_at_any_depth_may_pause() {
        assert!(may_await(quote!({
            if a {
                for b in c {
                    d(e.await)
                }
            }
        })));
        assert!(may_await(quote!({ format!("{}", a.await) })));
    }

    #[test]
    fn an_unknown_macro_may_hide_an_await() {
        assert!(may_await(quote!({ join!(a, b) })));
    }
}
