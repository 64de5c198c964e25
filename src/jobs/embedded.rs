//! Restarts the private PostgreSQL when it dies.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use embedded_postgres::{EmbeddedDatabase, StartOutcome};

/// The pause between two checks, and before the first restart.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause before a restart.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The uptime after which a restarted server counts as stable.
const RECOVERED: Duration = Duration::from_mins(1);

/// Checks in a loop and never gives up: the cause of a failed start, such as a full disk, may go away.
pub(super) async fn watch(database: Arc<EmbeddedDatabase>) {
    let mut restarts = Restarts::default();
    loop {
        tokio::time::sleep(restarts.pause()).await;
        let checked = Arc::clone(&database);
        match tokio::task::spawn_blocking(move || checked.ensure_running()).await {
            Ok(Ok(StartOutcome::Attached)) => restarts.note_running(Instant::now()),
            Ok(Ok(_)) => {
                restarts.note(Instant::now());
                tracing::warn!(restarts = restarts.count, "the embedded PostgreSQL died and was restarted");
            }
            Ok(Err(error)) => {
                restarts.note(Instant::now());
                let pause = humantime::format_duration(restarts.pause());
                tracing::error!(
                    restarts = restarts.count,
                    "the embedded PostgreSQL died and could not be restarted; the next attempt is in {pause}: {error}"
                );
            }
            Err(error) => {
                restarts.note(Instant::now());
                tracing::error!(%error, "checking the embedded PostgreSQL failed");
            }
        }
    }
}

/// Consecutive restarts, from which the pauses between them grow.
#[derive(Debug, Default)]
struct Restarts {
    count: u32,
    last: Option<Instant>,
}

impl Restarts {
    /// The pause before the next check: 1 s, 2 s, 4 s and so on, up to 30 s.
    fn pause(&self) -> Duration {
        // 2^5 s is more than the longest pause.
        (PAUSE * 2_u32.pow(self.count.min(5))).min(MAX_PAUSE)
    }

    /// Records a restart, or an attempt at one.
    fn note(&mut self, now: Instant) {
        self.count = self.count.saturating_add(1);
        self.last = Some(now);
    }

    /// Records that the server was found running.
    fn note_running(&mut self, now: Instant) {
        if self.last.is_none_or(|last| now.duration_since(last) > RECOVERED) {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_to_half_a_minute_and_begin_anew_after_a_minute_of_running() {
        let (mut restarts, now) = (Restarts::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..7 {
            pauses.push(restarts.pause().as_secs());
            restarts.note(now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        restarts.note_running(now + PAUSE);
        assert_eq!(restarts.pause(), MAX_PAUSE, "it may die again at once");
        restarts.note_running(now + RECOVERED + PAUSE);
        assert_eq!(restarts.pause(), PAUSE);
    }
}
