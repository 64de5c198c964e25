//! Loading of the whole configuration.

use std::fmt;

use super::auth::AuthConfig;
use super::database::DatabaseConfig;
use super::history::HistoryConfig;
use super::layers;
use super::log::LogConfig;
use super::migrations::MigrationsConfig;
use super::profile::{ConfigPurpose, Environment, Flags, Profile};
use super::quotas::QuotasConfig;
use super::reader::{Mistake, SettingsReader, ShownSetting};
use super::server::ServerConfig;
use super::throttle::ThrottleConfig;

/// All settings, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The profile that the configuration was loaded for.
    pub profile: Profile,
    /// Addresses, limits, CORS.
    pub server: ServerConfig,
    /// The location of the data, and the limits of connections and statements.
    pub database: DatabaseConfig,
    /// Tokens and passwords.
    pub auth: AuthConfig,
    /// Rate limits.
    pub throttle: ThrottleConfig,
    /// Retention of the trash and of operations.
    pub history: HistoryConfig,
    /// Limits per user.
    pub quotas: QuotasConfig,
    /// Migrations.
    pub migrations: MigrationsConfig,
    /// Logging.
    pub log: LogConfig,
    /// Each setting with its value, masked, and its origin.
    pub settings: Vec<ShownSetting>,
}

/// The error for a configuration with mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The profile, if it could be determined.
    pub profile: Option<Profile>,
    /// All mistakes.
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
    /// Loads and checks all settings.
    ///
    /// # Errors
    /// [`ConfigError`] with every mistake.
    pub fn load(
        environment: &Environment,
        flags: &Flags,
        profile: Option<Profile>,
        purpose: ConfigPurpose,
    ) -> Result<Self, ConfigError> {
        let profile = match profile {
            Some(profile) => profile,
            None => {
                profile_from(environment).map_err(|mistake| ConfigError { profile: None, mistakes: vec![mistake] })?
            }
        };
        let fail = |mistakes| ConfigError { profile: Some(profile), mistakes };
        let figment = layers::merge(profile, environment, flags).map_err(fail)?;
        let mut reader = SettingsReader::new(&figment);
        let server = ServerConfig::read(&mut reader, profile);
        let database = DatabaseConfig::read(&mut reader, profile);
        let auth = AuthConfig::read(&mut reader, profile, purpose);
        let throttle = ThrottleConfig::read(&mut reader);
        let history = HistoryConfig::read(&mut reader);
        let quotas = QuotasConfig::read(&mut reader);
        let migrations = MigrationsConfig::read(&mut reader);
        let log = LogConfig::read(&mut reader);
        let settings = reader.finish().map_err(fail)?;
        let sections = (|| Some((server?, database?, auth?, throttle?, history?, quotas?, migrations?, log?)))();
        let (server, database, auth, throttle, history, quotas, migrations, log) =
            sections.ok_or_else(|| fail(Vec::new()))?;
        Ok(Self { profile, server, database, auth, throttle, history, quotas, migrations, log, settings })
    }
}

fn profile_from(environment: &Environment) -> Result<Profile, Mistake> {
    match environment.get("APP_PROFILE").filter(|name| !name.is_empty()) {
        None => Ok(Profile::default_for_build()),
        Some(name) => {
            name.parse().map_err(|problem| Mistake { key: "APP_PROFILE".to_owned(), problem, allowed: String::new() })
        }
    }
}
