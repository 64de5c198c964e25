//! What runs in the background while the server serves. This is the one list of it.

#[cfg(feature = "embedded-db")]
mod embedded;
mod housekeeping;
mod readiness;
pub mod upkeep;

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{HistoryConfig, Profile, QuotasConfig};
use crate::db::pool::Pools;
use crate::http::rate_limit::RateLimits;
use crate::http::readiness::ReadinessState;

/// What the jobs work with.
pub struct Jobs {
    /// The database.
    pub pools: Pools,
    /// The profile, which decides what a database that is ahead means.
    pub profile: Profile,
    /// The times that the trash and the history are kept.
    pub history: HistoryConfig,
    /// The most that one user may have.
    pub quotas: QuotasConfig,
    /// What the readiness job finds out.
    pub readiness: ReadinessState,
    /// Whose idle entries are forgotten.
    pub limits: Arc<RateLimits>,
    /// The metrics, which have to be tidied up.
    pub metrics: Option<PrometheusHandle>,
    /// The private PostgreSQL, if the program runs one.
    #[cfg(feature = "embedded-db")]
    pub embedded: Option<Arc<embedded_postgres::EmbeddedDatabase>>,
}

impl Jobs {
    /// Starts all of them; they end when `stop` is cancelled.
    pub fn start(self, tracker: &TaskTracker, stop: &CancellationToken) {
        let upkeep = upkeep::run(self.pools.requests.clone(), self.history, self.quotas, self.readiness.clone());
        tracker.spawn(stop.clone().run_until_cancelled_owned(upkeep));
        let usage = upkeep::settle_usage(self.pools.requests.clone(), self.readiness.clone());
        tracker.spawn(stop.clone().run_until_cancelled_owned(usage));
        let readiness = readiness::watch(self.pools.clone(), self.profile, self.readiness);
        tracker.spawn(stop.clone().run_until_cancelled_owned(readiness));
        tracker.spawn(stop.clone().run_until_cancelled_owned(housekeeping::run(self.pools, self.limits, self.metrics)));
        #[cfg(feature = "embedded-db")]
        if let Some(embedded) = self.embedded {
            tracker.spawn(stop.clone().run_until_cancelled_owned(embedded::watch(embedded)));
        }
    }
}
