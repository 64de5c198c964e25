//! `app db …`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use migrate_toolkit::cli::{CommandOutput, ask, terminal};
use migrate_toolkit::{
    Checkout, DevelopOptions, Exit, MigrateError, MigrateEvent, Migrator, Question, write_atomically,
};
use serde_json::json;

use super::database::Database;
use super::globals::Globals;
use super::migrate::SCHEMA;
use super::{seed, take_over};
use crate::config::{Config, ConfigPurpose, Location, Profile};
use crate::db::explain::Chain;
use crate::migrations;
use crate::program::MIGRATION_NAMES;

/// The default time limit of `wait`.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, clap::Args)]
pub(super) struct DbOptions {
    /// Print one JSON document on standard output, and nothing else there
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, clap::Args)]
struct SchemaFile {
    /// The file with the desired schema
    #[arg(long = "schema", value_name = "FILE", default_value = SCHEMA)]
    file: PathBuf,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Insert a demo user with some months of transactions, or run a file; inserting the sample data twice changes nothing
    #[command(after_help = "Without --file, refused under prod (exit code 8): the sample data is for development.")]
    Seed {
        /// Run this SQL file instead, in one transaction
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Change the database to match schema.sql, without a migration; for experiments
    #[command(
        after_help = "Write the migration later with `app migrate dev --name …`; it is then recorded as applied.\n\n\
                      Exit codes: 0 done, 1 failed, or data would be lost, 8 in prod"
    )]
    Push {
        #[command(flatten)]
        schema: SchemaFile,
        /// Accept the loss of data
        #[arg(long)]
        accept_data_loss: bool,
        /// Accept that this table or column is dropped, such as users.nick, and not renamed
        #[arg(long, value_name = "OBJECT")]
        drop: Vec<String>,
    },
    /// Write schema.sql from the database
    #[command(after_help = "Exit codes: 0 done, 1 failed, 2 the file exists and --force was not given")]
    Pull {
        #[command(flatten)]
        schema: SchemaFile,
        /// Overwrite an existing file, including its comments
        #[arg(long)]
        force: bool,
    },
    /// Take over the users and transactions of the NestJS service, with a proof that nothing was lost; or undo it
    #[command(after_help = take_over::AFTER_HELP)]
    TakeOver(Box<take_over::TakeOverOptions>),
    /// Print the URL of the database, including the password: psql "$(app db url)"
    #[command(after_help = "The private PostgreSQL runs as long as somebody uses it: keep `app` running meanwhile.")]
    Url,
    /// Wait until the database answers
    #[command(after_help = "Exit codes: 0 it answers, 1 it did not answer in time")]
    Wait {
        /// The maximum time to wait, such as 30s [default: 60s]
        #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
        timeout: Option<Duration>,
    },
}

impl DbOptions {
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
        let config = globals.config(ConfigPurpose::Maintain)?;
        crate::telemetry::start_logging(&config.log);
        if config.profile == Profile::Prod && matches!(self.command, DbCommand::Seed { file: None }) {
            return Ok(CommandOutput::of_error(
                Exit::Forbidden,
                "forbidden",
                "sample data is not allowed in prod; nothing was changed. Seed a database of the dev profile: `app \
                 --profile dev db seed`, or run your own file with --file.",
            ));
        }
        let database = Database::open(&config).await?;
        let outcome = Box::pin(self.command.run(&config, &database)).await;
        database.close().await?;
        outcome
    }
}

impl DbCommand {
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
                let progress = |event| {
                    if let MigrateEvent::Running { statement: (number, of), .. } = event {
                        terminal::progress(format_args!("  statement {number} of {of}"));
                    }
                };
                Ok(match migrator.seed_file(&file, progress).await {
                    Ok(statements) => {
                        let text = format!("{} was run ({statements} statements).", file.display());
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
                        terminal::progress(
                            "note: the private PostgreSQL stops with its last user; keep `app` running meanwhile.",
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
            "{} does not exist; nothing was changed. `app db pull` writes it from the database; --schema names \
             another file.",
            file.display()
        )));
    };
    let put = |question: &Question<'_>| ask::put(question, &migrator.settings.cancel);
    let pushed = migrator.push(&desired, options, put).await?;
    let fields = json!({"changes": pushed.differences, "script": pushed.script()});
    if pushed.differences.is_empty() {
        return Ok(CommandOutput::new(Exit::Done, "Nothing to do: the database matches the file.", fields));
    }
    let text = format!("{}\nThe database now matches {}.", pushed.script().trim_end(), file.display());
    Ok(CommandOutput::new(Exit::Done, text, fields))
}

async fn pull(file: &Path, force: bool, migrator: &Migrator) -> Result<CommandOutput, MigrateError> {
    if file.exists() && !force {
        return Err(MigrateError::InvalidRequest(format!(
            "{} exists, and its comments would be lost; it was not changed. Overwrite it with --force, or name \
             another file with --schema.",
            file.display()
        )));
    }
    let pulled = migrator.pull().await?;
    write_atomically(file, &pulled.text)?;
    let mut answer = format!("{} was written: it creates the schema of the database.", file.display());
    if !pulled.left_out.is_empty() {
        answer = format!(
            "{} was written: it creates the schema of the database, except for objects that are not supported:",
            file.display()
        );
        answer.extend(pulled.left_out.iter().map(|one| format!("\n  {one}")));
        answer += "\nAdd them to the file by hand, or the next migration will drop them.";
    }
    Ok(CommandOutput::new(Exit::Done, answer, json!({"file": file, "sql": pulled.text, "left_out": pulled.left_out})))
}
