//! `migrate new`.

use std::path::Path;

use serde_json::json;

use crate::cli::context::now;
use crate::cli::output::CommandOutput;
use crate::cli::words::displayed;
use crate::error::MigrateError;
use crate::exit::Exit;
use crate::file::write::create_pair;
use crate::program::ProgramNames;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example: migrate new add payees\n\nExit codes: 0 done, 1 failed, 2 the name is invalid")]
pub(crate) struct NewOptions {
    /// The purpose, in a few words
    #[arg(required = true, value_name = "NAME")]
    name: Vec<String>,
}

impl NewOptions {
    pub(crate) fn run(self, folder: &Path, names: &ProgramNames) -> Result<CommandOutput, MigrateError> {
        let files = displayed(&create_pair(folder, &self.name.join(" "), now())?);
        let text = format!("Fill these in, then run `{}`:\n  {}", names.migrate("dev"), files.join("\n  "));
        Ok(CommandOutput::new(Exit::Done, text, json!({"files": files})))
    }
}
