//! What a database has, needs, and has that it should not.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use super::attempt::{Action, Attempt, Outcome};
use super::drift::{self, Drift};
use super::history::{self, History, Record};
use super::plan::{Plan, State};
use super::session::Session;
use super::settings::Settings;
use super::source::Migration;
use super::{Exit, MigrateError};
use crate::config::Profile;

/// Where a database stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// Each migration, in order.
    pub lines: Vec<Line>,
    /// What follows from it.
    pub plan: Plan,
    /// What was tried, in order.
    pub attempts: Vec<Attempt>,
    /// Whether the schema is the one that the migrations build.
    pub drift: Drift,
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
    /// Which version of this program applied it, or was told that it is; `None` if it was another program.
    pub by: Option<String>,
    /// The last attempt, if it did not end well.
    pub trouble: Option<Attempt>,
}

impl Status {
    /// What the command ends with: what stands in the way of a deploy first, in the order in which a deploy would find it.
    #[must_use]
    pub fn exit(&self, profile: Profile) -> Exit {
        let plan = &self.plan;
        let stands = |state: State| self.lines.iter().any(|line| line.state == state);
        if stands(State::Failed) || stands(State::Interrupted) {
            Exit::FailedMigration
        } else if let Some(problem) = plan.problem(profile) {
            problem.exit()
        } else if profile == Profile::Prod && !plan.empty.is_empty() {
            Exit::Failed
        } else if !plan.pending.is_empty() {
            Exit::Pending
        } else {
            match self.drift {
                Drift::Found(_) => Exit::Drift,
                Drift::Failed(_) => Exit::Failed,
                Drift::NotAsked | Drift::NotLooked(_) | Drift::None => Exit::Done,
            }
        }
    }
}

/// Looks at a database and changes nothing. Whether the schema drifted is found out in a shadow database, if it is asked for.
///
/// # Errors
/// [`MigrateError::Connect`] or [`MigrateError::Database`].
pub async fn status(
    options: &PgConnectOptions,
    migrations: &[Migration],
    settings: &Settings,
    look_for_drift: bool,
) -> Result<Status, MigrateError> {
    Session::with(options, settings, async |session| {
        let history = session.history(migrations).await?;
        let plan = Plan::new(migrations, &history);
        let drift =
            if look_for_drift { drift::look(session, migrations, &history, &plan).await? } else { Drift::NotAsked };
        Ok(of(plan, history, drift))
    })
    .await
}

/// Where the migrations stand, on a connection that is there already: for a server that looks again and again.
///
/// # Errors
/// [`MigrateError::Database`].
pub async fn status_on(connection: &mut PgConnection, migrations: &[Migration]) -> Result<Status, MigrateError> {
    let history = history::read(connection, migrations).await?;
    let plan = Plan::new(migrations, &history);
    Ok(of(plan, history, Drift::NotAsked))
}

fn of(plan: Plan, history: History, drift: Drift) -> Status {
    Status { lines: lines(&plan, &history), plan, attempts: history.attempts, drift }
}

fn lines(plan: &Plan, history: &History) -> Vec<Line> {
    let latest: HashMap<i64, &Attempt> = history.attempts.iter().map(|attempt| (attempt.version, attempt)).collect();
    let line = |version: i64, name: &str, record: Option<&Record>| {
        let state = plan.state(version);
        let attempt = latest.get(&version).copied();
        let by = attempt.filter(|attempt| attempt.outcome == Outcome::Succeeded && attempt.action != Action::Adopt);
        Line {
            version,
            name: name.to_owned(),
            state,
            applied_on: record.map(|record| record.installed_on),
            took: record.and_then(|record| record.took),
            by: by.map(|attempt| match attempt.action {
                Action::ResolveApplied => format!("{}, resolved", attempt.app_version),
                _ => attempt.app_version.clone(),
            }),
            trouble: attempt.filter(|attempt| attempt.outcome != Outcome::Succeeded).cloned(),
        }
    };
    let mut lines: Vec<Line> =
        history.records.iter().map(|record| line(record.version, &record.name, Some(record))).collect();
    lines.extend(plan.pending.iter().map(|migration| line(migration.version, &migration.name, None)));
    lines.extend(plan.empty.iter().map(|named| line(named.version, &named.name, None)));
    lines.sort_by_key(|line| line.version);
    lines
}
