//! Reasons why a command failed: what happened, what is unchanged, and what to do next.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::exit::Exit;
use crate::explain::{Cause, NoConnection, QueryFailure};
use crate::problem::HistoryProblem;
use crate::program::ProgramNames;
use crate::waiting::{Blocker, LockHolder};

/// The reason why a command failed. Its text is for a person: what happened, what is unchanged, what to do next.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database cannot be reached.
    #[error("{0} Nothing was changed.")]
    Connect(NoConnection),
    /// Another process holds the migration lock.
    #[error(
        "another process holds the migration lock and did not release it within {}; nothing was changed. {holder} Run the \
         command again when it is done, or wait longer with --lock-timeout.",
        humantime::format_duration(*.waited)
    )]
    Locked {
        /// The session that holds the lock, as far as the server tells.
        holder: LockHolder,
        /// The time waited.
        waited: Duration,
    },
    /// The history of the database does not allow anything to be applied.
    #[error("{} Nothing was applied.", .0.describe(.1))]
    Refused(HistoryProblem, &'static ProgramNames),
    /// Migrations are pending where none may be applied automatically.
    #[error("{count} migrations are pending; nothing was applied. Apply them with `{}`.", names.migrate("deploy"))]
    Pending {
        /// The number of pending migrations.
        count: usize,
        /// The names for the message.
        names: &'static ProgramNames,
    },
    /// A statement of a migration failed.
    #[error("{0}")]
    Failed(Box<FailedMigration>),
    /// A file cannot be run as it is. Nothing was run.
    #[error("{file}, line {line}: {problem}\nNothing was applied.")]
    File {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The mistake, and how to correct it.
        problem: String,
    },
    /// The migrations cannot be read or written.
    #[error("{}: {problem}; nothing was changed", path.display())]
    Source {
        /// The file or folder.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// The request is wrong, or not applicable in the current state.
    #[error("{0}")]
    InvalidRequest(String),
    /// The database has no record and is not empty.
    #[error(
        "the database {database} has no record of migrations, and is not empty; nothing was changed.{}\nIf this is the wrong \
         database, look at {}. If its objects are to stay, list them in {}, or begin with `{}`. If they are what a first \
         migration builds, put it on record with `{}`.",
        indented_lines(objects),
        names.database_url,
        names.ignore,
        names.migrate("deploy --beside"),
        names.migrate("resolve --applied VERSION")
    )]
    NotEmpty {
        /// The name of the database.
        database: String,
        /// Some of its objects.
        objects: Vec<String>,
        /// The names for the message.
        names: &'static ProgramNames,
    },
    /// A shadow database cannot be created.
    #[error(
        "a shadow database cannot be created, because the role lacks the privilege or the session is read-only; one is needed \
         to build the migrations in. Nothing was changed. Name a database that may be emptied in {}, or let the role create \
         databases.",
        .0.shadow_url
    )]
    NoShadow(&'static ProgramNames),
    /// The request cannot be carried out safely without a decision of a person.
    #[error("{summary}{}", indented_lines(details))]
    Unsafe {
        /// The reason, what is unchanged, and what to do next.
        summary: String,
        /// The details, one by one.
        details: Vec<String>,
    },
    /// The profile does not allow it.
    #[error("{0}")]
    Forbidden(String),
    /// The schema differs from the expected one.
    #[error("{summary}{}", indented_lines(differences))]
    Differs {
        /// The comparison, what is unchanged, and what to do next.
        summary: String,
        /// The differences, one object a line.
        differences: Vec<String>,
    },
    /// Cancelled by a signal or by a person.
    #[error("cancelled: {0}")]
    Cancelled(String),
    /// A query failed. A session turns it into [`MigrateError::Query`], which names the database.
    #[error("the database failed: {}", Cause(.0))]
    Database(sqlx::Error),
    /// A query failed, with the database that it was sent to.
    #[error("{0}\nWork that was completed before is kept; `{status}` shows it.", status = .1.migrate("status"))]
    Query(Box<QueryFailure>, &'static ProgramNames),
}

impl From<sqlx::Error> for MigrateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

fn indented_lines(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

/// A migration that failed, and what remains of it in the database.
#[derive(Debug, Clone)]
pub struct FailedMigration {
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// The file that was run.
    pub file: String,
    /// The line in it, from 1.
    pub line: u32,
    /// The number of the failed statement, from 1; `None` if a check or the end of the transaction failed.
    pub statement: Option<u32>,
    /// The number of statements in the file.
    pub statements: usize,
    /// The statement.
    pub sql: String,
    /// The SQLSTATE.
    pub sqlstate: Option<String>,
    /// PostgreSQL's message.
    pub message: String,
    /// PostgreSQL's detail.
    pub detail: Option<String>,
    /// PostgreSQL's hint.
    pub hint: Option<String>,
    /// The sessions that held the lock it waited for.
    pub blockers: Vec<Blocker>,
    /// The remains in the database.
    pub left: Remains,
    /// True if the file runs without a transaction.
    pub no_transaction: bool,
    /// The reason why the file was run.
    pub purpose: RunPurpose,
    /// True if it ran in a shadow database, and no other was changed.
    pub in_shadow: bool,
    /// The names for the message.
    pub names: &'static ProgramNames,
}

/// The reason why a file is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunPurpose {
    /// To apply a migration.
    Apply,
    /// To roll a migration back.
    Revert,
    /// To insert data.
    Seed,
    /// To build a schema file in a shadow database.
    Load,
    /// To bring a database to a schema file.
    Push,
}

/// The remains of a failed migration in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remains {
    /// Nothing.
    Nothing,
    /// A part of it.
    Part {
        /// The number of completed statements.
        done: u32,
        /// Invalid indexes that a failed statement left.
        invalid_indexes: Vec<String>,
    },
    /// Unknown, because the connection was lost.
    Unknown,
}

const FIX_AND_RERUN: &str = "fix the problem, then run the command again";

impl FailedMigration {
    /// The remains, in a sentence.
    #[must_use]
    pub fn left_in_words(&self) -> String {
        match &self.left {
            Remains::Nothing if self.no_transaction => {
                "it runs without a transaction; none of its statements was completed, and what an earlier attempt completed is \
                 kept"
                    .to_owned()
            }
            Remains::Nothing => "nothing of it; its transaction was rolled back".to_owned(),
            Remains::Part { done, invalid_indexes } => {
                let mut text = match done {
                    0 => "it runs without a transaction; none of its statements was completed".to_owned(),
                    1 => "it runs without a transaction; its first statement was completed and is kept".to_owned(),
                    done => {
                        format!(
                            "it runs without a transaction; its first {done} statements were completed and are kept"
                        )
                    }
                };
                if !invalid_indexes.is_empty() {
                    text += &format!("; invalid, and to be dropped: {}", invalid_indexes.join(", "));
                }
                text
            }
            Remains::Unknown => "unknown, as the connection was lost; the record in the database tells".to_owned(),
        }
    }

    /// The next step, as commands to type.
    #[must_use]
    pub fn next(&self) -> String {
        let again = match self.purpose {
            _ if self.in_shadow => return FIX_AND_RERUN.to_owned(),
            RunPurpose::Apply => self.names.migrate("deploy"),
            RunPurpose::Revert => self.names.migrate("rollback"),
            RunPurpose::Seed | RunPurpose::Push | RunPurpose::Load => {
                let command = match self.purpose {
                    RunPurpose::Seed => self.names.seed.map(|seed| format!("{seed} --file")),
                    RunPurpose::Push => self.names.push.map(str::to_owned),
                    _ => None,
                };
                let Some(command) = command else { return FIX_AND_RERUN.to_owned() };
                command
            }
        };
        match &self.left {
            Remains::Nothing => format!("fix the problem, then `{again}`"),
            Remains::Part { invalid_indexes, .. } => {
                let drops: String =
                    invalid_indexes.iter().map(|index| format!("`drop index concurrently {index}`, ")).collect();
                format!(
                    "{drops}undo or complete the rest by hand, then `{}` or `{}`",
                    self.names.migrate(&format!("resolve --rolled-back {}", self.version)),
                    self.names.migrate(&format!("resolve --applied {}", self.version))
                )
            }
            Remains::Unknown => format!("`{}`, when the database answers again", self.names.migrate("status")),
        }
    }
}

impl fmt::Display for FailedMigration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.in_shadow { " in a shadow database; no other was changed" } else { "" };
        match self.purpose {
            RunPurpose::Apply => writeln!(formatter, "the migration {} {} failed{place}", self.version, self.name)?,
            RunPurpose::Revert => {
                writeln!(formatter, "rolling back the migration {} {} failed{place}", self.version, self.name)?;
            }
            RunPurpose::Seed => writeln!(formatter, "the seed failed")?,
            RunPurpose::Push => writeln!(formatter, "the database could not be brought to schema.sql")?,
            RunPurpose::Load => {
                writeln!(formatter, "the desired schema cannot be built; no database but a shadow was changed")?;
            }
        }
        let place =
            self.statement.map_or_else(String::new, |number| format!(", statement {number} of {}", self.statements));
        writeln!(formatter, "  file        {}, line {}{place}", self.file, self.line)?;
        if !self.sql.is_empty() {
            writeln!(formatter, "  statement   {}", self.sql)?;
        }
        let code = self.sqlstate.as_deref().map_or_else(String::new, |code| format!("{code}: "));
        writeln!(formatter, "  error       {code}{}", self.message)?;
        for (label, text) in [("detail", &self.detail), ("hint", &self.hint)] {
            if let Some(text) = text {
                writeln!(formatter, "  {label:10}  {text}")?;
            }
        }
        for blocker in &self.blockers {
            writeln!(formatter, "  blocked by  {blocker}")?;
        }
        writeln!(formatter, "  left        {}", self.left_in_words())?;
        write!(formatter, "  next        {}", self.next())
    }
}

impl MigrateError {
    /// The exit code of the command.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Connect(_)
            | Self::Failed(_)
            | Self::File { .. }
            | Self::Unsafe { .. }
            | Self::Database(_)
            | Self::Query(..) => Exit::Failed,
            Self::Locked { .. } => Exit::LockTimeout,
            Self::Refused(problem, _) => problem.exit(),
            Self::Pending { .. } => Exit::Pending,
            Self::Source { .. } | Self::InvalidRequest(_) | Self::NotEmpty { .. } | Self::NoShadow(_) => Exit::Usage,
            Self::Forbidden(_) => Exit::Forbidden,
            Self::Differs { .. } => Exit::Drift,
            Self::Cancelled(_) => Exit::Cancelled,
        }
    }

    /// The error code for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Connect(_) => "unreachable",
            Self::Locked { .. } => "locked",
            Self::Refused(problem, _) => problem.code(),
            Self::Pending { .. } => "pending",
            Self::Failed(_) => "migration_failed",
            Self::File { .. } => "bad_file",
            Self::Source { .. } => "bad_source",
            Self::InvalidRequest(_) => "invalid_request",
            Self::NotEmpty { .. } => "not_empty",
            Self::NoShadow(_) => "no_shadow",
            Self::Unsafe { .. } => "unsafe",
            Self::Forbidden(_) => "forbidden",
            Self::Differs { .. } => "schema_differs",
            Self::Cancelled(_) => "cancelled",
            Self::Database(_) | Self::Query(..) => "database_error",
        }
    }
}
