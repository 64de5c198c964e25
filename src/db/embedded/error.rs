//! What can go wrong, each with what is untouched and what to do next.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// Why the private PostgreSQL could not be had.
///
/// The messages are for the person at the terminal: what happened, what is untouched, what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// A file or a process could not be worked with.
    #[error(
        "could not {action} {path}: {source}. The data of the embedded database was not changed. See to the \
             permissions and to the space on the disk, or set APP_DATABASE__DATA_DIR to another folder."
    )]
    Io {
        /// What was tried, as in "could not …".
        action: &'static str,
        /// The file or program.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },

    /// No PostgreSQL on this machine.
    #[error(
        "no PostgreSQL of version {least} or later was found, which the embedded database needs.\nLooked for `postgres` \
         and `initdb` in:\n{places}\nNo data was changed. Do one of these:\n  - install it: {install}\n  - start one \
         in a container: docker compose -f docker-compose.dev.yml up -d\n  - use one that runs already: set \
         DATABASE_URL=postgres://user:password@host:5432/database\n  - name the folder of its programs: set \
         APP_DATABASE__PROGRAMS"
    )]
    NoPrograms {
        /// The least major version that serves.
        least: u32,
        /// Where it was looked for and what was found there, a line each.
        places: String,
        /// How this system installs it.
        install: String,
    },

    /// The folder that was named holds no server programs.
    #[error(
        "{directory} (database.programs, APP_DATABASE__PROGRAMS) does not serve as the folder of PostgreSQL's programs: \
         {reason}. Nothing was changed. Name a folder with `postgres` and `initdb` of version 15 or later in it, or \
         leave the setting out, and the newest installed is used."
    )]
    UnusablePrograms {
        /// The folder.
        directory: PathBuf,
        /// What is the matter with it.
        reason: String,
    },

    /// The data was made by a major version that is not installed.
    #[error(
        "the data in {directory}/data is PostgreSQL {needed}'s, and there is only {found}. Nothing was changed; data is \
         never upgraded by itself. Do one of these:\n  - go on with {needed}: install it ({install}; or from https://www.postgresql.org/download/), or set \
         APP_DATABASE__PROGRAMS to the folder of its programs\n  - move to another version: with {needed} installed, \
         start `app`, and in another terminal\n      PGPASSWORD=$(cat {directory}/password) pg_dump -h \
         {directory}/data -U app -Fc app > expenses.dump\n    then stop `app`, move {directory} aside, start `app` \
         with the other version, and\n      PGPASSWORD=$(cat {directory}/password) pg_restore -h {directory}/data -U \
         app -d app --clean --if-exists expenses.dump\n  - the data is not needed: remove {directory}"
    )]
    WrongMajor {
        /// The directory of the database.
        directory: PathBuf,
        /// The data's major version.
        needed: u32,
        /// What is installed.
        found: String,
        /// How this system installs the needed one.
        install: String,
    },

    /// The account that the server runs as cannot enter a folder.
    #[error(
        "PostgreSQL refuses to run as root, so it runs as `{account}`, and that account cannot enter {closed} (on the \
         way to {wanted}). No data was changed. Let it pass with `chmod o+x {closed}`, or work in a folder that is open \
         (such as /srv or /opt), or run `app` as an ordinary user, or set DATABASE_URL."
    )]
    ClosedDirectory {
        /// The account's name.
        account: String,
        /// The folder that is closed.
        closed: PathBuf,
        /// What is behind it.
        wanted: PathBuf,
    },

    /// Root, and nobody to give the server to.
    #[error(
        "PostgreSQL refuses to run as root, and /etc/passwd has neither `postgres` nor `nobody` to run it as. Nothing \
         was changed. Run `app` as an ordinary user, or make an account (`useradd --system postgres`), or set \
         DATABASE_URL."
    )]
    NoAccount,

    /// The folder is another user's.
    #[error(
        "{path} belongs to another user (uid {owner}), so its database cannot be used from here. Nothing was changed. \
         Run `app` as that user, or have the folder removed or given to you (`sudo chown -R \"$USER\" {path}`, with no \
         `app` running there), or set APP_DATABASE__DATA_DIR to another one."
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },

    /// `initdb`, or the making of the database in it, failed.
    #[error(
        "the first start could not make the database: {program} ended with {status}. What it had begun is cleared away \
         by the next start; nothing else was changed. It said:\n{output}"
    )]
    Create {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote.
        output: String,
    },

    /// The server ended instead of starting.
    #[error(
        "PostgreSQL did not start. Its data in {directory}/data is kept as it is. The end of its log \
         ({directory}/server.log):\n{tail}\nIf that does not tell what to do, set DATABASE_URL to another database, or \
         move {directory} aside to begin with an empty one."
    )]
    Start {
        /// The directory of the database.
        directory: PathBuf,
        /// The log's last lines.
        tail: String,
    },

    /// The server was not ready in time.
    #[error(
        "PostgreSQL was not ready within {waited:?}: {doing}. Its data in {directory}/data is kept as it is. Start \
         `app` again: a recovery goes on where it was. The end of its log ({directory}/server.log):\n{tail}"
    )]
    Slow {
        /// How long it was waited for.
        waited: Duration,
        /// What was waited for.
        doing: String,
        /// The directory of the database.
        directory: PathBuf,
        /// The log's last lines.
        tail: String,
    },

    /// Somebody has started a server on the data by hand.
    #[error(
        "a PostgreSQL that `app` has not started (process {pid}) runs on {directory}/data. It was let be. Stop it with \
         `kill -INT {pid}` and start `app` again, or set DATABASE_URL to use it as it is."
    )]
    Foreign {
        /// The server's first process.
        pid: i32,
        /// The directory of the database.
        directory: PathBuf,
    },

    /// The password's file is gone.
    #[error(
        "{path} is missing: the password of the embedded database. Its data was not changed. Put the file back; or, \
         where the data is not needed, remove {directory}."
    )]
    NoPassword {
        /// The password's file.
        path: PathBuf,
        /// The whole directory of the database.
        directory: PathBuf,
    },

    /// There is something in the place of the data.
    #[error(
        "{path} exists and is not a PostgreSQL data directory. It was not changed. Move it aside, or set \
         APP_DATABASE__DATA_DIR to another folder."
    )]
    NotACluster {
        /// The folder.
        path: PathBuf,
    },

    /// The folder was removed under the running server.
    #[error(
        "{path} was removed while `app` was using it. Stop `app` and start it again to begin with an empty database."
    )]
    Removed {
        /// The folder.
        path: PathBuf,
    },

    /// The keeper was called wrongly.
    #[error("the hidden command `embedded-keeper` is for `app` itself, not for a person: {0}")]
    Orders(String),
}

/// Turns the system's errors into [`EmbeddedError::Io`], naming what was tried.
pub(super) trait Doing<T> {
    fn doing(self, action: &'static str, path: &Path) -> Result<T, EmbeddedError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, action: &'static str, path: &Path) -> Result<T, EmbeddedError> {
        self.map_err(|source| EmbeddedError::Io { action, path: path.to_owned(), source })
    }
}
