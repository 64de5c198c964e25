//! Pieces of text and JSON that several commands print.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::event::CompletedMigration;
use crate::lint::Finding;

/// A duration for a person.
pub(crate) fn short_duration(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        format!("{} ms", duration.as_millis())
    } else {
        humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
    }
}

/// A duration in whole milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A number with its noun in the singular or the plural.
pub(crate) fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// A number of migrations, as the beginning of a sentence.
pub(crate) fn migrations_were(number: usize) -> String {
    count(number, "migration was", "migrations were")
}

/// A heading with indented lines; nothing if there are no lines.
pub(crate) fn section(heading: &str, lines: &[String]) -> Option<String> {
    (!lines.is_empty()).then(|| format!("{heading}:\n  {}", lines.join("\n  ")))
}

/// Paths as they are printed.
pub(crate) fn displayed(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

/// Completed migrations for scripts.
pub(crate) fn completed_json(completed: &[CompletedMigration]) -> Value {
    completed
        .iter()
        .map(|one| json!({"version": one.version, "name": one.name, "milliseconds": milliseconds(one.took)}))
        .collect()
}

/// Findings of the linter for a person.
pub(crate) fn findings_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let Finding { file, line, column, rule, severity, message, instead } = finding;
        text += &format!("{file}:{line}:{column}: {} {rule}\n    {message}\n", severity.word());
        if let Some(instead) = instead {
            text += &format!("    instead: {instead}\n");
        }
    }
    text
}
