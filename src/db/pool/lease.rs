//! A connection for as long as somebody needs it.

use std::ops::{Deref, DerefMut};

use deadpool::managed::Object;
use sqlx::{Connection as _, PgConnection};

use super::{Connections, rest};

/// A connection that goes back to its pool.
///
/// One that is [released](Self::release) is there for the next at once. One that is dropped in the middle, because the
/// client has gone or a statement failed, is first brought to rest: what is on its way is read, what is open rolled back.
/// If that does not succeed within a second, it is closed.
pub struct Lease {
    /// There until the lease ends.
    object: Option<Object<Connections>>,
    end: End,
}

/// The way in which a connection goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// As it is: nothing is on its way, and no transaction is open.
    Released,
    /// After it was brought to rest.
    BroughtToRest,
    /// Not at all: it is closed.
    Closed,
}

impl Lease {
    pub(super) const fn new(object: Object<Connections>) -> Self {
        Self { object: Some(object), end: End::BroughtToRest }
    }

    /// Gives the connection back, of which every answer has been read and no transaction is open. One whose transaction is
    /// open all the same is brought to rest.
    pub fn release(mut self) {
        if !self.is_in_transaction() {
            self.end = End::Released;
        }
    }

    /// Runs a unit of work in a transaction, all of it or nothing, and gives the connection back. It can be dropped at any
    /// await: the pool then rolls back, or closes the connection.
    ///
    /// # Errors
    /// The errors of the work, after which the pool rolls back; the database's.
    pub async fn transaction<T, E: From<sqlx::Error>>(
        mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let Some(object) = &mut self.object else { return Err(sqlx::Error::PoolClosed.into()) };
        let mut transaction = object.connection.begin().await?;
        let done = work(&mut transaction).await?;
        // A transaction that is dropped while COMMIT is on its way has a ROLLBACK sent after it, for which there is nothing to
        // roll back and which the server complains about. On a connection that is closed it is not sent.
        self.end = End::Closed;
        transaction.commit().await?;
        self.end = End::Released;
        Ok(done)
    }

    /// Closes the connection, which does not come back.
    pub fn discard(mut self) {
        self.end = End::Closed;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        match self.end {
            End::Released => drop(object),
            End::Closed => drop(Object::take(object)),
            // Outside of a runtime there is nobody left to serve, and a connection that is closed rolls back by itself.
            End::BroughtToRest => match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(rest::bring_to_rest(object))),
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
