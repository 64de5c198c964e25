//! JSON from outside, read within bounds.
//!
//! `serde_json::Value` is never built from what a client sends: with the features that are on in this tree it parses some
//! strings again, each time with a new limit of depth, so that a body of 15 kB can overflow the stack; and it keeps the last of
//! two equal keys without a word. This reader counts depth and values, refuses equal keys, and keeps numbers as text.

use std::collections::HashSet;
use std::fmt;

/// The most levels of arrays and objects within each other.
pub const MAX_DEPTH: usize = 32;

/// The most values of a document, those within others counted too.
pub const MAX_VALUES: usize = 20_000;

/// The most characters of a number.
pub const MAX_NUMBER: usize = 400;

/// Objects up to this size are searched for equal keys without a set.
const FEW: usize = 16;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A string without its escapes.
    String(String),
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(Fields),
}

impl Json {
    /// The text of a string; `None` for anything else.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }
}

/// The fields of an object in the order in which they were written; no two have the same key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, Json)>);

impl Fields {
    /// Takes a field out.
    pub fn take(&mut self, key: &str) -> Option<Json> {
        let index = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(index).1)
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// Tells if there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes an object of fields.
    ///
    /// # Errors
    /// The first key that is given twice.
    pub fn new(fields: Vec<(String, Json)>) -> Result<Self, String> {
        match given_twice(&fields) {
            Some(key) => Err(key.to_owned()),
            None => Ok(Self(fields)),
        }
    }
}

fn given_twice(fields: &[(String, Json)]) -> Option<&str> {
    let keys = fields.iter().map(|(key, _)| key.as_str());
    if fields.len() <= FEW {
        return keys
            .enumerate()
            .find_map(|(index, key)| fields[..index].iter().any(|(one, _)| one == key).then_some(key));
    }
    let mut seen = HashSet::with_capacity(fields.len());
    keys.into_iter().find(|key| !seen.insert(*key))
}

/// Why a text is no JSON that is taken, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    problem: String,
    line: usize,
    column: usize,
}

impl std::error::Error for JsonError {}

impl fmt::Display for JsonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { problem, line, column } = self;
        write!(formatter, "{problem} at line {line} column {column}")
    }
}

/// Reads a JSON document.
///
/// # Errors
/// [`JsonError`] if the text is not JSON, exceeds [`MAX_DEPTH`], [`MAX_VALUES`] or [`MAX_NUMBER`], or has a key twice in one
/// object.
pub fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    // A byte order mark, which some editors put in front of a file; RFC 8259 lets a reader pass over it.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        error_at(valid, valid.len(), "not valid UTF-8")
    })?;
    let mut parser = Parser { text, at: 0, values: 0 };
    let parsed = parser.value(0).and_then(|value| {
        parser.skip_blanks();
        if parser.at == text.len() { Ok(value) } else { Err(JsonProblem::Text("trailing characters")) }
    });
    parsed.map_err(|problem| match problem {
        JsonProblem::Text(problem) => error_at(text, parser.at, problem),
        JsonProblem::Repeated(key) => {
            error_at(text, parser.at, &format!("the key \"{}\" is given twice", shortened(&key)))
        }
    })
}

fn error_at(text: &str, at: usize, problem: &str) -> JsonError {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    JsonError {
        problem: problem.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

enum JsonProblem {
    Text(&'static str),
    Repeated(String),
}

/// `at` is always on the border of a character: only whole ASCII characters are stepped over one by one.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    values: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over a character if it is the next.
    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Reads a value that stands within `depth` others. It calls itself at most [`MAX_DEPTH`] times.
    fn value(&mut self, depth: usize) -> Result<Json, JsonProblem> {
        self.skip_blanks();
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(JsonProblem::Text("more than 20000 values"));
        }
        match self.peek() {
            None => Err(JsonProblem::Text("unexpected end")),
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(JsonProblem::Text("nested deeper than 32 levels")),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) => Err(JsonProblem::Text("expected a value")),
        }
    }

    fn word(&mut self, word: &'static str, value: Json) -> Result<Json, JsonProblem> {
        if !self.text[self.at..].starts_with(word) {
            return Err(JsonProblem::Text("expected a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonProblem> {
        self.at += 1;
        let mut fields = Vec::new();
        self.skip_blanks();
        if !self.eat(b'}') {
            loop {
                self.skip_blanks();
                if self.peek() != Some(b'"') {
                    return Err(JsonProblem::Text("expected a key in double quotes"));
                }
                let key = self.string()?;
                self.skip_blanks();
                if !self.eat(b':') {
                    return Err(JsonProblem::Text("expected `:`"));
                }
                fields.push((key, self.value(depth)?));
                self.skip_blanks();
                if self.eat(b'}') {
                    break;
                }
                if !self.eat(b',') {
                    return Err(JsonProblem::Text("expected `,` or `}`"));
                }
            }
        }
        Fields::new(fields).map(Json::Object).map_err(JsonProblem::Repeated)
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonProblem> {
        self.at += 1;
        let mut elements = Vec::new();
        self.skip_blanks();
        if self.eat(b']') {
            return Ok(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth)?);
            self.skip_blanks();
            if self.eat(b']') {
                return Ok(Json::Array(elements));
            }
            if !self.eat(b',') {
                return Err(JsonProblem::Text("expected `,` or `]`"));
            }
        }
    }

    fn number(&mut self) -> Result<String, JsonProblem> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') && self.digits() == 0 {
            return Err(JsonProblem::Text("expected a digit"));
        }
        if self.eat(b'.') && self.digits() == 0 {
            return Err(JsonProblem::Text("expected a digit"));
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            if self.digits() == 0 {
                return Err(JsonProblem::Text("expected a digit"));
            }
        }
        if self.at - start > MAX_NUMBER {
            return Err(JsonProblem::Text("a number of more than 400 characters"));
        }
        Ok(self.text[start..self.at].to_owned())
    }

    /// Steps over digits; their number.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Result<String, JsonProblem> {
        self.at += 1;
        let mut read = String::new();
        loop {
            let rest: &'a str = &self.text[self.at..];
            let Some(plain) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) else {
                self.at = self.text.len();
                return Err(JsonProblem::Text("unexpected end in a string"));
            };
            read.push_str(&rest[..plain]);
            self.at += plain;
            match rest.as_bytes()[plain] {
                b'"' => {
                    self.at += 1;
                    return Ok(read);
                }
                b'\\' => read.push(self.escape()?),
                _ => return Err(JsonProblem::Text("a control character in a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonProblem> {
        self.at += 1;
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(JsonProblem::Text("no such escape")),
        };
        self.at += 1;
        Ok(character)
    }

    /// Reads `\uXXXX`, or the two of them that stand for one character; the backslash has been stepped over.
    fn unicode_escape(&mut self) -> Result<char, JsonProblem> {
        const LONE: JsonProblem = JsonProblem::Text("half of a surrogate pair");
        let first = self.hex()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first).ok_or(LONE);
        }
        if first >= 0xdc00 || !self.eat(b'\\') || self.peek() != Some(b'u') {
            return Err(LONE);
        }
        let second = self.hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(LONE);
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(LONE)
    }

    /// Reads `u` and four hexadecimal digits.
    fn hex(&mut self) -> Result<u32, JsonProblem> {
        self.at += 1;
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let value = digits.and_then(|digits| {
            digits.iter().try_fold(0, |value, digit| Some(value * 16 + char::from(*digit).to_digit(16)?))
        });
        let value = value.ok_or(JsonProblem::Text("expected four hexadecimal digits"))?;
        self.at += 4;
        Ok(value)
    }
}

/// A key from outside, short enough for a message.
pub(super) fn shortened(key: &str) -> String {
    if key.chars().count() <= 64 { key.to_owned() } else { key.chars().take(64).chain(['…']).collect() }
}

#[cfg(test)]
mod tests;
