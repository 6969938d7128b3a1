//! How deep an expression nests, told by its tokens before anything recurses into it.

use cel::parser::pratt_parser::{Lexer, TokenKind};

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most tokens neither open nor close anything"
)]
/// Returns a bound of the depth of the source's syntax tree, or `None` when there is text that is
/// no token.
pub(super) fn depth(source: &str) -> Option<usize> {
    let mut lexer = Lexer::new(source);
    let mut open = vec![Level::default()];
    loop {
        let token = lexer.lex().kind;
        match token {
            TokenKind::TokError => return None,
            TokenKind::TokEnd => break,
            TokenKind::TokLeftParen | TokenKind::TokLeftBracket | TokenKind::TokLeftBrace => {
                open.last_mut()?.step();
                open.push(Level::default());
            }
            TokenKind::TokRightParen | TokenKind::TokRightBracket | TokenKind::TokRightBrace => {
                close(&mut open)?;
            }
            _ => open.last_mut()?.take(token),
        }
    }
    while open.len() > 1 {
        close(&mut open)?;
    }
    open.pop().map(Level::depth)
}

fn close(open: &mut Vec<Level>) -> Option<()> {
    let inner = open.pop()?.depth();
    // One bracket too many: the parser says so.
    let outer = open.last_mut()?;
    outer.inner = outer.inner.max(inner + 1);
    Some(())
}

/// What stands between two brackets: elements with commas between, made of terms with logical
/// operators between, made of operands with other operators between. Operators of one kind nest
/// one in the other, except that logical ones are balanced.
#[derive(Debug, Default)]
struct Level {
    deepest_element: usize,
    // Of the current element:
    choices: usize,
    logicals: usize,
    deepest_term: usize,
    inner: usize,
    // Of the current term:
    operators: usize,
    deepest_operand: usize,
    // Of the current operand:
    steps: usize,
}

impl Level {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "tokens without operands do not nest"
    )]
    fn take(&mut self, token: TokenKind) {
        match token {
            TokenKind::TokComma => self.end_element(),
            TokenKind::TokQuestion => {
                self.choices += 1;
                self.end_term();
            }
            TokenKind::TokColon => self.end_term(),
            TokenKind::TokLogicalAnd | TokenKind::TokLogicalOr => {
                self.logicals += 1;
                self.end_term();
            }
            TokenKind::TokDot => self.step(),
            TokenKind::TokIn
            | TokenKind::TokMinus
            | TokenKind::TokPlus
            | TokenKind::TokAsterisk
            | TokenKind::TokSlash
            | TokenKind::TokPercent
            | TokenKind::TokExclamation
            | TokenKind::TokEqual
            | TokenKind::TokEqualEqual
            | TokenKind::TokExclamationEqual
            | TokenKind::TokLess
            | TokenKind::TokLessEqual
            | TokenKind::TokGreater
            | TokenKind::TokGreaterEqual => {
                self.operators += 1;
                self.end_operand();
            }
            _ => {}
        }
    }

    /// A member, an index or a call.
    fn step(&mut self) {
        self.steps += 1;
    }

    fn end_operand(&mut self) {
        self.deepest_operand = self.deepest_operand.max(self.steps);
        self.steps = 0;
    }

    fn end_term(&mut self) {
        self.end_operand();
        let term = self.operators + self.deepest_operand;
        self.deepest_term = self.deepest_term.max(term);
        (self.operators, self.deepest_operand) = (0, 0);
    }

    fn end_element(&mut self) {
        self.end_term();
        // Both kinds of logical operators are balanced trees.
        let logicals = 2 * (self.logicals + 1).ilog2() as usize + usize::from(self.logicals > 0);
        let element = 1 + self.choices + logicals + self.deepest_term + self.inner;
        self.deepest_element = self.deepest_element.max(element);
        (self.choices, self.logicals) = (0, 0);
        (self.deepest_term, self.inner) = (0, 0);
    }

    fn depth(mut self) -> usize {
        self.end_element();
        self.deepest_element
    }
}

#[cfg(test)]
mod tests {
    use super::depth;

    #[test]
    fn what_stands_side_by_side_is_not_deep() {
        let list = format!("x in [{}]", ["'a'"; 500].join(", "));
        assert!(depth(&list).unwrap() < 8);
        let either = ["request.headers['a'] == 'b'"; 100].join(" || ");
        assert!(depth(&either).unwrap() < 24, "{:?}", depth(&either));
    }

    #[test]
    fn each_way_to_nest_counts() {
        for (text, end) in [("(", ")"), ("[", "]"), ("f(", ")"), ("{1: ", "}")] {
            let nested = text.repeat(100) + "1" + &end.repeat(100);
            assert!(depth(&nested).unwrap() >= 100, "{text}");
        }
        for text in ["!", "-", "1 + ", "a.", "1 ? 2 : ", "1 == ", "1 in "] {
            assert!(depth(&(text.repeat(100) + "a")).unwrap() >= 100, "{text}");
        }
        assert!(depth(&("a".to_owned() + &".b()".repeat(100))).unwrap() >= 100);
        assert!(depth(&("a".to_owned() + &"[0]".repeat(100))).unwrap() >= 100);
        assert!(depth(&("(".repeat(100))).unwrap() >= 100, "never closed");
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        for text in [
            "'(((('",
            r#""\"((((""#,
            "r'(((('",
            "'''(((( ' '''",
            "1 // ((((",
        ] {
            assert!(depth(text).unwrap() < 3, "{text}");
        }
    }

    #[test]
    fn what_is_no_token_has_no_depth() {
        for text in ["'never closed", "a ; b", "1 # 2"] {
            assert_eq!(depth(text), None, "{text}");
        }
    }
}
