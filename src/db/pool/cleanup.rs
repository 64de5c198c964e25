//! Cleans up a connection that was dropped at an arbitrary point: no pending answer, no open transaction, no lock.

use deadpool::managed::Object;
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::manager::{SessionManager, TRY_TIMEOUT, renew};
use super::probe::{SessionState, session_state};

/// The maximum number of late errors, of statements that failed after their query was dropped.
const LATE_FAILURES: usize = 4;

/// The SQLSTATE of every statement in a failed transaction that has not been rolled back.
const FAILED_TRANSACTION: &str = "25P02";

/// Cleans up a connection and returns it to its pool, or closes it.
pub(super) async fn clean_up(mut object: Object<SessionManager>) {
    let outcome = tokio::time::timeout(TRY_TIMEOUT, roll_back(&mut object.connection)).await;
    let pool = Object::pool(&object);
    match outcome {
        Ok(Ok(SessionState { read_only: true, .. })) if pool.as_ref().is_some_and(|pool| pool.manager().writes) => {
            drop(Object::take(object));
            // All connections of the pool lead to the demoted server; new ones reach the new primary.
            if let Some(pool) = pool {
                renew(&pool);
            }
        }
        Ok(Ok(_)) => drop(object),
        // The server cancels a statement that still runs when it finds that its client is gone.
        Ok(Err(_)) | Err(_) => drop(Object::take(object)),
    }
}

/// Rolls back any open transaction.
async fn roll_back(connection: &mut PgConnection) -> Result<SessionState, sqlx::Error> {
    let mut failures = 0;
    loop {
        match session_state(connection).await {
            Ok(state) if !state.in_transaction => {
                // sqlx counts a transaction that the server does not have; its count would stay wrong.
                return if connection.is_in_transaction() { Err(sqlx::Error::WorkerCrashed) } else { Ok(state) };
            }
            Ok(_) => {
                connection.execute("rollback").await?;
            }
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(FAILED_TRANSACTION) => {
                connection.execute("rollback").await?;
            }
            // A late answer to a statement whose query was dropped.
            Err(sqlx::Error::Database(_)) => {}
            Err(error) => return Err(error),
        }
        failures += 1;
        if failures > LATE_FAILURES {
            return Err(sqlx::Error::WorkerCrashed);
        }
    }
}
