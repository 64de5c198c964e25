//! `app serve`: starts the server, and stops it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::PrometheusHandle;
use migrate_toolkit::cli::{StopSignals, terminal};
use migrate_toolkit::{Blocker, MigrateError, MigrateEvent};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::database::Database;
use super::development_secret;
use super::globals::Globals;
use crate::config::secret::Secret;
use crate::config::{Config, ConfigPurpose, OnBoot, Profile, RegistrationMode, ServerConfig};
use crate::db::pool::Pools;
use crate::domain::clock::SystemClock;
use crate::http::health;
use crate::http::readiness::{Readiness, ReadinessState};
use crate::jobs::Jobs;
use crate::migrations;
use crate::{allocator, app, server, telemetry};

/// The maximum time that a server that applies migrations waits for a starting database.
const DATABASE_PATIENCE: Duration = Duration::from_secs(30);

/// The exit code after a second signal.
const EXIT_INTERRUPTED: u8 = 130;

/// The maximum number of connections of the internal listener.
const INTERNAL_CONNECTIONS: usize = 64;

#[derive(Debug, Default, clap::Args)]
pub(super) struct ServeOptions {
    /// The port to listen on [default: $PORT, else 3000]
    #[arg(long, value_name = "PORT", value_parser = port)]
    port: Option<u16>,
    /// The address to listen on [default: 127.0.0.1 in dev, 0.0.0.0 in prod]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<std::net::IpAddr>,
}

fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "a port is a number from 0 to 65535")
}

impl ServeOptions {
    pub(super) const fn is_given(&self) -> bool {
        self.port.is_some() || self.host.is_some()
    }

    /// Fills options that are left out with those given before the command.
    pub(super) fn or(self, before: Self) -> Self {
        Self { port: self.port.or(before.port), host: self.host.or(before.host) }
    }

    pub(super) fn run(self, mut globals: Globals) -> anyhow::Result<ExitCode> {
        globals.set("server.port", self.port.map(|port| port.to_string()));
        globals.set("server.host", self.host.map(|host| host.to_string()));
        let config = globals.config(ConfigPurpose::Serve)?;
        telemetry::start_logging(&config.log);
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(config.server.worker_threads).on_thread_park(allocator::collect_when_idle).enable_all();
        runtime.build()?.block_on(serve(&config))
    }
}

async fn serve(config: &Config) -> anyhow::Result<ExitCode> {
    let stop = signals()?;
    // The port is opened first, so that the database of a server that is already running is not touched.
    let listener = server::bind(config.server.address, "PORT or APP_SERVER__HOST")?;
    let internal = bind_internal(config)?;
    server::raise_limit(config.server.max_connections);
    let database = Database::open(config).await?;
    let outcome = run(config, &database, (listener, internal), stop).await;
    database.close().await?;
    outcome
}

async fn run(
    config: &Config,
    database: &Database,
    (listener, internal): (TcpListener, Option<TcpListener>),
    stop: CancellationToken,
) -> anyhow::Result<ExitCode> {
    if config.profile == Profile::Prod {
        database.warn_of_transport();
    }
    let readiness = match config.migrations.on_boot {
        OnBoot::Check => ReadinessState::new(Readiness::DatabaseUnavailable),
        OnBoot::Apply => match apply(config, database, &stop).await {
            Ok(()) => ReadinessState::new(Readiness::Ready),
            Err(_) if stop.is_cancelled() => return Ok(ExitCode::SUCCESS),
            Err(error) => {
                terminal::progress(format_args!("app: {error}"));
                return Ok(error.exit().into());
            }
        },
    };
    let secret = secret(config)?;
    let pools = Pools::new(&database.options, database.replica.as_ref(), &config.database).context("the pools")?;
    if config.profile == Profile::Prod && config.auth.registration == RegistrationMode::Open {
        tracing::warn!(
            "registration is open: anybody who reaches this server can create an account. To close it, set \
             APP_AUTH__REGISTRATION to first_user, invite or closed."
        );
    }
    let metrics = telemetry::start_metrics().context("metrics")?;
    let state = app::state(config, &secret, pools.clone(), Arc::new(SystemClock), readiness.clone())?;
    let service = app::service(&state, config);

    let (tracker, jobs_stop) = (TaskTracker::new(), CancellationToken::new());
    if let Some(internal) = internal {
        let address = internal.local_addr().context("the internal port that was opened")?;
        tracing::info!("metrics at http://{address}/metrics, detailed health at /readyz");
        tracker.spawn(serve_internal(internal, readiness.clone(), metrics.clone(), config.clone(), jobs_stop.clone()));
    }
    let jobs = Jobs {
        pools: pools.clone(),
        profile: config.profile,
        history: config.history,
        quotas: config.quotas,
        readiness,
        limits: Arc::clone(&state.limits),
        metrics: Some(metrics),
        #[cfg(feature = "embedded-db")]
        embedded: database.embedded.clone(),
    };
    jobs.start(&tracker, &jobs_stop);
    let address = listener.local_addr().context("the port that was opened")?;
    let documentation = if config.server.docs {
        format!("the documentation is at http://{address}/api/docs/")
    } else {
        "server.docs = true (APP_SERVER__DOCS) would serve the documentation".to_owned()
    };
    tracing::info!("listening on http://{address} (profile {}); {documentation}", config.profile);

    server::serve(listener, service, &config.server, stop.cancelled_owned()).await;

    jobs_stop.cancel();
    tracker.close();
    tracker.wait().await;
    pools.close();
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Opens the port of the internal listener. In `dev` a second server on the same machine starts without one.
fn bind_internal(config: &Config) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = config.server.internal else { return Ok(None) };
    match server::bind(address, "APP_SERVER__INTERNAL, or switch it off") {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if config.profile == Profile::Prod => Err(error),
        Err(_) => {
            tracing::warn!("{address} cannot be opened, so there is no /metrics (server.internal)");
            Ok(None)
        }
    }
}

/// Serves metrics and detailed health.
async fn serve_internal(
    listener: TcpListener,
    readiness: ReadinessState,
    metrics: PrometheusHandle,
    config: Config,
    stop: CancellationToken,
) {
    let limits = ServerConfig { max_connections: INTERNAL_CONNECTIONS, ..config.server };
    server::serve(listener, health::internal(readiness, Some(metrics)), &limits, stop.cancelled_owned()).await;
}

fn secret(config: &Config) -> anyhow::Result<Secret<String>> {
    match &config.auth.jwt_secret {
        Some(secret) => Ok(secret.clone()),
        None => development_secret::read_or_generate(&config.database.data_dir),
    }
}

/// Applies pending migrations before anything is served; waits for a starting database.
async fn apply(config: &Config, database: &Database, stop: &CancellationToken) -> Result<(), MigrateError> {
    let mut migrator = migrations::migrator(config, &database.direct);
    migrator.settings.wait = DATABASE_PATIENCE;
    migrator.settings.cancel = stop.clone();
    let deployed = migrator.deploy(|event| match event {
        MigrateEvent::Finished(done) => {
            tracing::info!("applied the migration {} {} in {} ms", done.version, done.name, done.took.as_millis());
        }
        MigrateEvent::Started { .. } => {}
        MigrateEvent::Running { version, statement: (number, of), elapsed, blockers } => {
            tracing::info!(
                "the migration {version} has been running statement {number} of {of} for {} s{}",
                elapsed.as_secs(),
                blocked_by(&blockers)
            );
        }
        MigrateEvent::Retrying { version, attempt: (number, of), blockers, .. } => {
            tracing::warn!(
                "the migration {version} did not acquire a lock in time (attempt {number} of {of}){}",
                blocked_by(&blockers)
            );
        }
        MigrateEvent::Notice(text) => tracing::warn!("{text}"),
    });
    deployed.await.map(|_| ())
}

fn blocked_by(blockers: &[Blocker]) -> String {
    blockers.iter().map(|blocker| format!("; blocked by {blocker}")).collect()
}

/// Returns a token that the first SIGTERM or SIGINT cancels. The second one ends the process immediately.
fn signals() -> anyhow::Result<CancellationToken> {
    let mut signals = StopSignals::listen().context("SIGINT and SIGTERM cannot be listened for")?;
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    #[expect(clippy::disallowed_methods, reason = "whoever signals twice wants out, whatever is open")]
    tokio::spawn(async move {
        signals.next().await;
        cancel.cancel();
        signals.next().await;
        std::process::exit(EXIT_INTERRUPTED.into());
    });
    Ok(stop)
}
