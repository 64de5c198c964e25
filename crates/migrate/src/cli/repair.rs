//! `migrate repair`.

use serde_json::json;

use crate::cli::context::CommandContext;
use crate::cli::output::CommandOutput;
use crate::error::MigrateError;
use crate::exit::Exit;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 there is nothing to repair, 6 the file builds another schema now"
)]
pub(crate) struct RepairOptions {
    /// The version of the edited file
    version: i64,
}

impl RepairOptions {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<CommandOutput, MigrateError> {
        let name = context.migrator.repair(self.version).await?;
        let text = format!(
            "{} {name} builds the same schema as before; its recorded checksum is now that of the edited file.",
            self.version
        );
        Ok(CommandOutput::new(Exit::Done, text, json!({"version": self.version, "name": name})))
    }
}
