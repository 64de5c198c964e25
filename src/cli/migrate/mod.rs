//! `app migrate …`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;

use super::database::Database;
use super::{Globals, output};
use crate::config::{Config, Purpose};
use crate::migrate::{self, Deployed, Exit, MigrateError, State, Status};

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Apply what is pending, in order
    #[command(
        after_help = "Exit codes: 0 done, 1 failed, 4 the history differs, 5 a failed migration stands, 7 another process is migrating"
    )]
    Deploy {
        /// How long to wait for another process that is migrating, such as 10s
        #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
        lock_timeout: Option<Duration>,
    },
    /// Show what is applied and what is pending; changes nothing
    #[command(
        after_help = "Exit codes: 0 up to date, 1 failed, 3 pending, 4 the history differs, 5 a failed migration stands"
    )]
    Status,
}

impl Options {
    pub(super) async fn run(self, globals: Globals) -> anyhow::Result<ExitCode> {
        let config = globals.config(Purpose::Maintain)?;
        crate::telemetry::start_logging(&config.log);
        let database = Database::open(&config).await?;
        let outcome = match self.command {
            Command::Deploy { lock_timeout } => {
                deploy(&config, &database, lock_timeout.unwrap_or(config.migrations.lock_timeout)).await
            }
            Command::Status => status(&database).await,
        };
        database.close().await?;
        match outcome {
            Ok(exit) => Ok(exit.into()),
            Err(error) => {
                output::progress(format_args!("app: {error}"));
                Ok(error.exit().into())
            }
        }
    }
}

async fn deploy(config: &Config, database: &Database, lock_timeout: Duration) -> Result<Exit, MigrateError> {
    let migrations = migrate::embedded();
    let deployed = migrate::deploy(&database.direct, &migrations, config.profile, lock_timeout, report).await?;
    match deployed.len() {
        0 => output::answer("Nothing to do: the database is up to date."),
        1 => output::answer("1 migration was applied; the database is up to date."),
        count => output::answer(format_args!("{count} migrations were applied; the database is up to date.")),
    }
    Ok(Exit::Done)
}

fn report(done: &Deployed) {
    output::progress(format_args!("  applied {} {} ({})", done.version, done.name, short(done.took)));
}

async fn status(database: &Database) -> Result<Exit, MigrateError> {
    let status = migrate::status(&database.direct, &migrate::embedded()).await?;
    print(&status);
    Ok(status.exit())
}

fn print(status: &Status) {
    for line in &status.lines {
        let applied = match (line.state, line.applied_on) {
            (State::Pending, _) | (_, None) => String::new(),
            (_, Some(on)) => {
                let took = line.took.map_or_else(String::new, |took| format!("  {}", short(took)));
                format!("  {}{took}", on.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
            }
        };
        output::answer(format_args!("  {:8} {} {}{applied}", line.state.word(), line.version, line.name));
    }
    let plan = &status.plan;
    let worst = [&plan.failed, &plan.edited, &plan.unknown].into_iter().any(|versions| !versions.is_empty());
    if let Some(problem) = plan.problem(crate::config::Profile::Dev).filter(|_| worst) {
        output::answer(problem);
    } else if plan.pending.is_empty() {
        output::answer("The database is up to date.");
    } else {
        output::answer(format_args!("{} pending; apply with `app migrate deploy`.", plan.pending.len()));
    }
}

/// A time that a person reads: whole milliseconds.
fn short(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}
