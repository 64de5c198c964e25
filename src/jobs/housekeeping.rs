//! Keeps what is counted in memory from growing, and tells the metrics what the pools hold.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::PgPool;

use crate::db::pool::Pools;
use crate::http::rate_limit::RateLimits;

const PAUSE: Duration = Duration::from_secs(5);

/// Does so again and again.
pub(super) async fn run(pools: Pools, limits: Arc<RateLimits>, metrics: Option<PrometheusHandle>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        limits.forget_idle();
        if let Some(metrics) = &metrics {
            metrics.run_upkeep();
        }
        tell("requests", &pools.requests);
        tell("lists", &pools.lists);
        tell("reports", &pools.reports);
    }
}

fn tell(name: &'static str, pool: &PgPool) {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    metrics::gauge!("db_connections", "pool" => name, "state" => "idle").set(f64::from(idle));
    metrics::gauge!("db_connections", "pool" => name, "state" => "used")
        .set(f64::from(pool.size().saturating_sub(idle)));
}
