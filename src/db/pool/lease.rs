//! A connection on loan from a pool.

use std::ops::{Deref, DerefMut};

use deadpool::managed::Object;
use sqlx::{Connection as _, PgConnection};

use super::cleanup::clean_up;
use super::manager::SessionManager;

/// A connection that returns to its pool when it is dropped.
///
/// A [released](Self::release) connection is available to others at once. A connection that is dropped at any other
/// point, because the client has gone or a statement failed, is cleaned up first: pending answers are read, open
/// transactions rolled back. If that does not succeed within a second, it is closed.
pub struct Lease {
    /// `Some` until the lease ends.
    object: Option<Object<SessionManager>>,
    end: ReturnMode,
}

/// The way in which a connection is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReturnMode {
    /// Unchanged: no answer is pending, no transaction is open.
    Released,
    /// After cleaning it up.
    CleanedUp,
    /// Not at all: it is closed.
    Closed,
}

impl Lease {
    pub(super) const fn new(object: Object<SessionManager>) -> Self {
        Self { object: Some(object), end: ReturnMode::CleanedUp }
    }

    /// Returns a connection whose answers have all been read. If its transaction is still open, it is cleaned up first.
    pub fn release(mut self) {
        if !self.is_in_transaction() {
            self.end = ReturnMode::Released;
        }
    }

    /// Runs `work` in a transaction and returns the connection. The future can be dropped at any await point: the pool
    /// then rolls back, or closes the connection.
    ///
    /// # Errors
    /// Errors of `work`, after which the pool rolls back; [`sqlx::Error`] if the transaction cannot begin or commit.
    pub async fn transaction<T, E: From<sqlx::Error>>(
        mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let Some(object) = &mut self.object else { return Err(sqlx::Error::PoolClosed.into()) };
        // Changes are of one row or of many, and PostgreSQL chooses by their values.
        let mut transaction = object.connection.begin_with("begin; set local plan_cache_mode = auto").await?;
        let done = work(&mut transaction).await?;
        // Dropping a transaction while COMMIT is pending sends a ROLLBACK after it, which the server complains about
        // because
        // there is no transaction. On a connection that is closed it is not sent.
        self.end = ReturnMode::Closed;
        transaction.commit().await?;
        self.end = ReturnMode::Released;
        Ok(done)
    }

    /// Closes the connection instead of returning it.
    pub fn discard(mut self) {
        self.end = ReturnMode::Closed;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        match self.end {
            ReturnMode::Released => drop(object),
            ReturnMode::Closed => drop(Object::take(object)),
            // Without a runtime nobody is left to serve, and closing a connection rolls back.
            ReturnMode::CleanedUp => match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(clean_up(object))),
                Err(_) => drop(Object::take(object)),
            },
        }
    }
}

#[expect(clippy::expect_used, reason = "a lease has its connection until it is consumed or dropped")]
impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.object.as_ref().expect("a connection").connection
    }
}

#[expect(clippy::expect_used, reason = "as above")]
impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.object.as_mut().expect("a connection").connection
    }
}
