//! What a database has, needs, and has that it should not.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Connection as _;
use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use super::history::{self, Record};
use super::plan::Plan;
use super::source::Migration;
use super::{Exit, MigrateError, connect};

/// Where a database stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// Each migration, in order.
    pub lines: Vec<Line>,
    /// What follows from it.
    pub plan: Plan,
}

/// A migration and what became of it.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub state: State,
    /// When it was applied.
    pub applied_on: Option<DateTime<Utc>>,
    /// How long that took.
    pub took: Option<Duration>,
}

/// What became of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is applied.
    Applied,
    /// It waits.
    Pending,
    /// It is applied, and its file was changed since.
    Edited,
    /// It is applied, and this binary does not know it.
    Unknown,
    /// It failed half-way.
    Failed,
}

impl State {
    /// In a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Edited => "edited",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

impl Status {
    /// What the command ends with.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        if !self.plan.failed.is_empty() {
            Exit::FailedMigration
        } else if !self.plan.edited.is_empty() || !self.plan.unknown.is_empty() {
            Exit::HistoryDiffers
        } else if !self.plan.pending.is_empty() {
            Exit::Pending
        } else {
            Exit::Done
        }
    }
}

/// Looks at a database and changes nothing.
///
/// # Errors
/// [`MigrateError::Connect`] or [`MigrateError::Database`].
pub async fn status(options: &PgConnectOptions, migrations: &[Migration]) -> Result<Status, MigrateError> {
    let mut connection = connect(options).await?;
    let outcome = status_on(&mut connection, migrations).await;
    // It was only read from; if it cannot be closed properly, it is dropped.
    let _ = connection.close().await;
    outcome
}

/// The same on a connection that is there already, for a server that looks again and again.
///
/// # Errors
/// [`MigrateError::Database`].
pub async fn status_on(connection: &mut PgConnection, migrations: &[Migration]) -> Result<Status, MigrateError> {
    let records = history::read(connection).await?;
    let plan = Plan::new(migrations, &records);
    let mut lines: Vec<Line> = records.iter().map(|record| applied(record, &plan)).collect();
    lines.extend(plan.pending.iter().map(|migration| Line {
        version: migration.version,
        name: migration.name.clone(),
        state: State::Pending,
        applied_on: None,
        took: None,
    }));
    lines.sort_by_key(|line| line.version);
    Ok(Status { lines, plan })
}

fn applied(record: &Record, plan: &Plan) -> Line {
    let state = if plan.failed.contains(&record.version) || !record.success {
        State::Failed
    } else if plan.edited.contains(&record.version) {
        State::Edited
    } else if plan.unknown.contains(&record.version) {
        State::Unknown
    } else {
        State::Applied
    };
    Line {
        version: record.version,
        name: record.name.clone(),
        state,
        applied_on: Some(record.installed_on),
        took: record.took,
    }
}
