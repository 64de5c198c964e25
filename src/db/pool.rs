//! The connections of a server.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgPool};

use crate::config::DatabaseConfig;

/// A connection that was not used for so long is tried before it is given out: it may have died meanwhile. One that is
/// in steady use is not, because a round trip before each request would cost more than it saves.
const TRY_AFTER: Duration = Duration::from_secs(1);

/// What a list may take: it lasts as long as its client goes on reading.
const LIST_TIMEOUT: Duration = Duration::from_mins(10);

/// The connections of a server, in pools, so that slow readers of long lists take nothing from all the others.
#[derive(Debug, Clone)]
pub struct Pools {
    /// For everything that is short.
    pub requests: PgPool,
    /// For lists, which go on as long as their client reads.
    pub lists: PgPool,
    /// For reports, which may be read from a replica; the pool of the requests where there is none.
    pub reports: PgPool,
}

impl Pools {
    /// Pools that connect when they are first asked, so that a server starts while its database is away.
    #[must_use]
    pub fn new(options: &PgConnectOptions, replica: Option<&PgConnectOptions>, config: &DatabaseConfig) -> Self {
        let lists = (config.max_connections / 3).max(1);
        let size = config.max_connections.saturating_sub(lists).max(1);
        let requests = pool(options, config, size, config.statement_timeout);
        Self {
            lists: pool(options, config, lists, LIST_TIMEOUT),
            reports: replica
                .map_or_else(|| requests.clone(), |replica| pool(replica, config, size, config.statement_timeout)),
            requests,
        }
    }

    /// Closes all of them when what is under way is done.
    pub async fn close(&self) {
        tokio::join!(self.requests.close(), self.lists.close(), self.reports.close());
    }
}

fn pool(options: &PgConnectOptions, config: &DatabaseConfig, size: u32, statement_timeout: Duration) -> PgPool {
    let mut options = options.clone().application_name("app").disable_statement_logging();
    if config.prepared_statements {
        // As a start-up option, which costs no round trip. A pooler that keeps no prepared statements refuses these.
        options = options.options([("statement_timeout", format!("{}ms", statement_timeout.as_millis()))]);
    } else {
        options = options.statement_cache_capacity(0);
    }
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(config.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, usage| {
            Box::pin(async move {
                if usage.idle_for < TRY_AFTER {
                    return Ok(true);
                }
                Ok(sqlx::Connection::ping(connection).await.is_ok())
            })
        })
        .connect_lazy_with(options)
}
