//! `#[http_filter]`: reads an impl block and adds what the driver and `plugins!` must know of it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::{Block, ImplItem, ItemImpl, Type};

/// The handlers, by their names in the trait.
pub(crate) const HANDLERS: [&str; 7] = [
    "request",
    "request_body",
    "request_trailers",
    "response",
    "response_body",
    "response_trailers",
    "log",
];

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    match parse(arguments, item) {
        Ok(output) => output,
        Err(error) => error.to_compile_error(),
    }
}

fn parse(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(syn::Error::new_spanned(
            arguments,
            "http_filter takes no arguments",
        ));
    }
    let mut block: ItemImpl = syn::parse2(item)?;
    let is_filter = block
        .trait_
        .as_ref()
        .and_then(|(_, path, _)| path.segments.last());
    if is_filter.is_none_or(|segment| segment.ident != "HttpFilter") {
        let message = "http_filter goes above `impl HttpFilter for …`";
        return Err(syn::Error::new_spanned(&block.self_ty, message));
    }
    let filter = name_of(&block.self_ty)?;
    let hooks = hooks(&block);
    let (names, kinds): (Vec<_>, Vec<_>) = hooks.iter().cloned().unzip();
    block.items.push(syn::parse_quote! {
        #[doc(hidden)]
        const HOOKS: ::tollgate::Hooks = ::tollgate::Hooks {
            #( #names: ::tollgate::Hook::#kinds, )*
        };
    });
    let collector = collector(&filter, &hooks);
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

/// Each handler with what the block says about it.
fn hooks(block: &ItemImpl) -> Vec<(Ident, Ident)> {
    HANDLERS
        .iter()
        .map(|name| {
            let written = block.items.iter().find_map(|item| match item {
                ImplItem::Fn(function) if function.sig.ident == name => Some(function),
                _ => None,
            });
            let kind = match written {
                None => "Absent",
                Some(function) if is_immediate(&function.sig, &function.block) => "Immediate",
                Some(_) => "Awaiting",
            };
            (
                Ident::new(name, Span::call_site()),
                Ident::new(kind, Span::call_site()),
            )
        })
        .collect()
}

/// Whether a handler certainly awaits nothing. One that returns a future of its own making, or
/// calls a macro that could hide an `.await`, may.
fn is_immediate(signature: &syn::Signature, body: &Block) -> bool {
    let plain = signature.asyncness.is_some() || signature.ident == "log";
    plain && !may_await(quote! { #body })
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

/// A macro with the filter's name, through which `plugins!` collects the handlers of every filter
/// it lists. It shares the type's name so that importing the type imports it as well.
fn collector(filter: &Ident, hooks: &[(Ident, Ident)]) -> TokenStream {
    let collector = format_ident!("__tollgate_handlers_of_{filter}");
    let written = hooks
        .iter()
        .filter(|(_, kind)| kind != "Absent")
        .map(|(name, _)| name);
    let written: Vec<_> = written.collect();
    quote! {
        #[doc(hidden)]
        #[allow(unused_macros, reason = "used by plugins!, which a library part may not have")]
        macro_rules! #collector {
            ($plugins:tt [$($found:ident)*] []) => {
                ::tollgate::__exports! { $plugins $($found)* #(#written)* }
            };
            ($plugins:tt [$($found:ident)*] [[$($next:tt)*] $($rest:tt)*]) => {
                $($next)* ! { $plugins [$($found)* #(#written)*] [$($rest)*] }
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
