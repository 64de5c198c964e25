//! A share in the running server.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::data_dir::DataDir;
use crate::error::{EmbeddedError, EmbeddedProblem, IoContext as _};
use crate::lock::{self, LockMode};
use crate::settings::{EmbeddedConnection, EmbeddedSettings, StartOutcome, StopOutcome};
use crate::start;

/// The time that [`EmbeddedDatabase::stop`] waits for the end.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// A share in the running server: it runs at least as long as this lives.
#[derive(Debug)]
pub struct EmbeddedDatabase {
    settings: EmbeddedSettings,
    home: DataDir,
    attached: std::fs::File,
    connection: EmbeddedConnection,
    outcome: StartOutcome,
    keeper: Mutex<Option<Child>>,
}

impl EmbeddedDatabase {
    /// Attaches to a running server, or starts it: it recovers the data of a killed one, or creates the database.
    ///
    /// # Errors
    ///
    /// No server programs, an unusable directory, or a server that is not ready in time.
    pub fn start(settings: EmbeddedSettings) -> Result<Self, EmbeddedError> {
        let names = settings.names;
        Self::attach(settings).map_err(EmbeddedError::with(names))
    }

    fn attach(mut settings: EmbeddedSettings) -> Result<Self, EmbeddedProblem> {
        settings.directory = absolute(&settings.directory)?;
        settings.programs = settings.programs.as_deref().map(absolute).transpose()?;
        settings.keeper = absolute(&settings.keeper)?;
        let start::Attachment { home, lock, alone } = start::attach(&settings)?;
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

    /// The parameters of a connection.
    #[must_use]
    pub fn connection(&self) -> &EmbeddedConnection {
        &self.connection
    }

    /// The work that [`EmbeddedDatabase::start`] had to do.
    #[must_use]
    pub fn outcome(&self) -> StartOutcome {
        self.outcome
    }

    /// The log file of the server and its keeper.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.home.log()
    }

    /// Starts the server again if it has died. Otherwise it costs almost nothing and returns [`StartOutcome::Attached`].
    ///
    /// # Errors
    ///
    /// As [`EmbeddedDatabase::start`], and a directory that was removed meanwhile.
    pub fn ensure_running(&self) -> Result<StartOutcome, EmbeddedError> {
        self.restart_if_dead().map_err(EmbeddedError::with(self.settings.names))
    }

    fn restart_if_dead(&self) -> Result<StartOutcome, EmbeddedProblem> {
        if !lock::is_current(&self.attached, &self.home.attached_lock()) {
            return Err(EmbeddedProblem::Removed { path: self.home.path().to_owned() });
        }
        let running = start::bring_up(&self.home, &self.settings, false)?;
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        // A child keeper that has ended is reaped here.
        if let Some(former) = keeper.as_mut()
            && former.try_wait().during("wait for", &self.settings.keeper)?.is_some()
        {
            *keeper = None;
        }
        if let Some(new) = running.keeper
            && let Some(mut former) = keeper.replace(new)
        {
            // It has released its lock, so it is about to end.
            former.wait().during("wait for", &self.settings.keeper)?;
        }
        Ok(running.outcome)
    }

    /// Leaves. If no other process uses the server, waits until it has stopped, for at most 20 s.
    ///
    /// Dropping does the same without waiting.
    ///
    /// # Errors
    ///
    /// Lock files that cannot be read.
    pub fn stop(self) -> Result<StopOutcome, EmbeddedError> {
        let names = self.settings.names;
        self.leave().map_err(EmbeddedError::with(names))
    }

    fn leave(self) -> Result<StopOutcome, EmbeddedProblem> {
        let Self { settings, home, attached, keeper, .. } = self;
        drop(attached);
        let deadline = Instant::now() + STOP_PATIENCE;
        let attached = home.attached_lock();
        while lock::is_held(&home.keeper_lock())? {
            let others = !is_free(&attached, LockMode::Exclusive)? && is_free(&attached, LockMode::Shared)?;
            if others || !settings.linger.is_zero() {
                return Ok(StopOutcome::Running);
            }
            if Instant::now() >= deadline {
                return Ok(StopOutcome::Stopping);
            }
            thread::sleep(lock::POLL);
        }
        if let Some(mut keeper) = keeper.into_inner().unwrap_or_else(PoisonError::into_inner) {
            keeper.wait().during("wait for", &settings.keeper)?;
        }
        Ok(StopOutcome::Stopped)
    }
}

/// True if a lock is free. The file is not created: its directory may have been removed, as that of a throwaway database.
fn is_free(path: &Path, mode: LockMode) -> Result<bool, EmbeddedProblem> {
    match std::fs::File::open(path) {
        Ok(file) => lock::try_lock(&file, mode).during("lock", path),
        Err(_) => Ok(true),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, EmbeddedProblem> {
    std::path::absolute(path).during("resolve", path)
}
