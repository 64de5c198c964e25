//! Removes expired rate limit entries, trims memory and pools, and updates the metrics.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;

use crate::db::pool::{Pool, Pools};
use crate::http::rate_limit::RateLimits;

const PAUSE: Duration = Duration::from_secs(5);

/// Runs in a loop.
pub(super) async fn run(pools: Pools, limits: Arc<RateLimits>, metrics: Option<PrometheusHandle>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        limits.forget_idle();
        // A worker thread that is woken returns memory that other threads have freed before it sleeps again.
        for _ in 0..tokio::runtime::Handle::current().metrics().num_workers() {
            tokio::spawn(std::future::ready(()));
        }
        if let Some(metrics) = &metrics {
            metrics.run_upkeep();
        }
        for (name, pool) in pools.all() {
            pool.tidy();
            record_pool(name, pool);
        }
    }
}

fn record_pool(name: &'static str, pool: &Pool) {
    let status = pool.status();
    for (state, connections) in [("idle", status.idle), ("used", status.used)] {
        let connections = u32::try_from(connections).unwrap_or(u32::MAX);
        metrics::gauge!("db_connections", "pool" => name, "state" => state).set(f64::from(connections));
    }
}
