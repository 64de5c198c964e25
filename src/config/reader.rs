//! Reads settings one by one, collects every mistake, and keeps the origin of each value.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use figment::Figment;
use figment::value::Value;

use super::secret::{MASK, Secret};

/// A type of setting, parsed from text regardless of the layer that the text came from.
pub(super) trait SettingValue: Sized {
    /// Parses the value; `None` if the text does not have the expected form.
    fn read(text: &str) -> Option<Self>;

    /// A description of the problem with a text that cannot be parsed, if more can be said than that it is not what is
    /// allowed.
    fn problem(_text: &str) -> Option<String> {
        None
    }

    /// The value as `app config` shows it.
    fn shown(text: &str) -> String {
        text.to_owned()
    }
}

macro_rules! settings_by_from_str {
    ($($type:ty),*) => {$(
        impl SettingValue for $type {
            fn read(text: &str) -> Option<Self> {
                text.trim().parse().ok()
            }
        }
    )*};
}
settings_by_from_str!(bool, u16, u32, u64, usize, IpAddr, ipnet::IpNet);

impl SettingValue for String {
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl SettingValue for PathBuf {
    fn read(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }
}

impl SettingValue for Duration {
    /// `30s`, `15m`, `24h`, `7d`, `500ms`, `1h 30m`; a bare number is seconds.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.parse::<u64>() {
            Ok(seconds) => Some(Self::from_secs(seconds)),
            Err(_) => humantime::parse_duration(text).ok(),
        }
    }
}

impl<T: SettingValue> SettingValue for Vec<T> {
    /// Splits a comma-separated list. Arrays of a file arrive in the same form.
    fn read(text: &str) -> Option<Self> {
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(T::read).collect()
    }
}

impl SettingValue for Secret<String> {
    fn read(text: &str) -> Option<Self> {
        // A file made by `echo` ends with a newline that is not part of the secret.
        Some(Self::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn shown(_: &str) -> String {
        MASK.to_owned()
    }
}

/// One problem of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The setting, such as `server.port`.
    pub key: String,
    /// The problem, and the origin of the value.
    pub problem: String,
    /// The allowed values, or the remedy; empty where the problem says it.
    pub allowed: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.key, self.problem)?;
        if self.allowed.is_empty() { Ok(()) } else { write!(formatter, "; {}", self.allowed) }
    }
}

/// A setting in force, for `app config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSetting {
    /// The setting, such as `server.port`.
    pub key: &'static str,
    /// The value, with secrets masked; `None` if it is not set.
    pub value: Option<String>,
    /// The layer that set it.
    pub origin: String,
}

/// Reads settings from the merged layers.
pub(super) struct SettingsReader<'a> {
    figment: &'a Figment,
    mistakes: Vec<Mistake>,
    shown: Vec<ShownSetting>,
}

impl<'a> SettingsReader<'a> {
    pub(super) fn new(figment: &'a Figment) -> Self {
        Self { figment, mistakes: Vec::new(), shown: Vec::new() }
    }

    /// Reads a setting that must have a value. `allowed` describes valid values. Returns `None` after noting a mistake.
    pub(super) fn required<T: SettingValue>(&mut self, key: &'static str, allowed: &str) -> Option<T> {
        let before = self.mistakes.len();
        let value = self.optional(key, allowed)?;
        if value.is_none() && self.mistakes.len() == before {
            self.refuse(key, "not set", allowed);
        }
        value
    }

    /// Reads a setting that may be left out. The outer `None` means that a mistake has been noted.
    #[expect(clippy::option_option, reason = "left out is one thing, wrong another")]
    pub(super) fn optional<T: SettingValue>(&mut self, key: &'static str, allowed: &str) -> Option<Option<T>> {
        let Some(text) = self.figment.find_value(key).ok().and_then(|value| text_of(&value)) else {
            self.shown.push(ShownSetting { key, value: None, origin: "not set".to_owned() });
            return Some(None);
        };
        let origin = self.origin(key);
        self.shown.push(ShownSetting { key, value: Some(T::shown(&text)), origin: origin.clone() });
        if let Some(value) = T::read(&text) {
            return Some(Some(value));
        }
        let problem = T::problem(&text).unwrap_or_else(|| format!("is not {allowed}"));
        self.refuse(key, &format!("`{}` (from {origin}) {problem}", T::shown(&text)), "");
        None
    }

    /// Notes a mistake.
    pub(super) fn refuse(&mut self, key: &str, problem: &str, allowed: &str) {
        self.mistakes.push(Mistake { key: key.to_owned(), problem: problem.to_owned(), allowed: allowed.to_owned() });
    }

    /// The origin of a setting, in words.
    pub(super) fn origin(&self, key: &str) -> String {
        self.figment.find_metadata(key).map_or_else(|| "not set".to_owned(), |metadata| metadata.name.to_string())
    }

    /// Ends the reading. Returns the settings read, or every mistake; a key that nothing asked for is one.
    pub(super) fn finish(mut self) -> Result<Vec<ShownSetting>, Vec<Mistake>> {
        let mut present = Vec::new();
        if let Ok(value) = self.figment.extract::<Value>() {
            collect_keys("", &value, &mut present);
        }
        for key in present {
            if !self.shown.iter().any(|shown| shown.key == key) {
                let problem = format!("no such setting (from {})", self.origin(&key));
                let nearest = self.nearest(&key);
                self.refuse(&key, &problem, &nearest);
            }
        }
        if self.mistakes.is_empty() { Ok(self.shown) } else { Err(self.mistakes) }
    }

    fn nearest(&self, key: &str) -> String {
        let section = key.split('.').next().unwrap_or_default();
        let siblings: Vec<&str> = self
            .shown
            .iter()
            .map(|shown| shown.key)
            .filter(|known| known.starts_with(&format!("{section}.")))
            .collect();
        if siblings.is_empty() {
            "`app config` lists those there are".to_owned()
        } else {
            format!("there are {}", siblings.join(", "))
        }
    }
}

/// The text of a value of any layer. An empty text counts as not set, so that a compose file may pass an unset
/// variable on.
fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(_, text) => text.clone(),
        Value::Char(_, char) => char.to_string(),
        Value::Bool(_, bool) => bool.to_string(),
        Value::Num(_, number) => number
            .to_i128()
            .map(|number| number.to_string())
            .or_else(|| number.to_u128().map(|number| number.to_string()))
            .or_else(|| number.to_f64().map(|number| number.to_string()))?,
        Value::Array(_, items) => {
            let items: Vec<String> = items.iter().filter_map(text_of).collect();
            return Some(items.join(","));
        }
        Value::Empty(..) | Value::Dict(..) => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn collect_keys(prefix: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Dict(_, entries) => {
            for (name, entry) in entries {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                collect_keys(&key, entry, found);
            }
        }
        _ => found.push(prefix.to_owned()),
    }
}
