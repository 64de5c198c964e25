//! `migrate rebase`.

use serde_json::json;

use crate::cli::context::{CommandContext, now};
use crate::cli::output::CommandOutput;
use crate::cli::words::displayed;
use crate::error::MigrateError;
use crate::exit::Exit;

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 it is applied already, or has no file")]
pub(crate) struct RebaseOptions {
    /// The version of the file that came late
    version: i64,
}

impl RebaseOptions {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<CommandOutput, MigrateError> {
        let (version, paths) = context.migrator.rebase(self.version, now()).await?;
        let files = displayed(&paths);
        let text = format!("{} is now {version}:\n  {}", self.version, files.join("\n  "));
        Ok(CommandOutput::new(Exit::Done, text, json!({"from": self.version, "to": version, "files": files})))
    }
}
