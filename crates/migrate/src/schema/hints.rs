//! Comments in the schema file that mark renames: `-- renamed from x`.

use crate::file::statements::{Token, TokenKind, tokens};
use crate::schema::object::SchemaObject;

/// The beginning of the comment.
pub(crate) const HINT_WORDS: &str = "renamed from ";

/// A comment that marks a rename.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RenameHint {
    /// The line of the comment, from 1.
    pub line: usize,
    pub(crate) old: String,
    pub(crate) new: HintSubject,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HintSubject {
    /// An object that a statement creates: its kind and its name.
    Made(String, String),
    /// A column, a constraint or a value: the name of its table or type, and its own.
    Part(String, String),
    /// Something that cannot be renamed.
    Nothing,
}

/// A statement, or an element of the list in it.
struct HintItem {
    start: usize,
    subject: HintSubject,
}

/// The comments of a file that mark renames. They follow their subject, or are on a line before it.
pub(crate) fn rename_hints(text: &str) -> Vec<RenameHint> {
    let (comments, code): (Vec<Token>, Vec<Token>) =
        tokens(text).into_iter().partition(|token| token.kind == TokenKind::Comment);
    let comments = comments.iter().filter_map(|comment| Some((comment, old_name(&text[comment.start..comment.end])?)));
    let mut comments = comments.peekable();
    if comments.peek().is_none() {
        return Vec::new();
    }
    let items = items(text, &code);
    let hint = |(comment, old): (&Token, String)| RenameHint {
        line: text[..comment.start].matches('\n').count() + 1,
        old,
        new: subject(text, &code, &items, comment),
    };
    comments.map(hint).collect()
}

/// The old name in a comment, if the words begin the comment or a clause. Within a sentence they are prose.
fn old_name(comment: &str) -> Option<String> {
    let at = comment.to_ascii_lowercase().find(HINT_WORDS)?;
    let before = comment.get(..at)?.trim_start_matches(['-', '/', '*']).trim();
    if !before.is_empty() && !before.ends_with([';', ',', '.', ':', '(']) {
        return None;
    }
    Some(name_at(comment.get(at + HINT_WORDS.len()..)?.trim_start()).to_owned())
}

/// The subject of a comment.
fn subject(text: &str, code: &[Token], items: &[HintItem], comment: &Token) -> HintSubject {
    let line = text[..comment.start].rfind('\n').map_or(0, |at| at + 1);
    let next = code.partition_point(|token| token.start < comment.start);
    let before = next.checked_sub(1).map(|at| code[at]).filter(|token| token.end > line);
    let holding = |at: usize| items.partition_point(|item| item.start <= at).checked_sub(1);
    let place = match (before, code.get(next)) {
        // It follows its subject on the same line.
        (Some(token), _) => holding(token.start),
        (None, Some(token)) => match &text[token.start..token.end] {
            "," => Some(items.partition_point(|item| item.start <= token.start)),
            ")" | ";" => holding(token.start - 1),
            _ => holding(token.start),
        },
        (None, None) => items.len().checked_sub(1),
    };
    place.and_then(|place| items.get(place)).map_or(HintSubject::Nothing, |item| item.subject.clone())
}

/// The statements and the elements of their lists.
fn items(text: &str, code: &[Token]) -> Vec<HintItem> {
    let mut items = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, token) in code.iter().enumerate() {
        match &text[token.start..token.end] {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => {
                of_statement(text, &code[start..=at], &mut items);
                start = at + 1;
            }
            _ => {}
        }
    }
    of_statement(text, &code[start..], &mut items);
    items
}

fn of_statement(text: &str, code: &[Token], items: &mut Vec<HintItem>) {
    let Some(first) = code.first() else { return };
    let mut words = StatementReader { text, code, at: 0 };
    let head = match words.word().as_str() {
        "create" => words.made(),
        "alter" => {
            items.push(HintItem { start: first.start, subject: HintSubject::Nothing });
            if let Some(table) = words.altered() {
                words.actions(&table, items);
            }
            return;
        }
        _ => HintSubject::Nothing,
    };
    items.push(HintItem { start: first.start, subject: head.clone() });
    if let HintSubject::Made(kind, name) = &head
        && (kind == "table" || kind == "type")
    {
        words.list(name, &head, items);
    }
}

/// Reads a statement word by word.
struct StatementReader<'a> {
    text: &'a str,
    code: &'a [Token],
    at: usize,
}

impl<'a> StatementReader<'a> {
    fn peek(&self) -> &'a str {
        self.code.get(self.at).map_or("", |token| &self.text[token.start..token.end])
    }

    /// The next word, in lower case.
    fn word(&mut self) -> String {
        let word = self.peek().to_ascii_lowercase();
        self.at += 1;
        word
    }

    /// Skips optional words.
    fn skip(&mut self, words: &[&str]) {
        while words.iter().any(|word| self.peek().eq_ignore_ascii_case(word)) {
            self.at += 1;
        }
    }

    /// A name with its schema, or a value in quotes.
    fn name(&mut self) -> &'a str {
        let Some(token) = self.code.get(self.at) else { return "" };
        let name = name_at(&self.text[token.start..]);
        let end = token.start + name.len();
        while self.code.get(self.at).is_some_and(|token| token.start < end) {
            self.at += 1;
        }
        name
    }

    /// The created object: the index `a` for `create unique index a on b`.
    fn made(&mut self) -> HintSubject {
        self.skip(&["or", "replace", "global", "local", "temporary", "temp", "unlogged", "foreign"]);
        self.skip(&["unique", "materialized", "recursive"]);
        let kind = self.word();
        if !["table", "view", "type", "domain", "sequence", "index", "schema"].contains(&kind.as_str()) {
            return HintSubject::Nothing;
        }
        self.skip(&["concurrently", "if", "not", "exists"]);
        let name = self.name();
        if name.is_empty() { HintSubject::Nothing } else { HintSubject::Made(kind, name.to_owned()) }
    }

    /// The table of an `alter table`.
    fn altered(&mut self) -> Option<String> {
        self.skip(&["foreign"]);
        if self.word() != "table" {
            return None;
        }
        self.skip(&["if", "exists", "only"]);
        let name = self.name().to_owned();
        self.skip(&["*"]);
        Some(name)
    }

    /// The list in parentheses: each element is an item, and after the list the subject is the statement again.
    fn list(&mut self, whole: &str, head: &HintSubject, items: &mut Vec<HintItem>) {
        while self.at < self.code.len() && self.peek() != "(" {
            self.at += 1;
        }
        let (mut depth, mut begins) = (0_usize, false);
        while let Some(token) = self.code.get(self.at) {
            match self.peek() {
                "(" => {
                    begins = depth == 0;
                    depth += 1;
                }
                ")" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        items.push(HintItem { start: token.start, subject: head.clone() });
                        return;
                    }
                }
                "," if depth == 1 => begins = true,
                _ if begins => {
                    begins = false;
                    let start = token.start;
                    items.push(HintItem { start, subject: self.part(whole) });
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// The additions of an `alter table`, one by one.
    fn actions(&mut self, table: &str, items: &mut Vec<HintItem>) {
        let (mut depth, mut begins) = (0_usize, true);
        while let Some(token) = self.code.get(self.at) {
            match self.peek() {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                "," if depth == 0 => begins = true,
                _ if begins => {
                    begins = false;
                    let start = token.start;
                    let added = self.word() == "add";
                    self.skip(&["column", "if", "not", "exists"]);
                    let subject = if added { self.part(table) } else { HintSubject::Nothing };
                    items.push(HintItem { start, subject });
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// The subject of an element of a list: a column, a named constraint, a value.
    fn part(&mut self, whole: &str) -> HintSubject {
        const NO_NAME: &[&str] = &["primary", "unique", "check", "foreign", "exclude", "like"];
        self.skip(&["constraint"]);
        let unnamed = NO_NAME.iter().any(|word| self.peek().eq_ignore_ascii_case(word));
        let name = self.name();
        if unnamed || name.is_empty() {
            return HintSubject::Nothing;
        }
        HintSubject::Part(whole.to_owned(), name.to_owned())
    }
}

/// The name at the beginning of a text, with its schema and its quotes; or a value in quotes.
fn name_at(text: &str) -> &str {
    let mut quote = None;
    let end = text.find(|char: char| match quote {
        Some(open) => {
            if char == open {
                quote = None;
            }
            false
        }
        None if char == '"' || char == '\'' => {
            quote = Some(char);
            false
        }
        None => !(char.is_alphanumeric() || char == '_' || char == '.' || char == '$'),
    });
    &text[..end.unwrap_or(text.len())]
}

/// A name as PostgreSQL stores it, for comparisons only.
pub(crate) fn plain(name: &str) -> String {
    let mut plain = String::new();
    let mut quoted = false;
    for char in name.chars() {
        match char {
            '"' => quoted = !quoted,
            char if quoted => plain.push(char),
            char => plain.extend(char.to_lowercase()),
        }
    }
    plain
}

/// True if a name with its schema, or one that stands alone because it is in the schema of new tables, is that of an object.
pub(crate) fn names_object(name: &str, object: &SchemaObject) -> bool {
    let name = plain(name);
    name == plain(&object.key.name) || name == plain(&object.address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, HintSubject)> {
        rename_hints(text).into_iter().map(|hint| (hint.old, hint.new)).collect()
    }

    fn part(whole: &str, name: &str) -> HintSubject {
        HintSubject::Part(whole.to_owned(), name.to_owned())
    }

    fn made(kind: &str, name: &str) -> HintSubject {
        HintSubject::Made(kind.to_owned(), name.to_owned())
    }

    #[test]
    fn a_hint_is_about_what_stands_before_it_or_on_the_next_line() {
        let text = "-- renamed from people\ncreate table if not exists users (\n    id bigint,\n    \"Full Name\" text, -- renamed from \
                    display_name\n    -- renamed from users_a\n    constraint users_b check (true)\n);\ncreate type s as enum (\n    \
                    'new' -- renamed from 'old'\n);";
        assert_eq!(
            found(text),
            [
                ("people".to_owned(), made("table", "users")),
                ("display_name".to_owned(), part("users", "\"Full Name\"")),
                ("users_a".to_owned(), part("users", "users_b")),
                ("'old'".to_owned(), part("s", "'new'")),
            ]
        );
        assert_eq!(rename_hints(text).iter().map(|hint| hint.line).collect::<Vec<_>>(), [1, 4, 5, 9]);
    }

    #[test]
    fn a_hint_may_stand_wherever_a_person_writes_it() {
        let column = part("t", "b");
        for (text, expected) in [
            ("create table t (a int, b text -- renamed from x\n);", &column),
            ("create table t (a int, b text /* renamed from x */, c int);", &column),
            ("create table t (\n  a int,\n  b text -- Renamed From x\n  , c int);", &column),
            ("create table t\n(\n  a int\n  -- renamed from x\n  , b text\n);", &column),
            ("create table t (\n  a int,\n  b text\n  -- renamed from x\n);", &column),
            ("create table t (\n  a int,\n  b text\n    -- renamed from x\n    not null,\n  c int\n);", &column),
            ("create table t (a int, b text default 'x;(', -- renamed from x\n c int);", &column),
            ("alter table only t add column if not exists b text; -- renamed from x", &column),
            ("ALTER TABLE t ADD a int,\n  ADD COLUMN b text -- RENAMED FROM x\n;", &column),
            ("create table t (a int, CONSTRAINT b CHECK (a > 0) -- renamed from x\n);", &column),
            ("ALTER TABLE ONLY t\n    ADD CONSTRAINT b UNIQUE (a); -- renamed from x", &column),
            ("create table\n  t -- renamed from x\n(a int);", &made("table", "t")),
            ("-- renamed from x\ncreate table\n  t (a int);", &made("table", "t")),
            ("create table t ( -- renamed from x\n a int);", &made("table", "t")),
            ("create table t (\n a int\n); -- renamed from x", &made("table", "t")),
            ("create table t (a int) with (fillfactor = 70); -- renamed from x", &made("table", "t")),
            ("create unique index concurrently t on u (a, b); -- renamed from x", &made("index", "t")),
            ("-- Why it is there.\n-- renamed from x\n-- More.\ncreate index t on u (a);", &made("index", "t")),
            ("create function f() returns int language sql as 'select 1'; -- renamed from x", &HintSubject::Nothing),
            ("create table t (a int, primary key (a) -- renamed from x\n);", &HintSubject::Nothing),
            ("-- renamed from x", &HintSubject::Nothing),
        ] {
            assert_eq!(found(text), [("x".to_owned(), expected.clone())], "{text}");
        }
    }

    #[test]
    fn prose_is_no_hint() {
        let text =
            "-- What keeps its content says so, as\n-- in `full_name text, -- renamed from name`.\ncreate extension x;";
        assert!(found(text).is_empty());
        assert!(found("-- It was renamed from the old one.\ncreate function f() ...;").is_empty());
        assert_eq!(found("create table t (a int, -- how it is called; renamed from x\n b int);").len(), 1);
    }

    #[test]
    fn what_is_quoted_is_no_comment() {
        assert!(found("create function f() returns void language plpgsql as $$ -- renamed from x\n $$;").is_empty());
        assert!(found("comment on table t is '-- renamed from x';").is_empty());
    }

    #[test]
    fn names_are_compared_as_postgres_has_them() {
        assert_eq!(plain("Users"), "users");
        assert_eq!(plain("\"Full Name\""), "Full Name");
        assert_eq!(plain("Billing.\"X\""), "billing.X");
        assert_eq!(name_at("\"a b\".c, d"), "\"a b\".c");
    }

    #[test]
    fn what_is_made_is_known_by_its_words() {
        let subject = |text: &str| {
            let mut items = Vec::new();
            of_statement(text, &tokens(text), &mut items);
            items.remove(0).subject
        };
        assert_eq!(subject("create table a("), made("table", "a"));
        assert_eq!(subject("  CREATE UNLOGGED TABLE IF NOT EXISTS a.b ("), made("table", "a.b"));
        assert_eq!(subject("create unique index i on t"), made("index", "i"));
        assert_eq!(subject("create materialized view \"S\".\"v w\" as"), made("view", "\"S\".\"v w\""));
        assert_eq!(subject("create function f()"), HintSubject::Nothing);
        assert_eq!(subject("select 1"), HintSubject::Nothing);
    }
}
