//! `[log]`: the format and the filter of the log.

use super::reader::{SettingValue, SettingsReader};

/// The settings of the log.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// The format of a line.
    pub format: LogFormat,
    /// The lines to log, in the syntax of `RUST_LOG`: `info`, `info,app=debug`.
    pub filter: String,
}

/// The format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for a person at a terminal.
    Human,
    /// One JSON object per line.
    Json,
}

impl SettingValue for LogFormat {
    fn read(text: &str) -> Option<Self> {
        match text {
            "human" => Some(Self::Human),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl LogConfig {
    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Option<Self> {
        const FILTER: &str = "log.filter";
        let format = reader.required("log.format", "`human` or `json`");
        let filter = reader.required::<String>(FILTER, "a filter such as info,app=debug");
        if let Some(text) = &filter
            && let Err(error) = tracing_subscriber::EnvFilter::builder().parse(text)
        {
            reader.refuse(FILTER, &format!("`{text}` is not a filter: {error}"), "set, for example, info");
            return None;
        }
        if let Some(word) = filter.as_deref().and_then(unknown_level) {
            reader.refuse(
                FILTER,
                &format!("`{word}` is not a level"),
                "the levels are off, error, warn, info, debug and trace; a target needs one: info,app::http=debug",
            );
            return None;
        }
        Some(Self { format: format?, filter: filter? })
    }
}

/// Finds a word of a filter that stands alone and is not a level. `EnvFilter` would take it for the name of a target
/// that does not exist, and nothing would be logged.
fn unknown_level(filter: &str) -> Option<&str> {
    let level = |word: &str| word.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
    let words = filter.split(',').map(str::trim).filter(|word| !word.is_empty());
    let alone = |word: &&str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    words.filter(alone).find(|word| !level(word) && *word != env!("CARGO_CRATE_NAME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_found() {
        for right in
            ["info", "INFO", "off", "info,app=debug", "app", "app::http", "warn, sqlx=debug", "", "[request]=info"]
        {
            assert_eq!(unknown_level(right), None, "{right}");
        }
        for (wrong, word) in
            [("loud", "loud"), ("inf", "inf"), ("info,verbose", "verbose"), ("debgu,app=info", "debgu")]
        {
            assert_eq!(unknown_level(wrong), Some(word));
        }
    }
}
