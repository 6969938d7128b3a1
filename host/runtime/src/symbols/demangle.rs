//! Names as their authors wrote them.

/// Returns a function's name without what its compiler added.
pub(crate) fn demangle(name: &str) -> String {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return format!("{rust:#}");
    }
    let options = cpp_demangle::DemangleOptions::new().no_return_type();
    cpp_demangle::Symbol::new(name)
        .ok()
        .and_then(|symbol| symbol.demangle_with_options(&options).ok())
        .unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::demangle;

    #[test]
    fn rust_and_cpp_names_become_readable_and_others_stay() {
        assert_eq!(
            demangle("_ZN4core9panicking5panic17h0123456789abcdefE"),
            "core::panicking::panic"
        );
        assert_eq!(demangle("_ZN3Foo3barEi"), "Foo::bar(int)");
        assert_eq!(demangle("proxy_on_tick"), "proxy_on_tick");
        assert_eq!(demangle("main.(*ctx).OnTick"), "main.(*ctx).OnTick");
    }
}
