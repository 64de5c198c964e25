//! Why the database was not taken over.

use super::proof::Proof;
use super::refusal::Refusal;
use crate::db::explain::{Cause, NoConnection, QueryFailure};

/// Why the database was not taken over. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// A database cannot be reached.
    #[error("{0} Nothing was changed.")]
    Connect(NoConnection),
    /// What was asked makes no sense as things are.
    #[error("{0}")]
    Senseless(String),
    /// Somebody else has locked what is needed.
    #[error("{0}")]
    Locked(String),
    /// Rows cannot be taken as they are.
    #[error("{}", refused(.0))]
    Refused(Vec<Refusal>),
    /// Both sides were compared and differ.
    #[error(
        "the proof did not hold; everything was rolled back, and nothing was changed. Please report it, with this:\n{0}"
    )]
    NotProven(Box<Proof>),
    /// A file cannot be read, or is not what it should be.
    #[error("{0}")]
    File(String),
    /// A question to the database failed; at the end of a session it becomes [`TakeOverError::Failure`].
    #[error("the database failed: {}", Cause(.0))]
    Database(sqlx::Error),
    /// A question to a database that is named failed.
    #[error("{0}\nEverything was rolled back: nothing was changed.")]
    Failure(QueryFailure),
}

impl From<sqlx::Error> for TakeOverError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl TakeOverError {
    /// In a word, for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Connect(_) => "unreachable",
            Self::Senseless(_) => "senseless",
            Self::Locked(_) => "locked",
            Self::Refused(_) => "rows_refused",
            Self::NotProven(_) => "not_proven",
            Self::File(_) => "bad_file",
            Self::Database(_) | Self::Failure(_) => "database_error",
        }
    }
}

/// PostgreSQL's code of an error.
pub(super) fn sqlstate(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

fn refused(refusals: &[Refusal]) -> String {
    let lines: String = refusals.iter().map(|refusal| format!("\n  {refusal}")).collect();
    format!("these rows cannot be taken as they are; nothing was changed:{lines}")
}
