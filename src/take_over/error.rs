//! Errors of a take-over.

use migrate_toolkit::MigrateError;

use super::proof::Proof;
use super::refusal::Refusal;
use crate::db::explain::{Cause, NoConnection, QueryFailure};

/// The reasons why the database was not taken over. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// A database cannot be reached.
    #[error("{0} Nothing was changed.")]
    Connect(NoConnection),
    /// The request is not applicable in the current state.
    #[error("{0}")]
    NotApplicable(String),
    /// A lock was not acquired in time.
    #[error("{0}")]
    Locked(String),
    /// Some rows cannot be taken over as they are.
    #[error("{}", refused(.0))]
    Refused(Vec<Refusal>),
    /// The comparison of both sides found differences.
    #[error("the proof failed; everything was rolled back, and nothing was changed. Please report it, with this:\n{0}")]
    NotProven(Box<Proof>),
    /// A file cannot be read, or has unexpected contents.
    #[error("{0}")]
    File(String),
    /// A query failed; at the end of a session it becomes [`TakeOverError::Failure`].
    #[error("the database failed: {}", Cause(.0))]
    Database(sqlx::Error),
    /// A query failed, with the database it was sent to.
    #[error("{0}\nEverything was rolled back: nothing was changed.")]
    Failure(QueryFailure),
}

impl From<sqlx::Error> for TakeOverError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<MigrateError> for TakeOverError {
    /// The error of connecting.
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Connect(error) => Self::Connect(error),
            MigrateError::Query(failure, _) => Self::Failure(*failure),
            error => Self::NotApplicable(error.to_string()),
        }
    }
}

impl TakeOverError {
    /// The error for a role that lacks a privilege, or that would not see all rows.
    pub(super) fn not_permitted(failure: &QueryFailure) -> Self {
        Self::NotApplicable(format!(
            "{failure}\nNothing was changed. The role must be able to read all rows of the original's tables, and their \
             sequences, whatever row level security there is: use their owner, or a superuser."
        ))
    }

    /// The error code for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Connect(_) => "unreachable",
            Self::NotApplicable(_) => "invalid_request",
            Self::Locked(_) => "locked",
            Self::Refused(_) => "rows_refused",
            Self::NotProven(_) => "not_proven",
            Self::File(_) => "bad_file",
            Self::Database(_) | Self::Failure(_) => "database_error",
        }
    }
}

fn refused(refusals: &[Refusal]) -> String {
    let lines: String = refusals.iter().map(|refusal| format!("\n  {refusal}")).collect();
    format!("these rows cannot be taken over as they are; nothing was changed:{lines}")
}
