//! The data of one user.

use sqlx::PgConnection;

/// A connection together with the user whose rows its statements may name. Every store function takes one, so that no statement
/// is written without an owner.
pub struct Scope<'c> {
    /// The connection, often within a transaction.
    pub connection: &'c mut PgConnection,
    /// The owner of all rows.
    pub user_id: i64,
}

impl<'c> Scope<'c> {
    /// The data of this user.
    pub const fn new(connection: &'c mut PgConnection, user_id: i64) -> Self {
        Self { connection, user_id }
    }
}
