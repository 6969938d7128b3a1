//! The syntax of formats: `%NAME(argument):length%`, `%%`, and text.

use super::FormatError;

/// A part of a format as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    Percent,
    Command(Command<'a>),
}

/// An operator as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command<'a> {
    pub(super) name: &'a str,
    pub(super) argument: Option<&'a str>,
    pub(super) max_length: Option<usize>,
}

impl Command<'_> {
    pub(super) fn misused(&self, reason: &str) -> FormatError {
        FormatError::Misused {
            name: self.name.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

/// Splits a format.
pub(super) fn pieces(format: &str) -> Result<Vec<Piece<'_>>, FormatError> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some((text, after)) = rest.split_once('%') {
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        let offset = format.len() - after.len() - 1;
        let (piece, after) = match after.strip_prefix('%') {
            Some(after) => (Piece::Percent, after),
            None => command(after).ok_or(FormatError::Stray(offset))?,
        };
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

/// Reads what follows a `%`, its closing `%` included. Arguments may have percent signs of their
/// own: they end at the parenthesis.
fn command(text: &str) -> Option<(Piece<'_>, &str)> {
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let end = text.find(|c| !is_name(c))?;
    let (name, mut rest) = text
        .split_at_checked(end)
        .filter(|(name, _)| !name.is_empty())?;
    let mut argument = None;
    if let Some(after) = rest.strip_prefix('(') {
        let (inside, after) = after.split_once(')')?;
        argument = Some(inside);
        rest = after;
    }
    let mut max_length = None;
    if let Some(after) = rest.strip_prefix(':') {
        let (digits, _) = after.split_once('%')?;
        max_length = Some(digits.parse().ok()?);
        rest = after.strip_prefix(digits)?;
    }
    let command = Command {
        name,
        argument,
        max_length,
    };
    Some((Piece::Command(command), rest.strip_prefix('%')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_operators_and_percent_signs_are_told_apart() {
        let command = |name, argument, max_length| {
            Piece::Command(Command {
                name,
                argument,
                max_length,
            })
        };
        assert_eq!(
            pieces("a %REQ(X?Y):5%%%%PROTOCOL%b").unwrap(),
            [
                Piece::Text("a "),
                command("REQ", Some("X?Y"), Some(5)),
                Piece::Percent,
                command("PROTOCOL", None, None),
                Piece::Text("b"),
            ]
        );
    }

    #[test]
    fn an_argument_may_hold_percent_signs() {
        let pieces = pieces("%START_TIME(%Y/%m)%").unwrap();
        assert!(matches!(
            pieces.as_slice(),
            [Piece::Command(Command {
                argument: Some("%Y/%m"),
                ..
            })]
        ));
    }

    #[test]
    fn a_lonely_percent_sign_is_refused_with_its_place() {
        for format in ["ab%", "ab%c", "ab%REQ(x", "ab%REQ(x):y%", "ab%REQ(x)"] {
            assert_eq!(pieces(format), Err(FormatError::Stray(2)), "{format}");
        }
    }
}
