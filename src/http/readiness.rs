//! Whether the API can work: the database answers and has the schema that this binary needs.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use super::error::ApiError;

/// Whether the API can work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// It can, though the database has migrations that this binary does not know: a release was rolled back.
    Ahead {
        /// The versions that this binary does not know, and what became of each, in a word.
        unknown: Vec<(i64, &'static str)>,
    },
    /// A migration that this binary needs is being applied.
    MigrationRunning {
        /// Which, and since when.
        running: String,
    },
    /// Migrations wait for `app migrate deploy`.
    MigrationsPending {
        /// How many.
        count: usize,
    },
    /// The record of migrations is not what the binary holds, or one has failed.
    MigrationsWrong {
        /// What is wrong and what to run.
        problem: String,
    },
    /// The database does not answer.
    DatabaseUnavailable,
}

impl Readiness {
    /// Whether requests are served.
    #[must_use]
    pub const fn serves(&self) -> bool {
        matches!(self, Self::Ready | Self::Ahead { .. })
    }

    /// Where the migrations stand, in a word: what `GET /api` tells everybody.
    #[must_use]
    pub const fn migrations(&self) -> &'static str {
        match self {
            Self::Ready | Self::Ahead { .. } => "applied",
            Self::MigrationRunning { .. } => "running",
            Self::MigrationsPending { .. } => "pending",
            Self::MigrationsWrong { .. } => "blocked",
            Self::DatabaseUnavailable => "unknown",
        }
    }

    /// Why not, as the API answers it.
    #[must_use]
    pub fn refusal(&self) -> Option<ApiError> {
        match self {
            Self::Ready | Self::Ahead { .. } => None,
            Self::MigrationRunning { .. } => Some(waiting("The service is being updated; try again shortly")),
            Self::MigrationsPending { .. } => Some(waiting("Migrations of the database are pending; try again later")),
            Self::MigrationsWrong { .. } => {
                Some(waiting("The migrations of the database need somebody to look after them; try again later"))
            }
            Self::DatabaseUnavailable => Some(ApiError::database_unavailable()),
        }
    }
}

/// Strangers are told that it waits; the log, `app migrate status` and the internal listener say for what.
fn waiting(message: &str) -> ApiError {
    ApiError::Unavailable { code: "MIGRATIONS_PENDING", message: message.to_owned() }
}

impl fmt::Display for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => formatter.write_str("ready"),
            Self::Ahead { unknown } => {
                let unknown: Vec<String> =
                    unknown.iter().map(|(version, state)| format!("{version} ({state})")).collect();
                write!(
                    formatter,
                    "ready, though the database has migrations that this binary does not know: {}",
                    unknown.join(", ")
                )
            }
            Self::MigrationRunning { running } => write!(formatter, "{running}; nothing has to be done"),
            Self::MigrationsPending { count } => {
                let noun = if *count == 1 { "migration is" } else { "migrations are" };
                write!(formatter, "{count} {noun} pending; run `app migrate deploy`")
            }
            Self::MigrationsWrong { problem } => formatter.write_str(problem),
            Self::DatabaseUnavailable => formatter.write_str("the database cannot be reached"),
        }
    }
}

/// The latest that is known, shared by the job that finds it out and everybody who asks.
#[derive(Debug, Clone)]
pub struct ReadinessState(Arc<watch::Sender<Readiness>>);

impl ReadinessState {
    /// Starts with what is known at the start.
    #[must_use]
    pub fn new(readiness: Readiness) -> Self {
        Self(Arc::new(watch::Sender::new(readiness)))
    }

    /// The latest that is known.
    #[must_use]
    pub fn get(&self) -> Readiness {
        self.0.borrow().clone()
    }

    /// Whether requests are served.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.0.borrow().serves()
    }

    /// Why requests are not served, for an answer at once, before anything asks the database.
    #[must_use]
    pub fn refusal(&self) -> Option<ApiError> {
        self.0.borrow().refusal()
    }

    /// Notes what was found out, and says so in the log when it is news.
    pub fn set(&self, readiness: Readiness) {
        self.0.send_if_modified(|known| {
            if *known == readiness {
                return false;
            }
            match &readiness {
                Readiness::Ready => tracing::info!("ready"),
                Readiness::Ahead { .. } => tracing::warn!("{readiness}"),
                _ => tracing::warn!("not ready: {readiness}"),
            }
            *known = readiness;
            true
        });
    }
}
