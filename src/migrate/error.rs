//! Why a command did not do what it was asked: what happened, what is untouched, and what to do next.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::Exit;
use super::blockers::Blocker;
use super::lock::Holder;
use super::problem::Problem;
use crate::db::explain::{Cause, Failure, NoConnection};

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database cannot be reached.
    #[error("{0} Nothing was changed.")]
    Connect(NoConnection),
    /// Another process is migrating.
    #[error(
        "another process holds the migration lock, and did not give it up within {}; nothing was changed. {holder} Run the \
         command again when it is done, or wait longer with --lock-timeout.",
        humantime::format_duration(*.waited)
    )]
    Locked {
        /// Who has it, as far as the server tells.
        holder: Holder,
        /// How long it was waited for.
        waited: Duration,
    },
    /// What the database has on record is not what the binary holds.
    #[error("{0} Nothing was applied.")]
    Refused(Problem),
    /// A migration's own statement failed.
    #[error("{0}")]
    Failed(Box<FailedMigration>),
    /// A file cannot be run as it is. Nothing was.
    #[error("{file}, line {line}: {problem}\nNothing was applied.")]
    File {
        /// The file.
        file: String,
        /// The line.
        line: u32,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The migrations cannot be read.
    #[error("{}: {problem}; nothing was changed", path.display())]
    Source {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// What was asked makes no sense as things are.
    #[error("{0}")]
    Senseless(String),
    /// The database has no record, and is not empty.
    #[error(
        "the database {database} has no record of migrations, and is not empty; nothing was changed.{}\nIf it is another \
         one's, look at DATABASE_URL. If what is in it stays beside ours, name it in migrations.ignore, or begin with `app \
         migrate deploy --beside`. If it is what a first migration builds, put it on record with `app migrate resolve \
         --applied VERSION`.",
        lines(objects)
    )]
    NotEmpty {
        /// Its name.
        database: String,
        /// Some of what is in it.
        objects: Vec<String>,
    },
    /// A database to try things in cannot be made.
    #[error(
        "no database can be created here, for the role may not or the session is read-only; one is needed to see what the \
         migrations build. Nothing was changed. Name one that may be emptied in SHADOW_DATABASE_URL, or let the role create \
         databases."
    )]
    NoShadow,
    /// What was asked cannot be done safely by itself.
    #[error("{summary}{}", lines(details))]
    Unsafe {
        /// What it is, what is untouched, what to do.
        summary: String,
        /// One by one.
        details: Vec<String>,
    },
    /// The profile does not allow it.
    #[error("{0}")]
    Forbidden(String),
    /// The schema is not the one that the migrations build.
    #[error("{summary}{}", lines(differences))]
    Differs {
        /// What was compared, what is untouched, what to do.
        summary: String,
        /// Object by object.
        differences: Vec<String>,
    },
    /// Somebody stopped it.
    #[error("cancelled: {0}")]
    Cancelled(String),
    /// A question to the database failed; in a session it becomes [`MigrateError::Failure`].
    #[error("the database failed: {}", Cause(.0))]
    Database(sqlx::Error),
    /// A question to a database that is named failed.
    #[error("{0}\nWhat was done before stands; `app migrate status` shows it.")]
    Failure(Failure),
}

impl From<sqlx::Error> for MigrateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

fn lines(differences: &[String]) -> String {
    differences.iter().map(|line| format!("\n  {line}")).collect()
}

/// A migration that failed, and what is left of it.
#[derive(Debug, Clone, Default)]
pub struct FailedMigration {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// The file that was run.
    pub file: String,
    /// The line in it.
    pub line: u32,
    /// The number of the statement that failed; `None` if it was a check, or the end of the transaction.
    pub statement: Option<u32>,
    /// How many statements the file has.
    pub statements: usize,
    /// The statement.
    pub sql: String,
    /// PostgreSQL's code.
    pub sqlstate: Option<String>,
    /// What PostgreSQL said.
    pub message: String,
    /// Its detail.
    pub detail: Option<String>,
    /// Its hint.
    pub hint: Option<String>,
    /// The sessions that held the lock that it did not get.
    pub blockers: Vec<Blocker>,
    /// What is left in the database.
    pub left: Left,
    /// What it was run for.
    pub purpose: Purpose,
    /// It was tried in a shadow database, and no other was touched.
    pub in_shadow: bool,
}

/// What a file is run for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To apply a migration.
    #[default]
    Apply,
    /// To take one back.
    Revert,
    /// To put in data.
    Seed,
    /// To see what schema it makes.
    Load,
    /// To bring a schema to the one that is desired.
    Push,
}

/// What a failed migration left in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    #[default]
    Nothing,
    /// A part of it.
    Part {
        /// Statements that were done.
        done: u32,
        /// Indexes that are there and of no use.
        invalid_indexes: Vec<String>,
    },
    /// The connection was lost: what the server did last is not known here.
    NotKnown,
}

impl FailedMigration {
    /// What is left of it, in words.
    #[must_use]
    pub fn left_in_words(&self) -> String {
        match &self.left {
            Left::Nothing => "nothing of it; its transaction was rolled back".to_owned(),
            Left::Part { done, invalid_indexes } => {
                let mut text = match done {
                    0 => "it runs without a transaction; no statement of it was done".to_owned(),
                    1 => "it runs without a transaction; its first statement was done and stands".to_owned(),
                    done => format!("it runs without a transaction; its first {done} statements were done and stand"),
                };
                if !invalid_indexes.is_empty() {
                    text += &format!("; invalid, and to be dropped: {}", invalid_indexes.join(", "));
                }
                text
            }
            Left::NotKnown => "not known here; the record in the database tells".to_owned(),
        }
    }

    /// What to type next.
    #[must_use]
    pub fn next(&self) -> String {
        let again = match self.purpose {
            _ if self.in_shadow => return "mend what is wrong, then run the command again".to_owned(),
            Purpose::Apply => "app migrate deploy",
            Purpose::Revert => "app migrate rollback",
            Purpose::Seed => "app db seed --file",
            Purpose::Push => "app db push",
            Purpose::Load => return "mend what is wrong, then run the command again".to_owned(),
        };
        match &self.left {
            Left::Nothing => format!("mend what is wrong, then `{again}`"),
            Left::Part { invalid_indexes, .. } => {
                let drops: String =
                    invalid_indexes.iter().map(|index| format!("`drop index concurrently {index}`, ")).collect();
                format!(
                    "{drops}take back or complete the rest by hand, then `app migrate resolve --rolled-back {0}` or `app \
                     migrate resolve --applied {0}`",
                    self.version
                )
            }
            Left::NotKnown => "`app migrate status`, when the database answers again".to_owned(),
        }
    }
}

impl fmt::Display for FailedMigration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.in_shadow { " in a shadow database; no other was touched" } else { "" };
        match self.purpose {
            Purpose::Apply => writeln!(formatter, "the migration {} {} failed{place}", self.version, self.name)?,
            Purpose::Revert => {
                writeln!(formatter, "taking back the migration {} {} failed{place}", self.version, self.name)?;
            }
            Purpose::Seed => writeln!(formatter, "the seed failed")?,
            Purpose::Push => writeln!(formatter, "the database could not be brought to schema.sql")?,
            Purpose::Load => {
                writeln!(formatter, "the desired schema cannot be built; no database but a shadow was touched")?;
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
    /// What the command ends with.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Connect(_)
            | Self::Failed(_)
            | Self::File { .. }
            | Self::Unsafe { .. }
            | Self::Database(_)
            | Self::Failure(_) => Exit::Failed,
            Self::Locked { .. } => Exit::LockTimeout,
            Self::Refused(problem) => problem.exit(),
            Self::Source { .. } | Self::Senseless(_) | Self::NotEmpty { .. } | Self::NoShadow => Exit::Usage,
            Self::Forbidden(_) => Exit::Forbidden,
            Self::Differs { .. } => Exit::Drift,
            Self::Cancelled(_) => Exit::Cancelled,
        }
    }

    /// In a word, for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Connect(_) => "unreachable",
            Self::Locked { .. } => "locked",
            Self::Refused(problem) => problem.code(),
            Self::Failed(_) => "migration_failed",
            Self::File { .. } => "bad_file",
            Self::Source { .. } => "bad_source",
            Self::Senseless(_) => "senseless",
            Self::NotEmpty { .. } => "not_empty",
            Self::NoShadow => "no_shadow",
            Self::Unsafe { .. } => "unsafe",
            Self::Forbidden(_) => "forbidden",
            Self::Differs { .. } => "schema_differs",
            Self::Cancelled(_) => "cancelled",
            Self::Database(_) | Self::Failure(_) => "database_error",
        }
    }
}
