//! The context of a command that works on a database.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::file::checkout::Checkout;
use crate::migrator::Migrator;
use crate::program::ProgramNames;

/// The context of a command that works on a database.
pub(crate) struct CommandContext {
    pub migrator: Migrator,
    /// The files that commands read and write.
    pub checkout: Checkout,
}

impl CommandContext {
    pub(crate) const fn names(&self) -> &'static ProgramNames {
        self.migrator.settings.names
    }
}

/// The folder of migrations in a checkout.
pub(crate) fn default_folder() -> PathBuf {
    "migrations".into()
}

/// The name of the schema file beside that folder.
pub(crate) const SCHEMA_FILE: &str = "schema.sql";

/// The present time, for the versions of new files.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock; everything below takes the time")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}
