//! The readiness of the API: if the database answers and has the schema that this binary needs.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use super::error::ApiError;

/// The readiness of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Requests are served.
    Ready,
    /// Requests are served, but the database has migrations that this binary does not know: a release was rolled back.
    Ahead {
        /// The unknown versions, each with its state in a word.
        unknown: Vec<(i64, &'static str)>,
    },
    /// A migration that this binary needs is being applied.
    MigrationRunning {
        /// The migration and its start time, in words.
        running: String,
    },
    /// Migrations are pending; `app migrate deploy` applies them.
    MigrationsPending {
        /// The number of pending migrations.
        count: usize,
    },
    /// The record of migrations differs from the binary, or a migration has failed.
    MigrationsWrong {
        /// The problem and the command to run.
        problem: String,
    },
    /// The database does not answer.
    DatabaseUnavailable,
}

impl Readiness {
    /// Returns true if requests are served.
    #[must_use]
    pub const fn serves(&self) -> bool {
        matches!(self, Self::Ready | Self::Ahead { .. })
    }

    /// The state of migrations in a word, as `GET /api` reports it publicly.
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

    /// The response while requests are not served.
    #[must_use]
    pub fn refusal(&self) -> Option<ApiError> {
        match self {
            Self::Ready | Self::Ahead { .. } => None,
            Self::MigrationRunning { .. } => Some(waiting("The service is being updated; try again shortly")),
            Self::MigrationsPending { .. } => Some(waiting("Migrations of the database are pending; try again later")),
            Self::MigrationsWrong { .. } => {
                Some(waiting("The migrations of the database need attention; try again later"))
            }
            Self::DatabaseUnavailable => Some(ApiError::database_unavailable()),
        }
    }
}

/// The response while migrations are pending. It does not say why: the log, `app migrate status` and the internal
/// listener do.
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

/// The current readiness, shared by the job that updates it and its readers.
#[derive(Debug, Clone)]
pub struct ReadinessState(Arc<watch::Sender<Readiness>>);

impl ReadinessState {
    /// Creates the state with an initial readiness.
    #[must_use]
    pub fn new(readiness: Readiness) -> Self {
        Self(Arc::new(watch::Sender::new(readiness)))
    }

    /// The current readiness.
    #[must_use]
    pub fn get(&self) -> Readiness {
        self.0.borrow().clone()
    }

    /// Returns true if requests are served.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.0.borrow().serves()
    }

    /// The response while requests are not served, without asking the database.
    #[must_use]
    pub fn refusal(&self) -> Option<ApiError> {
        self.0.borrow().refusal()
    }

    /// Updates the readiness, and logs it if it has changed.
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
