//! The command line: the tree of commands here, a file a command beside it.

mod ask;
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
mod output;
mod seed;
mod serve;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigError, Environment, Flags, Profile, Purpose};

const AFTER_HELP: &str = "\
First steps:
  app                      serve on http://localhost:3000, with a private PostgreSQL and the migrations applied
  app db seed              put in a demo user and some months of transactions
  app config               what is in force, and where each value came from

In production (APP_PROFILE=prod, the default of a release build):
  app                      serves at once and applies nothing; the API answers 503 while migrations are pending
  app migrate status       what is applied, what is pending
  app migrate deploy       applies what is pending; the running server notices within 2 seconds

Environment:
  APP_PROFILE              dev, test or prod
  APP_CONFIG               a file of settings on top of the built-in app.toml
  DATABASE_URL, PORT, JWT_SECRET, JWT_EXPIRES_IN, THROTTLE_TTL, THROTTLE_LIMIT, RUST_LOG
  APP_SECTION__KEY         any other setting, such as APP_SERVER__HOST
  NAME_FILE                a file to read NAME from, such as JWT_SECRET_FILE";

/// An expense-tracker API in one binary, with its migrations inside.
#[derive(Debug, Parser)]
#[command(name = "app", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
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
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (what `app` alone does)
    Serve(serve::Options),
    /// Apply migrations, and see which are applied
    Migrate(migrate::Options),
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

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// What stopped it, for a person to read; the exit code is 1 then.
    pub fn run(self, environment: Environment) -> anyhow::Result<ExitCode> {
        let mut globals = Globals { profile: self.profile, flags: Flags::new(), environment };
        globals.set("database.url", self.database_url);
        match self.command.unwrap_or_else(|| Command::Serve(serve::Options::default())) {
            Command::Serve(options) => options.run(globals),
            Command::Migrate(options) => block_on(options.run(globals)),
            Command::Db(options) => block_on(options.run(globals)),
            Command::User(options) => block_on(options.run(globals)),
            Command::Config(options) => options.run(&globals),
            Command::Openapi(options) => options.run(),
            Command::Healthcheck(options) => block_on(options.run(globals)),
            Command::Completions(options) => options.run(),
            #[cfg(feature = "embedded-db")]
            Command::EmbeddedKeeper(options) => options.run(),
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
    }
}
