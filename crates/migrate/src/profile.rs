//! The kind of database that the commands work on.

use std::fmt;
use std::str::FromStr;

/// The kind of database that the commands work on. It decides what is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum MigrationProfile {
    /// A developer's own database. Files on disk are preferred to those compiled in.
    Dev,
    /// A database for tests, such as a shadow database.
    Test,
    /// A database that people rely on. Commands that write migrations or drop data are refused.
    Prod,
}

impl MigrationProfile {
    /// The word for it: `dev`, `test` or `prod`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Test => "test",
            Self::Prod => "prod",
        }
    }
}

impl fmt::Display for MigrationProfile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for MigrationProfile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Dev, Self::Test, Self::Prod]
            .into_iter()
            .find(|profile| profile.name() == text)
            .ok_or_else(|| format!("`{text}` is not a profile; use dev, test or prod"))
    }
}
