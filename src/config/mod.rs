//! Configuration: a profile, layers of settings, and sections that check themselves.
//!
//! A file a section. Each reads all of its settings before it judges, so that every mistake is reported at once, with
//! the key, where it was set, and what is allowed. Nothing below the command line sees raw configuration.

mod auth;
mod database;
mod database_url;
mod history;
mod layers;
mod log;
mod migrations;
mod quotas;
mod reader;
pub mod secret;
mod server;
mod throttle;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub use auth::{AuthConfig, RegistrationMode};
pub use database::{DatabaseConfig, Location};
pub use database_url::DatabaseUrl;
pub use history::HistoryConfig;
pub use log::{LogConfig, LogFormat};
pub use migrations::{IgnoreConfig, MigrationsConfig, OnBoot};
pub use quotas::QuotasConfig;
pub use reader::{Mistake, Shown};
pub use server::{CorsOrigins, ServerConfig};
pub use throttle::ThrottleConfig;

/// The environment variables, as a parameter so that a test can bring its own.
pub type Environment = BTreeMap<String, String>;

/// Settings given on the command line, by key.
pub type Flags = BTreeMap<&'static str, String>;

/// What the program runs for; picks the defaults, and what is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Development: migrations are applied when the server starts, and nothing has to be configured.
    Dev,
    /// The program's own tests.
    Test,
    /// Production: nothing is applied by itself, and nothing insecure starts.
    Prod,
}

impl Profile {
    /// As it is written in `APP_PROFILE` and in `app.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Test => "test",
            Self::Prod => "prod",
        }
    }

    /// What holds when nobody says: `dev` in a debug build, `prod` in a release build.
    #[must_use]
    pub const fn of_this_build() -> Self {
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
            .ok_or_else(|| format!("`{text}` is no profile; there are dev, test and prod"))
    }
}

/// What the configuration is wanted for; what only a server needs is asked of nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve the API: everything has to be there and safe.
    Serve,
    /// To work on the database: no secret for tokens is needed.
    Maintain,
}

/// Everything that can be set, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The profile that picked the defaults.
    pub profile: Profile,
    /// Listening, limits, CORS.
    pub server: ServerConfig,
    /// Where the data is.
    pub database: DatabaseConfig,
    /// Tokens and passwords.
    pub auth: AuthConfig,
    /// Rate limits.
    pub throttle: ThrottleConfig,
    /// The trash, and how long operations are kept.
    pub history: HistoryConfig,
    /// The most that one user may have.
    pub quotas: QuotasConfig,
    /// The migrations.
    pub migrations: MigrationsConfig,
    /// What is logged, and how.
    pub log: LogConfig,
    /// Each setting with its value, masked, and where it came from.
    pub shown: Vec<Shown>,
}

/// The configuration is wrong; every mistake is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The profile, if that much was clear.
    pub profile: Option<Profile>,
    /// What is wrong, all of it.
    pub mistakes: Vec<Mistake>,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile = self.profile.map_or_else(String::new, |profile| format!(" for the profile `{profile}`"));
        let count = self.mistakes.len();
        let noun = if count == 1 { "mistake" } else { "mistakes" };
        write!(formatter, "the configuration{profile} has {count} {noun}; nothing was started:")?;
        for mistake in &self.mistakes {
            write!(formatter, "\n  - {mistake}")?;
        }
        Ok(())
    }
}

impl Config {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// Every mistake there is, in [`ConfigError`].
    pub fn load(
        environment: &Environment,
        flags: &Flags,
        profile: Option<Profile>,
        purpose: Purpose,
    ) -> Result<Self, ConfigError> {
        let profile = match profile {
            Some(profile) => profile,
            None => {
                profile_from(environment).map_err(|mistake| ConfigError { profile: None, mistakes: vec![mistake] })?
            }
        };
        let fail = |mistakes| ConfigError { profile: Some(profile), mistakes };
        let figment = layers::merge(profile, environment, flags).map_err(fail)?;
        let mut reader = reader::Reader::new(&figment);
        let server = ServerConfig::read(&mut reader, profile);
        let database = DatabaseConfig::read(&mut reader, profile);
        let auth = AuthConfig::read(&mut reader, profile, purpose);
        let throttle = ThrottleConfig::read(&mut reader);
        let history = HistoryConfig::read(&mut reader);
        let quotas = QuotasConfig::read(&mut reader);
        let migrations = MigrationsConfig::read(&mut reader);
        let log = LogConfig::read(&mut reader);
        let shown = reader.finish().map_err(fail)?;
        let sections = (|| Some((server?, database?, auth?, throttle?, history?, quotas?, migrations?, log?)))();
        let (server, database, auth, throttle, history, quotas, migrations, log) =
            sections.ok_or_else(|| fail(Vec::new()))?;
        Ok(Self { profile, server, database, auth, throttle, history, quotas, migrations, log, shown })
    }
}

fn profile_from(environment: &Environment) -> Result<Profile, Mistake> {
    match environment.get("APP_PROFILE").filter(|name| !name.is_empty()) {
        None => Ok(Profile::of_this_build()),
        Some(name) => {
            name.parse().map_err(|problem| Mistake { key: "APP_PROFILE".to_owned(), problem, allowed: String::new() })
        }
    }
}

#[cfg(test)]
mod tests;
