//! RE2's syntax, which Envoy's patterns have, in terms of the `regex` crate.
//!
//! The two agree on most patterns; where they do not, a route would match other requests than in
//! Envoy: `\d`, `\s`, `\w` and `\b` are ASCII in RE2, a brace that repeats nothing is itself, a class
//! knows neither nesting nor `&&`, and a few escapes exist in one of them only.

use std::iter::Peekable;
use std::str::Chars;

/// The ASCII classes within brackets.
const POSIX_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// The most that RE2 lets a pattern repeat.
const MAX_REPETITION: u32 = 1000;

/// Translates a pattern; what RE2 refuses is refused in its words.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut translator = Translator {
        input: pattern.chars().peekable(),
        output: String::with_capacity(pattern.len()),
    };
    translator.run()?;
    Ok(translator.output)
}

struct Translator<'p> {
    input: Peekable<Chars<'p>>,
    output: String,
}

impl Translator<'_> {
    fn run(&mut self) -> Result<(), String> {
        // Perl's rule in RE2: one operator, at most with a `?` after it.
        let mut repeated = false;
        while let Some(character) = self.input.next() {
            let operator = match character {
                '*' | '+' | '?' => Some(character.to_string()),
                '{' => self.repetition()?,
                _ => None,
            };
            match operator {
                Some(operator) if repeated => {
                    return Err(format!("bad repetition operator: {operator}"));
                }
                Some(operator) => {
                    self.output.push_str(&operator);
                    self.output.extend(self.input.next_if_eq(&'?'));
                    repeated = true;
                }
                None => {
                    self.atom(character)?;
                    repeated = false;
                }
            }
        }
        Ok(())
    }

    fn atom(&mut self, character: char) -> Result<(), String> {
        match character {
            '\\' => self.escape()?,
            '[' => self.class()?,
            '(' => self.group()?,
            '{' | '}' => self.literal(character),
            other => self.output.push(other),
        }
        Ok(())
    }

    /// Reads `n}`, `n,}` or `n,m}`; anything else leaves the brace a plain character.
    fn repetition(&mut self) -> Result<Option<String>, String> {
        let inside: String = self.input.clone().take_while(|one| *one != '}').collect();
        let closed = self.input.clone().any(|one| one == '}');
        let (least, most) = inside.split_once(',').unwrap_or((&inside, &inside));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !closed || least.is_empty() || !digits(least) || !digits(most) {
            return Ok(None);
        }
        let bound = |text: &str| text.parse().is_ok_and(|bound: u32| bound <= MAX_REPETITION);
        if !bound(least) || !(most.is_empty() || bound(most)) {
            return Err(format!("invalid repetition size: {{{inside}}}"));
        }
        self.input
            .by_ref()
            .take(inside.chars().count() + 1)
            .for_each(drop);
        Ok(Some(format!("{{{inside}}}")))
    }

    fn escape(&mut self) -> Result<(), String> {
        let character = self.input.next().ok_or("trailing \\")?;
        match character {
            'Q' => self.quotation(),
            'C' => self.output.push_str("(?s-u:.)"),
            'b' | 'B' => self.output.push_str(&format!("(?-u:\\{character})")),
            'A' | 'z' => self.output.extend(['\\', character]),
            'd' | 's' | 'w' => self
                .output
                .push_str(&format!("[{}]", perl_class(character))),
            'D' | 'S' | 'W' => self
                .output
                .push_str(&format!("[^{}]", perl_class(character))),
            _ => self.common_escape(character)?,
        }
        Ok(())
    }

    /// Takes everything up to `\E` as it stands.
    fn quotation(&mut self) {
        while let Some(character) = self.input.next() {
            if character == '\\' && self.input.next_if_eq(&'E').is_some() {
                return;
            }
            self.literal(character);
        }
    }

    /// Reads what means the same within a class and outside.
    fn common_escape(&mut self, character: char) -> Result<(), String> {
        match character {
            'p' | 'P' if self.input.peek() == Some(&'{') => self.property(character)?,
            'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | 'p' | 'P' => {
                self.output.extend(['\\', character]);
                if self.input.peek() == Some(&'{') {
                    let braces = self.until('}');
                    self.output.push_str(&braces);
                }
            }
            '0'..='7' => self.octal(character)?,
            other if other.is_ascii() && !other.is_ascii_alphanumeric() => self.literal(other),
            other => return Err(format!("invalid escape sequence: \\{other}")),
        }
        Ok(())
    }

    /// Reads `{name}` or `{^name}`: a general category or a script, nothing else.
    fn property(&mut self, kind: char) -> Result<(), String> {
        let braces = self.until('}');
        let name = braces.trim_start_matches('{').trim_end_matches('}');
        let (negated, name) = name
            .strip_prefix('^')
            .map_or((false, name), |name| (true, name));
        if !name
            .chars()
            .all(|one| one.is_ascii_alphabetic() || one == '_')
        {
            return Err(format!("invalid character class range: \\{kind}{braces}"));
        }
        let kind = if negated == (kind == 'p') { 'P' } else { 'p' };
        self.output.push_str(&format!("\\{kind}{{{name}}}"));
        Ok(())
    }

    /// Takes everything up to and with `end`.
    fn until(&mut self, end: char) -> String {
        let mut taken = String::new();
        for character in self.input.by_ref() {
            taken.push(character);
            if character == end {
                break;
            }
        }
        taken
    }

    fn octal(&mut self, first: char) -> Result<(), String> {
        let mut value = first.to_digit(8).unwrap_or(0);
        let next_is_octal = self.input.peek().is_some_and(|next| next.is_digit(8));
        if first != '0' && !next_is_octal {
            return Err(format!("invalid escape sequence: \\{first}"));
        }
        for _ in 0..2 {
            let digit = self.input.next_if(|next| next.is_digit(8));
            let Some(digit) = digit.and_then(|digit| digit.to_digit(8)) else {
                break;
            };
            value = value * 8 + digit;
        }
        if value > 0o377 {
            return Err(format!("invalid escape sequence: \\{value:o}"));
        }
        self.output.push_str(&format!("\\x{{{value:x}}}"));
        Ok(())
    }

    fn class(&mut self) -> Result<(), String> {
        self.output.push('[');
        if self.input.next_if_eq(&'^').is_some() {
            self.output.push('^');
        }
        let mut first = true;
        let mut dash = false;
        while let Some(character) = self.input.next() {
            match character {
                ']' if !first => {
                    self.output.push(']');
                    return Ok(());
                }
                '[' if self.input.peek() == Some(&':') => self.posix_class()?,
                '\\' => self.class_escape()?,
                '-' if !dash => self.output.push('-'),
                '[' | ']' | '&' | '~' | '-' => self.output.extend(['\\', character]),
                other => self.output.push(other),
            }
            (first, dash) = (false, character == '-');
        }
        Err("missing ]".to_owned())
    }

    fn class_escape(&mut self) -> Result<(), String> {
        let character = self.input.next().ok_or("trailing \\")?;
        match character {
            'd' | 's' | 'w' => self.output.push_str(perl_class(character)),
            'D' | 'S' | 'W' => self
                .output
                .push_str(&format!("[^{}]", perl_class(character))),
            _ => self.common_escape(character)?,
        }
        Ok(())
    }

    /// Copies `[:name:]`, or takes the bracket as it stands.
    fn posix_class(&mut self) -> Result<(), String> {
        let rest: String = self.input.clone().take_while(|one| *one != ']').collect();
        let Some(name) = rest
            .strip_prefix(':')
            .and_then(|rest| rest.strip_suffix(':'))
        else {
            self.output.push_str("\\[");
            return Ok(());
        };
        if !POSIX_CLASSES.contains(&name.trim_start_matches('^')) {
            return Err(format!("invalid character class range: [{rest}]"));
        }
        self.output.push_str(&format!("[{rest}]"));
        self.until(']');
        Ok(())
    }

    /// Copies flags. Names of groups are left out, for only their numbers are used.
    fn group(&mut self) -> Result<(), String> {
        self.output.push('(');
        if self.input.peek() != Some(&'?') {
            return Ok(());
        }
        let rest: String = self.input.clone().skip(1).collect();
        let named = rest.strip_prefix("P<").or_else(|| rest.strip_prefix('<'));
        if let Some(named) = named.filter(|named| !named.starts_with(['=', '!'])) {
            let name = named.split('>').next().unwrap_or_default();
            let group = self.until('>');
            let word = |one: char| one.is_alphanumeric() || one == '_';
            if name.is_empty() || !name.chars().all(word) || !group.ends_with('>') {
                return Err(format!("invalid named capture group: ({group}"));
            }
            return Ok(());
        }
        let end = rest.find([':', ')']).unwrap_or(rest.len());
        let flags: String = rest.chars().take(end).collect();
        if !flags.chars().all(|flag| "imsU-".contains(flag)) {
            return Err(format!("invalid perl operator: (?{flags}"));
        }
        self.output.push_str(&format!("?{flags}"));
        self.input.by_ref().take(1 + flags.len()).for_each(drop);
        Ok(())
    }

    fn literal(&mut self, character: char) {
        self.output
            .push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
    }
}

/// The members of RE2's Perl classes, which are ASCII.
fn perl_class(character: char) -> &'static str {
    match character {
        'd' | 'D' => "0-9",
        's' | 'S' => "\\t\\n\\x0c\\r\\x20",
        _ => "0-9A-Za-z_",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, subject: &str) -> bool {
        let pattern = translate(pattern).unwrap();
        regex::Regex::new(&format!("^(?:{pattern})$"))
            .unwrap()
            .is_match(subject)
    }

    #[test]
    fn perl_classes_are_ascii() {
        assert!(matches(r"\d+", "12") && !matches(r"\d+", "٣"));
        assert!(matches(r"[\w-]+", "a-b_1") && !matches(r"\w", "é"));
        assert!(matches(r"\D", "é") && matches(r"[^\s]", "x") && !matches(r"\S", " "));
    }

    #[test]
    fn a_brace_that_repeats_nothing_is_itself() {
        assert!(matches("/{id}", "/{id}"));
        assert!(matches("a{,5}", "a{,5}"));
        assert!(matches("a{2,3}b{1}", "aaab"));
    }

    #[test]
    fn a_class_has_no_operators() {
        assert!(matches("[a[b]+", "a[b"));
        assert!(matches("[a&&b]+", "a&b"));
        assert!(matches("[]x]+", "]x"));
        assert!(matches("[[:alpha:]-]+", "a-b"));
        assert!(matches("[+--]+", "+,-"));
    }

    #[test]
    fn escapes_of_one_side_only_are_translated() {
        assert!(matches(r"\Qa.b\E.", "a.bc") && !matches(r"\Qa.b\E", "axb"));
        assert!(matches(r"\101\x42\x{43}", "ABC"));
        assert!(matches(r"\<a\>\/\-", "<a>/-"));
        assert!(matches(r"\pL\p{Greek}\p{^Greek}\P{^L}", "aαxy"));
        assert!(matches(r"\ \.", " ."));
    }

    #[test]
    fn groups_and_flags_stay() {
        assert!(matches("(?i)(?:ab)(?P<n>c)(?<n>d)(?s:.)", "ABCD\n"));
    }

    #[test]
    fn what_re2_refuses_is_refused() {
        for pattern in [
            "a**",
            "a{2}{3}",
            "a{1001}",
            r"\y",
            r"\1",
            r"\8",
            "(?x)a",
            "(?=a)",
            "(?!a)",
            "(?<=a)",
            "(?P=n)",
            "[a",
            r"a\",
            r"\E",
            r"\u0041",
            r"\777",
            "[[:foo:]]",
            r"\p{Script=Greek}",
            "(?P<a.b>x)",
            "(?<>x)",
            "(?<a",
        ] {
            assert!(translate(pattern).is_err(), "{pattern}");
        }
    }
}
