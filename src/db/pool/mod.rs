//! Connection pools.

mod cleanup;
mod lease;
mod manager;
mod probe;

use std::fmt;
use std::time::Duration;

use deadpool::managed::{self, BuildError, PoolConfig, PoolError, QueueMode, Timeouts};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

pub use self::lease::Lease;
use self::manager::{MAX_AGE, SessionManager, TRY_TIMEOUT};
pub use self::probe::is_read_only;
use crate::config::DatabaseConfig;
use crate::db::error::while_connecting;
use crate::db::explain::NoConnection;

/// The idle time after which a connection is closed.
const MAX_IDLE: Duration = Duration::from_mins(10);

/// The maximum time that a short request waits for a lock. Locks may be held for long, and connections are few.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// The number of connections of the readiness job.
const READINESS: u32 = 1;

/// The interval at which PostgreSQL checks if the client is still there while a statement runs or waits for a lock.
/// Without it, an abandoned request would hold its locks until the statement times out.
const CLIENT_CHECK: &str = "1s";

/// The connection pools of the server.
#[derive(Debug, Clone)]
pub struct Pools {
    /// Short requests, and the batches of long lists.
    pub requests: Pool,
    /// Bulk changes and expensive counts, which wait for their turn in a [lane](crate::http::lane) first.
    pub costly: Pool,
    /// Reports and long lists, from a replica if there is one.
    pub replica: Option<Pool>,
    /// A single connection for the readiness job only. A server whose other connections are all in use is busy, not
    /// unready.
    pub readiness: Pool,
}

impl Pools {
    /// Creates pools that connect on first use, so that the server starts while its database is down.
    ///
    /// # Errors
    /// [`BuildError`] if a pool has timeouts but no runtime; no configuration can cause it.
    pub fn new(
        options: &PgConnectOptions,
        replica: Option<&PgConnectOptions>,
        config: &DatabaseConfig,
    ) -> Result<Self, BuildError> {
        let costly = (config.max_connections / 4).max(1);
        let size = config.max_connections.saturating_sub(costly + READINESS).max(1);
        let usual = SessionLimits {
            statement_timeout: config.statement_timeout,
            lock_timeout: None,
            writes: true,
            plans: "auto",
        };
        let short = SessionLimits {
            lock_timeout: Some(LOCK_TIMEOUT.min(config.statement_timeout)),
            plans: "force_generic_plan",
            ..usual
        };
        let requests = Pool::new(options, config, size, short)?;
        Ok(Self {
            costly: Pool::new(options, config, costly, usual)?,
            readiness: Pool::new(options, config, READINESS, usual)?,
            replica: replica
                .map(|replica| Pool::new(replica, config, size, SessionLimits { writes: false, ..short }))
                .transpose()?,
            requests,
        })
    }

    /// Each pool with its name in the metrics.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Pool)> {
        [("requests", &self.requests), ("costly", &self.costly), ("readiness", &self.readiness)]
            .into_iter()
            .chain(self.replica.as_ref().map(|replica| ("replica", replica)))
    }

    /// Closes idle connections now, and the others when they are returned. Later requests for a connection fail.
    pub fn close(&self) {
        for (_, pool) in self.all() {
            pool.0.close();
        }
    }

    /// Replaces all connections except those to a replica, after the server turned out to be read-only.
    pub fn renew(&self) {
        for (_, pool) in self.all() {
            if pool.0.manager().writes {
                pool.renew();
            }
        }
    }
}

/// A pool of connections.
///
/// sqlx's own pool makes a round trip whenever a connection is returned, and gives out the one that has been idle
/// longest. This one trusts [`Lease::release`], cleans up all other connections in the background, and gives out the
/// one returned last, whose session is still in the processor's caches.
#[derive(Clone)]
pub struct Pool(managed::Pool<SessionManager>);

/// The number of connections of a pool.
#[derive(Debug, Clone, Copy)]
pub struct PoolStatus {
    /// Connections that wait to be given out.
    pub idle: usize,
    /// Connections that are given out.
    pub used: usize,
}

/// The limits of a pool's sessions.
#[derive(Debug, Clone, Copy)]
struct SessionLimits {
    statement_timeout: Duration,
    /// `None` for no limit but the statement timeout.
    lock_timeout: Option<Duration>,
    /// True if the server must accept writes; a replica need not.
    writes: bool,
    /// PostgreSQL's `plan_cache_mode` outside of transactions. Short reads are planned once for all values: planning takes
    /// longer than reading. A transaction chooses for itself.
    plans: &'static str,
}

impl Pool {
    fn new(
        options: &PgConnectOptions,
        config: &DatabaseConfig,
        size: u32,
        limits: SessionLimits,
    ) -> Result<Self, BuildError> {
        let options = options.clone().application_name("app").disable_statement_logging();
        // Set as start-up options, which cost no round trip. No statement here runs long enough for JIT compilation or
        // parallel
        // workers to pay off, but too high estimates would start them all the same, for milliseconds each time.
        let timeout = format!("{}ms", limits.statement_timeout.as_millis());
        let lock_timeout = format!("{}ms", limits.lock_timeout.unwrap_or_default().as_millis());
        let options = options.options([
            ("statement_timeout", timeout.as_str()),
            ("lock_timeout", lock_timeout.as_str()),
            ("jit", "off"),
            ("max_parallel_workers_per_gather", "0"),
            ("client_connection_check_interval", CLIENT_CHECK),
            ("plan_cache_mode", limits.plans),
        ]);
        let settings = PoolConfig {
            max_size: usize::try_from(size).unwrap_or(usize::MAX),
            queue_mode: QueueMode::Lifo,
            timeouts: Timeouts {
                wait: Some(config.acquire_timeout),
                create: Some(config.acquire_timeout),
                recycle: Some(TRY_TIMEOUT),
            },
        };
        let builder = managed::Pool::builder(SessionManager::new(options, limits.writes)).config(settings);
        Ok(Self(builder.runtime(deadpool::Runtime::Tokio1).build()?))
    }

    /// Borrows a connection until the lease is dropped.
    ///
    /// # Errors
    /// An error that is [classified](crate::db::error::meaning) as unavailable: connecting failed, no connection became
    /// available in time, or the pool is closed.
    pub async fn acquire(&self) -> Result<Lease, sqlx::Error> {
        match self.0.get().await {
            Ok(object) => Ok(Lease::new(object)),
            Err(PoolError::Backend(error)) => Err(while_connecting(error)),
            Err(PoolError::Closed) => Err(sqlx::Error::PoolClosed),
            Err(PoolError::Timeout(_) | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_)) => {
                Err(sqlx::Error::PoolTimedOut)
            }
        }
    }

    /// Describes a failure to connect, with the target of the connection.
    #[must_use]
    pub fn no_connection(&self, error: sqlx::Error) -> NoConnection {
        NoConnection::new(&self.0.manager().options, error)
    }

    /// The maximum number of connections.
    #[must_use]
    pub fn max_size(&self) -> usize {
        self.0.status().max_size
    }

    /// The current number of connections.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        let status = self.0.status();
        let idle = status.available.min(status.size);
        PoolStatus { idle, used: status.size - idle }
    }

    /// Replaces all connections: idle ones are closed now, the others when they are returned.
    pub fn renew(&self) {
        manager::renew(&self.0);
    }

    /// Closes idle connections that are too old or have not been used for long. A job calls it periodically.
    pub fn tidy(&self) {
        self.0.retain(|_, metrics| metrics.last_used() < MAX_IDLE && metrics.age() < MAX_AGE);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The manager contains the password.
        f.debug_tuple("Pool").field(&self.status()).finish()
    }
}
