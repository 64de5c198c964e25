//! `[migrations]`: pending migrations at start, timeouts, and objects that belong to somebody else.

use std::time::Duration;

use super::reader::{SettingValue, SettingsReader};

/// The settings of migrations.
#[derive(Debug, Clone)]
pub struct MigrationsConfig {
    /// The server's reaction to pending migrations at start.
    pub on_boot: OnBoot,
    /// The maximum time to wait for another process that is migrating.
    pub lock_timeout: Duration,
    /// The maximum time that a statement of a migration waits for a table lock. It is short, because everybody who
    /// comes later waits as long; the migration is retried. A file can set its own: `-- lock_timeout: 2s`.
    pub statement_lock_timeout: Duration,
    /// The number of retries after a lock timeout.
    pub lock_retries: u32,
    /// The maximum duration of a statement of a migration; zero for no limit. A file can set its own.
    pub statement_timeout: Duration,
    /// Objects that belong to somebody else.
    pub ignore: IgnoreConfig,
}

/// Database objects that belong to somebody else: no command compares, writes or drops them. The names are patterns;
/// `*` matches any characters.
#[derive(Debug, Clone, Default)]
pub struct IgnoreConfig {
    /// Schemas with everything in them.
    pub schemas: Vec<String>,
    /// Tables, views, sequences, types and functions. `name` in any schema, or `schema.name`.
    pub tables: Vec<String>,
    /// Extensions.
    pub extensions: Vec<String>,
    /// Roles whose grants are ignored; `public` stands for everybody.
    pub roles: Vec<String>,
    /// Objects outside of schemas: publications, subscriptions, event triggers, foreign servers and wrappers,
    /// languages.
    pub others: Vec<String>,
}

impl IgnoreConfig {
    fn read(reader: &mut SettingsReader<'_>) -> Option<Self> {
        let mut list = |key| reader.required::<Vec<String>>(key, "a list of names; * matches any characters");
        let (schemas, tables) = (list("migrations.ignore.schemas"), list("migrations.ignore.tables"));
        let (extensions, roles) = (list("migrations.ignore.extensions"), list("migrations.ignore.roles"));
        let others = list("migrations.ignore.others");
        Some(Self { schemas: schemas?, tables: tables?, extensions: extensions?, roles: roles?, others: others? })
    }
}

/// The server's reaction to pending migrations at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBoot {
    /// Apply them, then serve.
    Apply,
    /// Apply nothing, and answer 503 until another process has applied them.
    Check,
}

impl SettingValue for OnBoot {
    fn read(text: &str) -> Option<Self> {
        match text {
            "apply" => Some(Self::Apply),
            "check" => Some(Self::Check),
            _ => None,
        }
    }
}

impl MigrationsConfig {
    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Option<Self> {
        let on_boot = reader.required("migrations.on_boot", "`apply` or `check`");
        let lock_timeout = reader.required("migrations.lock_timeout", "a duration such as 10s");
        let statement_lock_timeout = reader.required("migrations.statement_lock_timeout", "a duration such as 5s");
        let lock_retries = reader.required("migrations.lock_retries", "a whole number");
        let statement_timeout =
            reader.required("migrations.statement_timeout", "a duration such as 15m, or 0s for no limit");
        let ignore = IgnoreConfig::read(reader);
        Some(Self {
            on_boot: on_boot?,
            lock_timeout: lock_timeout?,
            statement_lock_timeout: statement_lock_timeout?,
            lock_retries: lock_retries?,
            statement_timeout: statement_timeout?,
            ignore: ignore?,
        })
    }
}
