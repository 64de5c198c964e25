//! `app db …`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use super::database::Database;
use super::migrate::Answer;
use super::{Globals, output, seed};
use crate::config::{Config, Location, Profile, Purpose};
use crate::migrate::{self, Event, Exit, Settings};

/// How long `wait` waits, if nobody says.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Print one JSON document on standard output, and nothing else there
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Put in a demo user with some months of transactions, or a file; the sample data a second time changes nothing
    #[command(after_help = "Without --file refused under prod (exit code 8): sample data is for development.")]
    Seed {
        /// Run this file of SQL instead, in one transaction
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print the database's URL, password and all: psql "$(app db url)"
    #[command(after_help = "The private PostgreSQL runs as long as somebody uses it: keep `app` running beside.")]
    Url,
    /// Wait until the database answers
    #[command(after_help = "Exit codes: 0 it answers, 1 it did not in time")]
    Wait {
        /// How long to wait, such as 30s [default: 60s]
        #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
        timeout: Option<Duration>,
    },
}

impl Options {
    pub(super) async fn run(self, globals: Globals) -> anyhow::Result<ExitCode> {
        let (json, name) = (self.json, self.command.name());
        let answer = match self.answer(globals).await {
            Ok(answer) => answer,
            Err(error) if json => Answer::of_error(Exit::Failed, "failed", &format!("{error:#}")),
            Err(error) => return Err(error),
        };
        Ok(answer.print(name, json))
    }

    async fn answer(self, globals: Globals) -> anyhow::Result<Answer> {
        let config = globals.config(Purpose::Maintain)?;
        crate::telemetry::start_logging(&config.log);
        if config.profile == Profile::Prod && matches!(self.command, Command::Seed { file: None }) {
            return Ok(Answer::of_error(
                Exit::Forbidden,
                "forbidden",
                "sample data is not for prod; nothing was changed. Seed a database of the dev profile: `app --profile dev db \
                 seed`. A file of your own is put in with --file.",
            ));
        }
        let database = Database::open(&config).await?;
        let outcome = self.command.run(&config, &database).await;
        database.close().await?;
        outcome
    }
}

impl Command {
    const fn name(&self) -> &'static str {
        match self {
            Self::Seed { .. } => "seed",
            Self::Url => "url",
            Self::Wait { .. } => "wait",
        }
    }

    async fn run(self, config: &Config, database: &Database) -> anyhow::Result<Answer> {
        let settings = Settings::new(config);
        match self {
            Self::Seed { file: None } => seed::run(config, database).await,
            Self::Seed { file: Some(file) } => {
                let tell = |event| {
                    if let Event::Goes { statement: (number, of), .. } = event {
                        output::progress(format_args!("  statement {number} of {of}"));
                    }
                };
                Ok(match migrate::seed_file(&database.direct, &file, &settings, tell).await {
                    Ok(statements) => {
                        let text = format!("{} was put in ({statements} statements).", file.display());
                        Answer::new(Exit::Done, text, json!({"file": file, "statements": statements}))
                    }
                    Err(error) => Answer::from(error),
                })
            }
            Self::Url => {
                let url = match &config.database.location {
                    Location::Url(url) => url.expose().to_owned(),
                    Location::Embedded => database.embedded_url(),
                };
                Ok(Answer::new(Exit::Done, url.clone(), json!({"url": url})))
            }
            Self::Wait { timeout } => {
                let settings = Settings { wait: timeout.unwrap_or(PATIENCE), ..settings };
                Ok(match migrate::wait(&database.direct, &settings).await {
                    Ok(()) => Answer::new(Exit::Done, "The database answers.", json!({"answers": true})),
                    Err(error) => Answer::from(error),
                })
            }
        }
    }
}
