//! Configuration: a profile, layers of settings, and sections that check themselves.
//!
//! Each section has a file. It reads all of its settings before it judges them, so that every mistake is reported at
//! once, with the key, the origin and the allowed values. Only this module sees raw configuration; the rest of the
//! program gets checked values.

mod auth;
mod database;
mod database_url;
mod history;
mod layers;
mod load;
mod log;
mod migrations;
mod profile;
mod quotas;
mod reader;
pub mod secret;
mod server;
mod throttle;

pub use auth::{AuthConfig, RegistrationMode};
pub use database::{DatabaseConfig, Location};
pub use database_url::DatabaseUrl;
pub use history::HistoryConfig;
pub use load::{Config, ConfigError};
pub use log::{LogConfig, LogFormat};
pub use migrations::{IgnoreConfig, MigrationsConfig, OnBoot};
pub use profile::{ConfigPurpose, Environment, Flags, Profile};
pub use quotas::QuotasConfig;
pub use reader::{Mistake, ShownSetting};
pub use server::{CorsOrigins, ServerConfig};
pub use throttle::ThrottleConfig;

#[cfg(test)]
mod tests;
