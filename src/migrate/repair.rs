//! Making the record that of a file as it is now.

use sqlx::postgres::PgConnectOptions;

use super::attempt::Action;
use super::deploy::{opening, recorder};
use super::history;
use super::plan::{Plan, State};
use super::problem::Problem;
use super::resolve::applied;
use super::session::Session;
use super::settings::Settings;
use super::source::Migration;
use super::{MigrateError, schema};

/// Notes the checksum of an applied file as it is now; the migration's name. What the file did when it was applied is not
/// known any more, so the whole is proven: the schema that the files build now is the one that the database has.
///
/// # Errors
/// [`MigrateError::Differs`] if it is not; [`MigrateError::Senseless`] where there is nothing to repair.
pub async fn repair(
    options: &PgConnectOptions,
    migrations: &[Migration],
    settings: &Settings,
    version: i64,
) -> Result<String, MigrateError> {
    Session::with_lock(options, settings, async |session| repair_on(session, migrations, version).await).await
}

async fn repair_on(session: &mut Session<'_>, migrations: &[Migration], version: i64) -> Result<String, MigrateError> {
    let history = session.history(migrations).await?;
    let plan = Plan::new(migrations, &history);
    if !plan.duplicates.is_empty() {
        return Err(MigrateError::Refused(Problem::Duplicates(plan.duplicates)));
    }
    let migration = migrations.iter().find(|migration| migration.version == version);
    let why = match (migration, plan.state(version)) {
        (Some(migration), State::Edited | State::Cosmetic) => {
            prove(session, migrations, migration, &plan, &history).await?;
            let mut recorder = recorder(session, &history).await?;
            let mut sql = opening(&recorder, &history);
            sql += &recorder.rechecked(migration);
            sql += &recorder.done(version, &migration.name, Some(&migration.up), Action::Repair);
            session.note(sql).await?;
            return Ok(migration.name.clone());
        }
        (None, _) => "no such migration is known here; `app migrate status` lists those there are",
        (_, State::Applied) => "its file is as it was applied",
        (_, State::Partial | State::Interrupted) => "it failed; `app migrate resolve` is for that",
        _ => "it is not applied",
    };
    Err(MigrateError::Senseless(format!("{version} needs no repair: {why}. Nothing was changed.")))
}

async fn prove(
    session: &mut Session<'_>,
    migrations: &[Migration],
    migration: &Migration,
    plan: &Plan,
    history: &history::History,
) -> Result<(), MigrateError> {
    if plan.state(migration.version) == State::Cosmetic {
        return Ok(());
    }
    if !plan.unknown.is_empty() {
        return Err(MigrateError::Refused(Problem::Unknown(plan.unknown.clone())));
    }
    let expected = schema::built_by(session, &applied(migrations, history)).await?;
    let differences = session.schema().await?.differences_from(&expected);
    if differences.is_empty() {
        return Ok(());
    }
    Err(MigrateError::Differs {
        summary: format!(
            "{} {} does not build any more what the database has; nothing was changed. Put the file back as it was, and \
             make the change in a new migration:",
            migration.version, migration.name
        ),
        differences,
    })
}
