//! The connections of a server.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool::managed::{
    self, BuildError, Metrics, Object, PoolConfig, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts,
};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use crate::config::DatabaseConfig;

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

/// What a list may take: it lasts as long as its client goes on reading.
const LIST_TIMEOUT: Duration = Duration::from_mins(10);

/// The connections of a server, in pools, so that slow readers of long lists take nothing from all the others.
#[derive(Debug, Clone)]
pub struct Pools {
    /// For everything that is short.
    pub requests: Pool,
    /// For long lists, which go on as long as their client reads.
    pub lists: Pool,
    /// For reports, which may be read from a replica; the pool of the requests where there is none.
    pub reports: Pool,
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
        let lists = (config.max_connections / 3).max(1);
        let size = config.max_connections.saturating_sub(lists).max(1);
        let requests = Pool::new(options, config, size, config.statement_timeout)?;
        Ok(Self {
            lists: Pool::new(options, config, lists, LIST_TIMEOUT)?,
            reports: match replica {
                Some(replica) => Pool::new(replica, config, size, config.statement_timeout)?,
                None => requests.clone(),
            },
            requests,
        })
    }

    /// Closes what is idle now, and what is under way when it is given back. Whoever asks from now on is refused.
    pub fn close(&self) {
        for pool in [&self.requests, &self.lists, &self.reports] {
            pool.0.close();
        }
    }
}

/// Connections that are given out again and again.
///
/// sqlx's own pool does a round trip each time a connection comes back, and gives out the one that has rested longest.
/// This one believes who says that all is read ([`Lease::release`]), and gives out the one that came back last, whose
/// session is still in the processor's caches.
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

impl Pool {
    fn new(
        options: &PgConnectOptions,
        config: &DatabaseConfig,
        size: u32,
        statement_timeout: Duration,
    ) -> Result<Self, BuildError> {
        let options = options.clone().application_name("app").disable_statement_logging();
        // As start-up options, which cost no round trip. No statement here runs so long that it would pay to compile it, or to
        // start processes that help; estimates that are too high would have it done all the same, for milliseconds each time.
        let timeout = format!("{}ms", statement_timeout.as_millis());
        let options = options.options([
            ("statement_timeout", timeout.as_str()),
            ("jit", "off"),
            ("max_parallel_workers_per_gather", "0"),
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
        let builder = managed::Pool::builder(Connections { options }).config(settings);
        Ok(Self(builder.runtime(deadpool::Runtime::Tokio1).build()?))
    }

    /// A connection, for as long as the lease is kept.
    ///
    /// # Errors
    /// What connecting failed with; that none came free in time, or that the pool is closed, in sqlx's terms.
    pub async fn acquire(&self) -> Result<Lease, sqlx::Error> {
        match self.0.get().await {
            Ok(object) => Ok(Lease { object: Some(object), settled: false }),
            Err(PoolError::Backend(error)) => Err(error),
            Err(PoolError::Closed) => Err(sqlx::Error::PoolClosed),
            Err(PoolError::Timeout(_) | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_)) => {
                Err(sqlx::Error::PoolTimedOut)
            }
        }
    }

    /// How many connections there are.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        let status = self.0.status();
        let idle = status.available.min(status.size);
        PoolStatus { idle, used: status.size - idle }
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
}

impl managed::Manager for Connections {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<PgConnection, sqlx::Error> {
        self.options.connect().await
    }

    async fn recycle(&self, connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if metrics.age() >= MAX_AGE {
            return Err(RecycleError::message("too old"));
        }
        if metrics.last_used() >= TRY_AFTER {
            connection.ping().await?;
        }
        Ok(())
    }
}

/// A connection that goes back to its pool.
///
/// One that is [released](Self::release) is there for the next at once. One that is dropped in the middle, because the
/// client has gone or a statement failed, is first brought to rest: what is on its way is read, what is open rolled back.
pub struct Lease {
    /// There until the lease ends.
    object: Option<Object<Connections>>,
    settled: bool,
}

impl Lease {
    /// Gives the connection back, of which every answer has been read and no transaction is open.
    pub fn release(mut self) {
        self.settled = true;
    }

    /// Gives the connection back if all rows have been read that were read one by one; if that has failed, it is closed: more
    /// of them may be on their way, and reading them all off only to keep the connection would take as long.
    ///
    /// # Errors
    /// What reading them failed with.
    pub fn give_back<E>(self, read: Result<(), E>) -> Result<(), E> {
        if read.is_ok() {
            self.release();
        } else {
            self.discard();
        }
        read
    }

    /// Closes the connection, which does not come back.
    pub fn discard(mut self) {
        drop(self.object.take().map(Object::take));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take().filter(|_| !self.settled) else { return };
        // Outside of a runtime there is nobody left to serve, and a connection that is closed rolls back by itself.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(bring_to_rest(object))),
            Err(_) => drop(Object::take(object)),
        }
    }
}

async fn bring_to_rest(mut object: Object<Connections>) {
    if !matches!(tokio::time::timeout(TRY_TIMEOUT, object.ping()).await, Ok(Ok(()))) {
        drop(Object::take(object));
    }
}

#[expect(clippy::expect_used, reason = "a lease has its connection until it is consumed or dropped")]
impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.object.as_ref().expect("a connection")
    }
}

#[expect(clippy::expect_used, reason = "as above")]
impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.object.as_mut().expect("a connection")
    }
}
