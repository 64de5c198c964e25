//! `app openapi`.

use std::process::ExitCode;

use migrate_toolkit::cli::terminal;

#[derive(Debug, clap::Args)]
pub(super) struct OpenapiOptions {}

impl OpenapiOptions {
    #[expect(clippy::unused_self, reason = "each command is run alike")]
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        terminal::answer(serde_json::to_string_pretty(&crate::features::router().1())?);
        Ok(ExitCode::SUCCESS)
    }
}
