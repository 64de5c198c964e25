//! Creates and tests the connections of a pool.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};

use super::probe;

/// The idle time after which a connection is tested before it is given out, because it may have died. Connections in
/// steady use are not tested: a round trip per request would cost more than it saves.
const TRY_AFTER: Duration = Duration::from_secs(1);

/// The time limit of the test, after which a connection counts as dead.
pub(super) const TRY_TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum age of a connection, so that the server follows its database to another host, and the caches of database
/// sessions do not grow forever.
pub(super) const MAX_AGE: Duration = Duration::from_mins(30);

/// Creates connections, and tests idle ones.
pub(super) struct SessionManager {
    pub(super) options: PgConnectOptions,
    /// True if the server must accept writes; a replica need not.
    pub(super) writes: bool,
    /// Incremented whenever all connections are replaced.
    generation: AtomicU64,
}

/// A connection with the generation that it belongs to.
pub(super) struct PooledSession {
    pub(super) connection: PgConnection,
    generation: u64,
}

impl SessionManager {
    pub(super) fn new(options: PgConnectOptions, writes: bool) -> Self {
        Self { options, writes, generation: AtomicU64::new(0) }
    }

    /// Returns true if the connection was created before all connections were replaced.
    fn outdated(&self, session: &PooledSession) -> bool {
        session.generation != self.generation.load(Ordering::Relaxed)
    }
}

impl managed::Manager for SessionManager {
    type Type = PooledSession;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<PooledSession, sqlx::Error> {
        let generation = self.generation.load(Ordering::Relaxed);
        Ok(PooledSession { connection: self.options.connect().await?, generation })
    }

    async fn recycle(&self, session: &mut PooledSession, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if metrics.age() >= MAX_AGE || self.outdated(session) {
            return Err(RecycleError::message("too old"));
        }
        if metrics.last_used() >= TRY_AFTER {
            let found = probe::session_state(&mut session.connection).await?;
            if found.in_transaction || (found.read_only && self.writes) {
                return Err(RecycleError::message("not fit for use"));
            }
        }
        Ok(())
    }
}

/// Replaces all connections of a pool: idle ones are closed now, the others when they are returned.
pub(super) fn renew(pool: &managed::Pool<SessionManager>) {
    pool.manager().generation.fetch_add(1, Ordering::Relaxed);
    pool.retain(|_, _| false);
}
