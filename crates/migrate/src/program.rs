//! The names that messages use for the embedding program.

/// The names that messages use for the embedding program, its commands and its settings.
///
/// ```
/// use migrate_toolkit::ProgramNames;
///
/// static NAMES: ProgramNames =
///     ProgramNames { program: "notes", migrate: "notes migrate", version: "1.2.0", ..ProgramNames::DEFAULT };
/// assert_eq!(NAMES.migrate("deploy"), "notes migrate deploy");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramNames {
    /// The program, as it is typed. Error messages on the terminal begin with it.
    pub program: &'static str,
    /// The version of the program. The record says which version applied a migration.
    pub version: &'static str,
    /// The command line that the migration commands follow, such as `app migrate`.
    pub migrate: &'static str,
    /// The command that calls [`crate::Migrator::pull`], if there is one.
    pub pull: Option<&'static str>,
    /// The command that calls [`crate::Migrator::push`], if there is one.
    pub push: Option<&'static str>,
    /// The command that calls [`crate::Migrator::seed_file`], if there is one.
    pub seed: Option<&'static str>,
    /// The setting with the URL of the database.
    pub database_url: &'static str,
    /// The setting with a URL that leads past a connection pooler.
    pub direct_url: &'static str,
    /// The setting with the URL of a shadow database.
    pub shadow_url: &'static str,
    /// The setting that lists the objects to ignore.
    pub ignore: &'static str,
}

impl ProgramNames {
    /// Names for a program that has the migration commands and takes the database's URL from `DATABASE_URL`.
    pub const DEFAULT: Self = Self {
        program: "migrate",
        version: "0",
        migrate: "migrate",
        pull: None,
        push: None,
        seed: None,
        database_url: "DATABASE_URL",
        direct_url: "a URL of its own",
        shadow_url: "the settings (`MigrateSettings::shadow`)",
        ignore: "the settings (`MigrateSettings::ignore`)",
    };

    /// The command line of a migration command: `app migrate deploy` for `deploy`.
    #[must_use]
    pub fn migrate(&self, command: &str) -> String {
        format!("{} {command}", self.migrate)
    }
}
