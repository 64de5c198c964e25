//! Setting the record right, after somebody has set the database right.

use std::collections::HashSet;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Row as _};

use super::attempt::{Action, Attempt};
use super::deploy::{opening, recorder};
use super::history::History;
use super::plan::{Plan, State};
use super::problem::Problem;
use super::session::Session;
use super::settings::Settings;
use super::source::Migration;
use super::{MigrateError, schema};

/// What somebody says of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// All of it is in the database.
    Applied(i64),
    /// Nothing of it is in the database.
    RolledBack(i64),
}

/// What was made of it.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The migration's version.
    pub version: i64,
    /// The migration's name.
    pub name: String,
    /// Whether a shadow database showed that it is so.
    pub verified: bool,
}

/// Notes what somebody says of one migration, if it can be so. One that was never run here counts as applied only if the
/// schema is the one that it builds: so a database that was made without this tool is taken over.
///
/// # Errors
/// [`MigrateError::Senseless`] with the reason, and [`MigrateError::Differs`] if the schema is another one.
pub async fn resolve(
    options: &PgConnectOptions,
    migrations: &[Migration],
    settings: &Settings,
    resolution: Resolution,
) -> Result<Resolved, MigrateError> {
    Session::with_lock(options, settings, async |session| resolve_on(session, migrations, resolution).await).await
}

async fn resolve_on(
    session: &mut Session<'_>,
    migrations: &[Migration],
    resolution: Resolution,
) -> Result<Resolved, MigrateError> {
    let history = session.history(migrations).await?;
    let plan = Plan::new(migrations, &history);
    if !plan.duplicates.is_empty() {
        return Err(MigrateError::Refused(Problem::Duplicates(plan.duplicates)));
    }
    let (Resolution::Applied(version) | Resolution::RolledBack(version)) = resolution;
    let Some(migration) = migrations.iter().find(|migration| migration.version == version) else {
        return Err(senseless(version, "no such migration is known here; `app migrate status` lists those there are"));
    };
    let attempt = history.attempts.iter().rev().find(|attempt| attempt.version == version);
    let begun = history.records.iter().any(|record| record.version == version && !record.success);
    let state = plan.state(version);
    match (resolution, state) {
        (_, State::Running) => return Err(senseless(version, "it is being run at this moment")),
        (Resolution::Applied(_), State::Applied | State::Cosmetic | State::Edited) => {
            return Err(senseless(version, "it is on record as applied already"));
        }
        (Resolution::RolledBack(_), State::Applied | State::Cosmetic | State::Edited) => {
            return Err(senseless(version, "it is applied, and did not fail; `app migrate rollback` takes it back"));
        }
        (Resolution::RolledBack(_), _) if !begun => {
            let why =
                "nothing of it is in the database, and there is nothing to resolve; `app migrate deploy` applies it";
            return Err(senseless(version, why));
        }
        _ => {}
    }
    if begun {
        look_at_what_is_left(session, version, attempt, resolution).await?;
    } else {
        verify(session, migrations, migration, &plan, &history).await?;
    }
    let mut recorder = recorder(session, &history).await?;
    let mut sql = opening(&recorder, &history);
    match resolution {
        Resolution::Applied(_) => {
            sql += &recorder.declared(migration);
            sql += &recorder.done(version, &migration.name, Some(&migration.up), Action::ResolveApplied);
        }
        Resolution::RolledBack(_) => {
            sql += &recorder.removed(version);
            sql += &recorder.done(version, &migration.name, None, Action::ResolveRolledBack);
        }
    }
    session.note(sql).await?;
    Ok(Resolved { version, name: migration.name.clone(), verified: !begun })
}

/// Notes that these are applied, if the database has the schema that they build after those that are applied already.
pub(super) async fn declare(
    options: &PgConnectOptions,
    migrations: &[Migration],
    settings: &Settings,
    versions: &[i64],
) -> Result<(), MigrateError> {
    Session::with_lock(options, settings, async |session| {
        let history = session.history(migrations).await?;
        let mut builders = applied(migrations, &history);
        let new: Vec<&Migration> = migrations.iter().filter(|one| versions.contains(&one.version)).collect();
        builders.extend(new.iter().map(|one| (*one).clone()));
        let expected = schema::built_by(session, &builders).await?;
        let differences = session.schema().await?.differences_from(&expected);
        if !differences.is_empty() {
            return Err(MigrateError::Differs {
                summary: "the files are written, and do not build what the database has; nothing was recorded:"
                    .to_owned(),
                differences,
            });
        }
        let mut recorder = recorder(session, &history).await?;
        let mut sql = opening(&recorder, &history);
        for migration in new {
            sql += &recorder.declared(migration);
            sql += &recorder.done(migration.version, &migration.name, Some(&migration.up), Action::ResolveApplied);
        }
        Ok(session.note(sql).await?)
    })
    .await
}

fn senseless(version: i64, why: &str) -> MigrateError {
    MigrateError::Senseless(format!("{version} cannot be resolved: {why}. Nothing was changed."))
}

/// An index that a failed statement left invalid speaks for itself.
async fn look_at_what_is_left(
    session: &mut Session<'_>,
    version: i64,
    attempt: Option<&Attempt>,
    resolution: Resolution,
) -> Result<(), MigrateError> {
    for index in attempt.map(|attempt| attempt.left_behind.as_slice()).unwrap_or_default() {
        let query = format!(
            "select indisvalid from pg_index where indexrelid = to_regclass({})",
            super::record::literal(index)
        );
        let row = sqlx::raw_sql(AssertSqlSafe(query)).fetch_optional(&mut session.connection).await?;
        let valid: Option<bool> = row.map(|row| row.try_get("indisvalid")).transpose()?;
        match (resolution, valid) {
            (Resolution::Applied(_), Some(false)) => {
                let why = format!(
                    "its index {index} is invalid still; make it valid with `reindex index concurrently {index}`"
                );
                return Err(senseless(version, &why));
            }
            (Resolution::Applied(_), None) => {
                return Err(senseless(version, &format!("its index {index} is not there; make it by hand")));
            }
            (Resolution::RolledBack(_), Some(_)) => {
                let why = format!("its index {index} is there still; drop it with `drop index concurrently {index}`");
                return Err(senseless(version, &why));
            }
            (Resolution::Applied(_), Some(true)) | (Resolution::RolledBack(_), None) => {}
        }
    }
    Ok(())
}

/// Holds the schema against the one that the migrations up to this one build.
async fn verify(
    session: &mut Session<'_>,
    migrations: &[Migration],
    migration: &Migration,
    plan: &Plan,
    history: &History,
) -> Result<(), MigrateError> {
    if let Some(earlier) = plan.pending.iter().find(|one| one.version < migration.version) {
        let why = format!("{} {} comes before it and is not applied", earlier.version, earlier.name);
        return Err(senseless(migration.version, &why));
    }
    if let Some(problem) = plan.problem_if(false) {
        return Err(MigrateError::Refused(problem));
    }
    let mut builders = applied(migrations, history);
    builders.push(migration.clone());
    let expected = schema::built_by(session, &builders).await?;
    let differences = session.schema().await?.differences_from(&expected);
    if differences.is_empty() {
        return Ok(());
    }
    Err(MigrateError::Differs {
        summary: format!(
            "the schema is not the one that the migrations up to {} {} build; nothing was recorded. Bring the database or \
             the file in step, and try again:",
            migration.version, migration.name
        ),
        differences,
    })
}

/// Those of the migrations that a database has.
pub(super) fn applied(migrations: &[Migration], history: &History) -> Vec<Migration> {
    let applied: HashSet<i64> =
        history.records.iter().filter(|record| record.success).map(|record| record.version).collect();
    migrations.iter().filter(|migration| applied.contains(&migration.version)).cloned().collect()
}
