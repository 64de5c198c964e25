//! The names that messages use for the embedding program.

/// The names that messages use for the embedding program and its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedNames {
    /// The program, as it is typed. The role and the database of the server have this name too, so it must not change later.
    pub program: &'static str,
    /// The setting with the folder of the data.
    pub data_dir: &'static str,
    /// The setting with the folder of PostgreSQL's programs.
    pub programs: &'static str,
    /// The setting with the URL of another database to use instead.
    pub database_url: &'static str,
    /// A command that starts a PostgreSQL in a container, if there is one.
    pub container: Option<&'static str>,
}
