//! Drift: the differences between a database and the schema that its applied migrations build.

use crate::error::MigrateError;
use crate::file::source::Migration;
use crate::propose::shadow::built_by;
use crate::record::history::MigrationHistory;
use crate::record::plan::MigrationPlan;
use crate::run::drift_cache::DriftCacheEntry;
use crate::run::session::MigrationSession;

/// The result of comparing a database with the schema that its applied migrations build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// The comparison was not requested.
    NotRequested,
    /// There was nothing to compare with, for this reason.
    NotComparable(String),
    /// The comparison failed, for this reason.
    Failed(String),
    /// No differences.
    None,
    /// Differences, one object a line.
    Found(Vec<String>),
}

/// Builds the applied migrations in a shadow database, and compares. A result without differences is remembered, so that they
/// are not built again before something has changed.
pub(crate) async fn find_drift(
    session: &mut MigrationSession<'_>,
    migrations: &[Migration],
    history: &MigrationHistory,
    plan: &MigrationPlan,
) -> Result<Drift, MigrateError> {
    if let Some(reason) = not_comparable(history, plan) {
        return Ok(Drift::NotComparable(reason.to_owned()));
    }
    let found = session.schema().await?;
    let applied = history.applied(migrations);
    let entry = DriftCacheEntry::new(session, &history.tables, &applied, &found).await?;
    if entry.is_known(session).await? {
        return Ok(Drift::None);
    }
    let expected = match built_by(session, &applied).await {
        Ok(expected) => expected,
        Err(
            error @ (MigrateError::NoShadow(_)
            | MigrateError::Failed(_)
            | MigrateError::File { .. }
            | MigrateError::Refused(..)),
        ) => {
            return Ok(Drift::Failed(error.to_string()));
        }
        Err(error) => return Err(error),
    };
    let differences = found.differences_from(&expected);
    if !differences.is_empty() {
        return Ok(Drift::Found(differences));
    }
    entry.note(session).await?;
    Ok(Drift::None)
}

/// The error if the database does not have the schema that these migrations build.
pub(crate) async fn expect_built_by(
    session: &mut MigrationSession<'_>,
    migrations: &[Migration],
    summary: impl FnOnce() -> String,
) -> Result<(), MigrateError> {
    let expected = built_by(session, migrations).await?;
    let differences = session.schema().await?.differences_from(&expected);
    if differences.is_empty() { Ok(()) } else { Err(MigrateError::Differs { summary: summary(), differences }) }
}

fn not_comparable(history: &MigrationHistory, plan: &MigrationPlan) -> Option<&'static str> {
    if history.records.is_empty() {
        Some("nothing is applied yet")
    } else if !plan.duplicates.is_empty() || !plan.unknown.is_empty() || !plan.edited.is_empty() {
        Some("the files are not those that were applied, so the schema that they build says nothing")
    } else if !plan.blocked.is_empty() {
        Some("a migration failed half-way")
    } else if !plan.running.is_empty() {
        Some("a migration is running")
    } else if !plan.partly_squashed.is_empty() {
        Some("the database has some of the migrations that a squashed file replaces, but not all")
    } else {
        None
    }
}
