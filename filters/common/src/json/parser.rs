//! From bytes to a tree (RFC 8259). Names may occur once; numbers stay text.

use super::Fault;

/// How deep arrays and objects may nest: no configuration needs more, and the stack is finite.
const MAX_DEPTH: usize = 32;

pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

pub(crate) fn parse(json: &[u8]) -> Result<Value, Fault> {
    let mut parser = Parser { json, at: 0 };
    let result = parser.document();
    result.map_err(|reason| parser.fault(reason))
}

struct Parser<'j> {
    json: &'j [u8],
    at: usize,
}

type Parsed<T> = Result<T, &'static str>;

impl Parser<'_> {
    fn document(&mut self) -> Parsed<Value> {
        let is_binary = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
        if self.json.iter().any(is_binary) {
            return Err("binary, as Envoy hands over a google.protobuf.Struct; use StringValue");
        }
        let value = self.value(0)?;
        match self.peek() {
            None => Ok(value),
            Some(_) => Err("nothing more is expected after the configuration"),
        }
    }

    fn value(&mut self, depth: usize) -> Parsed<Value> {
        if depth > MAX_DEPTH {
            return Err("too many levels of nesting");
        }
        match self.peek() {
            Some(b'{') => self.object(depth).map(Value::Object),
            Some(b'[') => self.array(depth).map(Value::Array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            _ if self.takes(b"null") => Ok(Value::Null),
            _ if self.takes(b"true") => Ok(Value::Bool(true)),
            _ if self.takes(b"false") => Ok(Value::Bool(false)),
            _ => Err("a JSON value is expected"),
        }
    }

    fn object(&mut self, depth: usize) -> Parsed<Vec<(String, Value)>> {
        let mut members: Vec<(String, Value)> = Vec::new();
        self.at += 1;
        while !self.closes(b'}', members.is_empty())? {
            if self.peek() != Some(b'"') {
                return Err("a name in quotes is expected");
            }
            let name = self.string()?;
            if members.iter().any(|(other, _)| *other == name) {
                return Err("this name is there twice");
            }
            if self.peek() != Some(b':') {
                return Err("`:` is expected");
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            members.push((name, value));
        }
        Ok(members)
    }

    fn array(&mut self, depth: usize) -> Parsed<Vec<Value>> {
        let mut elements = Vec::new();
        self.at += 1;
        while !self.closes(b']', elements.is_empty())? {
            elements.push(self.value(depth + 1)?);
        }
        Ok(elements)
    }

    /// Takes the bracket that ends a list, or the comma between two of its elements.
    fn closes(&mut self, bracket: u8, is_empty: bool) -> Parsed<bool> {
        match self.peek() {
            Some(next) if next == bracket => {
                self.at += 1;
                Ok(true)
            }
            Some(b',') if !is_empty => {
                self.at += 1;
                Ok(false)
            }
            Some(_) if is_empty => Ok(false),
            _ => Err("`,` or the end of the list is expected"),
        }
    }

    fn number(&mut self) -> Parsed<String> {
        let rest = self.json.get(self.at..).unwrap_or_default();
        let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().take_while(is_part).count();
        let text = rest.get(..length).unwrap_or_default();
        self.at += length;
        String::from_utf8(text.to_vec()).map_err(|_| "this is not a number")
    }

    fn string(&mut self) -> Parsed<String> {
        let mut bytes = Vec::new();
        self.at += 1;
        loop {
            let byte = *self.json.get(self.at).ok_or("a string has no end")?;
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    let character = self.escape()?;
                    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                0..=0x1f => return Err("a string has a line break or a control character"),
                other => bytes.push(other),
            }
        }
        String::from_utf8(bytes).map_err(|_| "a string is not UTF-8")
    }

    fn escape(&mut self) -> Parsed<char> {
        let byte = self.json.get(self.at).copied();
        self.at += 1;
        Ok(match byte {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'u') => return self.code_point().ok_or("a `\\u` escape is wrong"),
            _ => return Err("an escape is unknown"),
        })
    }

    fn code_point(&mut self) -> Option<char> {
        let first = self.hex_digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        // Characters above U+FFFF are two escapes (RFC 8259, 7).
        if !self.takes(b"\\u") {
            return None;
        }
        let second = self
            .hex_digits()?
            .checked_sub(0xdc00)
            .filter(|low| *low < 0x400)?;
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + second)
    }

    fn hex_digits(&mut self) -> Option<u32> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = char::from(*self.json.get(self.at)?).to_digit(16)?;
            value = value * 16 + digit;
            self.at += 1;
        }
        Some(value)
    }

    fn takes(&mut self, word: &[u8]) -> bool {
        let found = self
            .json
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word));
        if found {
            self.at += word.len();
        }
        found
    }

    /// Skips space and looks at what follows.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.json.get(self.at) {
            self.at += 1;
        }
        self.json.get(self.at).copied()
    }

    fn fault(&self, reason: &str) -> Fault {
        let before = self.json.get(..self.at).unwrap_or(self.json);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before
            .iter()
            .rev()
            .take_while(|byte| **byte != b'\n')
            .count()
            + 1;
        Fault::at(
            String::new(),
            &format!("not JSON at line {line} column {column}: {reason}"),
        )
    }
}
