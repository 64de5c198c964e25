//! The command line. This file has the tree of commands; each command has its own file.

mod completions;
mod config;
mod database;
mod db;
mod development_secret;
mod distribution;
mod globals;
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

use clap::{CommandFactory as _, Parser, Subcommand};

use self::globals::Globals;
use migrate_toolkit::Exit;
use migrate_toolkit::cli::{CommandOutput, MigrateOptions, terminal};

use crate::config::{Environment, Flags, Profile};
use crate::program::MIGRATION_NAMES;

const AFTER_HELP: &str = "\
First steps:
  app                 serve on http://localhost:3000, with a private
                      PostgreSQL and the migrations applied
  app db seed         insert a demo user and some months of transactions
  app config          show the settings in force and their origins

In production (APP_PROFILE=prod, the default of a release build):
  app                 starts at once and applies nothing; the API answers
                      503 while migrations are pending
  app migrate status  shows which migrations are applied and pending
  app migrate deploy  applies pending migrations; the running server
                      notices within 2 seconds

Environment:
  APP_PROFILE         dev, test or prod
  APP_CONFIG          a file of settings on top of the built-in app.toml
  DATABASE_URL, PORT, JWT_SECRET, JWT_EXPIRES_IN, THROTTLE_TTL,
  THROTTLE_LIMIT, RUST_LOG
  APP_SECTION__KEY    any other setting, such as APP_SERVER__HOST
  NAME_FILE           a file to read NAME from, such as JWT_SECRET_FILE";

/// An expense-tracker API in one binary, with its migrations built in.
#[derive(Debug, Parser)]
#[command(name = "app", version, after_help = AFTER_HELP)]
pub struct Cli {
    #[arg(
        long,
        global = true,
        value_name = "PROFILE",
        help = "The profile: dev, test or prod [default: $APP_PROFILE, else dev in a debug build, prod in a release \
             build]"
    )]
    profile: Option<Profile>,
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "The URL of the database [default: $DATABASE_URL, else in dev a private one]"
    )]
    database_url: Option<String>,
    #[command(flatten)]
    serve: serve::ServeOptions,
    #[command(subcommand)]
    command: Option<AppCommand>,
}

#[derive(Debug, Subcommand)]
enum AppCommand {
    /// Serve the API (the default without a command)
    Serve(serve::ServeOptions),
    /// Apply migrations, and show which are applied
    Migrate(MigrateOptions),
    /// Work with the data
    Db(db::DbOptions),
    /// Invite people to register
    User(user::UserOptions),
    /// Print the settings in force and their origins; secrets are masked
    Config(config::ConfigOptions),
    /// Print the OpenAPI document
    Openapi(openapi::OpenapiOptions),
    /// Check if the server on this machine is alive; for a container's HEALTHCHECK
    Healthcheck(healthcheck::HealthcheckOptions),
    /// Print a completion script for a shell
    #[command(after_help = "Example: app completions bash > /etc/bash_completion.d/app")]
    Completions(completions::CompletionsOptions),
    /// Print the version
    #[command(hide = true)]
    Version,
    /// Run the parent process of the private PostgreSQL; for internal use
    #[cfg(feature = "embedded-db")]
    #[command(hide = true)]
    EmbeddedKeeper(keeper::KeeperOptions),
}

/// Reports a command line that cannot be parsed, or prints the requested help. With `--json` the report is JSON.
#[must_use]
pub fn report_usage_error(error: &clap::Error) -> ExitCode {
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
    let json = std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    if json && error.use_stderr() {
        let output = CommandOutput::of_error(exit, "usage", error.render().to_string().trim());
        return output.print(MIGRATION_NAMES.program, "usage", true);
    }
    // If standard error is closed, only the exit code tells.
    let _ = error.print();
    exit.into()
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// The reason why the command failed, for people; the exit code is then 1.
    pub fn run(self, environment: Environment) -> anyhow::Result<ExitCode> {
        let mut globals = Globals { profile: self.profile, flags: Flags::new(), environment };
        globals.set("database.url", self.database_url);
        let serve = self.serve;
        match self.command {
            None => serve.run(globals),
            Some(AppCommand::Serve(options)) => options.or(serve).run(globals),
            Some(_) if serve.is_given() => {
                terminal::progress("app: --port and --host only apply to serving; nothing was done.");
                Ok(Exit::Usage.into())
            }
            Some(command) => command.run(globals),
        }
    }
}

impl AppCommand {
    fn run(self, globals: Globals) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(options) => options.run(globals),
            Self::Migrate(options) => block_on(migrate::run(options, globals)),
            Self::Db(options) => block_on(options.run(globals)),
            Self::User(options) => block_on(options.run(globals)),
            Self::Config(options) => options.run(&globals),
            Self::Openapi(options) => options.run(),
            Self::Healthcheck(options) => block_on(options.run(globals)),
            Self::Completions(options) => options.run(Cli::command()),
            Self::Version => {
                terminal::answer(format_args!("app {}", env!("CARGO_PKG_VERSION")));
                Ok(ExitCode::SUCCESS)
            }
            #[cfg(feature = "embedded-db")]
            Self::EmbeddedKeeper(options) => options.run(),
        }
    }
}

/// Runs a future. The runtime is created here and not in `main`, because the keeper of the private PostgreSQL must stay
/// single-threaded.
fn block_on(future: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}

#[cfg(test)]
mod tests {
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
