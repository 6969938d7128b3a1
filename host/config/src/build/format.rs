//! The syntax of format strings. Which operators exist is decided where they are rendered.

use crate::view::View;

/// Reports the first place where `text` has a `%` that begins no operator.
pub(super) fn check(view: &View<'_>, field: &str, text: &str) {
    if let Some(position) = first_fault(text) {
        let reason = format!("couldn't find a valid command at position {position} of `{text}`");
        view.error(field, reason);
    }
}

/// Operators are `%NAME%`, `%NAME(arguments)%` and `%NAME(arguments):length%`; `%%` is a percent.
fn first_fault(text: &str) -> Option<usize> {
    let mut position = 0;
    while let Some(offset) = text.get(position..)?.find('%') {
        position += offset;
        match operator_length(text.get(position + 1..)?) {
            Some(length) => position += 1 + length,
            None => return Some(position),
        }
    }
    None
}

/// Returns the length of what follows the opening `%`, the closing one included.
fn operator_length(rest: &str) -> Option<usize> {
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let mut end = rest.find(|c| !is_name(c))?;
    if rest.starts_with('%') {
        return Some(1);
    }
    let tail = rest.get(end..)?;
    if end == 0 {
        return None;
    }
    if tail.starts_with('(') {
        // Arguments may hold a percent, as dates do; they end where an operator can end.
        let close = tail.match_indices(')').map(|(index, _)| index + 1);
        end += close
            .into_iter()
            .find(|close| closes(tail.get(*close..)).is_some())?;
    }
    Some(end + closes(rest.get(end..))?)
}

/// Returns the length of `%` or `:length%`.
fn closes(tail: Option<&str>) -> Option<usize> {
    let tail = tail?;
    let Some(length) = tail.strip_prefix(':') else {
        return tail.starts_with('%').then_some(1);
    };
    let end = length.find(|c: char| !c.is_ascii_digit())?;
    (end > 0 && length.get(end..)?.starts_with('%')).then_some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::first_fault;

    #[test]
    fn operators_and_plain_text_are_taken() {
        for text in [
            "",
            "plain",
            "100%%",
            "%PROTOCOL%",
            "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ORIGINAL-PATH?:PATH):10%\"\n",
            "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
            "%DYNAMIC_METADATA(a:b)%%PROTOCOL%",
        ] {
            assert_eq!(first_fault(text), None, "{text}");
        }
    }

    #[test]
    fn a_lone_percent_is_found() {
        for (text, position) in [
            ("100%", 3),
            ("%", 0),
            ("a %lower% b", 2),
            ("%REQ(a%", 0),
            ("%PROTOCOL%%", 10),
            ("%REQ(a):%", 0),
        ] {
            assert_eq!(first_fault(text), Some(position), "{text}");
        }
    }
}
