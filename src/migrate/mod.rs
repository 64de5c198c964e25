//! The migrations that the binary carries: which there are, which a database has, and applying what is pending.
//!
//! Everything here works on a connection of its own that is closed afterwards, whatever happened; never on one from the
//! pool, where a failed run would leave its lock behind. The record is sqlx's own table, so that its command-line tool
//! can read it too.

mod deploy;
mod history;
mod lock;
mod plan;
mod source;
mod status;

use std::process::ExitCode;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};

pub use deploy::{Deployed, deploy};
pub use lock::Holder;
pub use plan::{Plan, Problem};
pub use source::{Migration, embedded};
pub use status::{Line, State, Status, status, status_on};

/// What a command ends with; the numbers are a contract that scripts rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or in step.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Migrations are pending.
    Pending = 3,
    /// The history differs: edited, missing, ahead.
    HistoryDiffers = 4,
    /// A failed migration stands.
    FailedMigration = 5,
    /// The lock was not had in time.
    LockTimeout = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database cannot be reached.
    #[error("the database cannot be reached; nothing was changed: {0}")]
    Connect(#[source] sqlx::Error),
    /// Another process is migrating.
    #[error(
        "another process holds the migration lock, and did not give it up within {}; nothing was changed. {holder} Run the \
         command again when it is done, or wait longer with --lock-timeout.",
        humantime::format_duration(*.waited)
    )]
    Locked {
        /// Who has it, as far as the server tells.
        holder: Holder,
        /// How long it was waited for.
        waited: Duration,
    },
    /// What the database has on record is not what the binary holds.
    #[error("{0}")]
    Refused(Problem),
    /// A migration's own statement failed.
    #[error("the migration {version} {name} failed: {error}\n{left}")]
    Failed {
        /// The migration's version.
        version: i64,
        /// The migration's name.
        name: String,
        /// What PostgreSQL said.
        error: sqlx::Error,
        /// What is left of it, and what to do.
        left: &'static str,
    },
    /// A question to the database failed.
    #[error("the database failed while the record was read; nothing was changed: {0}")]
    Database(#[from] sqlx::Error),
}

impl MigrateError {
    /// What the command ends with.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Connect(_) | Self::Failed { .. } | Self::Database(_) => Exit::Failed,
            Self::Locked { .. } => Exit::LockTimeout,
            Self::Refused(problem) => problem.exit(),
        }
    }
}

/// A connection for one command: named, so that others see who holds the lock, and silent about notices.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, MigrateError> {
    // A statement that is prepared for one use is only a round trip more; and a pooler may stand in between.
    let options =
        options.clone().application_name("app migrate").statement_cache_capacity(0).disable_statement_logging();
    options.connect().await.map_err(MigrateError::Connect)
}
