//! Failures of a script: the position, the cause, and their description for a person and for the record.

use sqlx::postgres::{PgDatabaseError, PgErrorPosition, PgSeverity};

use crate::error::{FailedMigration, Remains};
use crate::explain::Cause;
use crate::file::script::{ScriptCheck, ScriptStatement};
use crate::program::ProgramNames;
use crate::record::recorder::RecordedFailure;
use crate::run::script_run::ScriptRun;
use crate::run::session::MessageFailure;
use crate::waiting::Blocker;

/// Errors that may not occur again a moment later: a lock was not acquired in time, or there was a deadlock.
const RETRYABLE: &[&str] = &["55P03", "40P01"];

/// A failure of a script, with its position and cause.
pub(crate) struct StatementFailure {
    pub position: FailurePosition,
    pub cause: FailureCause,
    /// The sessions that the statement was waiting for.
    pub blockers: Vec<Blocker>,
    /// True if its transaction was begun. A message that cannot be parsed does nothing at all.
    pub is_begun: bool,
}

pub(crate) enum FailurePosition {
    /// The statement with this index, in this line.
    Statement(usize, u32),
    /// A check of the header.
    Check(ScriptCheck),
    /// The end of the transaction, where deferred constraints are checked.
    End,
}

pub(crate) enum FailureCause {
    /// An error of the server, or of the connection to it.
    Server(sqlx::Error),
    /// A check that is not true.
    FalseCheck,
    /// A signal or a person.
    Cancelled,
}

impl StatementFailure {
    /// A failure without blockers.
    pub(crate) const fn new(position: FailurePosition, cause: FailureCause) -> Self {
        Self { position, cause, blockers: Vec::new(), is_begun: true }
    }

    pub(crate) const fn cancelled(index: usize, line: u32) -> Self {
        Self::new(FailurePosition::Statement(index, line), FailureCause::Cancelled)
    }

    /// A failure of a message that has no statement of the script.
    pub(crate) fn at_end(failure: MessageFailure) -> Self {
        let MessageFailure { done, error, blockers } = failure;
        Self { position: FailurePosition::End, cause: FailureCause::Server(error), blockers, is_begun: done > 0 }
    }

    /// A failure of a message with one statement of the script. `lead` is the length of what precedes the statement: characters
    /// and statements.
    pub(crate) fn in_statement(
        failure: MessageFailure,
        (characters, statements): (usize, usize),
        index: usize,
        statement: &ScriptStatement,
    ) -> Self {
        let MessageFailure { done, error, blockers } = failure;
        let offset =
            original_position(&error).and_then(|offset| offset.checked_sub(characters)).filter(|offset| *offset > 0);
        let position = match offset {
            Some(offset) if offset <= statement.text.chars().count() => {
                FailurePosition::Statement(index, statement.line_at(offset))
            }
            _ if done > statements => FailurePosition::End,
            _ => FailurePosition::Statement(index, statement.line),
        };
        // The preceding statements are those that begin the transaction.
        Self { position, cause: FailureCause::Server(error), blockers, is_begun: done > 0 || statements == 0 }
    }

    fn sqlstate(&self) -> Option<String> {
        match &self.cause {
            FailureCause::Server(sqlx::Error::Database(error)) => error.code().map(Into::into),
            _ => None,
        }
    }

    pub(crate) fn is_retryable(&self) -> bool {
        self.sqlstate().is_some_and(|code| RETRYABLE.contains(&code.as_str()))
    }

    /// True if the session is over: the connection was lost, or the server ended it and said why.
    pub(crate) fn ended_session(&self) -> bool {
        match &self.cause {
            FailureCause::Server(sqlx::Error::Database(error)) => {
                let severity = error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
                matches!(severity, Some(PgSeverity::Fatal | PgSeverity::Panic))
            }
            FailureCause::Server(_) => true,
            FailureCause::FalseCheck | FailureCause::Cancelled => false,
        }
    }

    /// The failure as commands report it.
    pub(crate) fn describe(&self, run: &ScriptRun<'_>, left: Remains, names: &'static ProgramNames) -> FailedMigration {
        let statements = &run.script.statements;
        let (statement, line, sql) = match &self.position {
            FailurePosition::Statement(index, line) => {
                let sql = statements.get(*index).map(ScriptStatement::shown).unwrap_or_default();
                (u32::try_from(index + 1).ok(), *line, sql)
            }
            FailurePosition::Check(check) => (None, check.line, check.sql.clone()),
            FailurePosition::End => (None, statements.last().map_or(1, |last| last.line), String::new()),
        };
        let mut failed = FailedMigration {
            version: run.version,
            name: run.name.to_owned(),
            file: run.script.script.file.clone(),
            line,
            statement,
            statements: statements.len(),
            sql,
            sqlstate: self.sqlstate(),
            message: String::new(),
            detail: None,
            hint: None,
            blockers: self.blockers.clone(),
            left,
            no_transaction: run.script.no_transaction,
            purpose: run.purpose,
            in_shadow: false,
            names,
        };
        match &self.cause {
            FailureCause::FalseCheck => "the check is not true".clone_into(&mut failed.message),
            FailureCause::Cancelled => "it was cancelled".clone_into(&mut failed.message),
            FailureCause::Server(sqlx::Error::Database(error)) => {
                error.message().clone_into(&mut failed.message);
                if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
                    failed.detail = error.detail().map(ToOwned::to_owned);
                    failed.hint = error.hint().map(ToOwned::to_owned);
                }
            }
            FailureCause::Server(error) => {
                failed.left = Remains::Unknown;
                failed.message = format!("the connection to the server was lost: {}", Cause(error));
            }
        }
        failed
    }
}

/// The position of an error in the message, in characters from 1.
fn original_position(error: &sqlx::Error) -> Option<usize> {
    let sqlx::Error::Database(error) = error else { return None };
    match error.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::position) {
        Some(PgErrorPosition::Original(position)) => Some(position),
        _ => None,
    }
}

/// The failure as it is written to the record.
pub(crate) fn recorded(failed: &FailedMigration) -> RecordedFailure {
    RecordedFailure {
        statement: failed.statement,
        line: Some(failed.line),
        sqlstate: failed.sqlstate.clone(),
        message: failed.message.clone(),
        left_behind: match &failed.left {
            Remains::Part { invalid_indexes, .. } => invalid_indexes.clone(),
            Remains::Nothing | Remains::Unknown => Vec::new(),
        },
    }
}
