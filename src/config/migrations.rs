//! `[migrations]`: what the server does with pending ones when it starts, how long anything may wait, and what is not ours.

use std::time::Duration;

use super::reader::{Reader, Setting};

/// The migrations.
#[derive(Debug, Clone)]
pub struct MigrationsConfig {
    /// What the server does with pending migrations when it starts.
    pub on_boot: OnBoot,
    /// How long to wait for another process that is migrating.
    pub lock_timeout: Duration,
    /// How long a statement of a migration waits for a lock on a table. Everybody who comes after it waits as long, so
    /// it is short, and the migration is tried again. A file can set its own: `-- lock_timeout: 2s`.
    pub statement_lock_timeout: Duration,
    /// How often a migration that did not get a lock in time is tried again.
    pub lock_retries: u32,
    /// How long a statement of a migration may take; zero is for ever. A file can set its own.
    pub statement_timeout: Duration,
    /// What is somebody else's.
    pub ignore: IgnoreConfig,
}

/// What is in the database and is somebody else's: no command compares, writes or drops it. Patterns of names, in which `*`
/// stands for anything.
#[derive(Debug, Clone, Default)]
pub struct IgnoreConfig {
    /// Schemas with all that is in them.
    pub schemas: Vec<String>,
    /// Tables, and whatever else has such a name in a schema: views, sequences, types, functions. `name` in any schema, or
    /// `schema.name`.
    pub tables: Vec<String>,
    /// Extensions.
    pub extensions: Vec<String>,
    /// Roles whose grants are nobody's business here; `public` is everybody.
    pub roles: Vec<String>,
    /// What stands in no schema: publications, subscriptions, event triggers, foreign servers and wrappers, languages.
    pub others: Vec<String>,
}

impl IgnoreConfig {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut list = |key| reader.required::<Vec<String>>(key, "a list of names, in which * stands for anything");
        let (schemas, tables) = (list("migrations.ignore.schemas"), list("migrations.ignore.tables"));
        let (extensions, roles) = (list("migrations.ignore.extensions"), list("migrations.ignore.roles"));
        let others = list("migrations.ignore.others");
        Some(Self { schemas: schemas?, tables: tables?, extensions: extensions?, roles: roles?, others: others? })
    }
}

/// What the server does with pending migrations when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBoot {
    /// It applies them, then serves.
    Apply,
    /// It applies nothing, and answers 503 until another process has.
    Check,
}

impl Setting for OnBoot {
    fn read(text: &str) -> Option<Self> {
        match text {
            "apply" => Some(Self::Apply),
            "check" => Some(Self::Check),
            _ => None,
        }
    }
}

impl MigrationsConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let on_boot = reader.required("migrations.on_boot", "`apply` or `check`");
        let lock_timeout = reader.required("migrations.lock_timeout", "a duration such as 10s");
        let statement_lock_timeout = reader.required("migrations.statement_lock_timeout", "a duration such as 5s");
        let lock_retries = reader.required("migrations.lock_retries", "a whole number");
        let statement_timeout =
            reader.required("migrations.statement_timeout", "a duration such as 15m, or 0s for ever");
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
