//! The data of one user.

use sqlx::{Connection as _, PgConnection};

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

    /// Reads in a transaction, in which PostgreSQL plans each statement with its values. Such a statement is prepared without a
    /// name and then executed, and a connection pooler in transaction mode keeps the two together only within a transaction.
    ///
    /// # Errors
    /// The error of `read`, or of a database that cannot begin or commit.
    pub async fn read_together<T, E: From<sqlx::Error>>(
        &mut self,
        read: impl AsyncFnOnce(&mut Scope<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut transaction =
            self.connection.begin_with("begin; set local plan_cache_mode = force_custom_plan").await?;
        let value = read(&mut Scope::new(&mut transaction, self.user_id)).await?;
        transaction.commit().await?;
        Ok(value)
    }
}
