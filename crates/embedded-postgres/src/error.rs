//! Errors, each with what is unchanged and what to do next.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use crate::names::EmbeddedNames;

/// The reason why the private PostgreSQL cannot be used. Its text is for the person at the terminal: what happened, what is
/// unchanged, what to do next.
#[derive(Debug)]
pub struct EmbeddedError {
    /// The problem.
    pub problem: EmbeddedProblem,
    names: &'static EmbeddedNames,
}

impl EmbeddedError {
    /// Adds the names for the text.
    pub(crate) fn with(names: &'static EmbeddedNames) -> impl Fn(EmbeddedProblem) -> Self {
        move |problem| Self { problem, names }
    }
}

impl fmt::Display for EmbeddedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.problem.describe(self.names))
    }
}

impl std::error::Error for EmbeddedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            EmbeddedProblem::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A problem with the private PostgreSQL.
#[derive(Debug)]
#[non_exhaustive]
pub enum EmbeddedProblem {
    /// An operation on a file or a process failed.
    Io {
        /// The operation, as in "could not …".
        action: &'static str,
        /// The file or program.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// No PostgreSQL on this machine.
    NoPrograms {
        /// The oldest supported major version.
        least: u32,
        /// The places that were searched and what was found there, one a line.
        places: String,
        /// The command that installs it on this system.
        install: String,
    },
    /// The folder that was named has no usable server programs.
    UnusablePrograms {
        /// The folder.
        directory: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The data was created by a major version that is not installed.
    WrongMajor {
        /// The directory of the database.
        directory: PathBuf,
        /// The major version of the data.
        needed: u32,
        /// The installed versions.
        found: String,
        /// The command that installs the needed version on this system.
        install: String,
    },
    /// The account that the server runs as cannot enter a folder.
    ClosedDirectory {
        /// The name of the account.
        account: String,
        /// The folder that it cannot enter.
        closed: PathBuf,
        /// The folder or file that it needs.
        wanted: PathBuf,
    },
    /// The process runs as root, and there is no account to run the server as.
    NoAccount,
    /// The folder belongs to another user.
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// The uid of its owner.
        owner: u32,
    },
    /// `initdb`, or the creation of the database, failed.
    Create {
        /// The program.
        program: PathBuf,
        /// Its exit status.
        status: ExitStatus,
        /// Its output.
        output: String,
    },
    /// The server ended instead of starting.
    Start {
        /// The directory of the database.
        directory: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// The server was not ready in time.
    Slow {
        /// The time waited.
        waited: Duration,
        /// The reason, as far as it is known.
        reason: String,
        /// The directory of the database.
        directory: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// Somebody started a server on the data by hand.
    Foreign {
        /// The first process of the server.
        pid: i32,
        /// The directory of the database.
        directory: PathBuf,
    },
    /// The file with the password is missing.
    NoPassword {
        /// The file.
        path: PathBuf,
        /// The directory of the database.
        directory: PathBuf,
    },
    /// Something else is in the place of the data.
    NotACluster {
        /// The folder.
        path: PathBuf,
    },
    /// The folder was removed while the server was running.
    Removed {
        /// The folder.
        path: PathBuf,
    },
    /// The keeper was started with wrong arguments.
    KeeperArguments(String),
}

impl EmbeddedProblem {
    /// The text for a person.
    fn describe(&self, names: &EmbeddedNames) -> String {
        let EmbeddedNames { program: app, data_dir, programs, database_url, .. } = names;
        match self {
            Self::Io { action, path, source } => format!(
                "could not {action} {}: {source}. The data of the embedded database was not changed. Check the permissions \
                 and the space on the disk, or set {data_dir} to another folder.",
                path.display()
            ),
            Self::NoPrograms { least, places, install } => no_programs(*least, places, install, names),
            Self::UnusablePrograms { directory, reason } => format!(
                "{} ({programs}) is not usable as the folder of PostgreSQL's programs: {reason}. Nothing was changed. Name a \
                 folder with `postgres` and `initdb` of version 15 or later in it, or remove the setting, and the newest \
                 installed version is used.",
                directory.display()
            ),
            Self::WrongMajor { directory, needed, found, install } => {
                wrong_major(&directory.display().to_string(), *needed, found, install, names)
            }
            Self::ClosedDirectory { account, closed, wanted } => closed_directory(account, closed, wanted, names),
            Self::NoAccount => format!(
                "PostgreSQL refuses to run as root, and /etc/passwd has neither `postgres` nor `nobody` to run it as. \
                 Nothing was changed. Run `{app}` as an ordinary user, or create an account (`useradd --system postgres`), \
                 or set {database_url}."
            ),
            Self::NotOurs { path, owner } => not_ours(path, *owner, names),
            Self::Create { program, status, output } => format!(
                "the first start could not create the database: {} ended with {status}. The next start removes what it left; \
                 nothing else was changed. Its output:\n{output}",
                program.display()
            ),
            Self::Start { directory, tail } => format!(
                "PostgreSQL did not start. Its data in {directory}/data was not changed. The end of its log \
                 ({directory}/server.log):\n{tail}\nIf that does not help, set {database_url} to another database, or move \
                 {directory} aside to begin with an empty one.",
                directory = directory.display()
            ),
            Self::Slow { waited, reason, directory, tail } => format!(
                "PostgreSQL was not ready within {waited:?}: {reason}. Its data in {directory}/data was not changed. Start \
                 `{app}` again: a recovery continues where it was. The end of its log ({directory}/server.log):\n{tail}",
                directory = directory.display()
            ),
            Self::Foreign { pid, directory } => format!(
                "a PostgreSQL that `{app}` has not started (process {pid}) runs on {}/data. It was left alone. Stop it with \
                 `kill -INT {pid}` and start `{app}` again, or set {database_url} to use it as it is.",
                directory.display()
            ),
            Self::NoPassword { path, directory } => format!(
                "{} is missing: the password of the embedded database. Its data was not changed. Restore the file; or, if \
                 the data is not needed, remove {}.",
                path.display(),
                directory.display()
            ),
            Self::NotACluster { path } => format!(
                "{} exists and is not a PostgreSQL data directory. It was not changed. Move it aside, or set {data_dir} to \
                 another folder.",
                path.display()
            ),
            Self::Removed { path } => format!(
                "{} was removed while `{app}` was using it. Stop `{app}` and start it again to begin with an empty database.",
                path.display()
            ),
            Self::KeeperArguments(reason) => {
                format!("the hidden command `embedded-keeper` is for `{app}` itself, not for a person: {reason}")
            }
        }
    }
}

fn closed_directory(account: &str, closed: &Path, wanted: &Path, names: &EmbeddedNames) -> String {
    let EmbeddedNames { program: app, database_url, .. } = names;
    format!(
        "PostgreSQL refuses to run as root, so it runs as `{account}`, and that account cannot enter {closed} (on \
         the way to {}). No data was changed. Open it with `chmod o+x {closed}`, or work in a folder that is open \
         (such as /srv or /opt), or run `{app}` as an ordinary user, or set {database_url}.",
        wanted.display(),
        closed = closed.display()
    )
}

fn not_ours(path: &Path, owner: u32, names: &EmbeddedNames) -> String {
    let EmbeddedNames { program: app, data_dir, .. } = names;
    format!(
        "{path} belongs to another user (uid {owner}), so its database cannot be used from here. Nothing was \
         changed. Run `{app}` as that user, or have the folder removed or given to you (`sudo chown -R \"$USER\" \
         {path}`, with no `{app}` running there), or set {data_dir} to another one.",
        path = path.display()
    )
}

fn no_programs(least: u32, places: &str, install: &str, names: &EmbeddedNames) -> String {
    let EmbeddedNames { programs, database_url, container, .. } = names;
    let container = container.map_or_else(String::new, |command| format!("\n  - start one in a container: {command}"));
    format!(
        "no PostgreSQL of version {least} or later was found, which the embedded database needs.\nSearched for `postgres` and \
         `initdb` in:\n{places}\nNo data was changed. Do one of these:\n  - install it: {install}{container}\n  - use one \
         that runs already: set {database_url}=postgres://user:password@host:5432/database\n  - name the folder of its \
         programs: set {programs}"
    )
}

fn wrong_major(directory: &str, needed: u32, found: &str, install: &str, names: &EmbeddedNames) -> String {
    let EmbeddedNames { program: app, programs, .. } = names;
    format!(
        "the data in {directory}/data belongs to PostgreSQL {needed}, and only {found} is installed. Nothing was changed; data \
         is never upgraded automatically. Do one of these:\n  - continue with {needed}: install it ({install}; or from \
         https://www.postgresql.org/download/), or set {programs} to the folder of its programs\n  - move to another version: \
         with {needed} installed, start `{app}`, and in another terminal\n      PGPASSWORD=$(cat {directory}/password) pg_dump \
         -h {directory}/data -U {app} -Fc {app} > {app}.dump\n    then stop `{app}`, move {directory} aside, start `{app}` \
         with the other version, and\n      PGPASSWORD=$(cat {directory}/password) pg_restore -h {directory}/data -U {app} -d \
         {app} --clean --if-exists {app}.dump\n  - the data is not needed: remove {directory}"
    )
}

/// Turns the system's errors into [`EmbeddedProblem::Io`], with the operation and the path.
pub(crate) trait IoContext<T> {
    fn during(self, action: &'static str, path: &Path) -> Result<T, EmbeddedProblem>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn during(self, action: &'static str, path: &Path) -> Result<T, EmbeddedProblem> {
        self.map_err(|source| EmbeddedProblem::Io { action, path: path.to_owned(), source })
    }
}
