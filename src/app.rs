//! What the handlers work with, and how it is built from the configuration.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::FromRef;

use crate::config::secret::Secret;
use crate::config::{Config, QuotasConfig, RegistrationMode};
use crate::db::pool::Pools;
use crate::domain::clock::Clock;
use crate::features;
use crate::features::auth::password::Hasher;
use crate::features::auth::{PasswordPolicy, SignInKeys, SignInLimits};
use crate::http::identity::Tokens;
use crate::http::lane::WorkLanes;
use crate::http::page::Cursors;
use crate::http::rate_limit::RateLimits;
use crate::http::readiness::ReadinessState;
use crate::http::walk::Lists;
use crate::http::{HttpDeps, HttpService};

/// What the handlers work with: built values, never raw configuration. Cheap to clone, as each request does.
#[derive(Clone)]
pub struct AppState(Arc<Services>);

/// The values themselves.
pub struct Services {
    /// The database.
    pub pools: Pools,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Makes and checks tokens.
    pub tokens: Arc<Tokens>,
    /// Makes and checks password hashes.
    pub hasher: Hasher,
    /// What is asked of a new password.
    pub passwords: PasswordPolicy,
    /// The people who may register.
    pub registration: RegistrationMode,
    /// The limits of signing in.
    pub sign_in: SignInLimits,
    /// The rate limits.
    pub limits: Arc<RateLimits>,
    /// Makes and reads the cursors of pages.
    pub cursors: Cursors,
    /// Whether the API can work.
    pub readiness: ReadinessState,
    /// The most that one user may have.
    pub quotas: QuotasConfig,
    /// The time that an operation is kept.
    pub retention: Duration,
    /// Reads long lists.
    pub lists: Lists,
    /// The turns of work that costs much.
    pub lanes: WorkLanes,
}

impl Deref for AppState {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

impl FromRef<AppState> for Arc<Tokens> {
    fn from_ref(state: &AppState) -> Self {
        Self::clone(&state.tokens)
    }
}

impl FromRef<AppState> for Arc<RateLimits> {
    fn from_ref(state: &AppState) -> Self {
        Self::clone(&state.limits)
    }
}

impl AppState {
    /// Builds what the handlers work with.
    ///
    /// # Errors
    /// If argon2 refuses the costs.
    pub fn new(
        config: &Config,
        jwt_secret: &Secret<String>,
        pools: Pools,
        clock: Arc<dyn Clock>,
        readiness: ReadinessState,
    ) -> anyhow::Result<Self> {
        let tokens = Arc::new(Tokens::new(jwt_secret.expose(), config.auth.jwt_expires_in, Arc::clone(&clock)));
        let trusted = config.server.trusted_proxies.clone();
        let lanes = WorkLanes::new(pools.clone(), config.server.request_timeout / 2);
        Ok(Self(Arc::new(Services {
            quotas: config.quotas,
            readiness,
            retention: config.history.retention,
            lists: Lists::new(
                pools.requests.clone(),
                lanes.clone(),
                config.server.request_timeout / 3,
                config.server.stall_timeout,
            ),
            lanes,
            pools,
            clock,
            hasher: Hasher::new(&config.auth).context("the password hasher")?,
            passwords: PasswordPolicy {
                min_length: config.auth.min_password_length,
                refuse_guessable: config.auth.refuse_common_passwords,
            },
            registration: config.auth.registration,
            sign_in: SignInLimits::new(&config.throttle, SignInKeys::new(jwt_secret.expose())),
            limits: Arc::new(RateLimits::new(&config.throttle, trusted, Arc::clone(&tokens))),
            tokens,
            cursors: Cursors::new(jwt_secret.expose()),
        })))
    }

    /// What answers every request.
    pub fn service(&self, config: &Config) -> impl HttpService {
        let (api, document) = features::router();
        let deps = HttpDeps {
            clock: Arc::clone(&self.clock),
            config: config.server.clone(),
            log: config.log.format,
            readiness: self.readiness.clone(),
            limits: Arc::clone(&self.limits),
            connections: self.pools.requests.max_size(),
        };
        crate::http::assemble(deps, api.with_state(self.clone()), document)
    }
}
