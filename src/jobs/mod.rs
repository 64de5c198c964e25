//! Background jobs of the server; the only list of them.

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

/// The dependencies of the jobs.
pub struct Jobs {
    /// The database pools.
    pub pools: Pools,
    /// The profile; decides whether unknown migrations in the database are an error.
    pub profile: Profile,
    /// The retention of the trash and of the history.
    pub history: HistoryConfig,
    /// The limits per user.
    pub quotas: QuotasConfig,
    /// The state that the readiness job updates.
    pub readiness: ReadinessState,
    /// The rate limits, whose idle entries are removed.
    pub limits: Arc<RateLimits>,
    /// The metrics recorder, which needs periodic upkeep.
    pub metrics: Option<PrometheusHandle>,
    /// The private PostgreSQL, if the program runs one.
    #[cfg(feature = "embedded-db")]
    pub embedded: Option<Arc<embedded_postgres::EmbeddedDatabase>>,
}

impl Jobs {
    /// Starts all jobs. They end when `stop` is cancelled.
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
