//! The settings of the commands.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use crate::profile::MigrationProfile;
use crate::program::ProgramNames;

/// The settings of the commands.
#[derive(Debug, Clone)]
pub struct MigrateSettings {
    /// The names that messages use for the program.
    pub names: &'static ProgramNames,
    /// The kind of database, which decides what is refused.
    pub profile: MigrationProfile,
    /// The time to wait for a database that does not answer. Zero tries once.
    pub wait: Duration,
    /// The time to wait for another process that is migrating.
    pub lock_timeout: Duration,
    /// The time that a statement waits for a lock on a table. A file can set its own (`-- lock_timeout: 2s`).
    pub statement_lock_timeout: Duration,
    /// The number of retries of a migration that did not get a lock in time.
    pub lock_retries: u32,
    /// The time that a statement may take; zero is unlimited. A file can set its own (`-- statement_timeout: 1h`).
    pub statement_timeout: Duration,
    /// Applies files that are older than the newest applied one, in prod too.
    pub allow_out_of_order: bool,
    /// The newest version that a deploy applies; `None` applies all.
    pub newest: Option<i64>,
    /// A database that may be emptied, for a role that may not create one.
    pub shadow: Option<PgConnectOptions>,
    /// The role of the serving program, where another role migrates. A deploy grants it the missing row privileges.
    pub rows_role: Option<String>,
    /// Sends each statement of a migration by itself, apart from what begins and ends its transaction. It takes two round trips more, and
    /// a Citus cluster refuses some statements otherwise: it prepares the whole message for its servers.
    pub separate_statements: bool,
    /// The column by which tables are distributed on a Citus cluster. Generated migrations distribute new tables that have it, if they run
    /// on a cluster whose other tables are.
    pub distributed_by: Option<String>,
    /// Objects that belong to others.
    pub ignore: IgnorePatterns,
    /// Migrates a database that has objects of others and no record yet.
    pub beside: bool,
    /// Cancels the running statement, and starts nothing more.
    pub cancel: CancellationToken,
}

impl MigrateSettings {
    /// Settings with these names, and defaults that suit a database in use: 10 s for the migration lock, 5 s for a lock on a
    /// table, 10 retries, no limit on a statement.
    #[must_use]
    pub fn new(profile: MigrationProfile, names: &'static ProgramNames) -> Self {
        Self {
            names,
            profile,
            wait: Duration::ZERO,
            lock_timeout: Duration::from_secs(10),
            statement_lock_timeout: Duration::from_secs(5),
            lock_retries: 10,
            statement_timeout: Duration::ZERO,
            allow_out_of_order: false,
            newest: None,
            shadow: None,
            rows_role: None,
            separate_statements: false,
            distributed_by: None,
            ignore: IgnorePatterns::default(),
            beside: false,
            cancel: CancellationToken::new(),
        }
    }

    /// True if files that are older than the newest applied one are refused.
    pub(crate) fn refuse_out_of_order(&self) -> bool {
        self.profile == MigrationProfile::Prod && !self.allow_out_of_order
    }
}

/// Objects of a database that belong to others: no command compares, writes or drops them. Each entry is a pattern of names,
/// in which `*` stands for any characters.
#[derive(Debug, Clone, Default)]
pub struct IgnorePatterns {
    /// Schemas, with everything in them.
    pub schemas: Vec<String>,
    /// Tables, views, sequences, types and functions: `name` in any schema, or `schema.name`.
    pub tables: Vec<String>,
    /// Extensions.
    pub extensions: Vec<String>,
    /// Roles whose grants are ignored; `public` is everybody.
    pub roles: Vec<String>,
    /// Objects outside of schemas: publications, subscriptions, event triggers, foreign servers and wrappers, languages.
    pub others: Vec<String>,
}
