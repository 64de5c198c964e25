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
        Some(Self { format: format?, filter: filter? })
    }
}
