//! `migrate squash`.

use serde_json::json;

use crate::cli::context::CommandContext;
use crate::cli::output::CommandOutput;
use crate::cli::words::{count, displayed};
use crate::error::MigrateError;
use crate::exit::Exit;
use crate::profile::MigrationProfile;

#[derive(Debug, clap::Args)]
#[command(after_help = "A database that has all of them has nothing to do; a new one begins with the new file.\n\n\
                        Exit codes: 0 done, 1 failed, 2 there is nothing to squash, 8 in prod")]
pub(crate) struct SquashOptions {
    /// The newest of the migrations to be replaced
    #[arg(long, value_name = "VERSION")]
    to: i64,
}

impl SquashOptions {
    pub(crate) fn refusal(profile: MigrationProfile) -> Option<MigrateError> {
        (profile == MigrationProfile::Prod).then(|| {
            MigrateError::Forbidden(
                "`migrate squash` works on a checkout, and is not for prod; no file was changed.".to_owned(),
            )
        })
    }

    pub(crate) async fn run(self, context: &CommandContext) -> Result<CommandOutput, MigrateError> {
        let done = context.migrator.squash(&context.checkout, self.to).await?;
        let (files, removed) = (displayed(&done.written), displayed(&done.removed));
        let text = format!(
            "{} became:\n  {}\nIt builds the same schema. Databases that have them all have nothing to do.",
            count(removed.len(), "file", "files"),
            files.join("\n  ")
        );
        Ok(CommandOutput::new(Exit::Done, text, json!({"files": files, "removed": removed})))
    }
}
