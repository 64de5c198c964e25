//! A private PostgreSQL, for who has none running: real PostgreSQL, so that the same migrations and SQL hold everywhere.
//!
//! Whoever uses it is *attached*: it holds a shared lock that the kernel gives up when the process ends, however it
//! ends. A small *keeper* process is the server's parent, and stops it when nobody is attached any more. So the
//! server has no owner among its users: any may come or be killed at any time, and the last one out stops it.
//!
//! - `programs` finds PostgreSQL on the machine, `account` gives up root for it, `cluster` makes the data;
//! - `start` attaches or starts, `keeper` keeps, `server` knows the server process;
//! - `home` knows the files, `lock` the locks, `error` what to tell the person.
//!
//! Everything here blocks, for milliseconds as a rule and for seconds at the first start.

mod account;
mod cluster;
mod error;
mod home;
mod keeper;
mod lock;
mod programs;
mod server;
mod start;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use self::error::EmbeddedError;
pub use self::keeper::keep;

use self::error::Doing as _;
use self::lock::Mode;

/// The hidden command by which this program runs as the keeper: the first argument, [`keep`] takes those behind it.
pub const KEEPER_COMMAND: &str = "embedded-keeper";

/// How long [`EmbeddedDatabase::stop`] waits for the end.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// Which database, and how it is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory that holds all of it: data, password, log, locks. Made if it is not there.
    pub directory: PathBuf,
    /// The directory of the server programs; found by itself if left out.
    pub programs: Option<PathBuf>,
    /// For tests: nothing is made safe against a power failure, and the directory is removed at the end.
    pub throwaway: bool,
    /// How long the server goes on after the last one has left.
    pub linger: Duration,
    /// The program that is run as the keeper, with [`KEEPER_COMMAND`]: as a rule, `std::env::current_exe()`.
    pub keeper: PathBuf,
    /// How long a start may take, a recovery included.
    pub start_timeout: Duration,
}

/// How to connect.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    /// The directory of the Unix socket.
    pub socket_directory: PathBuf,
    /// The port, a part of the socket's name. There is no TCP.
    pub port: u16,
    /// The role; it is a superuser.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The database.
    pub database: String,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("socket_directory", &self.socket_directory)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("password", &"(redacted)")
            .field("database", &self.database)
            .finish()
    }
}

/// How the server came to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It ran already.
    Attached,
    /// It was started, with the data of the last time.
    Started,
    /// It was started, and had not been stopped cleanly: PostgreSQL has recovered every committed row.
    Recovered,
    /// It was started for the first time, with an empty database.
    Created,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attached => "running already",
            Self::Started => "started",
            Self::Recovered => "recovered after it had not been stopped cleanly",
            Self::Created => "made and started for the first time",
        })
    }
}

/// What became of the server when we left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It has stopped.
    Stopped,
    /// It goes on, because others use it or because it is to linger.
    Running,
    /// It is still stopping; the keeper sees to it.
    Stopping,
}

/// A share in the running server: it runs at least as long as this lives.
#[derive(Debug)]
pub struct EmbeddedDatabase {
    settings: Settings,
    home: home::Home,
    attached: std::fs::File,
    connection: Connection,
    outcome: Outcome,
    keeper: Mutex<Option<Child>>,
}

impl EmbeddedDatabase {
    /// Attaches to the server that runs already, or starts it: recovering what a killed one has left, or making the
    /// database if there is none.
    ///
    /// # Errors
    ///
    /// When there are no server programs, when the directory cannot be used, when the server does not come up in time.
    pub fn start(mut settings: Settings) -> Result<Self, EmbeddedError> {
        settings.directory = absolute(&settings.directory)?;
        settings.programs = settings.programs.as_deref().map(absolute).transpose()?;
        settings.keeper = absolute(&settings.keeper)?;
        let start::Attached { home, lock, alone } = start::attach(&settings)?;
        let running = start::bring_up(&home, &settings, alone && settings.throwaway)?;
        Ok(Self {
            settings,
            home,
            attached: lock,
            connection: running.connection,
            outcome: running.outcome,
            keeper: Mutex::new(running.keeper),
        })
    }

    /// How to connect.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What [`EmbeddedDatabase::start`] had to do.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The file that the server and its keeper write their log to.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.home.log()
    }

    /// Starts the server again if it has died. Costs next to nothing when it has not: then it is
    /// [`Outcome::Attached`]. How often it is tried is up to the caller.
    ///
    /// # Errors
    ///
    /// As [`EmbeddedDatabase::start`]; and when the directory has been removed meanwhile.
    pub fn ensure_running(&self) -> Result<Outcome, EmbeddedError> {
        if !lock::is_current(&self.attached, &self.home.attached_lock()) {
            return Err(EmbeddedError::Removed { path: self.home.path().to_owned() });
        }
        let running = start::bring_up(&self.home, &self.settings, false)?;
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        // A keeper of ours that has ended is reaped here.
        if let Some(former) = keeper.as_mut()
            && former.try_wait().doing("wait for", &self.settings.keeper)?.is_some()
        {
            *keeper = None;
        }
        if let Some(new) = running.keeper
            && let Some(mut former) = keeper.replace(new)
        {
            // It has given up its lock, so it is at its very end.
            former.wait().doing("wait for", &self.settings.keeper)?;
        }
        Ok(running.outcome)
    }

    /// Leaves. If nobody else uses the server, waits until it has stopped (20 s at most).
    ///
    /// Dropping does the same without waiting: the keeper sees to the rest.
    ///
    /// # Errors
    ///
    /// When the lock files cannot be read.
    pub fn stop(self) -> Result<Departure, EmbeddedError> {
        let Self { settings, home, attached, keeper, .. } = self;
        drop(attached);
        let deadline = Instant::now() + STOP_PATIENCE;
        let attached = home.attached_lock();
        while lock::is_held(&home.keeper_lock())? {
            let others = !free(&attached, Mode::Exclusive)? && free(&attached, Mode::Shared)?;
            if others || !settings.linger.is_zero() {
                return Ok(Departure::Running);
            }
            if Instant::now() >= deadline {
                return Ok(Departure::Stopping);
            }
            thread::sleep(lock::POLL);
        }
        if let Some(mut keeper) = keeper.into_inner().unwrap_or_else(PoisonError::into_inner) {
            keeper.wait().doing("wait for", &settings.keeper)?;
        }
        Ok(Departure::Stopped)
    }
}

/// Whether a lock could be had at this moment. It is not made if its directory is gone, as a throwaway's is at the end.
fn free(path: &Path, mode: Mode) -> Result<bool, EmbeddedError> {
    match std::fs::File::open(path) {
        Ok(file) => lock::try_lock(&file, mode).doing("lock", path),
        Err(_) => Ok(true),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, EmbeddedError> {
    std::path::absolute(path).doing("resolve", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_does_not_show_in_debug() {
        let connection = Connection {
            socket_directory: PathBuf::from("/srv/data"),
            port: 5432,
            user: "app".to_owned(),
            password: "s3cret".to_owned(),
            database: "app".to_owned(),
        };
        assert!(!format!("{connection:?}").contains("s3cret"));
    }
}
