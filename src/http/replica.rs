//! Reading from a replica: what may be a little old, but never older than the user's own last change.
//!
//! A replica that fails, hangs or is behind is no reason to wait: the caller then reads from the primary.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use super::scope::Scope;
use crate::db::pool::Pool;

/// The time within which a replica answers, from asking for a connection on.
const PATIENCE: Duration = Duration::from_secs(1);

/// The time for which a replica that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(5);

/// An answer of a database.
type Answered<'a, T> = BoxFuture<'a, Result<T, sqlx::Error>>;

/// The last changes of a user, as the ids of their operations. Several, because changes that run at the same time need not end in
/// the order of their ids.
#[derive(Debug, Clone, Copy)]
pub struct LastChanges {
    /// Reads them.
    pub read: for<'a> fn(&'a mut Scope<'_>) -> Answered<'a, Vec<i64>>,
    /// Tells if a database has all of these.
    pub are_in: for<'a> fn(&'a mut Scope<'_>, &'a [i64]) -> Answered<'a, bool>,
}

/// A replica of the database.
#[derive(Debug, Clone)]
pub struct Replica {
    pool: Pool,
    changes: LastChanges,
    /// The time until which it is left alone, after it did not answer.
    absent_until: Arc<Mutex<Option<Instant>>>,
}

impl Replica {
    /// A replica that is read on connections of `pool`.
    #[must_use]
    pub fn new(pool: Pool, changes: LastChanges) -> Self {
        Self { pool, changes, absent_until: Arc::default() }
    }

    /// The last changes of a user in the primary, with which [`Self::read`] compares.
    ///
    /// # Errors
    /// Only from the database.
    pub async fn last_changes(&self, primary: &mut Scope<'_>) -> Result<Vec<i64>, sqlx::Error> {
        (self.changes.read)(primary).await
    }

    /// Reads from the replica; `None` if it does not have these changes yet, or does not answer within a second.
    pub async fn read<T, E: From<sqlx::Error> + std::fmt::Debug>(
        &self,
        user_id: i64,
        changes: &[i64],
        read: impl AsyncFnOnce(&mut Scope<'_>) -> Result<T, E>,
    ) -> Option<T> {
        if !self.is_worth_a_try() {
            return None;
        }
        let reading = async {
            let mut connection = self.pool.acquire().await?;
            let mut scope = Scope::new(&mut connection, user_id);
            if !(self.changes.are_in)(&mut scope, changes).await? {
                connection.release();
                return Ok(None);
            }
            let value = read(&mut scope).await?;
            connection.release();
            Ok::<_, E>(Some(value))
        };
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(read)) => {
                if self.absent_until().take().is_some() {
                    tracing::info!("the replica answers again");
                }
                read
            }
            Ok(Err(error)) => self.failed(&error),
            Err(_) => self.failed(&"it does not answer"),
        }
    }

    /// Tells if it answered the last time, or if it is time for somebody to try again. Others leave it alone meanwhile.
    fn is_worth_a_try(&self) -> bool {
        let mut absent_until = self.absent_until();
        match *absent_until {
            None => true,
            Some(until) if Instant::now() < until => false,
            Some(_) => {
                *absent_until = Some(Instant::now() + PAUSE);
                true
            }
        }
    }

    fn failed<T>(&self, error: &dyn std::fmt::Debug) -> Option<T> {
        if self.absent_until().replace(Instant::now() + PAUSE).is_none() {
            tracing::warn!(?error, "the replica cannot be read; the primary is read instead");
        }
        None
    }

    fn absent_until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.absent_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
