//! Watches over the private PostgreSQL: if it dies, it is started again.

use std::sync::Arc;
use std::time::Duration;

use crate::db::embedded::{EmbeddedDatabase, Outcome};

const PAUSE: Duration = Duration::from_secs(1);

/// How often in a row it is started again before somebody has to look.
const MAX_RESTARTS: u32 = 5;

/// A server that ran for this long after a restart has got over what killed it.
const RECOVERED: Duration = Duration::from_mins(1);

/// Looks again and again.
pub(super) async fn watch(database: Arc<EmbeddedDatabase>) {
    let mut restarts = 0;
    let mut last = tokio::time::Instant::now();
    while restarts < MAX_RESTARTS {
        tokio::time::sleep(PAUSE).await;
        let looked_at = Arc::clone(&database);
        match tokio::task::spawn_blocking(move || looked_at.ensure_running()).await {
            Ok(Ok(Outcome::Attached)) => {
                if last.elapsed() > RECOVERED {
                    restarts = 0;
                }
            }
            Ok(Ok(_)) => {
                restarts += 1;
                last = tokio::time::Instant::now();
                tracing::warn!(restarts, "the embedded PostgreSQL had died and was started again");
            }
            Ok(Err(error)) => {
                restarts += 1;
                last = tokio::time::Instant::now();
                tracing::error!(restarts, "the embedded PostgreSQL has died and could not be started again: {error}");
            }
            Err(error) => tracing::error!(%error, "looking after the embedded PostgreSQL failed"),
        }
    }
    tracing::error!(
        "the embedded PostgreSQL was started again {MAX_RESTARTS} times and does not stay up; look at its log"
    );
}
