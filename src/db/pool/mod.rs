//! The connections of a server.

mod lease;
mod rest;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::managed::{
    self, BuildError, Metrics, PoolConfig, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts,
};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};

pub use self::lease::Lease;
pub use self::rest::is_read_only;
use crate::config::DatabaseConfig;
use crate::db::error::while_connecting;
use crate::db::explain::NoConnection;

/// A connection that was not used for so long is tried before it is given out: it may have died meanwhile. One that is
/// in steady use is not, because a round trip before each request would cost more than it saves.
const TRY_AFTER: Duration = Duration::from_secs(1);

/// Trying a connection takes no longer, or it counts as dead.
const TRY_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection that nobody needs is closed after this time.
const MAX_IDLE: Duration = Duration::from_mins(10);

/// No connection gets older, so that a server follows its database to another host, and what its sessions have cached
/// does not grow for ever.
const MAX_AGE: Duration = Duration::from_mins(30);

/// The longest that a short request waits for a lock: whoever holds it may go on for long, and connections are few.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections of the readiness job.
const READINESS: u32 = 1;

/// A server looks so often whether its client is still there while a statement runs or waits for a lock. Without that, what
/// an abandoned request holds would be held until the statement times out.
const CLIENT_CHECK: &str = "1s";

/// The connections of a server, in pools.
#[derive(Debug, Clone)]
pub struct Pools {
    /// For everything that is short; of a long list, each batch is.
    pub requests: Pool,
    /// For changes of many rows, and for counting many: work that takes its turn in a [lane](crate::http::lane) first.
    pub costly: Pool,
    /// For reports, which may be read from a replica; the pool of the requests where there is none.
    pub reports: Pool,
    /// One connection for the job that finds out whether the API can work, and for nothing else: a server whose other
    /// connections are all in use is busy and not unready.
    pub readiness: Pool,
}

impl Pools {
    /// Pools that connect when they are first asked, so that a server starts while its database is away.
    ///
    /// # Errors
    /// None that a configuration can bring about: the pools have their limits and a runtime.
    pub fn new(
        options: &PgConnectOptions,
        replica: Option<&PgConnectOptions>,
        config: &DatabaseConfig,
    ) -> Result<Self, BuildError> {
        let costly = (config.max_connections / 4).max(1);
        let size = config.max_connections.saturating_sub(costly + READINESS).max(1);
        let usual = Limits { statement_timeout: config.statement_timeout, lock_timeout: None, writes: true };
        let short = Limits { lock_timeout: Some(LOCK_TIMEOUT.min(config.statement_timeout)), ..usual };
        let requests = Pool::new(options, config, size, short)?;
        Ok(Self {
            costly: Pool::new(options, config, costly, usual)?,
            readiness: Pool::new(options, config, READINESS, usual)?,
            reports: match replica {
                Some(replica) => Pool::new(replica, config, size, Limits { writes: false, ..usual })?,
                None => requests.clone(),
            },
            requests,
        })
    }

    /// Each pool with its name in the metrics.
    #[must_use]
    pub fn all(&self) -> [(&'static str, &Pool); 4] {
        [
            ("requests", &self.requests),
            ("costly", &self.costly),
            ("reports", &self.reports),
            ("readiness", &self.readiness),
        ]
    }

    /// Closes what is idle now, and what is under way when it is given back. Whoever asks from now on is refused.
    pub fn close(&self) {
        for (_, pool) in self.all() {
            pool.0.close();
        }
    }

    /// Replaces all connections that may write; a replica's stay. For a server that turned out to be read-only.
    pub fn renew(&self) {
        for (_, pool) in self.all() {
            if pool.0.manager().writes {
                pool.renew();
            }
        }
    }
}

/// Connections that are given out again and again.
///
/// sqlx's own pool does a round trip each time a connection comes back, and gives out the one that has rested longest.
/// This one believes who says that all is read ([`Lease::release`]) and brings every other to rest by itself, and gives out
/// the one that came back last, whose session is still in the processor's caches.
#[derive(Clone)]
pub struct Pool(managed::Pool<Connections>);

/// How many connections a pool has.
#[derive(Debug, Clone, Copy)]
pub struct PoolStatus {
    /// That wait to be given out.
    pub idle: usize,
    /// That are given out.
    pub used: usize,
}

/// The limits of a pool's sessions.
#[derive(Debug, Clone, Copy)]
struct Limits {
    statement_timeout: Duration,
    /// `None` is as long as the statement may take.
    lock_timeout: Option<Duration>,
    /// Whether the server has to be one that can be written to; a replica need not.
    writes: bool,
}

impl Pool {
    fn new(options: &PgConnectOptions, config: &DatabaseConfig, size: u32, limits: Limits) -> Result<Self, BuildError> {
        let options = options.clone().application_name("app").disable_statement_logging();
        // As start-up options, which cost no round trip. No statement here runs so long that it would pay to compile it, or to
        // start processes that help; estimates that are too high would have it done all the same, for milliseconds each time.
        let timeout = format!("{}ms", limits.statement_timeout.as_millis());
        let lock_timeout = format!("{}ms", limits.lock_timeout.unwrap_or_default().as_millis());
        let options = options.options([
            ("statement_timeout", timeout.as_str()),
            ("lock_timeout", lock_timeout.as_str()),
            ("jit", "off"),
            ("max_parallel_workers_per_gather", "0"),
            ("client_connection_check_interval", CLIENT_CHECK),
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
        let builder =
            managed::Pool::builder(Connections { options, writes: limits.writes, generation: AtomicU64::new(0) });
        let builder = builder.config(settings);
        Ok(Self(builder.runtime(deadpool::Runtime::Tokio1).build()?))
    }

    /// A connection, for as long as the lease is kept.
    ///
    /// # Errors
    /// What connecting failed with, which [means](crate::db::error::meaning) that the database is not available, whatever
    /// it was; that none came free in time, or that the pool is closed, in sqlx's terms.
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

    /// Why there is no connection, with the place that it was to lead to.
    #[must_use]
    pub fn no_connection(&self, error: sqlx::Error) -> NoConnection {
        NoConnection::new(&self.0.manager().options, error)
    }

    /// The connections that there are at most.
    #[must_use]
    pub fn max_size(&self) -> usize {
        self.0.status().max_size
    }

    /// How many connections there are.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        let status = self.0.status();
        let idle = status.available.min(status.size);
        PoolStatus { idle, used: status.size - idle }
    }

    /// Replaces all connections: the idle ones are closed now, those in use when they come back.
    pub fn renew(&self) {
        self.0.manager().generation.fetch_add(1, Ordering::Relaxed);
        self.0.retain(|_, _| false);
    }

    /// Closes the idle connections that are too old, or that nobody has needed for long; a job calls it.
    pub fn tidy(&self) {
        self.0.retain(|_, metrics| metrics.last_used() < MAX_IDLE && metrics.age() < MAX_AGE);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The manager knows the password.
        f.debug_tuple("Pool").field(&self.status()).finish()
    }
}

/// Makes connections, and tries those that have rested.
struct Connections {
    options: PgConnectOptions,
    /// Whether the server has to be one that can be written to; a replica need not.
    writes: bool,
    /// Counts how often all connections were replaced.
    generation: AtomicU64,
}

/// A connection, and the generation that it is of.
struct Session {
    connection: PgConnection,
    generation: u64,
}

impl Connections {
    /// Whether a connection was made before all of them were replaced.
    fn outdated(&self, session: &Session) -> bool {
        session.generation != self.generation.load(Ordering::Relaxed)
    }
}

impl managed::Manager for Connections {
    type Type = Session;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Session, sqlx::Error> {
        let generation = self.generation.load(Ordering::Relaxed);
        Ok(Session { connection: self.options.connect().await?, generation })
    }

    async fn recycle(&self, session: &mut Session, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if metrics.age() >= MAX_AGE || self.outdated(session) {
            return Err(RecycleError::message("too old"));
        }
        if metrics.last_used() >= TRY_AFTER {
            let found = rest::look(&mut session.connection).await?;
            if found.in_transaction || (found.read_only && self.writes) {
                return Err(RecycleError::message("not fit for use"));
            }
        }
        Ok(())
    }
}
