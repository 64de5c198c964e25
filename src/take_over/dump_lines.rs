//! Lines of a dump, read with bounded memory, and the few statements that matter.

use std::borrow::Cow;
use std::io::{BufRead, Error};

/// The number of bytes kept of a line.
const MAX_KEPT_BYTES: usize = 1024 * 1024 + 1;

/// A reader of lines.
pub(super) struct DumpLines<R> {
    reader: R,
    kept: Vec<u8>,
    length: usize,
    number: u64,
    is_whole: bool,
}

impl<R: BufRead> DumpLines<R> {
    pub(super) const fn new(reader: R) -> Self {
        Self { reader, kept: Vec::new(), length: 0, number: 0, is_whole: true }
    }

    /// Goes to the next line. Returns false at the end.
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
            let room = MAX_KEPT_BYTES.saturating_sub(self.kept.len());
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

    /// The number of the current line, from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The length of the line in bytes, including what was not kept.
    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// Returns true if the line ends with a line break, and not with the file.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The line, or the beginning of one that is too long.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.kept
    }

    /// Returns true if the line ends the rows of a table.
    pub(super) fn ends_rows(&self) -> bool {
        matches!(self.kept.as_slice(), b"\\." | b"\\.\r")
    }

    /// The line as text, up to the maximum length of a statement.
    pub(super) fn text(&self) -> Cow<'_, str> {
        const MAX_STATEMENT_BYTES: usize = 64 * 1024;
        let line = &self.kept[..self.kept.len().min(MAX_STATEMENT_BYTES)];
        String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// A statement that matters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DumpStatement {
    /// Rows follow.
    Copy { schema: Option<String>, table: String, columns: Vec<String> },
    /// A row in a statement of its own.
    Insert { schema: Option<String>, table: String },
    /// The position of a sequence.
    NextValue { schema: Option<String>, sequence: String, next: i64 },
    /// The encoding of the text.
    Encoding(String),
}

/// Parses a line in the form that `pg_dump` writes.
pub(super) fn statement(line: &str) -> Option<DumpStatement> {
    if let Some(rest) = line.strip_prefix("COPY ") {
        let (schema, table, rest) = qualified(rest)?;
        let mut rest = rest.strip_prefix(" (")?;
        let mut columns = Vec::new();
        loop {
            let (column, behind) = name(rest)?;
            columns.push(column);
            match behind.strip_prefix(", ") {
                Some(behind) => rest = behind,
                None => return (behind == ") FROM stdin;").then_some(DumpStatement::Copy { schema, table, columns }),
            }
        }
    }
    if let Some(rest) = line.strip_prefix("INSERT INTO ") {
        let (schema, table, _) = qualified(rest)?;
        return Some(DumpStatement::Insert { schema, table });
    }
    if let Some(rest) = line.strip_prefix("SELECT pg_catalog.setval('") {
        let (schema, sequence, rest) = qualified(rest)?;
        let (value, called) = rest.strip_prefix("', ")?.strip_suffix(");")?.split_once(", ")?;
        let value: i64 = value.parse().ok()?;
        let next = value.saturating_add(i64::from(called == "true"));
        return Some(DumpStatement::NextValue { schema, sequence, next });
    }
    let encoding = line.strip_prefix("SET client_encoding = '")?.strip_suffix("';")?;
    Some(DumpStatement::Encoding(encoding.to_owned()))
}

/// Parses a name with an optional schema; returns it with the rest of the text.
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

/// Parses a name, quoted or not; returns it with the rest of the text.
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
        assert_eq!(copy, Some(DumpStatement::Copy { schema: Some("public".to_owned()), table: user(), columns }));
        assert_eq!(
            statement(r#"INSERT INTO "User" VALUES (1);"#),
            Some(DumpStatement::Insert { schema: None, table: user() })
        );
        for (called, next) in [("true", 51), ("false", 50)] {
            assert_eq!(
                statement(&format!(r#"SELECT pg_catalog.setval('"of two".seq, 1', 50, {called});"#)),
                None,
                "a name ends where it ends"
            );
            assert_eq!(
                statement(&format!(r#"SELECT pg_catalog.setval('public."User_id_seq"', 50, {called});"#)),
                Some(DumpStatement::NextValue {
                    schema: Some("public".to_owned()),
                    sequence: "User_id_seq".to_owned(),
                    next
                })
            );
        }
        assert_eq!(statement("SET client_encoding = 'LATIN1';"), Some(DumpStatement::Encoding("LATIN1".to_owned())));
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
        let text = [vec![b'x'; MAX_KEPT_BYTES + 10], b"\nshort\r\nlast".to_vec()].concat();
        let mut lines = DumpLines::new(text.as_slice());
        assert!(lines.next().expect("read"));
        assert_eq!((lines.bytes().len(), lines.length(), lines.number()), (MAX_KEPT_BYTES, MAX_KEPT_BYTES + 10, 1));
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
