//! Strings within WebAssembly text.

use std::fmt::Write as _;

/// Where strings lie, and where they have to end.
const STRINGS: usize = 0x1000;
const STRINGS_END: usize = 0x8000;

/// Replaces each `@"string"` by address and size, and adds the strings as data.
pub(super) fn expand(module: &str) -> String {
    let (fields, end) = module
        .rsplit_once(')')
        .expect("a module ends with a parenthesis");
    let mut text = String::new();
    let mut data = String::new();
    let mut address = STRINGS;
    let mut rest = fields;
    while let Some((before, after)) = rest.split_once("@\"") {
        let (string, size, after) = read_string(after);
        write!(text, "{before}(i32.const {address}) (i32.const {size})").expect("text takes text");
        writeln!(data, "  (data (i32.const {address}) \"{string}\")").expect("text takes text");
        address += size;
        rest = after;
    }
    assert!(address <= STRINGS_END, "the guest's strings are too long");
    format!("{text}{rest}\n{data}){end}")
}

/// Reads a string up to its closing quote: its text, its size in bytes, and what follows.
fn read_string(text: &str) -> (&str, usize, &str) {
    let mut chars = text.char_indices();
    let mut size = 0;
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => {
                let (string, rest) = text.split_at(index);
                return (string, size, rest.strip_prefix('"').unwrap_or(rest));
            }
            '\\' => {
                let (_, escaped) = chars.next().expect("an escape has a letter");
                // `\n` is one letter, `\0a` two digits.
                if escaped.is_ascii_hexdigit() {
                    chars.next();
                }
                size += 1;
            }
            _ => size += c.len_utf8(),
        }
    }
    panic!("a string has no end: {text}");
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn strings_become_addresses_and_sizes_and_lie_one_after_the_other() {
        let module = expand(r#"(module (call $f @"ab" @"") (call $g @"c"))"#);
        assert!(
            module.contains(
                "(call $f (i32.const 4096) (i32.const 2) (i32.const 4098) (i32.const 0))"
            )
        );
        assert!(module.contains("(call $g (i32.const 4098) (i32.const 1))"));
        assert!(module.contains(r#"(data (i32.const 4098) "c")"#));
    }

    #[test]
    fn an_escape_is_one_byte_however_it_is_written() {
        let module = expand(r#"(module (call $f @"a\00b\n\"\\é"))"#);
        assert!(module.contains("(i32.const 4096) (i32.const 8)"));
    }
}
