//! Splits a script into its statements, as PostgreSQL's own lexer and `psql` do.

use std::time::Duration;

/// A statement of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SqlStatement<'a> {
    /// From its first token to its semicolon, or to its last token.
    pub text: &'a str,
    /// The line of its first token; the first is 1.
    pub line: u32,
}

/// The reason why a script cannot be split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SplitError {
    pub line: u32,
    pub problem: String,
}

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Blank,
    Comment,
    Word,
    Quoted,
    Operator,
    Punctuation,
}

/// A token, by its bytes in the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

fn line_of(text: &str, at: usize) -> u32 {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    u32::try_from(before.split(|byte| *byte == b'\n').count() - 1).unwrap_or(u32::MAX).saturating_add(1)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

impl Lexer<'_> {
    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Result<Option<Token>, SplitError> {
        let start = self.at;
        let Some(first) = self.rest().first().copied() else { return Ok(None) };
        let run = |rest: &[u8], wanted: fn(u8) -> bool| rest.iter().take_while(|byte| wanted(**byte)).count();
        let rest = self.rest();
        let (kind, length) = match first {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => {
                (TokenKind::Blank, run(rest, |byte| byte.is_ascii_whitespace() || byte == 0x0b))
            }
            _ if rest.starts_with("\u{feff}".as_bytes()) => (TokenKind::Blank, 3),
            b'-' if rest.starts_with(b"--") => (TokenKind::Comment, run(rest, |byte| byte != b'\n')),
            b'/' if rest.starts_with(b"/*") => (TokenKind::Comment, self.comment()?),
            b'\'' => (TokenKind::Quoted, self.quoted(0, b'\'', false)?),
            b'"' => (TokenKind::Quoted, self.quoted(0, b'"', false)?),
            b'$' => self.dollar()?,
            _ if is_word(first) => {
                let length = run(rest, |byte| is_word(byte) || byte == b'.');
                let word = rest.get(..length).unwrap_or_default();
                if rest.get(length) == Some(&b'\'') && length == 1 && b"eEbBxXnN".contains(&first) {
                    (TokenKind::Quoted, self.quoted(1, b'\'', word.eq_ignore_ascii_case(b"e"))?)
                } else {
                    (TokenKind::Word, length)
                }
            }
            b'(' | b')' | b',' | b';' | b'[' | b']' => (TokenKind::Punctuation, 1),
            _ => {
                let mut length = run(rest, |byte| b"+-*/<>=~!@#%^&|`?:.\\{}".contains(&byte)).max(1);
                // A comment ends an operator.
                for begin in [&b"--"[..], b"/*"] {
                    if let Some(at) =
                        rest.get(1..length).and_then(|tail| tail.windows(2).position(|pair| pair == begin))
                    {
                        length = length.min(at + 1);
                    }
                }
                (TokenKind::Operator, length)
            }
        };
        self.at = start + length;
        Ok(Some(Token { kind, start, end: self.at }))
    }

    fn fail<T>(&self, problem: &str) -> Result<T, SplitError> {
        Err(SplitError { line: line_of(self.text, self.at), problem: problem.to_owned() })
    }

    fn comment(&self) -> Result<usize, SplitError> {
        let (rest, mut depth, mut at) = (self.rest(), 0_usize, 0);
        while at < rest.len() {
            let tail = rest.get(at..).unwrap_or_default();
            if tail.starts_with(b"/*") {
                depth += 1;
                at += 2;
            } else if tail.starts_with(b"*/") {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Ok(at);
                }
            } else {
                at += 1;
            }
        }
        self.fail("the comment that begins here is not closed")
    }

    fn quoted(&self, prefix: usize, quote: u8, backslash: bool) -> Result<usize, SplitError> {
        let (rest, mut at) = (self.rest(), prefix + 1);
        while let Some(byte) = rest.get(at) {
            at += 1;
            if backslash && *byte == b'\\' {
                at += 1;
            } else if *byte == quote {
                if rest.get(at) == Some(&quote) {
                    at += 1;
                } else if let Some(next) = continuation(rest.get(at..).unwrap_or_default()).filter(|_| backslash) {
                    at += next;
                } else {
                    return Ok(at);
                }
            }
        }
        self.fail("the quoted text that begins here is not closed")
    }

    fn dollar(&self) -> Result<(TokenKind, usize), SplitError> {
        let rest = self.rest();
        let name = rest.iter().skip(1).take_while(|byte| is_word(**byte) && **byte != b'$').count();
        let named_right = rest.get(1).is_none_or(|byte| !byte.is_ascii_digit());
        if rest.get(name + 1) != Some(&b'$') || !named_right {
            return Ok((TokenKind::Word, name + 1));
        }
        let (tag, body) = rest.split_at(name + 2);
        match body.windows(tag.len()).position(|window| window == tag) {
            Some(at) => Ok((TokenKind::Quoted, tag.len() + at + tag.len())),
            None => self.fail("the dollar-quoted text that begins here is not closed"),
        }
    }
}

/// The offset at which a string continues after its closing quote: on a later line, after comments perhaps. A string that
/// begins with `E` keeps its escapes there.
fn continuation(rest: &[u8]) -> Option<usize> {
    let (mut at, mut has_break) = (0, false);
    loop {
        let tail = rest.get(at..)?;
        match tail.first()? {
            b'\n' | b'\r' => {
                has_break = true;
                at += 1;
            }
            b' ' | b'\t' | 0x0b | 0x0c => at += 1,
            b'-' if tail.starts_with(b"--") => at += tail.iter().take_while(|byte| **byte != b'\n').count(),
            b'\'' if has_break => return Some(at + 1),
            _ => return None,
        }
    }
}

/// The tokens of a text without white space, up to the first one that cannot be read.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Ok(Some(token)) = lexer.next() {
        if token.kind != TokenKind::Blank {
            tokens.push(token);
        }
    }
    tokens
}

/// Splits a script. White space and comments between statements belong to none.
pub(crate) fn split(text: &str) -> Result<Vec<SqlStatement<'_>>, SplitError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut lines = LineCounter { text, at: 0, line: 1 };
    let mut statements = Vec::new();
    let mut current: Option<(usize, usize)> = None;
    // A semicolon inside of these does not end a statement.
    let (mut parentheses, mut bodies) = (0_usize, 0_usize);
    let mut last_word = String::new();
    while let Some(token) = lexer.next()? {
        let piece = text.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            TokenKind::Blank | TokenKind::Comment => continue,
            TokenKind::Word => {
                let word = piece.to_ascii_lowercase();
                match word.as_str() {
                    "atomic" if last_word == "begin" => bodies += 1,
                    "case" if bodies > 0 => bodies += 1,
                    "end" => bodies = bodies.saturating_sub(1),
                    _ => {}
                }
                last_word = word;
            }
            TokenKind::Punctuation => match piece {
                "(" => parentheses += 1,
                ")" => parentheses = parentheses.saturating_sub(1),
                ";" if parentheses == 0 && bodies == 0 => {
                    if let Some((start, _)) = current.take() {
                        statements.push(lines.statement(start, token.end));
                    }
                    continue;
                }
                _ => {}
            },
            TokenKind::Operator if piece.starts_with('\\') && current.is_none() => {
                let line = line_of(text, token.start);
                let problem = "this is a command of psql, and not SQL; remove it".to_owned();
                return Err(SplitError { line, problem });
            }
            TokenKind::Quoted | TokenKind::Operator => {}
        }
        current = Some((current.map_or(token.start, |(start, _)| start), token.end));
    }
    if let Some((start, end)) = current {
        statements.push(lines.statement(start, end));
    }
    Ok(statements)
}

/// Counts lines from one statement to the next. Counting from the start for each would take quadratic time.
struct LineCounter<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl<'a> LineCounter<'a> {
    fn statement(&mut self, start: usize, end: usize) -> SqlStatement<'a> {
        let breaks = self.text.get(self.at..start).unwrap_or_default().matches('\n').count();
        self.line = self.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        self.at = start;
        SqlStatement { text: self.text.get(start..end).unwrap_or_default(), line: self.line }
    }
}

/// The text without comments and white space: its tokens, with a space between them.
pub(crate) fn normalized(text: &str) -> String {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        match lexer.next() {
            Ok(Some(token)) if matches!(token.kind, TokenKind::Blank | TokenKind::Comment) => {}
            Ok(Some(token)) => tokens.push(text.get(token.start..token.end).unwrap_or_default()),
            Ok(None) => return tokens.join(" "),
            // A text that cannot be read is compared as it is.
            Err(_) => return text.to_owned(),
        }
    }
}

/// The leading words of a statement, in lower case.
fn words(text: &str, most: usize) -> Vec<String> {
    let mut lexer = Lexer { text, at: 0 };
    let mut words = Vec::new();
    while let Ok(Some(token)) = lexer.next() {
        match token.kind {
            TokenKind::Blank | TokenKind::Comment => {}
            TokenKind::Word if words.len() < most => {
                words.push(text.get(token.start..token.end).unwrap_or_default().to_ascii_lowercase());
            }
            _ => break,
        }
    }
    words
}

/// The statement that must not be in any script: rows of a `copy`, which only psql can send.
pub(crate) fn unsendable(statements: &[SqlStatement<'_>]) -> Option<(u32, String)> {
    let problem = "only psql can send the rows of a `copy … from stdin`; write them as `insert`s";
    let copies = |statement: &&SqlStatement<'_>| {
        words(statement.text, 1) == ["copy"] && normalized(statement.text).to_ascii_lowercase().contains(" from stdin")
    };
    statements.iter().find(copies).map(|statement| (statement.line, problem.to_owned()))
}

/// The first statement that must not be in a script that is one transaction, and the reason.
pub(crate) fn forbidden(statements: &[SqlStatement<'_>]) -> Option<(u32, String)> {
    statements.iter().find_map(|statement| {
        let words = words(statement.text, 4);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let problem = match words.as_slice() {
            ["begin" | "commit" | "rollback" | "end" | "abort" | "savepoint" | "release", ..] | ["start" | "prepare", "transaction", ..] => {
                "the file is one transaction already, and must not begin or end one; remove the statement, or make `-- \
                 no-transaction` the first line"
            }
            ["set", "local" | "constraints" | "transaction", ..] => return None,
            ["set" | "reset" | "discard", ..] => {
                "a lasting `set` would change the meaning of later files; use `set local`, which ends with the file"
            }
            ["create" | "drop", "index", "concurrently", ..]
            | ["create", "unique", "index", "concurrently"]
            | ["reindex", _, "concurrently", ..]
            | ["vacuum", ..]
            | ["create" | "drop", "database" | "tablespace", ..]
            | ["alter", "system", ..] => {
                "PostgreSQL does not run this in a transaction, and the file is one; give it a file of its own, with `-- \
                 no-transaction` as the first line"
            }
            _ => return None,
        };
        Some((statement.line, problem.to_owned()))
    })
}

/// The instructions in the comments before the first statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ScriptHeader {
    pub checks: Vec<(u32, String)>,
    pub lock_timeout: Option<Duration>,
    pub statement_timeout: Option<Duration>,
}

/// Reads the instructions.
pub(crate) fn header(text: &str) -> Result<ScriptHeader, SplitError> {
    let mut header = ScriptHeader::default();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        let Some(comment) = line.strip_prefix("--") else {
            if line.is_empty() {
                continue;
            }
            break;
        };
        let number = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let Some((key, value)) = comment.trim().split_once(':') else { continue };
        let (key, value) = (key.trim(), value.trim().trim_end_matches(';'));
        let duration = || match humantime::parse_duration(value) {
            Ok(duration) => Ok(Some(duration)),
            Err(_) => {
                Err(SplitError { line: number, problem: format!("`{value}` is not a duration such as 2s or 15m") })
            }
        };
        match key {
            "check" => header.checks.push((number, value.to_owned())),
            "lock_timeout" => header.lock_timeout = duration()?,
            "statement_timeout" => header.statement_timeout = duration()?,
            _ => {}
        }
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        split(text).expect("split").into_iter().map(|statement| statement.text).collect()
    }

    #[test]
    fn a_semicolon_ends_a_statement_and_nothing_else_does() {
        assert_eq!(texts("select 1; select 2"), ["select 1;", "select 2"]);
        assert_eq!(texts("-- a; b\n/* c; /* d; */ ; */ select ';', E'\\';', \";\";;"), ["select ';', E'\\';', \";\";"]);
        assert_eq!(texts("do $a$ begin; $b$;$a$;select $1"), ["do $a$ begin; $b$;$a$;", "select $1"]);
        assert_eq!(
            texts("create rule r as on insert to t do (a; b); x"),
            ["create rule r as on insert to t do (a; b);", "x"]
        );
        let body = "create function f() begin atomic select case when a then 1 end; select 2; end;";
        assert_eq!(texts(&format!("{body} x")), [body, "x"]);
        assert!(texts("\u{feff} -- nothing\n").is_empty());
        let continued = "select E'a' -- goes on\n '\\';';";
        assert_eq!(texts(&format!("{continued}select 'a'\n'\\'; x")), [continued, "select 'a'\n'\\';", "x"]);
    }

    #[test]
    fn a_statement_knows_its_line() {
        let lines: Vec<u32> = split("\u{feff}-- a\n\nx;\ny\n; z").expect("split").iter().map(|one| one.line).collect();
        assert_eq!(lines, [3, 4, 5]);
        assert_eq!(split("x;\n'y").expect_err("open").line, 2);
        assert_eq!(split("x;\n\\copy t").expect_err("psql").line, 2);
    }

    #[test]
    fn what_ends_a_transaction_or_outlives_it_is_forbidden() {
        for text in
            ["commit", "/* x */ ROLLBACK", "begin", "set search_path = x", "SET SESSION x = 1", "start transaction"]
        {
            assert!(forbidden(&split(text).expect("split")).is_some(), "{text}");
        }
        for text in ["set local x = 1", "set constraints all deferred", "select 'commit'", "create table commit ()"] {
            assert!(forbidden(&split(text).expect("split")).is_none(), "{text}");
        }
    }

    #[test]
    fn what_cannot_run_in_a_transaction_is_forbidden() {
        for text in [
            "create index concurrently i on t (a)",
            "CREATE UNIQUE INDEX /* x */ CONCURRENTLY i ON t (a)",
            "drop index concurrently i",
            "reindex table concurrently t",
            "vacuum t",
            "create database d",
            "alter system set x = 1",
            "reset all",
        ] {
            assert!(forbidden(&split(text).expect("split")).is_some(), "{text}");
        }
        for text in ["create index i on t (a)", "refresh materialized view concurrently v", "reindex table t"] {
            assert!(forbidden(&split(text).expect("split")).is_none(), "{text}");
        }
    }

    #[test]
    fn rows_that_only_psql_sends_are_noticed() {
        let text = "select 1;\nCOPY public.t (a, b)\n  FROM stdin;\n";
        assert_eq!(unsendable(&split(text).expect("split")).map(|(line, _)| line), Some(2));
        for text in ["copy t from '/tmp/x'", "copy t to stdout", "select ' from stdin'"] {
            assert_eq!(unsendable(&split(text).expect("split")), None, "{text}");
        }
    }

    #[test]
    fn the_header_ends_with_the_first_statement() {
        let text = "-- Why.\n-- check: select true;\n\n-- lock_timeout: 2s\nx;\n-- statement_timeout: 1s\n";
        let header = header(text).expect("read");
        assert_eq!(header.checks, [(2, "select true".to_owned())]);
        assert_eq!((header.lock_timeout, header.statement_timeout), (Some(Duration::from_secs(2)), None));
        assert_eq!(super::header("--\n-- lock_timeout: soon").expect_err("no duration").line, 2);
    }

    proptest! {
        #[test]
        fn the_statements_and_what_is_blank_between_them_are_the_file(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "select 1", ";", "'a;''b'", "E'\\';'", "$$;$$", "$x$ $$ ; $x$", "\"a;b\"", "-- c;\n", "/* ; /* ; */ */",
                    "\n", " ", "(", ")", "\u{feff}", "ä", "<", "-", "begin atomic", "end", "1.5",
                ]),
                0..24,
            ),
        ) {
            let text = pieces.concat();
            let Ok(statements) = split(&text) else { return Ok(()) };
            let mut at = 0;
            for statement in &statements {
                let start = statement.text.as_ptr() as usize - text.as_ptr() as usize;
                prop_assert!(start >= at && !statement.text.is_empty());
                // Between two of them there are comments, white space, and semicolons that end nothing.
                prop_assert!(normalized(&text[at..start]).chars().all(|char| char == ';' || char == ' '));
                at = start + statement.text.len();
            }
            prop_assert!(normalized(&text[at..]).chars().all(|char| char == ';' || char == ' '));
        }
    }
}
