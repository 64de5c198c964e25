//! The settings of a private PostgreSQL, and its state when it runs.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::names::EmbeddedNames;

/// The hidden command that runs the program as the keeper: its first argument. [`crate::keep`] takes those after it.
pub const KEEPER_COMMAND: &str = "embedded-keeper";

/// The settings of a private PostgreSQL.
#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    /// The names of the program, for messages, for the role and for the database.
    pub names: &'static EmbeddedNames,
    /// The directory for data, password, log and locks. It is created if it does not exist.
    pub directory: PathBuf,
    /// The directory of the server programs; `None` searches for them.
    pub programs: Option<PathBuf>,
    /// For tests: the data does not survive a power failure, and the directory is removed at the end.
    pub throwaway: bool,
    /// The time that the server continues after the last process has left.
    pub linger: Duration,
    /// The program to run as the keeper, with [`KEEPER_COMMAND`]: usually `std::env::current_exe()`.
    pub keeper: PathBuf,
    /// The limit on a start, including a recovery.
    pub start_timeout: Duration,
}

/// The parameters of a connection.
#[derive(Clone, PartialEq, Eq)]
pub struct EmbeddedConnection {
    /// The directory of the Unix socket.
    pub socket_directory: PathBuf,
    /// The port, which is part of the socket's name. There is no TCP.
    pub port: u16,
    /// The role; it is a superuser.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The database.
    pub database: String,
}

impl fmt::Debug for EmbeddedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedConnection")
            .field("socket_directory", &self.socket_directory)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("password", &"(redacted)")
            .field("database", &self.database)
            .finish()
    }
}

/// The work that a start had to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartOutcome {
    /// The server was running already.
    Attached,
    /// It was started with existing data.
    Started,
    /// It was started after an unclean end; PostgreSQL recovered all committed rows.
    Recovered,
    /// It was started for the first time, with an empty database.
    Created,
}

impl fmt::Display for StartOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attached => "running already",
            Self::Started => "started",
            Self::Recovered => "recovered after it had not been stopped cleanly",
            Self::Created => "created and started for the first time",
        })
    }
}

/// The state of the server after a process has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopOutcome {
    /// It has stopped.
    Stopped,
    /// It continues, because others use it or because it lingers.
    Running,
    /// It is still stopping; the keeper takes care of it.
    Stopping,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_does_not_show_in_debug() {
        let connection = EmbeddedConnection {
            socket_directory: PathBuf::from("/srv/data"),
            port: 5432,
            user: "app".to_owned(),
            password: "s3cret".to_owned(),
            database: "app".to_owned(),
        };
        assert!(!format!("{connection:?}").contains("s3cret"));
    }
}
