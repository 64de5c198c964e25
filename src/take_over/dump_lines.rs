//! The lines of a dump, none of which is kept whole if it is too long, and the few statements in it that matter.

use std::borrow::Cow;
use std::io::{BufRead, Error};

/// So much of a line is kept.
const KEPT: usize = 1024 * 1024 + 1;

/// Lines one by one.
pub(super) struct Lines<R> {
    reader: R,
    kept: Vec<u8>,
    length: usize,
    number: u64,
    is_whole: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(reader: R) -> Self {
        Self { reader, kept: Vec::new(), length: 0, number: 0, is_whole: true }
    }

    /// Goes to the next line, if there is one.
    pub(super) fn next(&mut self) -> Result<bool, Error> {
        self.kept.clear();
        (self.length, self.is_whole) = (0, false);
        let mut any = false;
        loop {
            let part = match self.reader.fill_buf() {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                part => part?,
            };
            if part.is_empty() {
                self.number += u64::from(any);
                return Ok(any);
            }
            any = true;
            let end = part.iter().position(|byte| *byte == b'\n');
            let text = &part[..end.unwrap_or(part.len())];
            self.length = self.length.saturating_add(text.len());
            let room = KEPT.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&text[..text.len().min(room)]);
            let used = text.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                self.number += 1;
                self.is_whole = true;
                return Ok(true);
            }
        }
    }

    /// The number of the line, from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Its bytes.
    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// Whether a line break ended it, and not the file.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The line, or the beginning of one that is too long.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.kept
    }

    /// Whether it ends the rows of a table.
    pub(super) fn ends_rows(&self) -> bool {
        matches!(self.kept.as_slice(), b"\\." | b"\\.\r")
    }

    /// The same as text, as far as a statement may be.
    pub(super) fn text(&self) -> Cow<'_, str> {
        const LONGEST: usize = 64 * 1024;
        let line = &self.kept[..self.kept.len().min(LONGEST)];
        String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// A statement that matters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// Rows follow.
    Copy { schema: Option<String>, table: String, columns: Vec<String> },
    /// A row as a statement of its own.
    Insert { schema: Option<String>, table: String },
    /// Where a sequence stands.
    NextValue { schema: Option<String>, sequence: String, next: i64 },
    /// What the text is encoded in.
    Encoding(String),
}

/// Reads a line as `pg_dump` writes it.
pub(super) fn statement(line: &str) -> Option<Statement> {
    if let Some(rest) = line.strip_prefix("COPY ") {
        let (schema, table, rest) = qualified(rest)?;
        let mut rest = rest.strip_prefix(" (")?;
        let mut columns = Vec::new();
        loop {
            let (column, behind) = name(rest)?;
            columns.push(column);
            match behind.strip_prefix(", ") {
                Some(behind) => rest = behind,
                None => return (behind == ") FROM stdin;").then_some(Statement::Copy { schema, table, columns }),
            }
        }
    }
    if let Some(rest) = line.strip_prefix("INSERT INTO ") {
        let (schema, table, _) = qualified(rest)?;
        return Some(Statement::Insert { schema, table });
    }
    if let Some(rest) = line.strip_prefix("SELECT pg_catalog.setval('") {
        let (schema, sequence, rest) = qualified(rest)?;
        let (value, called) = rest.strip_prefix("', ")?.strip_suffix(");")?.split_once(", ")?;
        let value: i64 = value.parse().ok()?;
        let next = value.saturating_add(i64::from(called == "true"));
        return Some(Statement::NextValue { schema, sequence, next });
    }
    let encoding = line.strip_prefix("SET client_encoding = '")?.strip_suffix("';")?;
    Some(Statement::Encoding(encoding.to_owned()))
}

/// A name with or without a schema before it, and what stands behind.
fn qualified(text: &str) -> Option<(Option<String>, String, &str)> {
    let (first, rest) = name(text)?;
    match rest.strip_prefix('.') {
        None => Some((None, first, rest)),
        Some(rest) => {
            let (second, rest) = name(rest)?;
            Some((Some(first), second, rest))
        }
    }
}

/// A name, quoted or not, and what stands behind.
fn name(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut found = String::new();
    loop {
        let (part, behind) = rest.split_once('"')?;
        found.push_str(part);
        match behind.strip_prefix('"') {
            Some(behind) => {
                found.push('"');
                rest = behind;
            }
            None => return Some((found, behind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_statements_of_pg_dump_are_read() {
        let copy = statement(r#"COPY public."User" (id, email, "createdAt", "a""b") FROM stdin;"#);
        let columns = ["id", "email", "createdAt", "a\"b"].map(str::to_owned).to_vec();
        let user = || "User".to_owned();
        assert_eq!(copy, Some(Statement::Copy { schema: Some("public".to_owned()), table: user(), columns }));
        assert_eq!(
            statement(r#"INSERT INTO "User" VALUES (1);"#),
            Some(Statement::Insert { schema: None, table: user() })
        );
        for (called, next) in [("true", 51), ("false", 50)] {
            assert_eq!(
                statement(&format!(r#"SELECT pg_catalog.setval('"of two".seq, 1', 50, {called});"#)),
                None,
                "a name ends where it ends"
            );
            assert_eq!(
                statement(&format!(r#"SELECT pg_catalog.setval('public."User_id_seq"', 50, {called});"#)),
                Some(Statement::NextValue {
                    schema: Some("public".to_owned()),
                    sequence: "User_id_seq".to_owned(),
                    next
                })
            );
        }
        assert_eq!(statement("SET client_encoding = 'LATIN1';"), Some(Statement::Encoding("LATIN1".to_owned())));
        for other in [
            "",
            "COPY",
            "COPY x (",
            "COPY x (a FROM stdin;",
            "COPY x (a) FROM stdin",
            "SELECT pg_catalog.setval('x', y, true);",
        ] {
            assert_eq!(statement(other), None, "{other}");
        }
    }

    #[test]
    fn a_line_is_kept_as_far_as_it_matters() {
        let text = [vec![b'x'; KEPT + 10], b"\nshort\r\nlast".to_vec()].concat();
        let mut lines = Lines::new(text.as_slice());
        assert!(lines.next().expect("read"));
        assert_eq!((lines.bytes().len(), lines.length(), lines.number()), (KEPT, KEPT + 10, 1));
        assert!(lines.next().expect("read") && lines.text() == "short" && lines.is_whole());
        assert!(lines.next().expect("read") && lines.text() == "last" && !lines.is_whole());
        assert!(!lines.next().expect("read"));
        assert_eq!(lines.number(), 3);
    }

    proptest! {
        #[test]
        fn no_line_makes_the_reader_panic(
            line in "(COPY |INSERT INTO |SELECT pg_catalog.setval\\('|SET client_encoding = ')?[a\".( ),;'é0-9]{0,40}( FROM stdin;|\\);|';)?"
        ) {
            let _ = statement(&line);
        }
    }
}
