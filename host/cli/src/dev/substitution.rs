//! Puts the module that was just built where a configuration names one of the same file name.

use std::path::Path;

/// Replaces each path in `text` whose file name is that of `module`. A configuration names the
/// module as it ships, which need not exist yet.
pub(super) fn put_module(text: &str, module: &Path) -> String {
    let name = module.file_name().unwrap_or_default().to_string_lossy();
    // A string of JSON is one of YAML, block or flow.
    let path = serde_json::Value::from(module.to_string_lossy()).to_string();
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(&*name) {
        let quote = behind.chars().next().filter(|c| matches!(c, '"' | '\''));
        let is_start = |c: char| match quote {
            Some(quote) => c == quote,
            None => c.is_whitespace() || matches!(c, '{' | ',' | '"' | '\''),
        };
        let start = before.rfind(is_start);
        let (kept, after) = match (start, quote) {
            // With the quotes around it.
            (Some(start), Some(_)) => (before.get(..start), behind.get(1..)),
            (Some(start), None) => (before.get(..=start), Some(behind)),
            (None, _) => (Some(""), Some(behind)),
        };
        let folder = kept.and_then(|kept| before.strip_prefix(kept));
        let is_whole = folder.is_some_and(|folder| {
            let folder = folder.trim_start_matches(['"', '\'']);
            folder.is_empty() || folder.ends_with('/')
        });
        if is_whole {
            filled.push_str(kept.unwrap_or_default());
            filled.push_str(&path);
            rest = after.unwrap_or_default();
        } else {
            filled.push_str(before);
            filled.push_str(&name);
            rest = behind;
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::put_module;

    #[track_caller]
    fn assert_put(text: &str, expected: &str) {
        assert_eq!(put_module(text, Path::new("/built/my_auth.wasm")), expected);
    }

    #[test]
    fn paths_are_replaced_however_they_are_written() {
        let expected = "code: { local: { filename: \"/built/my_auth.wasm\" } }";
        for path in [
            "my_auth.wasm",
            "target/wasm32-unknown-unknown/wasm/my_auth.wasm",
            "\"target/my_auth.wasm\"",
            "'a folder/my_auth.wasm'",
        ] {
            assert_put(
                &format!("code: {{ local: {{ filename: {path} }} }}"),
                expected,
            );
        }
        assert_put(
            "filename: /a/my_auth.wasm\n",
            "filename: \"/built/my_auth.wasm\"\n",
        );
        assert_put(
            "{\"filename\":\"x/my_auth.wasm\"}",
            "{\"filename\":\"/built/my_auth.wasm\"}",
        );
    }

    #[test]
    fn each_place_is_found_and_other_modules_stay() {
        assert_put(
            "a: x/my_auth.wasm\nb: other.wasm\nc: my_auth.wasm",
            "a: \"/built/my_auth.wasm\"\nb: other.wasm\nc: \"/built/my_auth.wasm\"",
        );
        assert_put("a: not_my_auth.wasm", "a: not_my_auth.wasm");
        assert_put("a: 'not_my_auth.wasm'", "a: 'not_my_auth.wasm'");
        assert_put("my_auth.wasm", "\"/built/my_auth.wasm\"");
    }

    #[test]
    fn a_path_with_quotes_is_written_with_escapes() {
        let put = put_module("a: m.wasm", Path::new("/a \"b\"/m.wasm"));
        assert_eq!(put, "a: \"/a \\\"b\\\"/m.wasm\"");
    }
}
