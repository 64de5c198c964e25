//! `app openapi`.

use std::process::ExitCode;

use super::output;

#[derive(Debug, clap::Args)]
pub(super) struct Options {}

impl Options {
    #[expect(clippy::unused_self, reason = "each command is run alike")]
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        output::answer(crate::features::router().1.to_pretty_json()?);
        Ok(ExitCode::SUCCESS)
    }
}
