//! Options that apply to every command.

use crate::config::{Config, ConfigError, ConfigPurpose, Environment, Flags, Profile};

/// The profile, the settings from the command line, and the environment.
pub(super) struct Globals {
    pub(super) profile: Option<Profile>,
    pub(super) flags: Flags,
    pub(super) environment: Environment,
}

impl Globals {
    pub(super) fn config(&self, purpose: ConfigPurpose) -> Result<Config, ConfigError> {
        Config::load(&self.environment, &self.flags, self.profile, purpose)
    }

    /// Sets a setting, as if it had been given on the command line.
    pub(super) fn set(&mut self, key: &'static str, value: Option<String>) {
        if let Some(value) = value {
            self.flags.insert(key, value);
        }
    }
}
