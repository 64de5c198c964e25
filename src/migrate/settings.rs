//! How a command is to go about it.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, DatabaseConfig, DatabaseUrl, IgnoreConfig, Location, Profile};

/// How a command is to go about it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The profile, which decides what is refused.
    pub profile: Profile,
    /// How long to wait for a database that does not answer.
    pub wait: Duration,
    /// How long to wait for another process that is migrating.
    pub lock_timeout: Duration,
    /// How long a statement waits for a lock on a table, if its file says nothing else.
    pub statement_lock_timeout: Duration,
    /// How often a migration that did not get a lock in time is tried again.
    pub lock_retries: u32,
    /// How long a statement may take, if its file says nothing else; zero is for ever.
    pub statement_timeout: Duration,
    /// Whether a file that is older than what is applied already is applied all the same, in prod too.
    pub allow_out_of_order: bool,
    /// The newest version that a deploy applies, if not all are.
    pub newest: Option<i64>,
    /// A database that may be emptied, for a role that may not create one.
    pub shadow: Option<PgConnectOptions>,
    /// The role that serves, where another one migrates; a deploy gives it what it lacks of reading and writing rows.
    pub rows_role: Option<String>,
    /// What is somebody else's.
    pub ignore: IgnoreConfig,
    /// Whether a database with somebody else's tables in it, and no record, is migrated all the same.
    pub beside: bool,
    /// Stops it: the statement that runs is cancelled, and nothing more is begun.
    pub cancel: CancellationToken,
}

impl Settings {
    /// As the configuration has it.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let migrations = &config.migrations;
        Self {
            profile: config.profile,
            wait: Duration::ZERO,
            lock_timeout: migrations.lock_timeout,
            statement_lock_timeout: migrations.statement_lock_timeout,
            lock_retries: migrations.lock_retries,
            statement_timeout: migrations.statement_timeout,
            allow_out_of_order: false,
            newest: None,
            shadow: config.database.shadow_url.as_ref().map(DatabaseUrl::options),
            rows_role: rows_role(&config.database),
            ignore: migrations.ignore.clone(),
            beside: false,
            cancel: CancellationToken::new(),
        }
    }

    /// Whether files that came late are refused.
    pub(super) fn refuse_late(&self) -> bool {
        self.profile == Profile::Prod && !self.allow_out_of_order
    }
}

/// The role of `database.url`, where `database.direct_url` names another.
fn rows_role(database: &DatabaseConfig) -> Option<String> {
    let Location::Url(url) = &database.location else { return None };
    let role = |url: &DatabaseUrl| url.options().get_username().to_owned();
    let (serves, migrates) = (role(url), role(database.direct_url.as_ref()?));
    (serves != migrates).then_some(serves)
}
