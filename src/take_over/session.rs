//! The connection for a take-over, and its single transaction.

use std::time::Duration;

use migrate_toolkit::{DirectConnection, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};

use super::error::TakeOverError;
use super::format::{count, grouped};
use super::sql::{run, sqlstate};
use super::trust;
use crate::db::explain::{NoConnection, QueryFailure};

/// Receives progress messages.
pub type ProgressReport<'a> = &'a mut (dyn FnMut(&str) + Send);

/// The name that others see, who wonder who holds the locks.
const APPLICATION: &str = "app db take-over";

/// The time limit for connecting; a firewall that drops packets never answers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Limits of the role or the URL are not meant for this. The server notices within a second that its client is gone.
/// Without an operation, the triggers record no history.
const LIMITS: &str = "
set local lock_timeout = '10s';
set local statement_timeout = 0;
set local idle_in_transaction_session_timeout = 0;
set local client_connection_check_interval = 1000;
set local jit = off;
set local app.operation = '';
";

/// The SQLSTATEs of a lock timeout and of a deadlock.
const LOCK_FAILURES: [&str; 2] = ["55P03", "40P01"];

/// The SQLSTATE of a missing privilege, or of rows that row level security would hide.
pub(super) const FORBIDDEN: &str = "42501";

/// The rows that the statements of a transaction see.
#[derive(Clone, Copy)]
pub(super) enum Isolation {
    /// Rows committed before each statement. Locks keep others from writing more.
    Statement,
    /// Rows committed before the first statement: a snapshot, which keeps nobody from writing.
    Snapshot,
}

impl Isolation {
    const fn begin(self) -> &'static str {
        match self {
            Self::Statement => "begin",
            Self::Snapshot => "begin isolation level repeatable read",
        }
    }
}

/// A session for one command.
pub(super) struct TakeOverSession {
    pub connection: PgConnection,
}

impl TakeOverSession {
    /// Runs `work` in a transaction. Anything that `work` does not commit is rolled back.
    pub(super) async fn with<T>(
        migrator: &Migrator,
        isolation: Isolation,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, TakeOverError>,
    ) -> Result<T, TakeOverError> {
        let options = &migrator.database;
        let DirectConnection { connection, home } = migrator.connect(APPLICATION).await?;
        let mut session = Self { connection };
        let worked = async {
            session.connection.execute(isolation.begin()).await?;
            session.connection.execute(sqlx::raw_sql(LIMITS)).await?;
            trust::protect(&mut session.connection, &home).await?;
            work(&mut session).await
        };
        let outcome = worked.await.map_err(|error| match error {
            TakeOverError::Database(error)
                if sqlstate(&error).is_some_and(|code| LOCK_FAILURES.contains(&code.as_str())) =>
            {
                locked(&error)
            }
            TakeOverError::Database(error) if sqlstate(&error).as_deref() == Some(FORBIDDEN) => {
                TakeOverError::not_permitted(&QueryFailure::new(options, error))
            }
            TakeOverError::Database(error) => TakeOverError::Failure(QueryFailure::new(options, error)),
            error => error,
        });
        // Closing the connection ends the transaction. If it is broken, the server has rolled back already.
        let _ = session.connection.close().await;
        outcome
    }

    /// Locks out registrations and concurrent take-overs.
    pub(super) async fn lock_users(&mut self) -> Result<(), TakeOverError> {
        self.connection.execute("lock table users in share row exclusive mode").await?;
        Ok(())
    }

    /// Fails if the database has users.
    pub(super) async fn expect_no_users(&mut self) -> Result<(), TakeOverError> {
        let users: i64 = sqlx::query_scalar("select count(*) from users").fetch_one(&mut self.connection).await?;
        if users == 0 {
            return Ok(());
        }
        Err(TakeOverError::NotApplicable(format!(
            "this database already has {}, whose ids would clash; nothing was changed. A take-over needs a database \
             without users: `app db take-over --undo` undoes an earlier one; `createdb` and `app migrate deploy` create a fresh database.",
            count(users, "user", "users")
        )))
    }
}

/// Connects to the original's database, which is only read.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, TakeOverError> {
    let own = options
        .clone()
        .application_name(APPLICATION)
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
        "another session holds a required lock and did not release it within 10 s ({}); nothing was changed. Stop the \
         programs that write to the tables, or run the command again.",
        crate::db::explain::Cause(error)
    ))
}

/// Writes rows into a table, in PostgreSQL's text format.
pub(super) async fn copy_in(connection: &mut PgConnection, into: &str, rows: &[u8]) -> Result<u64, sqlx::Error> {
    let mut copy = connection.copy_in_raw(&format!("copy {into} from stdin")).await?;
    copy.send(rows).await?;
    copy.finish().await
}

/// Reports progress at intervals.
pub(super) struct RowProgress {
    what: &'static str,
    done: u64,
    reported: u64,
}

impl RowProgress {
    /// The number of rows between two reports.
    const INTERVAL: u64 = 10_000;

    pub(super) const fn new(what: &'static str) -> Self {
        Self { what, done: 0, reported: 0 }
    }

    pub(super) fn add(&mut self, rows: u64, report: ProgressReport<'_>) {
        self.done += rows;
        if self.done / Self::INTERVAL > self.reported / Self::INTERVAL {
            self.reported = self.done;
            report(&format!("  {} {}", grouped(&self.done.to_string()), self.what));
        }
    }
}

/// Reads the rows of a query in batches, and writes the rows made of them to the table `into`.
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
