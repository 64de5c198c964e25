//! Watches over the private PostgreSQL: if it dies, it is started again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use embedded_postgres::{EmbeddedDatabase, StartOutcome};

/// The pause between two looks, and before the first restart.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause before a restart.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// A server that ran for this long after a restart has got over what killed it.
const RECOVERED: Duration = Duration::from_mins(1);

/// Looks again and again, and never gives up: what keeps the server from starting, such as a full disk, may go away.
pub(super) async fn watch(database: Arc<EmbeddedDatabase>) {
    let mut restarts = Restarts::default();
    loop {
        tokio::time::sleep(restarts.pause()).await;
        let looked_at = Arc::clone(&database);
        match tokio::task::spawn_blocking(move || looked_at.ensure_running()).await {
            Ok(Ok(StartOutcome::Attached)) => restarts.note_running(Instant::now()),
            Ok(Ok(_)) => {
                restarts.note(Instant::now());
                tracing::warn!(restarts = restarts.count, "the embedded PostgreSQL had died and was started again");
            }
            Ok(Err(error)) => {
                restarts.note(Instant::now());
                let pause = humantime::format_duration(restarts.pause());
                tracing::error!(
                    restarts = restarts.count,
                    "the embedded PostgreSQL has died and could not be started again; it is tried again in {pause}: {error}"
                );
            }
            Err(error) => {
                restarts.note(Instant::now());
                tracing::error!(%error, "looking after the embedded PostgreSQL failed");
            }
        }
    }
}

/// The restarts in a row, from which the pauses between them grow.
#[derive(Debug, Default)]
struct Restarts {
    count: u32,
    last: Option<Instant>,
}

impl Restarts {
    /// The pause before the next look: 1 s, 2 s, 4 s and so on, up to half a minute.
    fn pause(&self) -> Duration {
        // 2^5 s are more than the longest pause.
        (PAUSE * 2_u32.pow(self.count.min(5))).min(MAX_PAUSE)
    }

    /// Notes a restart, or the attempt at one.
    fn note(&mut self, now: Instant) {
        self.count = self.count.saturating_add(1);
        self.last = Some(now);
    }

    /// Notes that the server was found running.
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
