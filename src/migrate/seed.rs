//! Putting in data from a file.

use std::path::Path;

use sqlx::postgres::PgConnectOptions;

use super::MigrateError;
use super::event::Event;
use super::execute::{self, Job, Purpose};
use super::script::Prepared;
use super::session::Session;
use super::settings::Settings;
use super::source::Script;

/// Runs a file in one transaction; the number of its statements.
///
/// # Errors
/// [`MigrateError::Failed`] with the statement and its line; nothing of the file is left then.
pub async fn seed_file(
    options: &PgConnectOptions,
    path: &Path,
    settings: &Settings,
    mut report: impl FnMut(Event),
) -> Result<usize, MigrateError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| MigrateError::Source { path: path.to_owned(), problem: error.to_string() })?;
    let script = Script::new(path.display().to_string(), text);
    let prepared = Prepared::new(&script)?;
    if prepared.no_transaction {
        return Err(MigrateError::File {
            file: script.file.clone(),
            line: 1,
            problem: "a seed runs in one transaction; take the line `-- no-transaction` out".to_owned(),
        });
    }
    let job = Job {
        version: 0,
        name: "",
        prepared: &prepared,
        purpose: Purpose::Seed,
        attempt: 0,
        on_success: String::new(),
        on_nothing_left: String::new(),
    };
    Session::with(options, settings, async |session| execute::once(session, &job, &mut report).await).await?;
    Ok(prepared.statements.len())
}
