//! Applying what is pending.

use std::time::Duration;

use sqlx::PgConnection;
use sqlx::migrate::Migrate as _;
use sqlx::postgres::PgConnectOptions;

use super::history::{self, TABLE};
use super::plan::Plan;
use super::source::Migration;
use super::{MigrateError, connect, lock};
use crate::config::Profile;

/// A migration that was applied just now.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// How long it took.
    pub took: Duration,
}

/// Applies what is pending, in order, and calls `report` after each. Several processes may try at once: one applies,
/// the others wait for it and find nothing left to do.
///
/// # Errors
/// [`MigrateError`]; what was applied before stays applied.
pub async fn deploy(
    options: &PgConnectOptions,
    migrations: &[Migration],
    profile: Profile,
    lock_timeout: Duration,
    mut report: impl FnMut(&Deployed),
) -> Result<Vec<Deployed>, MigrateError> {
    let mut connection = connect(options).await?;
    let outcome = deploy_on(&mut connection, migrations, profile, lock_timeout, &mut report).await;
    lock::release(connection).await;
    outcome
}

async fn deploy_on(
    connection: &mut PgConnection,
    migrations: &[Migration],
    profile: Profile,
    lock_timeout: Duration,
    report: &mut impl FnMut(&Deployed),
) -> Result<Vec<Deployed>, MigrateError> {
    lock::acquire(connection, lock_timeout).await?;
    let plan = Plan::new(migrations, &history::read(connection).await?);
    if let Some(problem) = plan.problem(profile) {
        return Err(MigrateError::Refused(problem));
    }
    let mut deployed = Vec::new();
    if plan.pending.is_empty() {
        return Ok(deployed);
    }
    let prepared = connection.ensure_migrations_table(TABLE).await;
    prepared.map_err(|error| MigrateError::Database(sqlx::Error::from(error)))?;
    for migration in plan.pending {
        let took = connection.apply(TABLE, &migration.up).await.map_err(|error| failure(&migration, error))?;
        let done = Deployed { version: migration.version, name: migration.name, took };
        report(&done);
        deployed.push(done);
    }
    Ok(deployed)
}

fn failure(migration: &Migration, error: sqlx::migrate::MigrateError) -> MigrateError {
    use sqlx::migrate::MigrateError as Sqlx;
    let error = match error {
        Sqlx::ExecuteMigration(error, _) | Sqlx::Execute(error) => error,
        other => sqlx::Error::from(other),
    };
    let left = if migration.up.no_tx {
        "It runs without a transaction, so what came before the failing statement stands. Look at the database before the next try."
    } else {
        "Nothing of it is left in the database. Mend the file and deploy again."
    };
    MigrateError::Failed { version: migration.version, name: migration.name.clone(), error, left }
}
