//! The session that a command works in: a connection with an application name, watched while statements run, and closed
//! afterwards, whatever happens.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Either, Executor as _, PgConnection, Row as _};
use tokio::time::Instant;

use crate::error::MigrateError;
use crate::explain::QueryFailure;
use crate::file::source::Migration;
use crate::problem::HistoryProblem;
use crate::record::history::{MigrationHistory, read_history};
use crate::record::plan::MigrationPlan;
use crate::run::blockers;
use crate::run::connect::{MESSAGE_LEVEL, connect, connect_within};
use crate::run::ignore::set_patterns;
use crate::run::lock;
use crate::run::pooler::refuse_pooler;
use crate::schema::catalog::{Catalog, read_catalog};
use crate::search_path::CATALOG_PATH;
use crate::settings::{IgnorePatterns, MigrateSettings};
use crate::sql_text::quoted_identifier;
use crate::waiting::Blocker;

/// The interval at which a long statement is reported.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Prepares a session. PostgreSQL 14 and later can notice that the client is gone, and then stop. A role's limit on
/// transactions, which 17 and later have, is meant for short ones.
const PREPARE: &str = r"
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

/// Reads the default search path of the database, before anything is looked up on it.
const READ_DEFAULT_PATH: &str = "select pg_catalog.current_setting('search_path') as path, current_user as role;\n";

/// The use of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DatabaseUse {
    /// The database that the command is about.
    Target,
    /// A shadow database that somebody prepared.
    PreparedShadow,
    /// A shadow database that this command created. It has no objects of others.
    CreatedShadow,
}

/// A session for one command.
pub(crate) struct MigrationSession<'a> {
    pub connection: PgConnection,
    pub settings: &'a MigrateSettings,
    options: &'a PgConnectOptions,
    /// The server process. Another session has to know it to cancel a statement.
    pid: i32,
    database: String,
    /// The default search path of the database, with the role's name in place of `"$user"`.
    search_path: String,
    /// The statements that put the settings of the session in order.
    preparation: String,
    pub database_use: DatabaseUse,
    /// The schema that stays when the database is emptied, quoted; `None` is the schema of the record.
    pub home: Option<String>,
    has_lock: bool,
}

/// A message to the server that failed.
#[derive(Debug)]
pub(crate) struct MessageFailure {
    /// The number of the message's statements that were completed before.
    pub done: usize,
    pub error: sqlx::Error,
    /// The sessions that it was waiting for.
    pub blockers: Vec<Blocker>,
}

/// A statement that has been running for a while.
#[derive(Debug)]
pub(crate) struct StatementProgress {
    pub elapsed: Duration,
    pub blockers: Vec<Blocker>,
}

fn preparation(ignore: &IgnorePatterns) -> String {
    format!("{CATALOG_PATH}{}{PREPARE}", set_patterns(ignore))
}

impl<'a> MigrationSession<'a> {
    /// Connects, and retries for as long as the settings say.
    async fn open(options: &'a PgConnectOptions, settings: &'a MigrateSettings) -> Result<Self, MigrateError> {
        let (mut connection, connecting) = connect_within(options, settings).await?;
        let preparation = preparation(&settings.ignore);
        let message = format!("{READ_DEFAULT_PATH}{preparation}");
        let rows = sqlx::raw_sql(AssertSqlSafe(message)).fetch_all(&mut connection).await?;
        let (Some(before), Some(row)) = (rows.first(), rows.last()) else {
            return Err(sqlx::Error::RowNotFound.into());
        };
        let role: String = before.try_get("role")?;
        let path: String = before.try_get("path")?;
        let search_path = path.replace("\"$user\"", &quoted_identifier(&role));
        let (database, pid) = (row.try_get("database")?, row.try_get("pid")?);
        let age: i64 = row.try_get::<Option<i64>, _>("age")?.unwrap_or_default();
        let is_reused = u128::try_from(age).is_ok_and(|age| age > connecting.elapsed().as_millis());
        if is_reused || row.try_get::<&str, _>("messages")? != MESSAGE_LEVEL {
            refuse_pooler(options, settings, &mut connection, pid).await?;
        }
        Ok(Self {
            connection,
            settings,
            options,
            pid,
            database,
            search_path,
            preparation,
            database_use: DatabaseUse::Target,
            home: None,
            has_lock: false,
        })
    }

    /// Runs `work` in a session, and closes the session afterwards, whatever happens.
    pub(crate) async fn with<T>(
        options: &PgConnectOptions,
        settings: &MigrateSettings,
        work: impl AsyncFnOnce(&mut MigrationSession<'_>) -> Result<T, MigrateError>,
    ) -> Result<T, MigrateError> {
        let worked = async {
            let mut session = MigrationSession::open(options, settings).await?;
            let outcome = work(&mut session).await;
            session.close().await;
            outcome
        };
        worked.await.map_err(|error| named(error, options, settings))
    }

    /// Opens a session, and gives its connection away after `work`.
    pub(crate) async fn open_for<T>(
        options: &PgConnectOptions,
        settings: &MigrateSettings,
        work: impl AsyncFnOnce(&mut MigrationSession<'_>) -> Result<T, MigrateError>,
    ) -> Result<(PgConnection, T), MigrateError> {
        let worked = async {
            let mut session = MigrationSession::open(options, settings).await?;
            let outcome = work(&mut session).await?;
            Ok((session.connection, outcome))
        };
        worked.await.map_err(|error| named(error, options, settings))
    }

    /// Like [`Self::with`], with the migration lock.
    pub(crate) async fn with_lock<T>(
        options: &PgConnectOptions,
        settings: &MigrateSettings,
        work: impl AsyncFnOnce(&mut MigrationSession<'_>) -> Result<T, MigrateError>,
    ) -> Result<T, MigrateError> {
        MigrationSession::with(options, settings, async |session| {
            session.lock().await?;
            work(session).await
        })
        .await
    }

    /// Takes the migration lock.
    pub(crate) async fn lock(&mut self) -> Result<(), MigrateError> {
        lock::acquire(&mut self.connection, &self.database, self.settings, self.pid).await?;
        self.has_lock = true;
        Ok(())
    }

    /// Restores the settings of the session, after a script that may have changed them.
    pub(crate) async fn restore_settings(&mut self) -> Result<(), sqlx::Error> {
        self.note(self.preparation.clone()).await
    }

    /// Ignores more objects outside of schemas; each is an extension (`true`) or something else, and a name.
    pub(crate) async fn ignore_more(&mut self, names: Vec<(bool, String)>) -> Result<(), sqlx::Error> {
        let mut ignore = self.settings.ignore.clone();
        for (extension, name) in names {
            if extension { &mut ignore.extensions } else { &mut ignore.others }.push(name);
        }
        self.preparation = preparation(&ignore);
        self.restore_settings().await
    }

    /// The statements that restore the settings of the session, to be sent with others.
    pub(crate) fn preparation(&self) -> &str {
        &self.preparation
    }

    /// The default search path of the database.
    pub(crate) fn search_path(&self) -> &str {
        &self.search_path
    }

    /// Reads the record. Nobody else migrates while this session has the lock, whatever the record says of running attempts.
    pub(crate) async fn history(&mut self, migrations: &[Migration]) -> Result<MigrationHistory, sqlx::Error> {
        let mut history = read_history(&mut self.connection, migrations).await?;
        if self.has_lock {
            history.attempts.iter_mut().for_each(|attempt| attempt.alive = false);
        }
        Ok(history)
    }

    /// Reads the record and compares it with the files.
    ///
    /// # Errors
    /// [`MigrateError::Refused`] if two files have the same version.
    pub(crate) async fn history_and_plan(
        &mut self,
        migrations: &[Migration],
    ) -> Result<(MigrationHistory, MigrationPlan), MigrateError> {
        let history = self.history(migrations).await?;
        let plan = MigrationPlan::new(migrations, &history);
        if !plan.duplicates.is_empty() {
            let duplicates = HistoryProblem::Duplicates(plan.duplicates);
            return Err(MigrateError::Refused(duplicates, self.settings.names));
        }
        Ok((history, plan))
    }

    /// The options that the connection was made with.
    pub(crate) const fn options(&self) -> &PgConnectOptions {
        self.options
    }

    /// Reads the schema, without the privileges of the serving role, which every deploy grants.
    pub(crate) async fn schema(&mut self) -> Result<Catalog, sqlx::Error> {
        let catalog = read_catalog(&mut self.connection).await?;
        Ok(catalog.without_privileges_of(self.settings.rows_role.as_deref()))
    }

    /// The name of the database.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Sends a message of one or more statements. `report` is called every few seconds while it runs.
    pub(crate) async fn send(
        &mut self,
        sql: String,
        mut report: impl FnMut(StatementProgress),
    ) -> Result<(), MessageFailure> {
        let Self { connection, settings, options, pid, .. } = self;
        let started = Instant::now();
        let seen = Mutex::new(Vec::new());
        let blockers = || seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (work, watch) = (run_message(connection, sql), blockers::watch(options, settings, *pid, &seen));
        tokio::pin!(work, watch);
        let mut ticks = tokio::time::interval_at(started + REPORT_EVERY, REPORT_EVERY);
        let mut cancelled = false;
        loop {
            tokio::select! {
                outcome = &mut work => {
                    return outcome.map_err(|(done, error)| MessageFailure { done, error, blockers: blockers() });
                }
                () = &mut watch => {}
                _ = ticks.tick() => report(StatementProgress { elapsed: started.elapsed(), blockers: blockers() }),
                () = settings.cancel.cancelled(), if !cancelled => {
                    cancelled = true;
                    cancel_statement(options, settings, *pid).await;
                }
            }
        }
    }

    /// Sends statements of the toolkit's own, which take no time.
    pub(crate) async fn note(&mut self, sql: String) -> Result<(), sqlx::Error> {
        if sql.is_empty() { Ok(()) } else { self.connection.execute(AssertSqlSafe(sql)).await.map(|_| ()) }
    }

    /// Releases the lock at once and ends the session. If the connection is broken, the server releases the lock.
    async fn close(mut self) {
        let _ = self.connection.execute("select pg_catalog.pg_advisory_unlock_all()").await;
        let _ = self.connection.close().await;
    }
}

/// The error, with the database where a query failed.
fn named(error: MigrateError, options: &PgConnectOptions, settings: &MigrateSettings) -> MigrateError {
    match error {
        MigrateError::Database(error) => {
            MigrateError::Query(Box::new(QueryFailure::new(options, error)), settings.names)
        }
        error => error,
    }
}

/// Runs a message. An error comes with the number of statements that were completed before it.
async fn run_message(connection: &mut PgConnection, sql: String) -> Result<(), (usize, sqlx::Error)> {
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

/// Cancels the statement that a session runs. It then fails and is recorded like any other.
async fn cancel_statement(options: &PgConnectOptions, settings: &MigrateSettings, pid: i32) {
    let Ok(mut connection) = connect(options, settings).await else { return };
    let _ = connection.execute(AssertSqlSafe(format!("select pg_catalog.pg_cancel_backend({pid})"))).await;
    let _ = connection.close().await;
}
