//! Opens the configured database, and starts the private one if that is configured.

use std::collections::BTreeSet;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};

use crate::config::{Config, DatabaseConfig, DatabaseUrl, Location};
use crate::db::explain::NoConnection;
use crate::db::transport;
#[cfg(feature = "embedded-db")]
use embedded_postgres::EmbeddedDatabase;
use migrate_toolkit::MigrateError;

/// An open database.
pub(super) struct Database {
    /// Connection options of the serving role.
    pub options: PgConnectOptions,
    /// Connection options for migrations: the server itself, bypassing a connection pooler.
    pub direct: PgConnectOptions,
    /// Connection options for reports, if a replica is configured.
    pub replica: Option<PgConnectOptions>,
    /// The private PostgreSQL, if it is used. It runs as long as this is held.
    #[cfg(feature = "embedded-db")]
    pub embedded: Option<std::sync::Arc<EmbeddedDatabase>>,
}

impl Database {
    /// Opens the database. The private one is started if it does not run.
    #[cfg_attr(not(feature = "embedded-db"), expect(clippy::unused_async, reason = "there is nothing to start"))]
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        match &config.database.location {
            Location::Url(url) => {
                warn_of_parameters(config, url);
                Ok(Self {
                    options: url.options(),
                    direct: config.database.direct_url.as_ref().unwrap_or(url).options(),
                    replica: replica(config),
                    #[cfg(feature = "embedded-db")]
                    embedded: None,
                })
            }
            #[cfg(feature = "embedded-db")]
            Location::Embedded => Self::start(config).await,
            #[cfg(not(feature = "embedded-db"))]
            Location::Embedded => anyhow::bail!(
                "this build has no private PostgreSQL, and no database is configured; nothing was started. \
                 Set DATABASE_URL to postgres://user:password@host:5432/database."
            ),
        }
    }

    /// Logs a warning for each insecure connection, once per warning.
    pub(super) fn warn_of_transport(&self) {
        let all = [Some(&self.options), Some(&self.direct), self.replica.as_ref()];
        let warnings: BTreeSet<String> = all.into_iter().flatten().filter_map(transport::warning).collect();
        for warning in warnings {
            tracing::warn!("{warning}");
        }
    }

    #[cfg(feature = "embedded-db")]
    async fn start(config: &Config) -> anyhow::Result<Self> {
        use anyhow::Context as _;

        use embedded_postgres::{EmbeddedSettings, StartOutcome};

        use crate::program::EMBEDDED_NAMES;
        let settings = EmbeddedSettings {
            names: &EMBEDDED_NAMES,
            directory: config.database.data_dir.join("postgres"),
            programs: config.database.programs.clone(),
            throwaway: false,
            linger: std::time::Duration::ZERO,
            keeper: std::env::current_exe().context("the program's own file cannot be found")?,
            start_timeout: std::time::Duration::from_mins(1),
        };
        let started = std::time::Instant::now();
        let database = tokio::task::spawn_blocking(move || EmbeddedDatabase::start(settings)).await??;
        // An already running database is not worth a message before each command.
        if database.outcome() != StartOutcome::Attached {
            tracing::info!(
                "the private PostgreSQL in {}: {} in {} ms",
                config.database.data_dir.join("postgres").display(),
                database.outcome(),
                started.elapsed().as_millis()
            );
        }
        let connection = database.connection();
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&connection.socket_directory)
            .port(connection.port)
            .username(&connection.user)
            .password(&connection.password)
            .database(&connection.database);
        Ok(Self {
            direct: options.clone(),
            options,
            replica: replica(config),
            embedded: Some(std::sync::Arc::new(database)),
        })
    }

    /// Connects as the serving role.
    ///
    /// # Errors
    /// A description of the failure and of the next step.
    pub(super) async fn connect(&self) -> anyhow::Result<PgConnection> {
        let connected = self.options.connect().await;
        connected.map_err(|error| MigrateError::Connect(NoConnection::new(&self.options, error)).into())
    }

    /// The URL of the private PostgreSQL; empty if another database is used.
    #[cfg_attr(not(feature = "embedded-db"), expect(clippy::unused_self, reason = "there is none to ask"))]
    pub(super) fn embedded_url(&self) -> String {
        #[cfg(feature = "embedded-db")]
        if let Some(database) = &self.embedded {
            let connection = database.connection();
            // In place of the host, the folder of the socket, percent-encoded.
            let folder: String = connection.socket_directory.to_string_lossy().bytes().map(escaped).collect();
            let (user, password) = (&connection.user, &connection.password);
            return format!("postgres://{user}:{password}@{folder}:{}/{}", connection.port, connection.database);
        }
        String::new()
    }

    /// Releases the private PostgreSQL; its last user stops it.
    #[cfg_attr(not(feature = "embedded-db"), expect(clippy::unused_async, reason = "there is nothing to wait for"))]
    pub(super) async fn close(self) -> anyhow::Result<()> {
        #[cfg(feature = "embedded-db")]
        if let Some(database) = self.embedded.and_then(std::sync::Arc::into_inner) {
            tokio::task::spawn_blocking(move || database.stop()).await??;
        }
        Ok(())
    }
}

/// The replica, if one is configured.
fn replica(config: &Config) -> Option<PgConnectOptions> {
    config.database.read_url.as_ref().map(DatabaseUrl::options)
}

/// Warns about URL parameters that have no effect. Their values may be secrets and are not shown.
fn warn_of_parameters(config: &Config, url: &DatabaseUrl) {
    let DatabaseConfig { direct_url, read_url, shadow_url, .. } = &config.database;
    let all = [Some(url), direct_url.as_ref(), read_url.as_ref(), shadow_url.as_ref()];
    let unknown_parameters: BTreeSet<&String> =
        all.into_iter().flatten().flat_map(DatabaseUrl::unknown_parameters).collect();
    for key in unknown_parameters {
        tracing::warn!("the parameter `{key}` of the database's URL is unknown and has no effect");
    }
}

/// Percent-encodes a byte of a path.
#[cfg(feature = "embedded-db")]
fn escaped(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}
