//! The command line: the tree of commands here, a file a command beside it.

mod completions;
mod config;
mod database;
mod db;
mod development_secret;
mod healthcheck;
#[cfg(feature = "embedded-db")]
mod keeper;
mod migrate;
mod openapi;
mod seed;
mod serve;
mod take_over;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use migrate_toolkit::Exit;
use migrate_toolkit::cli::{CommandOutput, MigrateOptions, ask, terminal as output};

use crate::config::{Config, ConfigError, Environment, Flags, Profile, Purpose};
use crate::program::MIGRATION_NAMES;

const AFTER_HELP: &str = "\
First steps:
  app                 serve on http://localhost:3000, with a private
                      PostgreSQL and the migrations applied
  app db seed         put in a demo user and some months of transactions
  app config          what is in force, and where each value came from

In production (APP_PROFILE=prod, the default of a release build):
  app                 serves at once and applies nothing; the API answers
                      503 while migrations are pending
  app migrate status  what is applied, what is pending
  app migrate deploy  applies what is pending; the running server notices
                      within 2 seconds

Environment:
  APP_PROFILE         dev, test or prod
  APP_CONFIG          a file of settings on top of the built-in app.toml
  DATABASE_URL, PORT, JWT_SECRET, JWT_EXPIRES_IN, THROTTLE_TTL,
  THROTTLE_LIMIT, RUST_LOG
  APP_SECTION__KEY    any other setting, such as APP_SERVER__HOST
  NAME_FILE           a file to read NAME from, such as JWT_SECRET_FILE";

/// An expense-tracker API in one binary, with its migrations inside.
#[derive(Debug, Parser)]
#[command(name = "app", version, after_help = AFTER_HELP)]
pub struct Cli {
    #[arg(
        long,
        global = true,
        value_name = "PROFILE",
        help = "What to run for: dev, test or prod [default: $APP_PROFILE, else dev in a debug build and prod in a release one]"
    )]
    profile: Option<Profile>,
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "The database [default: $DATABASE_URL, else in dev a private one]"
    )]
    database_url: Option<String>,
    #[command(flatten)]
    serve: serve::Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (what `app` alone does)
    Serve(serve::Options),
    /// Apply migrations, and see which are applied
    Migrate(MigrateOptions),
    /// Work on the data
    Db(db::Options),
    /// Invite people to register
    User(user::Options),
    /// Print what is in force and where each value came from; secrets are masked
    Config(config::Options),
    /// Print the OpenAPI document
    Openapi(openapi::Options),
    /// Ask the server on this machine whether it lives; for a container's HEALTHCHECK
    Healthcheck(healthcheck::Options),
    /// Print a completion script for a shell
    #[command(after_help = "Example: app completions bash > /etc/bash_completion.d/app")]
    Completions(completions::Options),
    /// Print the version
    #[command(hide = true)]
    Version,
    /// Watch over the private PostgreSQL; the program starts this by itself
    #[cfg(feature = "embedded-db")]
    #[command(hide = true)]
    EmbeddedKeeper(keeper::Options),
}

/// What every command is given.
struct Globals {
    profile: Option<Profile>,
    flags: Flags,
    environment: Environment,
}

impl Globals {
    fn config(&self, purpose: Purpose) -> Result<Config, ConfigError> {
        Config::load(&self.environment, &self.flags, self.profile, purpose)
    }

    /// The same with one more setting from the command line.
    fn set(&mut self, key: &'static str, value: Option<String>) {
        if let Some(value) = value {
            self.flags.insert(key, value);
        }
    }
}

/// Says what was wrong with a command line, or prints the help that was asked for; as JSON to who reads that.
#[must_use]
pub fn not_understood(error: &clap::Error) -> ExitCode {
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
    let json = std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    if json && error.use_stderr() {
        let output = CommandOutput::of_error(exit, "usage", error.render().to_string().trim());
        return output.print(MIGRATION_NAMES.program, "usage", true);
    }
    // With nobody left to read it, the exit code has to do.
    let _ = error.print();
    exit.into()
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// What stopped it, for a person to read; the exit code is 1 then.
    pub fn run(self, environment: Environment) -> anyhow::Result<ExitCode> {
        let mut globals = Globals { profile: self.profile, flags: Flags::new(), environment };
        globals.set("database.url", self.database_url);
        let serve = self.serve;
        match self.command {
            None => serve.run(globals),
            Some(Command::Serve(options)) => options.or(serve).run(globals),
            Some(_) if serve.is_given() => {
                output::progress(
                    "app: --port and --host are for serving, and this command does not; nothing was done.",
                );
                Ok(Exit::Usage.into())
            }
            Some(command) => command.run(globals),
        }
    }
}

impl Command {
    fn run(self, globals: Globals) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(options) => options.run(globals),
            Self::Migrate(options) => block_on(migrate::run(options, globals)),
            Self::Db(options) => block_on(options.run(globals)),
            Self::User(options) => block_on(options.run(globals)),
            Self::Config(options) => options.run(&globals),
            Self::Openapi(options) => options.run(),
            Self::Healthcheck(options) => block_on(options.run(globals)),
            Self::Completions(options) => options.run(),
            Self::Version => {
                output::answer(format_args!("app {}", env!("CARGO_PKG_VERSION")));
                Ok(ExitCode::SUCCESS)
            }
            #[cfg(feature = "embedded-db")]
            Self::EmbeddedKeeper(options) => options.run(),
        }
    }
}

/// The runtime is made here and not around `main`, because the keeper of the private PostgreSQL must have one thread.
fn block_on(future: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_tree_of_commands_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        assert!(Cli::try_parse_from(["app"]).expect("parsed").command.is_none());
        let cli = Cli::try_parse_from(["app", "--port", "3001", "--host", "::1"]).expect("parsed");
        assert!(cli.command.is_none() && cli.serve.is_given());
    }

    #[test]
    fn what_people_type_out_of_habit_is_understood() {
        for (typed, meant) in
            [("up", "deploy"), ("run", "deploy"), ("down", "rollback"), ("info", "status"), ("create", "new")]
        {
            let parsed = |word| {
                format!(
                    "{:?}",
                    Cli::try_parse_from(["app", "migrate", word, "--json", "x"]).map_err(|error| error.kind())
                )
            };
            assert_eq!(parsed(typed), parsed(meant), "{typed}");
        }
        for words in [&["app", "help"][..], &["app", "help", "migrate"], &["app", "migrate", "help", "deploy"]] {
            let error = Cli::try_parse_from(words).expect_err("help");
            assert_eq!(error.kind(), clap::error::ErrorKind::DisplayHelp, "{words:?}");
        }
    }
}
