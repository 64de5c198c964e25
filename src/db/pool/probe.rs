//! The state of a database session, as the server sees it.

use sqlx::{Executor as _, PgConnection, Row as _};

/// The state of a session on the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct SessionState {
    /// A transaction is open, for example after a BEGIN whose answer was not awaited.
    pub(super) in_transaction: bool,
    /// The server does not accept writes: it is a standby, or a former primary.
    pub(super) read_only: bool,
}

/// Asks the server for the state of a session, in one round trip, after reading all pending answers.
///
/// # Errors
/// [`sqlx::Error`] if the query fails, as it does in an aborted transaction.
pub(super) async fn session_state(connection: &mut PgConnection) -> Result<SessionState, sqlx::Error> {
    // A transaction that began before this statement is open. An unconditional ROLLBACK would make the server complain.
    let row = connection
        .fetch_one(
            "select now() <> statement_timestamp(), \
             pg_is_in_recovery() or current_setting('transaction_read_only')::boolean",
        )
        .await?;
    Ok(SessionState { in_transaction: row.try_get(0)?, read_only: row.try_get(1)? })
}

/// Returns true if the server does not accept writes: it is a standby, or a primary that was demoted.
///
/// # Errors
/// [`sqlx::Error`] if the query fails.
pub async fn is_read_only(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    Ok(session_state(connection).await?.read_only)
}
