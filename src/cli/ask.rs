//! Questions at the terminal.

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::output;
use crate::migrate::{MigrateError, Question};

/// The interval at which a waiting question checks for a signal.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Asks a question and returns the typed line; `None` if standard input is not a terminal.
///
/// # Errors
/// [`MigrateError::Cancelled`] if the command is stopped instead.
pub(super) fn line(question: &str, cancel: &CancellationToken) -> Result<Option<String>, MigrateError> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    output::progress(question);
    let (typed, answer) = channel();
    // Reading cannot be interrupted. If the command is stopped, the thread is left behind; the process ends soon after.
    std::thread::spawn(move || {
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line).is_ok() {
            // If the command was stopped, nobody receives the line.
            let _ = typed.send(line);
        }
    });
    loop {
        match answer.recv_timeout(POLL_INTERVAL) {
            Ok(line) => return Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) if cancel.is_cancelled() => {
                return Err(MigrateError::Cancelled("at a question; the operation was not performed".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

/// Asks a yes-or-no question; `None` if standard input is not a terminal.
pub(super) fn yes(question: &str, cancel: &CancellationToken) -> Result<Option<bool>, MigrateError> {
    let answer = line(&format!("{question} [y/N]"), cancel)?;
    Ok(answer.map(|line| matches!(line.trim().to_lowercase().as_str(), "y" | "yes")))
}

/// Asks a question of the migration toolkit.
pub(super) fn put(question: &Question<'_>, cancel: &CancellationToken) -> Result<Option<bool>, MigrateError> {
    let text = match question {
        Question::Rename(likely) => {
            format!("The {} would be dropped, and the {} added. Is this a rename?", likely.old, likely.new)
        }
        Question::Loss(losses) => format!("This data would be lost:\n  {}\nContinue?", losses.join("\n  ")),
    };
    yes(&text, cancel)
}
