//! Puts the services and the routes together.

use std::sync::Arc;

use crate::config::Config;
use crate::config::secret::Secret;
use crate::db::pool::Pools;
use crate::domain::clock::Clock;
use crate::features;
use crate::http::readiness::ReadinessState;
use crate::http::{HttpDeps, HttpService};
use crate::state::AppState;

/// Builds the services that the handlers use.
///
/// # Errors
/// If argon2 refuses the costs.
pub fn state(
    config: &Config,
    jwt_secret: &Secret<String>,
    pools: Pools,
    clock: Arc<dyn Clock>,
    readiness: ReadinessState,
) -> anyhow::Result<AppState> {
    AppState::new(config, jwt_secret, pools, clock, readiness, features::tables())
}

/// Builds the service that answers every request.
pub fn service(state: &AppState, config: &Config) -> impl HttpService + use<> {
    let (api, document) = features::router();
    let deps = HttpDeps {
        clock: Arc::clone(&state.clock),
        config: config.server.clone(),
        log: config.log.format,
        readiness: state.readiness.clone(),
        limits: Arc::clone(&state.limits),
        connections: state.pools.requests.max_size(),
    };
    crate::http::assemble(deps, api.with_state(state.clone()), document)
}
