//! `seed`: inserts data from a file.

use std::path::Path;

use crate::error::{MigrateError, RunPurpose};
use crate::event::MigrateEvent;
use crate::file::script::PreparedScript;
use crate::file::source::Script;
use crate::file::write::file_error;
use crate::migrator::Migrator;
use crate::run::execute::execute_unrecorded;
use crate::run::script_run::ScriptRun;
use crate::run::session::MigrationSession;

impl Migrator {
    /// Runs a file of SQL in one transaction. Returns the number of its statements.
    ///
    /// # Errors
    /// [`MigrateError::Failed`] with the statement and its line; then nothing of the file is left.
    pub async fn seed_file(&self, path: &Path, mut report: impl FnMut(MigrateEvent)) -> Result<usize, MigrateError> {
        let text = std::fs::read_to_string(path).map_err(file_error(path))?;
        let script = Script::new(path.display().to_string(), text);
        let prepared = PreparedScript::new(&script)?;
        if prepared.no_transaction {
            return Err(MigrateError::File {
                file: script.file.clone(),
                line: 1,
                problem: "a seed runs in one transaction; remove the line `-- no-transaction`".to_owned(),
            });
        }
        let run = ScriptRun::unrecorded(&prepared, RunPurpose::Seed);
        MigrationSession::with(&self.database, &self.settings, async |session| {
            execute_unrecorded(session, &run, &mut report).await
        })
        .await?;
        Ok(prepared.statements.len())
    }
}
