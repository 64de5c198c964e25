//! The connection that everything is done on, in one transaction.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};

use super::error::{TakeOverError, sqlstate};
use super::report::grouped;
use super::run;
use crate::db::explain::{NoConnection, QueryFailure};

/// An address that swallows packets answers nothing at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// No limit that a role or a URL has is made for this; a server whose client is gone ends by itself within a second; no
/// operation is named, so that no history is written.
const SETTLE: &str = "
begin;
set local lock_timeout = '10s';
set local statement_timeout = 0;
set local idle_in_transaction_session_timeout = 0;
set local client_connection_check_interval = 1000;
set local jit = off;
set local app.operation = '';
";

/// PostgreSQL's codes for a lock that was not had in time, and for two who wait for each other.
const LOCKED: [&str; 2] = ["55P03", "40P01"];

/// A session for one command.
pub(super) struct Session {
    pub connection: PgConnection,
}

impl Session {
    /// Works in a transaction. What the work does not commit is rolled back.
    pub(super) async fn with<T>(
        options: &PgConnectOptions,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, TakeOverError>,
    ) -> Result<T, TakeOverError> {
        let mut session = Self { connection: connect(options).await? };
        let worked = async {
            session.connection.execute(sqlx::raw_sql(SETTLE)).await?;
            work(&mut session).await
        };
        let outcome = worked.await.map_err(|error| match error {
            TakeOverError::Database(error) if sqlstate(&error).is_some_and(|code| LOCKED.contains(&code.as_str())) => {
                locked(&error)
            }
            TakeOverError::Database(error) => TakeOverError::Failure(QueryFailure::new(options, error)),
            error => error,
        });
        // The end of the session ends its transaction; if it is broken, that has been done already.
        let _ = session.connection.close().await;
        outcome
    }

    /// Keeps users from registering, and others from taking over at the same time.
    pub(super) async fn lock_users(&mut self) -> Result<(), TakeOverError> {
        self.connection.execute("lock table users in share row exclusive mode").await?;
        Ok(())
    }

    /// Refuses a database that is in use already.
    pub(super) async fn expect_no_users(&mut self) -> Result<(), TakeOverError> {
        let users: i64 = sqlx::query_scalar("select count(*) from users").fetch_one(&mut self.connection).await?;
        if users == 0 {
            return Ok(());
        }
        Err(TakeOverError::Senseless(format!(
            "this database has {} already, whose ids would clash; nothing was changed. A take-over goes into a database \
             without users: `app db take-over --undo` takes an earlier one back, and a fresh database is made by `createdb` \
             and `app migrate deploy`.",
            super::report::count(users, "user", "users")
        )))
    }
}

/// Connects; named, so that others see who holds the locks.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, TakeOverError> {
    let own = options
        .clone()
        .application_name("app db take-over")
        .options([("client_min_messages", "warning")])
        .disable_statement_logging();
    let error = match tokio::time::timeout(CONNECT_TIMEOUT, own.connect()).await {
        Ok(Ok(connection)) => return Ok(connection),
        Ok(Err(error)) => error,
        Err(_) => sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()),
    };
    Err(TakeOverError::Connect(NoConnection::new(options, error)))
}

fn locked(error: &sqlx::Error) -> TakeOverError {
    TakeOverError::Locked(format!(
        "somebody else holds a lock that is needed, and did not give it up within 10 s ({}); nothing was changed. Stop what \
         writes into the tables, or run the command again.",
        crate::db::explain::Cause(error)
    ))
}

/// Writes rows into a table, in PostgreSQL's text format.
pub(super) async fn copy_in(connection: &mut PgConnection, into: &str, rows: &[u8]) -> Result<u64, sqlx::Error> {
    let mut copy = connection.copy_in_raw(&format!("copy {into} from stdin")).await?;
    copy.send(rows).await?;
    copy.finish().await
}

/// Tells of every so many rows.
pub(super) struct Progress {
    what: &'static str,
    done: u64,
    told: u64,
}

impl Progress {
    /// Whoever waits wants to see something move.
    const EVERY: u64 = 10_000;

    pub(super) const fn new(what: &'static str) -> Self {
        Self { what, done: 0, told: 0 }
    }

    pub(super) fn add(&mut self, rows: u64, tell: super::Tell<'_>) {
        self.done += rows;
        if self.done / Self::EVERY > self.told / Self::EVERY {
            self.told = self.done;
            tell(&format!("  {} {}", grouped(&self.done.to_string()), self.what));
        }
    }
}

/// Reads what a statement finds, some rows at a time, and gives what is made of them to the table `into`.
pub(super) async fn transform<R>(
    connection: &mut PgConnection,
    select: String,
    into: &str,
    mut make: impl FnMut(R, &mut Vec<u8>),
    mut done: impl FnMut(u64),
) -> Result<(), sqlx::Error>
where
    R: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    use futures_util::TryStreamExt as _;
    run(connection, format!("declare take_over no scroll cursor for {select}")).await?;
    loop {
        let mut rows = Vec::new();
        let mut count = 0;
        {
            let mut read =
                sqlx::query_as::<_, R>("fetch 1000 from take_over").persistent(false).fetch(&mut *connection);
            while let Some(row) = read.try_next().await? {
                make(row, &mut rows);
                count += 1;
            }
        }
        if count == 0 {
            break;
        }
        copy_in(connection, into, &rows).await?;
        done(count);
    }
    connection.execute("close take_over").await?;
    Ok(())
}
