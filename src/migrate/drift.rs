//! Whether a database still has the schema that its migrations build.

use super::MigrateError;
use super::history::History;
use super::looks::Look;
use super::plan::Plan;
use super::resolve::applied;
use super::schema;
use super::session::Session;
use super::source::Migration;

/// Whether a database has the schema that its migrations build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// Nobody asked.
    NotAsked,
    /// There was nothing to compare with, for this reason.
    NotLooked(String),
    /// It could not be looked at, for this reason.
    Failed(String),
    /// It has.
    None,
    /// It has not; object by object.
    Found(Vec<String>),
}

/// Builds in a shadow database what is applied here, and compares. What was found in step is noted, so that it is not built
/// again before something has changed.
pub(super) async fn look(
    session: &mut Session<'_>,
    migrations: &[Migration],
    history: &History,
    plan: &Plan,
) -> Result<Drift, MigrateError> {
    if let Some(reason) = why_not(history, plan) {
        return Ok(Drift::NotLooked(reason.to_owned()));
    }
    let found = session.schema().await?;
    let applied = applied(migrations, history);
    let look = Look::new(session, &history.tables, &applied, &found).await?;
    if look.is_known(session).await? {
        return Ok(Drift::None);
    }
    let expected = match schema::built_by(session, &applied).await {
        Ok(expected) => expected,
        Err(
            error @ (MigrateError::NoShadow
            | MigrateError::Failed(_)
            | MigrateError::File { .. }
            | MigrateError::Refused(_)),
        ) => {
            return Ok(Drift::Failed(error.to_string()));
        }
        Err(error) => return Err(error),
    };
    let differences = found.differences_from(&expected);
    if !differences.is_empty() {
        return Ok(Drift::Found(differences));
    }
    look.note(session).await?;
    Ok(Drift::None)
}

fn why_not(history: &History, plan: &Plan) -> Option<&'static str> {
    if history.records.is_empty() {
        Some("nothing is applied yet")
    } else if !plan.duplicates.is_empty() || !plan.unknown.is_empty() || !plan.edited.is_empty() {
        Some("the files are not those that were applied, so what they build says nothing")
    } else if !plan.blocked.is_empty() {
        Some("a migration failed half-way")
    } else if !plan.running.is_empty() {
        Some("a migration is being run")
    } else if !plan.in_part.is_empty() {
        Some("the database has some of the migrations that one file stands for, and not all")
    } else {
        None
    }
}
