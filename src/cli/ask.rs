//! Questions to a person, where there is one.

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::output;
use crate::migrate::{MigrateError, Question};

/// How soon a signal ends a question.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A line that somebody types; `None` where there is no terminal to ask on.
///
/// # Errors
/// [`MigrateError::Cancelled`] if somebody stops the command instead.
pub(super) fn line(question: &str, cancel: &CancellationToken) -> Result<Option<String>, MigrateError> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    output::progress(question);
    let (typed, answer) = channel();
    // Reading cannot be interrupted, so it is left behind when the command is stopped; the process ends soon after.
    std::thread::spawn(move || {
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line).is_ok() {
            // Nobody waits for it any more if the command was stopped.
            let _ = typed.send(line);
        }
    });
    loop {
        match answer.recv_timeout(LOOK_EVERY) {
            Ok(line) => return Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) if cancel.is_cancelled() => {
                return Err(MigrateError::Cancelled("at a question; what it is about was not done".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

/// Whether somebody says yes.
pub(super) fn yes(question: &str, cancel: &CancellationToken) -> Result<Option<bool>, MigrateError> {
    let answer = line(&format!("{question} [y/N]"), cancel)?;
    Ok(answer.map(|line| matches!(line.trim().to_lowercase().as_str(), "y" | "yes")))
}

/// Puts a question of the migrations.
pub(super) fn put(question: &Question<'_>, cancel: &CancellationToken) -> Result<Option<bool>, MigrateError> {
    let text = match question {
        Question::Rename(likely) => format!(
            "The {} would be dropped, and the {} added. Is it the same under another name?",
            likely.old, likely.new
        ),
        Question::Loss(losses) => format!("This would be lost:\n  {}\nMay it be lost?", losses.join("\n  ")),
    };
    yes(&text, cancel)
}
