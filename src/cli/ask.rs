//! Questions to a person, where there is one.

use std::io::{BufRead as _, IsTerminal as _};

use super::output;
use crate::migrate::Question;

/// Whether somebody says yes; `None` where there is no terminal to ask on.
pub(super) fn yes(question: &str) -> Option<bool> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    output::progress(format_args!("{question} [y/N]"));
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).ok()?;
    Some(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Puts a question of the migrations.
pub(super) fn put(question: &Question<'_>) -> Option<bool> {
    match question {
        Question::Rename(likely) => yes(&format!(
            "The {} would be dropped, and the {} added. Is it the same under another name?",
            likely.old, likely.new
        )),
        Question::Loss(losses) => yes(&format!("This would be lost:\n  {}\nMay it be lost?", losses.join("\n  "))),
    }
}
