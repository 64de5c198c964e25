//! `app db …`.

use std::process::ExitCode;

use clap::Subcommand;

use super::database::Database;
use super::{Globals, output, seed};
use crate::config::{Location, Purpose};

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
    /// Print the database's URL, password and all: psql "$(app db url)"
    #[command(after_help = "The private PostgreSQL runs as long as somebody uses it: keep `app` running beside.")]
    Url,
}

impl Options {
    pub(super) async fn run(self, globals: Globals) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Seed => seed::run(&globals).await,
            Command::Url => url(&globals).await,
        }
    }
}

async fn url(globals: &Globals) -> anyhow::Result<ExitCode> {
    let config = globals.config(Purpose::Maintain)?;
    let database = Database::open(&config).await?;
    match &config.database.location {
        Location::Url(url) => output::answer(url.expose()),
        Location::Embedded => output::answer(database.embedded_url()),
    }
    database.close().await?;
    Ok(ExitCode::SUCCESS)
}
