//! Connections of the commands, and waiting for a server that does not answer yet.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::time::Instant;

use crate::error::MigrateError;
use crate::explain::{ConnectionTarget, NoConnection};
use crate::migrator::Migrator;
use crate::settings::MigrateSettings;

/// The level of messages that the server sends. Notices are of no interest.
pub(crate) const MESSAGE_LEVEL: &str = "warning";

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The time after which the log says what is waited for.
const LOG_AFTER: Duration = Duration::from_secs(1);

/// The limit on one attempt. An address that swallows packets never answers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a connection for one command: with an application name, so that others see who holds the lock, and without notices.
pub(crate) async fn connect(
    options: &PgConnectOptions,
    settings: &MigrateSettings,
) -> Result<PgConnection, MigrateError> {
    // A prepared statement that is used once costs a round trip, and a pooler in between may not support it.
    let options = options
        .clone()
        .application_name(settings.names.migrate)
        .options([("client_min_messages", MESSAGE_LEVEL)])
        .statement_cache_capacity(0)
        .disable_statement_logging();
    options.connect().await.map_err(|error| MigrateError::Connect(NoConnection::new(&options, error)))
}

/// Tries to connect until the server answers, the time is up, or the command is cancelled. Returns the start of the successful
/// attempt too.
pub(crate) async fn connect_within(
    options: &PgConnectOptions,
    settings: &MigrateSettings,
) -> Result<(PgConnection, Instant), MigrateError> {
    let cause = Mutex::new("no answer yet".to_owned());
    tokio::select! {
        connected = connect_with_retries(options, settings, &cause) => connected,
        () = settings.cancel.cancelled() => {
            Err(MigrateError::Cancelled("before the database answered; nothing was changed".to_owned()))
        }
        never = log_waiting(options, settings, &cause) => match never {},
    }
}

async fn connect_with_retries(
    options: &PgConnectOptions,
    settings: &MigrateSettings,
    cause: &Mutex<String>,
) -> Result<(PgConnection, Instant), MigrateError> {
    let deadline = Instant::now() + settings.wait;
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        let error = match tokio::time::timeout(CONNECT_TIMEOUT, connect(options, settings)).await {
            Ok(Ok(connection)) => return Ok((connection, begun)),
            Ok(Err(error)) => error,
            Err(_) => {
                let timed_out = sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
                MigrateError::Connect(NoConnection::new(options, timed_out))
            }
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || !may_recover(&error) {
            return Err(error);
        }
        if let MigrateError::Connect(error) = &error {
            *cause.lock().unwrap_or_else(PoisonError::into_inner) = error.cause();
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Logs what is waited for, after a second and whenever the cause changes.
async fn log_waiting(options: &PgConnectOptions, settings: &MigrateSettings, cause: &Mutex<String>) -> Infallible {
    let patience = if settings.wait.is_zero() { CONNECT_TIMEOUT } else { settings.wait }.as_secs();
    let mut logged = None;
    loop {
        tokio::time::sleep(LOG_AFTER).await;
        let cause = cause.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if logged.as_ref() != Some(&cause) {
            let target = ConnectionTarget::of(options);
            tracing::warn!("waiting for the database at {} ({patience} s at most): {cause}", target.server());
            logged = Some(cause);
        }
    }
}

/// True for errors that may go away: a wrong password stays wrong, a starting server gets ready.
fn may_recover(error: &MigrateError) -> bool {
    let MigrateError::Connect(error) = error else { return true };
    // 57P03: starting up or shutting down; 53300: too many connections; 3D000: the database does not exist yet.
    error.sqlstate().is_none_or(|code| ["57P03", "53300", "3D000"].contains(&code.as_str()))
}

impl Migrator {
    /// Waits until the database answers, for at most [`MigrateSettings::wait`].
    ///
    /// # Errors
    /// [`MigrateError::Connect`] with the last cause when the time is up.
    pub async fn wait(&self) -> Result<(), MigrateError> {
        let (connection, _) = connect_within(&self.database, &self.settings).await?;
        // It answered. If it cannot be closed properly, it is dropped.
        let _ = connection.close().await;
        Ok(())
    }
}
