//! `migrate rollback`.

use serde_json::json;

use crate::cli::context::CommandContext;
use crate::cli::output::CommandOutput;
use crate::cli::progress::ProgressReporter;
use crate::cli::words::{completed_json, migrations_were};
use crate::commands::rollback::rollback_forbidden;
use crate::error::MigrateError;
use crate::exit::Exit;
use crate::profile::MigrationProfile;
use crate::program::ProgramNames;
use crate::run::revert::RollbackTarget;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 not applicable in the current state, 5 a failed migration blocks, 7 another \
                  process is migrating, 8 in prod without --yes"
)]
pub(crate) struct RollbackOptions {
    /// The number of the newest to roll back
    #[arg(long, value_name = "K", default_value_t = 1, conflicts_with = "to")]
    steps: usize,
    /// Roll back everything that is newer than this; 0 rolls back everything
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
    /// In prod: the name of the database, to confirm that it is the right one
    #[arg(long, value_name = "NAME_OF_DATABASE")]
    yes: Option<String>,
}

impl RollbackOptions {
    pub(crate) fn refusal(&self, profile: MigrationProfile, names: &ProgramNames) -> Option<MigrateError> {
        (profile == MigrationProfile::Prod && self.yes.is_none())
            .then(|| rollback_forbidden(names, "NAME_OF_DATABASE", None))
    }

    pub(crate) async fn run(self, context: &CommandContext) -> Result<CommandOutput, MigrateError> {
        let target = self.to.map_or(RollbackTarget::Steps(self.steps), RollbackTarget::To);
        let mut progress = ProgressReporter::new();
        let outcome = context.migrator.rollback(target, self.yes.as_deref(), |event| progress.report(event)).await;
        let fields = json!({"taken_back": completed_json(&progress.completed)});
        if let Err(error) = outcome {
            return Ok(CommandOutput::from(error).with("taken_back", fields["taken_back"].clone()));
        }
        let text = match progress.completed.len() {
            0 => "Nothing to do: none of these is applied.".to_owned(),
            number => format!("{} rolled back.", migrations_were(number)),
        };
        Ok(CommandOutput::new(Exit::Done, text, fields))
    }
}
