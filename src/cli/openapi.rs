//! `app openapi`.

use std::process::ExitCode;

use super::output;

#[derive(Debug, clap::Args)]
pub(super) struct OpenapiOptions {}

impl OpenapiOptions {
    #[expect(clippy::unused_self, reason = "each command is run alike")]
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        output::answer(serde_json::to_string_pretty(&crate::features::router().1())?);
        Ok(ExitCode::SUCCESS)
    }
}
