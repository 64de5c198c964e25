//! `status`: the state of each migration, and the drift of the schema.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::commands::drift::{Drift, find_drift};
use crate::error::MigrateError;
use crate::exit::Exit;
use crate::file::source::Migration;
use crate::migrator::Migrator;
use crate::problem::MigrationState;
use crate::profile::MigrationProfile;
use crate::record::attempt::{AttemptAction, AttemptOutcome, MigrationAttempt};
use crate::record::history::{MigrationHistory, MigrationRecord, read_history};
use crate::record::plan::MigrationPlan;
use crate::run::session::MigrationSession;

/// The state of a database.
#[derive(Debug, Clone)]
pub struct MigrationStatus {
    /// Each migration, in the order of versions.
    pub lines: Vec<StatusLine>,
    /// The plan that follows from it.
    pub plan: MigrationPlan,
    /// All attempts, in order.
    pub attempts: Vec<MigrationAttempt>,
    /// The comparison of the schema with the one that the migrations build.
    pub drift: Drift,
}

/// A migration and its state.
#[derive(Debug, Clone)]
pub struct StatusLine {
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// The state.
    pub state: MigrationState,
    /// The time at which it was applied.
    pub applied_on: Option<DateTime<Utc>>,
    /// The time that it took.
    pub took: Option<Duration>,
    /// The version of the program that applied or resolved it; `None` if it was another program.
    pub applied_by: Option<String>,
    /// The last attempt, if it did not succeed.
    pub failed_attempt: Option<MigrationAttempt>,
}

impl MigrationStatus {
    /// The exit code: the obstacles of a deploy first, in the order in which a deploy would find them.
    #[must_use]
    pub fn exit(&self, profile: MigrationProfile) -> Exit {
        let plan = &self.plan;
        let any = |state: MigrationState| self.lines.iter().any(|line| line.state == state);
        if any(MigrationState::Failed) || any(MigrationState::Interrupted) {
            Exit::FailedMigration
        } else if let Some(problem) = plan.problem(profile) {
            problem.exit()
        } else if profile == MigrationProfile::Prod && !plan.empty.is_empty() {
            Exit::Failed
        } else if !plan.pending.is_empty() {
            Exit::Pending
        } else {
            match self.drift {
                Drift::Found(_) => Exit::Drift,
                Drift::Failed(_) => Exit::Failed,
                Drift::NotRequested | Drift::NotComparable(_) | Drift::None => Exit::Done,
            }
        }
    }
}

impl Migrator {
    /// Reads the state of the database, and changes nothing. With `with_drift`, the schema is compared with a shadow database.
    ///
    /// # Errors
    /// [`MigrateError::Connect`] or [`MigrateError::Query`].
    pub async fn status(&self, with_drift: bool) -> Result<MigrationStatus, MigrateError> {
        let migrations = &self.migrations;
        MigrationSession::with(&self.database, &self.settings, async |session| {
            let history = session.history(migrations).await?;
            let plan = MigrationPlan::new(migrations, &history);
            let drift =
                if with_drift { find_drift(session, migrations, &history, &plan).await? } else { Drift::NotRequested };
            Ok(MigrationStatus { lines: lines(&plan, &history), plan, attempts: history.attempts, drift })
        })
        .await
    }
}

/// The plan, read on an open connection: for a server that checks again and again.
///
/// # Errors
/// The error of the query.
pub async fn plan_on(connection: &mut PgConnection, migrations: &[Migration]) -> Result<MigrationPlan, sqlx::Error> {
    Ok(MigrationPlan::new(migrations, &read_history(connection, migrations).await?))
}

/// The attempt that applied a migration, or recorded it as applied; `None` if another program did.
fn applying_attempt(attempts: &[MigrationAttempt], version: i64) -> Option<&MigrationAttempt> {
    // A rollback that failed or was interrupted changed nothing, and a repair only the checksum.
    let decides = |attempt: &&MigrationAttempt| {
        attempt.outcome == AttemptOutcome::Succeeded && attempt.action != AttemptAction::Repair
    };
    let last = attempts.iter().rev().filter(|attempt| attempt.version == version).find(decides)?;
    matches!(last.action, AttemptAction::Apply | AttemptAction::ResolveApplied).then_some(last)
}

fn lines(plan: &MigrationPlan, history: &MigrationHistory) -> Vec<StatusLine> {
    let latest: HashMap<i64, &MigrationAttempt> =
        history.attempts.iter().map(|attempt| (attempt.version, attempt)).collect();
    let line = |version: i64, name: &str, record: Option<&MigrationRecord>| {
        let attempt = latest.get(&version).copied();
        let is_success = |attempt: &&MigrationAttempt| attempt.outcome == AttemptOutcome::Succeeded;
        let by = applying_attempt(&history.attempts, version);
        StatusLine {
            version,
            name: name.to_owned(),
            state: plan.state(version),
            applied_on: record.map(|record| record.installed_on),
            took: record.and_then(|record| record.took),
            applied_by: by.map(|attempt| match attempt.action {
                AttemptAction::ResolveApplied => format!("{}, resolved", attempt.app_version),
                _ => attempt.app_version.clone(),
            }),
            failed_attempt: attempt.filter(|attempt| !is_success(attempt)).cloned(),
        }
    };
    let mut lines: Vec<StatusLine> =
        history.records.iter().map(|record| line(record.version, &record.name, Some(record))).collect();
    lines.extend(plan.pending.iter().map(|migration| line(migration.version, &migration.name, None)));
    lines.extend(plan.empty.iter().map(|one| line(one.version, &one.name, None)));
    lines.sort_by_key(|line| line.version);
    lines
}
