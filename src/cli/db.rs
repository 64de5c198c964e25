//! `app db …`.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Globals, seed};

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Put in a demo user with some months of transactions; a second time changes nothing
    #[command(after_help = "Refused under prod (exit code 8): sample data is for development.")]
    Seed,
}

impl Options {
    pub(super) async fn run(self, globals: Globals) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Seed => seed::run(&globals).await,
        }
    }
}
