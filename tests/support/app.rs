//! A server for a single test, in the test's process, with real sockets and its own tables.

use std::sync::Arc;
use std::time::{Duration, Instant};

use app::config::secret::Secret;
use app::config::{Config, ConfigPurpose, Environment, Flags, Profile};
use app::db::pool::Pools;
use app::domain::clock::{Clock, FixedClock, SystemClock};
use app::http::readiness::{Readiness, ReadinessState};
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::twin::{self, TwinLog};
use super::{PATIENCE, cluster};

pub(crate) const SECRET: &str = "the tests sign with this and nobody else does";

/// A server that stops when it is dropped.
pub(crate) struct TestApp {
    pub(crate) anon: Client,
    pub(crate) options: PgConnectOptions,
    pub(crate) readiness: ReadinessState,
    pub(crate) pools: Pools,
    stop: CancellationToken,
    _twin: Option<TwinLog>,
}

/// Options of a test server.
pub(crate) struct ServerOptions {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) environment: Vec<(&'static str, &'static str)>,
    /// Use a database of its own, for tests that look at the server's other sessions.
    pub(crate) own_database: bool,
    /// The database that reports and long lists are read from.
    pub(crate) replica: Option<PgConnectOptions>,
    /// Use the tables of another server, to test replicas of the service.
    pub(crate) beside: Option<PgConnectOptions>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), environment: Vec::new(), own_database: false, replica: None, beside: None }
    }
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with(ServerOptions::default()).await
    }

    /// Starts a server whose clock always shows the given instant, such as `2026-02-16T09:30:00Z`.
    pub(crate) async fn at(instant: &str) -> Self {
        let instant: DateTime<Utc> = instant.parse().expect("an instant");
        Self::with(ServerOptions { clock: Arc::new(FixedClock(instant)), ..ServerOptions::default() }).await
    }

    /// Starts a server with settings, given as environment variables.
    pub(crate) async fn configured(environment: &[(&'static str, &'static str)]) -> Self {
        Self::with(ServerOptions { environment: environment.to_vec(), ..ServerOptions::default() }).await
    }

    pub(crate) async fn on_its_own_database() -> Self {
        Self::with(ServerOptions { own_database: true, ..ServerOptions::default() }).await
    }

    pub(crate) async fn with(server: ServerOptions) -> Self {
        // Boxed, because it is large, and every test holds one.
        Box::pin(Self::started(server)).await
    }

    async fn started(server: ServerOptions) -> Self {
        let own = server.environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment: Environment = own.collect();
        let config = Config::load(&environment, &Flags::new(), Some(Profile::Test), ConfigPurpose::Serve)
            .expect("a configuration");
        let log = TwinLog::wanted().filter(|_| server.beside.is_none() && !server.own_database);
        let options = match server.beside {
            Some(options) => options,
            None if server.own_database => cluster::migrated_database().await,
            None if log.is_some() => twin::twin().await,
            None => cluster::schema().await,
        };
        let watched = log.as_ref().map_or_else(|| options.clone(), |log| log.options(&options));
        let pools = Pools::new(&watched, server.replica.as_ref(), &config.database).expect("pools");
        let secret = Secret::new(SECRET.to_owned());
        let readiness = ReadinessState::new(Readiness::Ready);
        let state = app::app::state(&config, &secret, pools.clone(), server.clock, readiness.clone()).expect("a state");
        let service = app::app::service(&state, &config);
        let listener = app::server::bind(config.server.address, "PORT").expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move { app::server::serve(listener, service, &config.server, stopped).await });
        Self { anon: Client::new(base), options, readiness, pools, stop, _twin: log }
    }

    /// Starts a second server on the same tables.
    pub(crate) async fn beside(&self, environment: &[(&'static str, &'static str)]) -> Self {
        let beside = Some(self.options.clone());
        Self::with(ServerOptions { environment: environment.to_vec(), beside, ..ServerOptions::default() }).await
    }

    /// Runs `work` with a second server on the same tables, and waits until its sessions have ended: only then has
    /// PostgreSQL counted everything they did.
    pub(crate) async fn counted<T>(&self, work: impl AsyncFnOnce(&Self) -> T) -> T {
        let mut connection = self.connection().await;
        let others: Vec<i32> =
            sqlx::query_scalar("select pid from pg_stat_activity where datname = current_database()")
                .fetch_all(&mut connection)
                .await
                .expect("sessions");
        let server = self.beside(&[("APP_THROTTLE__WORK_LIMIT", "1000000000")]).await;
        let done = work(&server).await;
        server.pools.close();
        drop(server);
        let left = "select count(*) from pg_stat_activity where datname = current_database() and pid <> all ($1)";
        let deadline = Instant::now() + PATIENCE;
        while sqlx::query_scalar::<_, i64>(left).bind(&others).fetch_one(&mut connection).await.expect("a number") > 0 {
            assert!(Instant::now() < deadline, "the server's sessions do not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        done
    }

    /// A new, signed-in user.
    pub(crate) async fn user(&self, name: &str) -> Client {
        self.anon.sign_up(name).await
    }

    /// A connection to the test's own tables.
    pub(crate) async fn connection(&self) -> PgConnection {
        self.options.connect().await.expect("connected")
    }

    /// The number in the first row.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.connection().await).await.expect(sql)
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
