//! The tree of migration commands.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;

use crate::cli::context::{CommandContext, SCHEMA_FILE, default_folder};
use crate::cli::deploy::DeployOptions;
use crate::cli::dev;
use crate::cli::diff::DiffOptions;
use crate::cli::host::{HostError, MigrateHost};
use crate::cli::lint::LintOptions;
use crate::cli::new::NewOptions;
use crate::cli::output::CommandOutput;
use crate::cli::rebase::RebaseOptions;
use crate::cli::repair::RepairOptions;
use crate::cli::reset::ResetOptions;
use crate::cli::resolve::ResolveOptions;
use crate::cli::rollback::RollbackOptions;
use crate::cli::signals::StopSignals;
use crate::cli::squash::SquashOptions;
use crate::cli::status::StatusOptions;
use crate::cli::verify::VerifyOptions;
use crate::commands::develop_options::DevelopOptions;
use crate::error::MigrateError;
use crate::exit::Exit;
use crate::explain::Chain;
use crate::file::checkout::Checkout;
use crate::file::source::{Migration, read_folder, refuse_empty};
use crate::migrator::Migrator;
use crate::profile::MigrationProfile;
use crate::program::ProgramNames;
use crate::settings::MigrateSettings;

const AFTER_HELP: &str = "\
Exit codes, the same for all commands:
  0 done, or up to date   1 failed   2 usage   3 pending   4 the history differs   5 a failed or interrupted migration blocks
  6 the schema differs   7 another process is migrating   8 refused in this profile   130 cancelled";

/// The migration commands, for the tree of commands of any clap program.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct MigrateOptions {
    #[command(flatten)]
    common: CommonOptions,
    #[command(subcommand)]
    command: MigrateCommand,
}

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
struct CommonOptions {
    /// Print one JSON document on standard output, and nothing else there
    #[arg(long, global = true)]
    json: bool,
    /// Take the migrations from a folder and not from the binary [default in dev: `migrations`, if it is there]
    #[arg(long, global = true, value_name = "DIR")]
    source: Option<PathBuf>,
    /// The schema file [default: schema.sql beside the folder of the migrations]
    #[arg(long, global = true, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// The time to wait for a database that does not answer yet, such as 30s
    #[arg(long, global = true, value_name = "DURATION", value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
}

#[derive(Debug, Subcommand)]
enum MigrateCommand {
    #[command(flatten)]
    Database(DatabaseCommand),
    #[command(flatten)]
    Files(FileCommand),
}

/// Commands that work on files only.
#[derive(Debug, Subcommand)]
enum FileCommand {
    /// Write an empty pair of files for a migration
    #[command(alias = "create")]
    New(NewOptions),
    /// Find SQL that is legal but harmful to a database in use
    Lint(LintOptions),
}

/// Commands that work on a database.
#[derive(Debug, Subcommand)]
enum DatabaseCommand {
    /// Development, every day: apply what is pending, and write the next migration from schema.sql
    #[command(after_help = dev::AFTER_HELP)]
    Dev(DevelopOptions),
    /// Apply what is pending, in order
    #[command(aliases = ["up", "run"])]
    Deploy(DeployOptions),
    /// Show what is applied, pending, failed, edited or missing, and whether the schema drifted; changes nothing
    #[command(alias = "info")]
    Status(StatusOptions),
    /// Show the differences between two schemas, and the SQL that leads from one to the other
    Diff(DiffOptions),
    /// For CI: apply all migrations and roll them back, and compare schema.sql with what they build
    Verify(VerifyOptions),
    /// Replace many migrations by one file
    Squash(SquashOptions),
    /// Correct the record after a repair by hand, or take over a database that was made without this tool
    Resolve(ResolveOptions),
    /// Roll migrations back, newest first
    #[command(alias = "down")]
    Rollback(RollbackOptions),
    /// Drop everything, apply all migrations, and insert the sample data; not in prod
    Reset(ResetOptions),
    /// Accept an edited file, if it builds the same schema as before
    Repair(RepairOptions),
    /// Give a file that came late a new timestamp, after the newest
    Rebase(RebaseOptions),
}

impl FileCommand {
    const fn name(&self) -> &'static str {
        match self {
            Self::New(_) => "new",
            Self::Lint(_) => "lint",
        }
    }

    fn run(self, common: CommonOptions, host: &impl MigrateHost) -> Result<CommandOutput, MigrateError> {
        match self {
            Self::New(options) => options.run(&common.source.unwrap_or_else(default_folder), host.names()),
            Self::Lint(options) => {
                let checkout = default_folder();
                let folder = common.source.as_deref().or_else(|| checkout.is_dir().then_some(checkout.as_path()));
                options.run(folder, common.source.is_some(), host)
            }
        }
    }
}

impl DatabaseCommand {
    const fn name(&self) -> &'static str {
        match self {
            Self::Dev(_) => "dev",
            Self::Deploy(_) => "deploy",
            Self::Status(_) => "status",
            Self::Diff(_) => "diff",
            Self::Verify(_) => "verify",
            Self::Squash(_) => "squash",
            Self::Resolve(_) => "resolve",
            Self::Rollback(_) => "rollback",
            Self::Reset(_) => "reset",
            Self::Repair(_) => "repair",
            Self::Rebase(_) => "rebase",
        }
    }

    /// True if it works on the files of a checkout, where there is one.
    const fn works_on_files(&self) -> bool {
        matches!(
            self,
            Self::Dev(_) | Self::Reset(_) | Self::Rebase(_) | Self::Diff(_) | Self::Verify(_) | Self::Squash(_)
        )
    }

    /// True if a folder without migrations makes sense. For other commands it is most often the wrong folder.
    const fn accepts_empty_folder(&self) -> bool {
        matches!(self, Self::Dev(_) | Self::Diff(_))
    }

    /// The reason to refuse the command before the database is opened.
    fn refusal(&self, profile: MigrationProfile, names: &ProgramNames) -> Option<MigrateError> {
        match self {
            Self::Dev(options) => dev::refusal(options, profile, names),
            Self::Squash(_) => SquashOptions::refusal(profile),
            Self::Rollback(options) => options.refusal(profile, names),
            Self::Reset(options) => options.refusal(profile),
            _ => None,
        }
    }

    /// Boxed, because the compiler refuses to look as deep into futures as the commands are nested.
    fn run<'a>(
        self,
        context: &'a mut CommandContext,
        host: &'a mut impl MigrateHost,
    ) -> Pin<Box<dyn Future<Output = Result<CommandOutput, MigrateError>> + 'a>> {
        match self {
            Self::Dev(options) => Box::pin(dev::run(options, context)),
            Self::Deploy(options) => Box::pin(options.run(context, host)),
            Self::Status(options) => Box::pin(options.run(context)),
            Self::Diff(options) => Box::pin(options.run(context)),
            Self::Verify(options) => Box::pin(options.run(context)),
            Self::Squash(options) => Box::pin(options.run(context)),
            Self::Resolve(options) => Box::pin(options.run(context)),
            Self::Rollback(options) => Box::pin(options.run(context)),
            Self::Reset(options) => Box::pin(options.run(context, host)),
            Self::Repair(options) => Box::pin(options.run(context)),
            Self::Rebase(options) => Box::pin(options.run(context)),
        }
    }

    /// The migrations that the command works on, and the folder that they are in or belong in.
    fn migrations(
        &self,
        common: &CommonOptions,
        profile: MigrationProfile,
        host: &impl MigrateHost,
    ) -> Result<(Vec<Migration>, PathBuf), MigrateError> {
        let checkout = default_folder();
        if let Some(folder) = &common.source {
            let migrations = read_folder(folder)?;
            let migrations = if self.accepts_empty_folder() { migrations } else { refuse_empty(migrations, folder)? };
            return Ok((migrations, folder.clone()));
        }
        // Where migrations are written, the files are newer than those compiled in.
        let prefers_files = profile == MigrationProfile::Dev || self.works_on_files();
        let migrations =
            if prefers_files && checkout.is_dir() { read_folder(&checkout)? } else { host.compiled_migrations() };
        Ok((migrations, checkout))
    }
}

impl MigrateOptions {
    /// Runs the command and prints its output. Returns the exit code of the program.
    pub async fn run(self, mut host: impl MigrateHost) -> ExitCode {
        let (json, names) = (self.common.json, host.names());
        let (name, output) = match self.command {
            MigrateCommand::Files(command) => {
                (command.name(), command.run(self.common, &host).unwrap_or_else(CommandOutput::from))
            }
            MigrateCommand::Database(command) => {
                let name = command.name();
                let output = Box::pin(run_on_database(command, self.common, &mut host)).await;
                let failed = |error: HostError| {
                    CommandOutput::of_error(Exit::Failed, "configuration", &Chain(error.as_ref()).to_string())
                };
                (name, output.unwrap_or_else(failed))
            }
        };
        output.print(names.program, name, json)
    }
}

async fn run_on_database(
    command: DatabaseCommand,
    common: CommonOptions,
    host: &mut impl MigrateHost,
) -> Result<CommandOutput, HostError> {
    let mut settings = host.settings()?;
    if let Some(refusal) = command.refusal(settings.profile, settings.names) {
        return Ok(refusal.into());
    }
    let (migrations, folder) = match command.migrations(&common, settings.profile, host) {
        Ok(found) => found,
        Err(error) => return Ok(error.into()),
    };
    let schema = common.schema.unwrap_or_else(|| schema_beside(&folder));
    settings.wait = common.wait.unwrap_or_default();
    cancel_on_signal(&settings)?;
    let cancel = settings.cancel.clone();
    let database = host.open().await?;
    let migrator = Migrator { migrations, database, settings };
    let mut context = CommandContext { migrator, checkout: Checkout { folder, schema } };
    let outcome = command.run(&mut context, host).await;
    let is_cancelled = cancel.is_cancelled();
    host.close().await?;
    let output = outcome.unwrap_or_else(CommandOutput::from);
    Ok(if is_cancelled && output.is_error() { output.with_exit(Exit::Cancelled) } else { output })
}

fn schema_beside(folder: &Path) -> PathBuf {
    folder.with_file_name(SCHEMA_FILE)
}

/// Cancels the running statement on SIGINT and SIGTERM. How far the migration got is recorded.
fn cancel_on_signal(settings: &MigrateSettings) -> std::io::Result<()> {
    let mut signals = StopSignals::listen()?;
    let cancel = settings.cancel.clone();
    tokio::spawn(async move {
        signals.next().await;
        cancel.cancel();
    });
    Ok(())
}
