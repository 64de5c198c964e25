//! The connection that a command works on: named, watched while it works, and closed afterwards, whatever happened.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Either, Executor as _, PgConnection, Row as _};
use tokio::time::Instant;

use super::blockers::{self, Blocker};
use super::history::{self, History};
use super::schema::{self, Catalog};
use super::settings::Settings;
use super::source::Migration;
use super::{MigrateError, ignore, lock, pooler};
use crate::db::explain::{self, NoConnection, Place as Address};

/// A statement that takes longer is told of again and again.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// What is ours is looked up where nobody else can make anything: a function or an operator of another schema that fits
/// better than PostgreSQL's own would be run in its place, with all that the role may do.
pub(super) const OUR_PATH: &str = "set search_path = pg_catalog, pg_temp;\n";

/// The same until the end of the transaction, which a message of several statements is.
pub(super) const OUR_PATH_HERE: &str = "set local search_path = pg_catalog, pg_temp;\n";

/// What is the user's runs with the search path that the database gives to everybody.
pub(super) const THEIR_PATH: &str = "set search_path to default;\n";

/// The same until the end of the transaction.
pub(super) const THEIR_PATH_HERE: &str = "set local search_path to default;\n";

/// Begins a message that asks for what is on the database's own search path: its schemas that there are stand in the setting
/// `app.schemas` afterwards. On any connection, and nothing of it lasts. Its only row is not the answer.
pub(super) const THEIR_SCHEMAS: &str = "\
set local search_path to default;
select 'schemas' as row, pg_catalog.set_config('app.schemas', pg_catalog.current_schemas(false)::pg_catalog.text, true);
set local search_path = pg_catalog, pg_temp;
";

/// What a server does for a client that is gone is of no use to anybody; PostgreSQL 14 and later can notice. A role's limit
/// on transactions, which 17 and later have, is for its short ones.
const SETTLE: &str = r"
select
    current_database() as database,
    pg_backend_pid() as pid,
    current_setting('client_min_messages') as messages,
    (
        select (extract(epoch from clock_timestamp() - backend_start) * 1000)::bigint
        from pg_stat_activity
        where pid = pg_backend_pid()
    ) as age,
    case
        when current_setting('server_version_num')::integer >= 140000
        then set_config('client_connection_check_interval', '1000', false)
    end as noticed,
    case
        when current_setting('server_version_num')::integer >= 170000
        then set_config('transaction_timeout', '0', false)
    end as unlimited;
";

/// How the database's own search path is found out before anything is looked up on it.
const THEIR_SETTING: &str = "select pg_catalog.current_setting('search_path') as path, current_user as role;\n";

/// What a database is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the one that is worked on.
    Real,
    /// To try things in; somebody prepared it.
    Prepared,
    /// To try things in; it was made for that, and nothing in it is anybody else's.
    Made,
}

/// A session for one command.
pub(super) struct Session<'a> {
    pub connection: PgConnection,
    pub settings: &'a Settings,
    options: &'a PgConnectOptions,
    /// Which of the server's processes works for it; another session has to know it to cancel a statement.
    pid: i32,
    database: String,
    /// The database's own search path, with the role's name in the place of `"$user"`.
    search_path: String,
    /// What puts the session's settings in order.
    settling: String,
    /// What it is there for.
    pub place: Place,
    /// The schema that stays when it is emptied, quoted; `None` is the one that has the record.
    pub home: Option<String>,
    has_lock: bool,
}

/// A message to the server failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// How many of the message's statements were done before.
    pub done: usize,
    pub error: sqlx::Error,
    /// The sessions that it waited for when it was last looked at.
    pub blockers: Vec<Blocker>,
}

/// A statement that takes its time.
#[derive(Debug)]
pub(super) struct Waiting {
    pub since: Duration,
    pub blockers: Vec<Blocker>,
}

impl<'a> Session<'a> {
    /// Connects; within the settings' patience, again and again.
    async fn open(options: &'a PgConnectOptions, settings: &'a Settings) -> Result<Self, MigrateError> {
        let (mut connection, connecting) = connect_within(options, settings).await?;
        let settling = format!("{OUR_PATH}{}{SETTLE}", ignore::settings(&settings.ignore));
        let message = format!("{THEIR_SETTING}{settling}");
        let rows = sqlx::raw_sql(AssertSqlSafe(message)).fetch_all(&mut connection).await?;
        let (Some(before), Some(row)) = (rows.first(), rows.last()) else {
            return Err(sqlx::Error::RowNotFound.into());
        };
        let role: String = before.try_get("role")?;
        let path: String = before.try_get("path")?;
        let search_path = path.replace("\"$user\"", &format!("\"{}\"", role.replace('"', "\"\"")));
        let (database, pid) = (row.try_get("database")?, row.try_get("pid")?);
        let age: i64 = row.try_get::<Option<i64>, _>("age")?.unwrap_or_default();
        let older = u128::try_from(age).is_ok_and(|age| age > connecting.elapsed().as_millis());
        if older || row.try_get::<&str, _>("messages")? != MESSAGES {
            pooler::refuse(options, &mut connection, pid).await?;
        }
        Ok(Self {
            connection,
            settings,
            options,
            pid,
            database,
            search_path,
            settling,
            place: Place::Real,
            home: None,
            has_lock: false,
        })
    }

    /// Puts the session's settings in order, after a file that may have changed them.
    pub(super) async fn settle(&mut self) -> Result<(), sqlx::Error> {
        self.note(self.settling.clone()).await
    }

    /// Leaves some more of what stands in no schema out of all that is read: extensions, and others.
    pub(super) async fn ignore_more(&mut self, names: Vec<(bool, String)>) -> Result<(), sqlx::Error> {
        let mut ignore = self.settings.ignore.clone();
        for (extension, name) in names {
            if extension { &mut ignore.extensions } else { &mut ignore.others }.push(name);
        }
        self.settling = format!("{OUR_PATH}{}{SETTLE}", ignore::settings(&ignore));
        self.settle().await
    }

    /// What puts the session's settings in order, to go with a message.
    pub(super) fn settling(&self) -> &str {
        &self.settling
    }

    /// The database's own search path.
    pub(super) fn search_path(&self) -> &str {
        &self.search_path
    }

    /// Works on a session, and closes it afterwards, whatever happened.
    pub(super) async fn with<T>(
        options: &PgConnectOptions,
        settings: &Settings,
        work: impl AsyncFnOnce(&mut Session<'_>) -> Result<T, MigrateError>,
    ) -> Result<T, MigrateError> {
        let worked = async {
            let mut session = Session::open(options, settings).await?;
            let outcome = work(&mut session).await;
            session.close().await;
            outcome
        };
        worked.await.map_err(|error| match error {
            MigrateError::Database(error) => MigrateError::Failure(explain::Failure::new(options, error)),
            error => error,
        })
    }

    /// The same, with the lock.
    pub(super) async fn with_lock<T>(
        options: &PgConnectOptions,
        settings: &Settings,
        work: impl AsyncFnOnce(&mut Session<'_>) -> Result<T, MigrateError>,
    ) -> Result<T, MigrateError> {
        Session::with(options, settings, async |session| {
            session.lock().await?;
            work(session).await
        })
        .await
    }

    /// Takes the lock.
    pub(super) async fn lock(&mut self) -> Result<(), MigrateError> {
        lock::acquire(&mut self.connection, &self.database, self.settings, self.pid).await?;
        self.has_lock = true;
        Ok(())
    }

    /// What the database has on record. With the lock nobody else migrates, whatever the record says of who is running.
    pub(super) async fn history(&mut self, migrations: &[Migration]) -> Result<History, sqlx::Error> {
        let mut history = history::read(&mut self.connection, migrations).await?;
        if self.has_lock {
            history.attempts.iter_mut().for_each(|attempt| attempt.alive = false);
        }
        Ok(history)
    }

    /// How the database is reached.
    pub(super) const fn options(&self) -> &PgConnectOptions {
        self.options
    }

    /// What the database is made of, without the rights of the role that serves, which every deploy gives it.
    pub(super) async fn schema(&mut self) -> Result<Catalog, sqlx::Error> {
        let catalog = schema::read(&mut self.connection).await?;
        Ok(catalog.without_privileges_of(self.settings.rows_role.as_deref()))
    }

    /// The database's name.
    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// Sends a message of one or more statements, as they are. `tell` is called from time to time while it takes.
    pub(super) async fn send(&mut self, sql: String, mut tell: impl FnMut(Waiting)) -> Result<(), Failure> {
        let Self { connection, settings, options, pid, .. } = self;
        let started = Instant::now();
        let seen = Mutex::new(Vec::new());
        let blockers = || seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (work, watch) = (run(connection, sql), blockers::watch(options, *pid, &seen));
        tokio::pin!(work, watch);
        let mut ticks = tokio::time::interval_at(started + TELL_EVERY, TELL_EVERY);
        let mut cancelled = false;
        loop {
            tokio::select! {
                outcome = &mut work => {
                    return outcome.map_err(|(done, error)| Failure { done, error, blockers: blockers() });
                }
                () = &mut watch => {}
                _ = ticks.tick() => tell(Waiting { since: started.elapsed(), blockers: blockers() }),
                () = settings.cancel.cancelled(), if !cancelled => {
                    cancelled = true;
                    cancel(options, *pid).await;
                }
            }
        }
    }

    /// Sends what is ours alone, and takes no time.
    pub(super) async fn note(&mut self, sql: String) -> Result<(), sqlx::Error> {
        if sql.is_empty() { Ok(()) } else { self.connection.execute(AssertSqlSafe(sql)).await.map(|_| ()) }
    }

    /// Gives the lock up at once and ends the session. If it is broken, the lock goes with it a moment later.
    async fn close(mut self) {
        let _ = self.connection.execute("select pg_catalog.pg_advisory_unlock_all()").await;
        let _ = self.connection.close().await;
    }
}

/// Runs a message; where it failed, how many of its statements were done before.
async fn run(connection: &mut PgConnection, sql: String) -> Result<(), (usize, sqlx::Error)> {
    let mut done = 0;
    let mut answers = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(connection);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(Either::Left(_)) => done += 1,
            Ok(Either::Right(_)) => {}
            Err(error) => return Err((done, error)),
        }
    }
    Ok(())
}

/// Ends the statement that a session runs. It then fails like any other, and is noted like any other.
async fn cancel(options: &PgConnectOptions, pid: i32) {
    let Ok(mut connection) = connect(options).await else { return };
    let _ = connection.execute(AssertSqlSafe(format!("select pg_catalog.pg_cancel_backend({pid})"))).await;
    let _ = connection.close().await;
}

/// The messages that are of interest.
const MESSAGES: &str = "warning";

/// A connection for one command: named, so that others see who holds the lock, and silent about notices.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, MigrateError> {
    // A statement that is prepared for one use is only a round trip more; and a pooler may stand in between.
    let options = options
        .clone()
        .application_name("app migrate")
        .options([("client_min_messages", MESSAGES)])
        .statement_cache_capacity(0)
        .disable_statement_logging();
    options.connect().await.map_err(|error| MigrateError::Connect(NoConnection::new(&options, error)))
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Whoever waits longer wants to know for what.
const TELL_OF_WAITING: Duration = Duration::from_secs(1);

/// An address that swallows packets answers nothing at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Tries again until it answers, the time is up, or somebody stops it; and when the try began that had an answer.
async fn connect_within(
    options: &PgConnectOptions,
    settings: &Settings,
) -> Result<(PgConnection, Instant), MigrateError> {
    let cause = Mutex::new("no answer yet".to_owned());
    tokio::select! {
        connected = connect_again(options, settings, &cause) => connected,
        () = settings.cancel.cancelled() => {
            Err(MigrateError::Cancelled("before the database answered; nothing was changed".to_owned()))
        }
        never = tell_of_waiting(options, settings, &cause) => match never {},
    }
}

async fn connect_again(
    options: &PgConnectOptions,
    settings: &Settings,
    cause: &Mutex<String>,
) -> Result<(PgConnection, Instant), MigrateError> {
    let deadline = Instant::now() + settings.wait;
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        let error = match tokio::time::timeout(CONNECT_TIMEOUT, connect(options)).await {
            Ok(Ok(connection)) => return Ok((connection, begun)),
            Ok(Err(error)) => error,
            Err(_) => {
                let timed_out = sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
                MigrateError::Connect(NoConnection::new(options, timed_out))
            }
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || !worth_waiting(&error) {
            return Err(error);
        }
        if let MigrateError::Connect(error) = &error {
            *cause.lock().unwrap_or_else(PoisonError::into_inner) = error.cause();
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Says in the log what is waited for, after a second and whenever the reason is another.
async fn tell_of_waiting(options: &PgConnectOptions, settings: &Settings, cause: &Mutex<String>) -> Infallible {
    let patience = if settings.wait.is_zero() { CONNECT_TIMEOUT } else { settings.wait }.as_secs();
    let mut told = None;
    loop {
        tokio::time::sleep(TELL_OF_WAITING).await;
        let cause = cause.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if told.as_ref() != Some(&cause) {
            let server = Address::of(options);
            tracing::warn!("waiting for the database at {} ({patience} s at most): {cause}", server.server());
            told = Some(cause);
        }
    }
}

/// A wrong password does not get better; a server that starts does.
fn worth_waiting(error: &MigrateError) -> bool {
    let MigrateError::Connect(error) = error else { return true };
    // 57P03: it is starting up or shutting down; 53300: too many connections; 3D000: the database is not made yet.
    error.sqlstate().is_none_or(|code| ["57P03", "53300", "3D000"].contains(&code.as_str()))
}

/// Waits until the database answers.
///
/// # Errors
/// [`MigrateError::Connect`] with the last reason, once the time is up.
pub async fn wait(options: &PgConnectOptions, settings: &Settings) -> Result<(), MigrateError> {
    let (connection, _) = connect_within(options, settings).await?;
    // It answered; if it cannot be closed properly, it is dropped.
    let _ = connection.close().await;
    Ok(())
}
