//! The profile and the purpose that a configuration is loaded for.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Environment variables; a parameter, so that tests can set their own.
pub type Environment = BTreeMap<String, String>;

/// Settings from the command line, by key.
pub type Flags = BTreeMap<&'static str, String>;

/// The environment that the program runs in; decides the defaults and the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Development: the server applies pending migrations at start, and no setting is required.
    Dev,
    /// The program's own tests.
    Test,
    /// Production: migrations are not applied automatically, and insecure settings are refused.
    Prod,
}

impl Profile {
    /// The name in `APP_PROFILE` and in `app.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Test => "test",
            Self::Prod => "prod",
        }
    }

    /// The default profile: `dev` in a debug build, `prod` in a release build.
    #[must_use]
    pub const fn default_for_build() -> Self {
        if cfg!(debug_assertions) { Self::Dev } else { Self::Prod }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Dev, Self::Test, Self::Prod]
            .into_iter()
            .find(|profile| profile.name() == text)
            .ok_or_else(|| format!("`{text}` is not a profile; there are dev, test and prod"))
    }
}

/// The purpose of loading a configuration; decides which settings are required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigPurpose {
    /// Serving the API: every setting is checked.
    Serve,
    /// Working on the database: no secret for tokens is required.
    Maintain,
}
