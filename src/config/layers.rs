//! Merges the layers of settings, lowest first: the built-in `app.toml`, the file named by `APP_CONFIG`, environment
//! variables, command-line flags. figment remembers the layer of each value.

use std::collections::BTreeMap;
use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Provider};

use super::profile::{Environment, Profile};
use super::reader::Mistake;

const BUILT_IN: &str = include_str!("../../app.toml");

/// Environment variables without a prefix, kept from the service that this one replaces, and the settings they set.
pub(super) const PLAIN_NAMES: &[(&str, &str)] = &[
    ("DATABASE_URL", "database.url"),
    ("DATABASE_DIRECT_URL", "database.direct_url"),
    ("DATABASE_READ_URL", "database.read_url"),
    ("SHADOW_DATABASE_URL", "database.shadow_url"),
    ("PORT", "server.port"),
    ("JWT_SECRET", "auth.jwt_secret"),
    ("JWT_EXPIRES_IN", "auth.jwt_expires_in"),
    ("THROTTLE_TTL", "throttle.ttl"),
    ("THROTTLE_LIMIT", "throttle.limit"),
    ("RUST_LOG", "log.filter"),
];

/// A single value from the environment or the command line, with a description of its origin.
struct SingleValue {
    key: String,
    value: String,
    origin: String,
}

impl Provider for SingleValue {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<figment::Profile, Dict>, figment::Error> {
        let value = self
            .key
            .rsplit('.')
            .fold(Value::from(self.value.clone()), |inner, part| Value::from(Dict::from([(part.to_owned(), inner)])));
        let dict = value.into_dict().unwrap_or_default();
        Ok(Map::from([(figment::Profile::Global, dict)]))
    }
}

/// A file of settings with a description of its origin.
struct SettingsFile {
    toml: figment::providers::Data<Toml>,
    name: String,
}

impl Provider for SettingsFile {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<figment::Profile, Dict>, figment::Error> {
        self.toml.data()
    }
}

/// Merges the layers for a profile.
pub(super) fn merge(
    profile: Profile,
    environment: &Environment,
    flags: &BTreeMap<&'static str, String>,
) -> Result<Figment, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut figment = Figment::new()
        .merge(SettingsFile { toml: Toml::string(BUILT_IN).nested(), name: "the built-in app.toml".to_owned() });

    if let Some(path) = environment.get("APP_CONFIG") {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let file = SettingsFile { toml: Toml::string(&text).nested(), name: format!("the file {path}") };
                if let Err(error) = file.data() {
                    mistakes.push(mistake("APP_CONFIG", format!("{path} is not TOML: {error}"), "fix the file"));
                } else {
                    figment = figment.merge(file);
                }
            }
            Err(error) => mistakes.push(mistake(
                "APP_CONFIG",
                format!("{path} cannot be read: {error}"),
                "name a file that can be read, or unset it",
            )),
        }
    }
    for single in from_environment(environment, &mut mistakes) {
        figment = figment.merge(single);
    }
    for (key, value) in flags {
        let origin = "the command line".to_owned();
        figment = figment.merge(SingleValue { key: (*key).to_owned(), value: value.clone(), origin });
    }
    if mistakes.is_empty() { Ok(figment.select(profile.name())) } else { Err(mistakes) }
}

fn from_environment(environment: &Environment, mistakes: &mut Vec<Mistake>) -> Vec<SingleValue> {
    let mut found = Vec::new();
    for (name, value) in environment {
        if value.is_empty() {
            continue;
        }
        let (base, from_file) = name.strip_suffix("_FILE").map_or((name.as_str(), false), |base| (base, true));
        let plain = PLAIN_NAMES.iter().find(|(plain, _)| *plain == base).map(|(_, key)| (*key).to_owned());
        // A variable without a section, such as APP_NAME, belongs to somebody else.
        let sectioned = || base.strip_prefix("APP_").filter(|key| key.contains("__"));
        let Some(key) = plain.or_else(|| sectioned().map(|key| key.to_lowercase().replace("__", "."))) else {
            continue;
        };
        if !from_file {
            found.push(SingleValue { key, value: value.clone(), origin: format!("the environment variable {name}") });
            continue;
        }
        match std::fs::read_to_string(Path::new(value)) {
            Ok(text) => {
                let value = text.trim_end_matches(['\r', '\n']).to_owned();
                found.push(SingleValue { key, value, origin: format!("the file that {name} names") });
            }
            Err(error) => mistakes.push(mistake(
                name,
                format!("the file {value} cannot be read: {error}"),
                "name a file that can be read, or unset it",
            )),
        }
        if environment.get(base).is_some_and(|other| !other.is_empty()) {
            mistakes.push(mistake(name, format!("{base} is set as well"), "set one of the two"));
        }
    }
    found
}

fn mistake(key: &str, problem: String, allowed: &str) -> Mistake {
    Mistake { key: key.to_owned(), problem, allowed: allowed.to_owned() }
}
