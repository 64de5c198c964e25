//! Taking migrations back, newest first.

use sqlx::postgres::PgConnectOptions;

use super::attempt::Action;
use super::deploy::{opening, recorder};
use super::event::{Deployed, Event};
use super::execute::{self, Job, Purpose};
use super::history::History;
use super::plan::Plan;
use super::problem::Problem;
use super::record::Recorder;
use super::script::Prepared;
use super::session::Session;
use super::settings::Settings;
use super::source::{Migration, Script};
use super::{MigrateError, rights, squash};
use crate::config::Profile;

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// So many of the newest.
    Steps(usize),
    /// Everything that is newer than this one; 0 is everything.
    To(i64),
}

/// Runs the scripts that take back, newest first. In prod the name of the database has to be said: `confirmed`.
///
/// # Errors
/// [`MigrateError`]; what was taken back before stays taken back.
pub async fn rollback(
    options: &PgConnectOptions,
    migrations: &[Migration],
    settings: &Settings,
    target: Target,
    confirmed: Option<&str>,
    mut report: impl FnMut(Event),
) -> Result<Vec<Deployed>, MigrateError> {
    Session::with(options, settings, async |session| {
        allowed(session, confirmed)?;
        session.lock().await?;
        let done = rollback_on(session, migrations, target, &mut report).await?;
        // A table may have come back.
        rights::grant(session, &mut report).await?;
        Ok(done)
    })
    .await
}

fn allowed(session: &Session<'_>, confirmed: Option<&str>) -> Result<(), MigrateError> {
    let database = session.database();
    if session.settings.profile != Profile::Prod || confirmed == Some(database) {
        return Ok(());
    }
    let said = confirmed.map_or_else(String::new, |name| format!(" (and not `{name}`)"));
    Err(MigrateError::Forbidden(format!(
        "in prod, taking back can lose data; nothing was changed. Back up first, then say which database you mean: `app \
         migrate rollback --yes {database}`{said}."
    )))
}

pub(super) async fn rollback_on(
    session: &mut Session<'_>,
    migrations: &[Migration],
    target: Target,
    report: &mut impl FnMut(Event),
) -> Result<Vec<Deployed>, MigrateError> {
    let history = session.history(migrations).await?;
    let plan = Plan::new(migrations, &history);
    if !plan.duplicates.is_empty() {
        return Err(MigrateError::Refused(Problem::Duplicates(plan.duplicates)));
    }
    if !plan.blocked.is_empty() {
        return Err(MigrateError::Refused(Problem::Failed(plan.blocked)));
    }
    let mut scripts = Vec::new();
    for version in chosen(migrations, &history, target)? {
        let Some(migration) = migrations.iter().find(|migration| migration.version == version) else {
            return Err(MigrateError::Refused(Problem::Unknown(plan.unknown)));
        };
        let Some(down) = &migration.down else {
            return Err(MigrateError::Senseless(format!(
                "{version} {} has no `.down.sql`, so it cannot be taken back; nothing was changed. Write one, or make the \
                 change in a new migration.",
                migration.name
            )));
        };
        scripts.push((migration, down, Prepared::new(down)?));
    }
    let mut recorder = recorder(session, &history).await?;
    session.note(opening(&recorder, &history)).await?;
    let mut done = Vec::new();
    for (migration, down, prepared) in &scripts {
        done.push(take_back(session, &mut recorder, migration, down, prepared, report).await?);
    }
    Ok(done)
}

/// The versions to be taken back, newest first.
fn chosen(migrations: &[Migration], history: &History, target: Target) -> Result<Vec<i64>, MigrateError> {
    // With a file that stands for several go the records of those.
    let covered = |version: &i64| migrations.iter().any(|one| squash::covers(one, *version));
    let newest_first = history.records.iter().rev().map(|record| record.version).filter(|version| !covered(version));
    match target {
        Target::Steps(steps) => Ok(newest_first.take(steps).collect()),
        Target::To(0) => Ok(newest_first.collect()),
        Target::To(version) if history.records.iter().any(|record| record.version == version) => {
            Ok(newest_first.take_while(|newer| *newer > version).collect())
        }
        Target::To(version) => Err(MigrateError::Senseless(format!(
            "{version} is not applied, so there is no way back to it; nothing was changed. `app migrate status` lists what is."
        ))),
    }
}

async fn take_back(
    session: &mut Session<'_>,
    recorder: &mut Recorder,
    migration: &Migration,
    down: &Script,
    prepared: &Prepared<'_>,
    report: &mut impl FnMut(Event),
) -> Result<Deployed, MigrateError> {
    let (attempt, mut begin) = recorder.begin(migration, down, Action::Revert);
    if prepared.no_transaction {
        begin += &recorder.set_success(migration.version, false);
    }
    session.note(begin).await?;
    let mut removed = recorder.removed(migration.version);
    for one in squash::squashed(&migration.up).into_iter().flatten() {
        removed += &recorder.removed(one.version);
    }
    let job = Job {
        version: migration.version,
        name: &migration.name,
        prepared,
        purpose: Purpose::Revert,
        attempt,
        on_success: removed + &recorder.succeeded(attempt),
        on_nothing_left: recorder.set_success(migration.version, true),
    };
    let took = execute::run(session, recorder, &job, report).await?;
    let done = Deployed { version: migration.version, name: migration.name.clone(), took };
    report(Event::Done(done.clone()));
    Ok(done)
}
