//! `app db …`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use migrate_toolkit::cli::CommandOutput;
use migrate_toolkit::{
    Checkout, DevelopOptions, Exit, MigrateError, MigrateEvent, Migrator, Question, write_atomically,
};
use serde_json::json;

use super::database::Database;
use super::migrate::SCHEMA;
use super::{Globals, ask, output, seed, take_over};
use crate::config::{Config, Location, Profile, Purpose};
use crate::db::explain::Chain;
use crate::migrations;
use crate::program::MIGRATION_NAMES;

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

#[derive(Debug, clap::Args)]
struct Schema {
    /// The file of the desired schema
    #[arg(long = "schema", value_name = "FILE", default_value = SCHEMA)]
    file: PathBuf,
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
    /// Bring the database to schema.sql, with no migration; for trying things out
    #[command(
        after_help = "Write the migration later with `app migrate dev --name …`; it is then on record as applied.\n\n\
                      Exit codes: 0 done, 1 failed, or something would be lost, 8 in prod"
    )]
    Push {
        #[command(flatten)]
        schema: Schema,
        /// Agree to lose what would be lost
        #[arg(long)]
        accept_data_loss: bool,
        /// Agree to the dropping of this table or column, such as users.nick; it is no rename then
        #[arg(long, value_name = "OBJECT")]
        drop: Vec<String>,
    },
    /// Write schema.sql from the database
    #[command(after_help = "Exit codes: 0 done, 1 failed, 2 the file is there and --force was not given")]
    Pull {
        #[command(flatten)]
        schema: Schema,
        /// Write over a file that is there, comments and all
        #[arg(long)]
        force: bool,
    },
    /// Take over the users and transactions of the NestJS service, and prove that nothing was lost; or go back
    #[command(after_help = take_over::AFTER_HELP)]
    TakeOver(Box<take_over::Options>),
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
        let answer = match Box::pin(self.answer(globals)).await {
            Ok(answer) => answer,
            Err(error) if json => CommandOutput::of_error(Exit::Failed, "failed", &Chain(error.as_ref()).to_string()),
            Err(error) => return Err(error),
        };
        Ok(answer.print(MIGRATION_NAMES.program, name, json))
    }

    async fn answer(self, globals: Globals) -> anyhow::Result<CommandOutput> {
        let config = globals.config(Purpose::Maintain)?;
        crate::telemetry::start_logging(&config.log);
        if config.profile == Profile::Prod && matches!(self.command, Command::Seed { file: None }) {
            return Ok(CommandOutput::of_error(
                Exit::Forbidden,
                "forbidden",
                "sample data is not for prod; nothing was changed. Seed a database of the dev profile: `app --profile dev db \
                 seed`. A file of your own is put in with --file.",
            ));
        }
        let database = Database::open(&config).await?;
        let outcome = Box::pin(self.command.run(&config, &database)).await;
        database.close().await?;
        outcome
    }
}

impl Command {
    const fn name(&self) -> &'static str {
        match self {
            Self::Seed { .. } => "seed",
            Self::Push { .. } => "push",
            Self::Pull { .. } => "pull",
            Self::TakeOver(_) => "take-over",
            Self::Url => "url",
            Self::Wait { .. } => "wait",
        }
    }

    async fn run(self, config: &Config, database: &Database) -> anyhow::Result<CommandOutput> {
        let mut migrator = migrations::migrator(config, &database.direct);
        match self {
            Self::Seed { file: None } => seed::run(config, database).await,
            Self::Seed { file: Some(file) } => {
                let tell = |event| {
                    if let MigrateEvent::Running { statement: (number, of), .. } = event {
                        output::progress(format_args!("  statement {number} of {of}"));
                    }
                };
                Ok(match migrator.seed_file(&file, tell).await {
                    Ok(statements) => {
                        let text = format!("{} was put in ({statements} statements).", file.display());
                        CommandOutput::new(Exit::Done, text, json!({"file": file, "statements": statements}))
                    }
                    Err(error) => CommandOutput::from(error),
                })
            }
            Self::Push { schema, accept_data_loss, drop } => {
                let options = DevelopOptions { accept_data_loss, drop, ..DevelopOptions::default() };
                Ok(push(&schema.file, &migrator, &options).await.unwrap_or_else(CommandOutput::from))
            }
            Self::Pull { schema, force } => {
                Ok(pull(&schema.file, force, &migrator).await.unwrap_or_else(CommandOutput::from))
            }
            Self::TakeOver(options) => options.run(config, database).await,
            Self::Url => {
                let url = match &config.database.location {
                    Location::Url(url) => url.expose().to_owned(),
                    Location::Embedded => {
                        output::progress(
                            "note: the private PostgreSQL ends with the last that uses it; keep `app` running beside.",
                        );
                        database.embedded_url()
                    }
                };
                Ok(CommandOutput::new(Exit::Done, url.clone(), json!({"url": url})))
            }
            Self::Wait { timeout } => {
                migrator.settings.wait = timeout.unwrap_or(PATIENCE);
                Ok(match migrator.wait().await {
                    Ok(()) => CommandOutput::new(Exit::Done, "The database answers.", json!({"answers": true})),
                    Err(error) => CommandOutput::from(error),
                })
            }
        }
    }
}

async fn push(file: &Path, migrator: &Migrator, options: &DevelopOptions) -> Result<CommandOutput, MigrateError> {
    let checkout = Checkout { folder: PathBuf::new(), schema: file.to_owned() };
    let Some(desired) = checkout.desired()? else {
        return Err(MigrateError::InvalidRequest(format!(
            "there is no {}; nothing was changed. `app db pull` writes one from the database, or name it with --schema.",
            file.display()
        )));
    };
    let put = |question: &Question<'_>| ask::put(question, &migrator.settings.cancel);
    let pushed = migrator.push(&desired, options, put).await?;
    let fields = json!({"changes": pushed.differences, "script": pushed.script()});
    if pushed.differences.is_empty() {
        return Ok(CommandOutput::new(Exit::Done, "Nothing to do: the database is what the file says.", fields));
    }
    let text = format!("{}\nThe database is what {} says.", pushed.script().trim_end(), file.display());
    Ok(CommandOutput::new(Exit::Done, text, fields))
}

async fn pull(file: &Path, force: bool, migrator: &Migrator) -> Result<CommandOutput, MigrateError> {
    if file.exists() && !force {
        return Err(MigrateError::InvalidRequest(format!(
            "{} is there already, and its comments would be lost; it was not touched. Say it with --force, or write another \
             file with --schema.",
            file.display()
        )));
    }
    let pulled = migrator.pull().await?;
    write_atomically(file, &pulled.text)?;
    let mut answer = format!("{} was written: it builds what the database has.", file.display());
    if !pulled.left_out.is_empty() {
        answer = format!(
            "{} was written: it builds what the database has, but for what no SQL is written for:",
            file.display()
        );
        answer.extend(pulled.left_out.iter().map(|one| format!("\n  {one}")));
        answer += "\nWrite it into the file by hand: as it is, the next migration would take it away.";
    }
    Ok(CommandOutput::new(Exit::Done, answer, json!({"file": file, "sql": pulled.text, "left_out": pulled.left_out})))
}
