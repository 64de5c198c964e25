//! The services that the handlers use, built from the configuration.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::FromRef;

use crate::config::secret::Secret;
use crate::config::{Config, QuotasConfig, RegistrationMode};
use crate::db::pool::Pools;
use crate::domain::clock::Clock;
use crate::features::auth::password::Hasher;
use crate::features::auth::{PasswordPolicy, SignInKeys, SignInLimits};
use crate::features::history::last_store::LAST_CHANGES;
use crate::features::history::recorded::RecordedTables;
use crate::http::identity::Tokens;
use crate::http::lane::WorkLanes;
use crate::http::page::Cursors;
use crate::http::rate_limit::RateLimits;
use crate::http::readiness::ReadinessState;
use crate::http::replica::Replica;
use crate::http::walk::Lists;

/// The services that the handlers use. Cheap to clone, which each request does.
#[derive(Clone)]
pub struct AppState(Arc<Services>);

/// The services themselves.
pub struct Services {
    /// The database.
    pub pools: Pools,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Issues and checks tokens.
    pub tokens: Arc<Tokens>,
    /// Computes and checks password hashes.
    pub hasher: Hasher,
    /// The rules for new passwords.
    pub passwords: PasswordPolicy,
    /// The users who may register.
    pub registration: RegistrationMode,
    /// The limits of signing in.
    pub sign_in: SignInLimits,
    /// The rate limits.
    pub limits: Arc<RateLimits>,
    /// Signs and checks the cursors of pages.
    pub cursors: Cursors,
    /// The readiness of the API.
    pub readiness: ReadinessState,
    /// The limits of one user's data.
    pub quotas: QuotasConfig,
    /// The time for which operations are kept.
    pub retention: Duration,
    /// The replica of the database, if there is one.
    pub replica: Option<Replica>,
    /// Reads lists of any length.
    pub lists: Lists,
    /// The queues of expensive work.
    pub lanes: WorkLanes,
    /// The tables whose changes are recorded.
    pub tables: Arc<RecordedTables>,
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
    /// Builds the services.
    ///
    /// # Errors
    /// If argon2 refuses the costs.
    pub fn new(
        config: &Config,
        jwt_secret: &Secret<String>,
        pools: Pools,
        clock: Arc<dyn Clock>,
        readiness: ReadinessState,
        tables: RecordedTables,
    ) -> anyhow::Result<Self> {
        let tokens = Arc::new(Tokens::new(jwt_secret.expose(), config.auth.jwt_expires_in, Arc::clone(&clock)));
        let trusted = config.server.trusted_proxies.clone();
        let replica = pools.replica.clone().map(|pool| Replica::new(pool, LAST_CHANGES));
        let lanes = WorkLanes::new(pools.clone(), config.server.request_timeout / 2);
        Ok(Self(Arc::new(Services {
            quotas: config.quotas,
            readiness,
            retention: config.history.retention,
            lists: Lists::new(
                pools.requests.clone(),
                replica.clone(),
                lanes.clone(),
                config.server.request_timeout / 3,
                config.server.stall_timeout,
            ),
            replica,
            lanes,
            tables: Arc::new(tables),
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
}
