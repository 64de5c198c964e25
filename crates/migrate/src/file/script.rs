//! Prepares a script to be run: splits it, reads its header, and refuses what must not be in it.

use std::borrow::Cow;
use std::time::Duration;

use crate::error::MigrateError;
use crate::file::source::{Migration, Script};
use crate::file::statements::{self as split, SqlStatement};

/// True if a script has nothing but comments.
pub(crate) fn is_empty(script: &Script) -> bool {
    split::normalized(script.text()).is_empty()
}

/// The down script of a migration, if it has no statements yet although the up script has some. It would undo nothing.
pub(crate) fn unwritten_down(migration: &Migration) -> Option<&Script> {
    migration.down.as_ref().filter(|down| is_empty(down) && !is_empty(&migration.up))
}

/// A script that is ready to be run.
#[derive(Debug)]
pub(crate) struct PreparedScript<'a> {
    pub script: &'a Script,
    pub statements: Vec<ScriptStatement>,
    pub checks: Vec<ScriptCheck>,
    pub lock_timeout: Option<Duration>,
    pub statement_timeout: Option<Duration>,
    pub no_transaction: bool,
    /// True if it may change settings of the session, as the output of `pg_dump` does. They are restored after it.
    pub resets: bool,
}

/// A statement of a script.
#[derive(Debug, Clone)]
pub(crate) struct ScriptStatement {
    /// The line of its first token.
    pub line: u32,
    pub text: String,
    /// The line that `text` begins on.
    first_line: u32,
}

/// A condition that has to be true before the script runs.
#[derive(Debug, Clone)]
pub(crate) struct ScriptCheck {
    pub line: u32,
    pub sql: String,
}

impl ScriptStatement {
    /// The line of a position, which PostgreSQL counts in characters from 1.
    pub(crate) fn line_at(&self, position: usize) -> u32 {
        let breaks = self.text.chars().take(position.saturating_sub(1)).filter(|char| *char == '\n').count();
        self.first_line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX))
    }

    /// The statement for a message: its beginning, on one line.
    pub(crate) fn shown(&self) -> String {
        const LONGEST: usize = 160;
        let one_line = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut shown: String = one_line.chars().take(LONGEST).collect();
        if shown.len() < one_line.len() {
            shown.push('…');
        }
        shown
    }
}

impl<'a> PreparedScript<'a> {
    /// Prepares a script, or fails with the reason why it cannot be run.
    pub(crate) fn new(script: &'a Script) -> Result<Self, MigrateError> {
        Self::make(script, false)
    }

    /// The same for a script that another tool may have applied: a lasting `set` in it is run, and restored after it.
    pub(crate) fn as_applied(script: &'a Script) -> Result<Self, MigrateError> {
        Self::make(script, true)
    }

    fn make(script: &'a Script, applied: bool) -> Result<Self, MigrateError> {
        let fail = |line, problem| MigrateError::File { file: script.file.clone(), line, problem };
        if let Some((before, _)) = script.text().split_once('\0') {
            let line = u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX);
            return Err(fail(line, "there is a NUL character, which SQL cannot have; remove it".to_owned()));
        }
        let is_dump = is_dump(script.text());
        let text = sql_of(script);
        let split = split::split(&text).map_err(|error| fail(error.line, error.problem))?;
        let header = split::header(&text).map_err(|error| fail(error.line, error.problem))?;
        if let Some((line, problem)) = split::unsendable(&split) {
            return Err(fail(line, problem));
        }
        let no_transaction = script.no_transaction();
        let mut lasts = false;
        if !no_transaction && !is_dump {
            let sets = |one: &&SqlStatement<'_>| {
                let text = split::normalized(one.text);
                let word = text.split_whitespace().next().unwrap_or_default();
                word.eq_ignore_ascii_case("set") || word.eq_ignore_ascii_case("reset")
            };
            let (settings, rest): (Vec<SqlStatement<'_>>, Vec<SqlStatement<'_>>) = split.iter().partition(sets);
            lasts = applied && split::forbidden(&settings).is_some();
            let looked_at = if applied { split::forbidden(&rest) } else { split::forbidden(&split) };
            if let Some((line, problem)) = looked_at {
                return Err(fail(line, problem));
            }
        }
        let statements = split
            .iter()
            .map(|statement| ScriptStatement {
                line: statement.line,
                text: statement.text.to_owned(),
                first_line: statement.line,
            })
            .collect();
        Ok(Self {
            script,
            statements,
            checks: header.checks.into_iter().map(|(line, sql)| ScriptCheck { line, sql }).collect(),
            lock_timeout: header.lock_timeout,
            statement_timeout: header.statement_timeout,
            no_transaction,
            resets: is_dump || lasts || text.contains("set_config"),
        })
    }
}

/// The text as it is run: the output of `pg_dump` without its commands for psql. Every character keeps its position.
pub(crate) fn sql_of(script: &Script) -> Cow<'_, str> {
    if is_dump(script.text()) { without_psql(script.text()) } else { Cow::Borrowed(script.text()) }
}

/// True if `pg_dump` wrote the text. Such a file begins with settings for its own session, which would be refused in others.
/// Comments may precede it, and its first lines may be missing.
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

/// The text without the psql commands `\restrict` and `\unrestrict` of newer versions of `pg_dump`. The lines become comments,
/// so every character keeps its position.
fn without_psql(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\n\\restrict ", "\n--estrict ").replace("\n\\unrestrict ", "\n--nrestrict ");
    let first = text.strip_prefix("\\restrict ").map(|rest| format!("--estrict {rest}"));
    Cow::Owned(first.unwrap_or(text))
}

impl ScriptStatement {
    pub(crate) fn is_concurrent(&self) -> bool {
        split::normalized(&self.text).to_lowercase().contains(" concurrently")
    }

    pub(crate) fn first_word(&self) -> String {
        split::normalized(&self.text).split_whitespace().next().unwrap_or_default().to_lowercase()
    }
}
