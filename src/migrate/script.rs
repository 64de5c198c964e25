//! A file made ready to be run: its statements, what its header asks for, and what must not be in it.

use std::borrow::Cow;
use std::time::Duration;

use super::MigrateError;
use super::source::Script;
use super::statements::{self as split, Statement};

/// Whether there is nothing in it but comments.
pub(super) fn is_empty(script: &Script) -> bool {
    split::normalized(script.text()).is_empty()
}

/// A file, ready to be run.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    pub script: &'a Script,
    pub statements: Vec<Piece>,
    pub checks: Vec<Check>,
    pub lock_timeout: Option<Duration>,
    pub statement_timeout: Option<Duration>,
    pub no_transaction: bool,
    /// It may leave settings of the session behind, as the output of `pg_dump` does; they are put back after it.
    pub resets: bool,
}

/// A statement of it.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// The line of its first token.
    pub line: u32,
    pub text: String,
    /// The line that `text` begins on.
    first_line: u32,
}

/// Something that has to be true before the file runs.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub line: u32,
    pub sql: String,
}

impl Piece {
    /// The line of a position in it; PostgreSQL counts characters, from 1.
    pub(super) fn line_at(&self, position: usize) -> u32 {
        let breaks = self.text.chars().take(position.saturating_sub(1)).filter(|char| *char == '\n').count();
        self.first_line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX))
    }

    /// The statement for a message: its beginning, on one line.
    pub(super) fn shown(&self) -> String {
        const MOST: usize = 160;
        let one_line = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut shown: String = one_line.chars().take(MOST).collect();
        if shown.len() < one_line.len() {
            shown.push('…');
        }
        shown
    }
}

impl<'a> Prepared<'a> {
    /// Makes it ready, or says why it cannot be run.
    pub(super) fn new(script: &'a Script) -> Result<Self, MigrateError> {
        Self::make(script, false)
    }

    /// The same for one that may have been applied by another tool: a lasting `set` in it is run, and put back after it.
    pub(super) fn as_applied(script: &'a Script) -> Result<Self, MigrateError> {
        Self::make(script, true)
    }

    fn make(script: &'a Script, applied: bool) -> Result<Self, MigrateError> {
        let fail = |line, problem| MigrateError::File { file: script.file.clone(), line, problem };
        if let Some((before, _)) = script.text().split_once('\0') {
            let line = u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX);
            return Err(fail(line, "there is a NUL character, which no SQL can have; take it out".to_owned()));
        }
        let dump = is_dump(script.text());
        let text = if dump { without_psql(script.text()) } else { Cow::Borrowed(script.text()) };
        let split = split::split(&text).map_err(|error| fail(error.line, error.problem))?;
        let header = split::header(&text).map_err(|error| fail(error.line, error.problem))?;
        if let Some((line, problem)) = split::unsendable(&split) {
            return Err(fail(line, problem));
        }
        let no_transaction = script.no_transaction();
        let mut lasts = false;
        if !no_transaction && !dump {
            let sets = |one: &&Statement<'_>| {
                let text = split::normalized(one.text);
                let word = text.split_whitespace().next().unwrap_or_default();
                word.eq_ignore_ascii_case("set") || word.eq_ignore_ascii_case("reset")
            };
            let (settings, rest): (Vec<Statement<'_>>, Vec<Statement<'_>>) = split.iter().partition(sets);
            lasts = applied && split::forbidden(&settings).is_some();
            let looked_at = if applied { split::forbidden(&rest) } else { split::forbidden(&split) };
            if let Some((line, problem)) = looked_at {
                return Err(fail(line, problem));
            }
        }
        let statements = split
            .iter()
            .map(|statement| Piece {
                line: statement.line,
                text: statement.text.to_owned(),
                first_line: statement.line,
            })
            .collect();
        Ok(Self {
            script,
            statements,
            checks: header.checks.into_iter().map(|(line, sql)| Check { line, sql }).collect(),
            lock_timeout: header.lock_timeout,
            statement_timeout: header.statement_timeout,
            no_transaction,
            resets: dump || lasts || text.contains("set_config"),
        })
    }
}

/// Whether `pg_dump` wrote it. Such a file begins with settings for its own session, which would be refused elsewhere.
/// Somebody may have written above it what it is, or have taken its first lines away.
fn is_dump(text: &str) -> bool {
    for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
        if line == "-- PostgreSQL database dump" || line.starts_with("\\restrict ") {
            return true;
        }
        if !line.is_empty() && !line.starts_with("--") {
            return false;
        }
    }
    false
}

/// The same without what newer versions of `pg_dump` tell psql, `\restrict` and `\unrestrict`: no SQL, and of no use here.
/// The lines become comments, and every character keeps its place.
fn without_psql(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\n\\restrict ", "\n--estrict ").replace("\n\\unrestrict ", "\n--nrestrict ");
    let first = text.strip_prefix("\\restrict ").map(|rest| format!("--estrict {rest}"));
    Cow::Owned(first.unwrap_or(text))
}

impl Piece {
    pub(super) fn is_concurrent(&self) -> bool {
        split::normalized(&self.text).to_lowercase().contains(" concurrently")
    }

    pub(super) fn first_word(&self) -> String {
        split::normalized(&self.text).split_whitespace().next().unwrap_or_default().to_lowercase()
    }
}
