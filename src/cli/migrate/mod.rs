//! `app migrate …`: what the commands have in common here, a file a command beside it.

mod answer;
mod deploy;
mod dev;
mod diff;
mod lint;
mod new;
mod progress;
mod rebase;
mod repair;
mod reset;
mod resolve;
mod rollback;
mod squash;
mod status;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use tokio::signal::unix::{SignalKind, signal};

pub(super) use answer::Answer;

use super::Globals;
use super::database::Database;
use crate::config::{Config, ConfigPurpose, Profile};
use crate::db::explain::Chain;
use crate::migrate::{self, Checkout, Exit, Finding, MigrateError, Migration, Settings};

/// Where the migrations of a checkout are.
const FOLDER: &str = "migrations";

/// Where the desired schema is, beside them.
pub(super) const SCHEMA: &str = "schema.sql";

const AFTER_HELP: &str = "\
Exit codes, the same everywhere:
  0 done, or in step   1 failed   2 usage   3 pending   4 the history differs   5 a failed or interrupted migration stands
  6 the schema differs   7 another process is migrating   8 refused in this profile   130 cancelled";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Common {
    /// Print one JSON document on standard output, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// Take the migrations from a folder and not from the binary [default in dev: `migrations`, if it is there]
    #[arg(long, global = true, value_name = "DIR")]
    pub source: Option<PathBuf>,
    /// The file of the desired schema [default: schema.sql beside the folder of the migrations]
    #[arg(long, global = true, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// How long to wait for a database that does not answer yet, such as 30s
    #[arg(long, global = true, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub wait: Option<Duration>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Development, every day: apply what is pending, and write the next migration from schema.sql
    Dev(dev::Options),
    /// Write an empty pair of files for a migration
    #[command(alias = "create")]
    New(new::Options),
    /// Apply what is pending, in order
    #[command(aliases = ["up", "run"])]
    Deploy(deploy::Options),
    /// Show what is applied, pending, failed, edited or missing, and whether the schema drifted; changes nothing
    #[command(alias = "info")]
    Status(status::Options),
    /// Show what differs between two schemas, and the SQL that leads from one to the other
    Diff(diff::Options),
    /// For CI: try all migrations forth and back, and hold schema.sql against them
    Verify(verify::Options),
    /// Put many migrations into one file
    Squash(squash::Options),
    /// Set the record right after a repair by hand, or take over a database that was made without this tool
    Resolve(resolve::Options),
    /// Take migrations back, newest first
    #[command(alias = "down")]
    Rollback(rollback::Options),
    /// Drop everything, apply all migrations, and put the sample data in; not in prod
    Reset(reset::Options),
    /// Accept an edited file, if it builds the same schema as before
    Repair(repair::Options),
    /// Look for what is legal SQL and still hurts a database that is in use
    Lint(lint::Options),
    /// Give a file that came late a new timestamp, after the newest
    Rebase(rebase::Options),
}

/// What a command works with.
pub(super) struct Context {
    pub config: Config,
    pub database: Database,
    pub migrations: Vec<Migration>,
    /// The folder that commands write files to.
    pub folder: PathBuf,
    /// The file of the desired schema.
    pub schema: PathBuf,
    pub settings: Settings,
}

impl Context {
    fn checkout(&self) -> Checkout {
        Checkout { folder: self.folder.clone(), schema: self.schema.clone() }
    }
}

impl Command {
    const fn name(&self) -> &'static str {
        match self {
            Self::Dev(_) => "dev",
            Self::New(_) => "new",
            Self::Deploy(_) => "deploy",
            Self::Status(_) => "status",
            Self::Diff(_) => "diff",
            Self::Verify(_) => "verify",
            Self::Squash(_) => "squash",
            Self::Resolve(_) => "resolve",
            Self::Rollback(_) => "rollback",
            Self::Reset(_) => "reset",
            Self::Repair(_) => "repair",
            Self::Lint(_) => "lint",
            Self::Rebase(_) => "rebase",
        }
    }

    /// Whether it works on the files of a checkout, where there is one.
    const fn works_on_files(&self) -> bool {
        matches!(
            self,
            Self::Dev(_)
                | Self::New(_)
                | Self::Reset(_)
                | Self::Rebase(_)
                | Self::Diff(_)
                | Self::Verify(_)
                | Self::Squash(_)
        )
    }

    /// Whether a folder without migrations is one that it begins with. To others it is most often the wrong one.
    const fn may_find_nothing(&self) -> bool {
        matches!(self, Self::Dev(_) | Self::New(_) | Self::Diff(_))
    }

    /// What can be told before the database is touched.
    fn refusal(&self, profile: Profile) -> Option<MigrateError> {
        match self {
            Self::Dev(options) => options.refusal(profile),
            Self::Squash(_) => squash::Options::refusal(profile),
            Self::Rollback(options) => options.refusal(profile),
            Self::Reset(options) => options.refusal(profile),
            _ => None,
        }
    }

    async fn run(self, context: &mut Context) -> Result<Answer, MigrateError> {
        match self {
            Self::Dev(options) => options.run(context).await,
            Self::New(options) => options.run(&context.folder),
            Self::Lint(options) => options.run(Some(&context.folder), false),
            Self::Deploy(options) => options.run(context).await,
            Self::Status(options) => options.run(context).await,
            Self::Diff(options) => options.run(context).await,
            Self::Verify(options) => options.run(context).await,
            Self::Squash(options) => options.run(context).await,
            Self::Resolve(options) => options.run(context).await,
            Self::Rollback(options) => options.run(context).await,
            Self::Reset(options) => options.run(context).await,
            Self::Repair(options) => options.run(context).await,
            Self::Rebase(options) => options.run(context).await,
        }
    }
}

impl Options {
    pub(super) async fn run(self, globals: Globals) -> anyhow::Result<ExitCode> {
        let (name, json) = (self.command.name(), self.common.json);
        let answer = match Box::pin(self.answer(globals)).await {
            Ok(answer) => answer,
            // What is wrong before a command begins, such as the configuration, is an answer too for who reads JSON.
            Err(error) if json => Answer::of_error(Exit::Failed, "configuration", &Chain(error.as_ref()).to_string()),
            Err(error) => return Err(error),
        };
        Ok(answer.print(name, json))
    }

    async fn answer(self, globals: Globals) -> anyhow::Result<Answer> {
        if let Command::New(options) = self.command {
            // It needs no database, and no folder yet either.
            let folder = self.common.source.unwrap_or_else(|| FOLDER.into());
            return Ok(options.run(&folder).unwrap_or_else(Answer::from));
        }
        let checkout = Path::new(FOLDER);
        if let Command::Lint(options) = self.command {
            let named = self.common.source.as_deref();
            let source = named.or_else(|| checkout.is_dir().then_some(checkout));
            return Ok(options.run(source, named.is_some()).unwrap_or_else(Answer::from));
        }
        let config = globals.config(ConfigPurpose::Maintain)?;
        crate::telemetry::start_logging(&config.log);
        if let Some(refusal) = self.command.refusal(config.profile) {
            return Ok(Answer::from(refusal));
        }
        // Where migrations are written, what is on disk is newer than what was compiled in.
        let on_disk = config.profile == Profile::Dev || self.command.works_on_files();
        let folder = self.common.source.as_deref().or_else(|| (on_disk && checkout.is_dir()).then_some(checkout));
        let named = self.common.source.as_deref().filter(|_| !self.command.may_find_nothing());
        let read = folder.map_or_else(|| Ok(migrate::embedded()), migrate::folder);
        let read = read.and_then(|read| match named {
            Some(folder) => some(read, folder),
            None => Ok(read),
        });
        let migrations = match read {
            Ok(migrations) => migrations,
            Err(error) => return Ok(Answer::from(error)),
        };
        let folder = folder.unwrap_or(checkout).to_owned();
        let schema = self.common.schema.clone().unwrap_or_else(|| folder.with_file_name(SCHEMA));
        let mut settings = Settings::new(&config);
        settings.wait = self.common.wait.unwrap_or_default();
        stop_when_told(&settings)?;
        let database = Database::open(&config).await?;
        let mut context = Context { config, database, migrations, folder, schema, settings };
        let outcome = self.command.run(&mut context).await;
        let stopped = context.settings.cancel.is_cancelled();
        context.database.close().await?;
        let answer = outcome.unwrap_or_else(Answer::from);
        Ok(if stopped && answer.is_error() { answer.with_exit(Exit::Cancelled) } else { answer })
    }
}

/// The migrations of a folder that was named, which is most often the wrong one if there are none.
fn some(migrations: Vec<Migration>, folder: &Path) -> Result<Vec<Migration>, MigrateError> {
    if migrations.is_empty() {
        let problem = "there are no migrations in it, named such as 20260216090000_create_users.up.sql".to_owned();
        return Err(MigrateError::Source { path: folder.to_owned(), problem });
    }
    Ok(migrations)
}

/// SIGINT and SIGTERM stop the statement that runs, and what has been done of it is noted.
fn stop_when_told(settings: &Settings) -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let cancel = settings.cancel.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        cancel.cancel();
    });
    Ok(())
}

/// A time that a person reads.
pub(super) fn short(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        format!("{} ms", duration.as_millis())
    } else {
        humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
    }
}

/// One, or several.
pub(super) fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// What the linter finds, for a person.
pub(super) fn findings_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let Finding { file, line, column, rule, severity, message, instead } = finding;
        text += &format!("{file}:{line}:{column}: {} {rule}\n    {message}\n", severity.word());
        if let Some(instead) = instead {
            text += &format!("    instead: {instead}\n");
        }
    }
    text
}
