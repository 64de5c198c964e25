//! Questions to a person at the terminal.

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cli::terminal;
use crate::commands::agreement::Question;
use crate::error::MigrateError;

/// The time within which a signal ends a question.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// Asks for a line; `None` without a terminal.
///
/// # Errors
/// [`MigrateError::Cancelled`] if the command is cancelled instead.
pub fn line(question: &str, cancel: &CancellationToken) -> Result<Option<String>, MigrateError> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    terminal::progress(question);
    let (typed, answer) = channel();
    // Reading cannot be interrupted. The thread is left behind when the command is cancelled; the process ends soon after.
    std::thread::spawn(move || {
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line).is_ok() {
            // Nobody waits for it any more if the command was cancelled.
            let _ = typed.send(line);
        }
    });
    loop {
        match answer.recv_timeout(POLL_EVERY) {
            Ok(line) => return Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) if cancel.is_cancelled() => {
                return Err(MigrateError::Cancelled("at a question; the action in question was not taken".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

/// Asks a question with the answers yes and no; `None` without a terminal.
///
/// # Errors
/// [`MigrateError::Cancelled`] if the command is cancelled instead.
pub fn yes(question: &str, cancel: &CancellationToken) -> Result<Option<bool>, MigrateError> {
    let answer = line(&format!("{question} [y/N]"), cancel)?;
    Ok(answer.map(|line| matches!(line.trim().to_lowercase().as_str(), "y" | "yes")))
}

/// Asks a question of the toolkit; `None` without a terminal.
///
/// # Errors
/// [`MigrateError::Cancelled`] if the command is cancelled instead.
pub fn put(question: &Question<'_>, cancel: &CancellationToken) -> Result<Option<bool>, MigrateError> {
    let text = match question {
        Question::Rename(likely) => format!(
            "The {} would be dropped, and the {} added. Is it the same under another name?",
            likely.old, likely.new
        ),
        Question::Loss(losses) => format!("This would be lost:\n  {}\nMay it be lost?", losses.join("\n  ")),
    };
    yes(&text, cancel)
}
