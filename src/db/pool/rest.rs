//! Brings a connection to rest that was given up in the middle: nothing on its way, no transaction open, no lock held.

use deadpool::managed::Object;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use super::{Connections, Pool, TRY_TIMEOUT};

/// Answers that may still come for statements that failed after they were given up.
const LATE_FAILURES: usize = 4;

/// The SQLSTATE of every statement in a transaction that has failed but is not rolled back.
const FAILED_TRANSACTION: &str = "25P02";

/// The state of a connection at the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    /// A transaction is open, as after a BEGIN whose answer nobody waited for.
    pub(super) in_transaction: bool,
    /// The server cannot be written to: it is a standby, or a former primary.
    pub(super) read_only: bool,
}

/// Asks the server for the state of a connection, in one round trip, after everything that is on its way has been read.
///
/// # Errors
/// The database's; what is found in an aborted transaction is one.
pub(super) async fn look(connection: &mut PgConnection) -> Result<State, sqlx::Error> {
    // A transaction that began before this statement is open; ROLLBACK on the chance would have the server complain.
    let row = connection
        .fetch_one(
            "select now() <> statement_timestamp(), \
             pg_is_in_recovery() or current_setting('transaction_read_only')::boolean",
        )
        .await?;
    Ok(State { in_transaction: row.try_get(0)?, read_only: row.try_get(1)? })
}

/// Whether the server of a connection cannot be written to: it is a standby, or a primary that was demoted.
///
/// # Errors
/// The database's.
pub async fn is_read_only(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    Ok(look(connection).await?.read_only)
}

/// Gives a connection back to its pool once it is at rest, or closes it.
pub(super) async fn bring_to_rest(mut object: Object<Connections>) {
    let outcome = tokio::time::timeout(TRY_TIMEOUT, roll_back(&mut object.connection)).await;
    let pool = Object::pool(&object).map(Pool);
    match outcome {
        Ok(Ok(State { read_only: true, .. })) if pool.as_ref().is_some_and(|pool| pool.0.manager().writes) => {
            drop(Object::take(object));
            // All of them lead to a server that was demoted; new ones reach the new primary.
            if let Some(pool) = pool {
                pool.renew();
            }
        }
        Ok(Ok(_)) => drop(object),
        // A statement that goes on is given up by the server when it finds that its client is gone.
        Ok(Err(_)) | Err(_) => drop(Object::take(object)),
    }
}

/// Rolls back whatever is open.
async fn roll_back(connection: &mut PgConnection) -> Result<State, sqlx::Error> {
    let mut failures = 0;
    loop {
        match look(connection).await {
            Ok(state) if !state.in_transaction => {
                // sqlx counts a transaction that the server does not have: its count would not be right again.
                return if connection.is_in_transaction() { Err(sqlx::Error::WorkerCrashed) } else { Ok(state) };
            }
            Ok(_) => {
                connection.execute("rollback").await?;
            }
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(FAILED_TRANSACTION) => {
                connection.execute("rollback").await?;
            }
            // The late answer to a statement that was given up; its own failure is over with it.
            Err(sqlx::Error::Database(_)) => {}
            Err(error) => return Err(error),
        }
        failures += 1;
        if failures > LATE_FAILURES {
            return Err(sqlx::Error::WorkerCrashed);
        }
    }
}
