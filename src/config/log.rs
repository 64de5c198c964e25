//! `[log]`: what is logged, and how.

use super::reader::{Reader, Setting};

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// The form of a line.
    pub format: LogFormat,
    /// Which lines, in the words of `RUST_LOG`: `info`, `info,app=debug`.
    pub filter: String,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person at a terminal.
    Human,
    /// One JSON object a line.
    Json,
}

impl Setting for LogFormat {
    fn read(text: &str) -> Option<Self> {
        match text {
            "human" => Some(Self::Human),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl LogConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        const FILTER: &str = "log.filter";
        let format = reader.required("log.format", "`human` or `json`");
        let filter = reader.required::<String>(FILTER, "a filter such as info,app=debug");
        if let Some(text) = &filter
            && let Err(error) = tracing_subscriber::EnvFilter::builder().parse(text)
        {
            reader.refuse(FILTER, &format!("`{text}` is no filter: {error}"), "set for example info or info,app=debug");
            return None;
        }
        if let Some(word) = filter.as_deref().and_then(no_level) {
            reader.refuse(
                FILTER,
                &format!("`{word}` is no level"),
                "there are off, error, warn, info, debug and trace; a part of the program comes with one: info,app::http=debug",
            );
            return None;
        }
        Some(Self { format: format?, filter: filter? })
    }
}

/// A word of a filter that stands alone and is no level. It would be taken for a part of the program, of which there is none of
/// that name, and nothing at all would be logged.
fn no_level(filter: &str) -> Option<&str> {
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
            assert_eq!(no_level(right), None, "{right}");
        }
        for (wrong, word) in
            [("loud", "loud"), ("inf", "inf"), ("info,verbose", "verbose"), ("debgu,app=info", "debgu")]
        {
            assert_eq!(no_level(wrong), Some(word));
        }
    }
}
