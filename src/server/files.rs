//! File descriptors: a connection needs one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for everything but the connections of clients: the database's, the standard streams, the runtime's.
const OWN: u64 = 256;

/// Raises the number of files that this process may open to what the system allows it, and says in the log if that is too
/// little for so many connections.
pub fn raise_limit(max_connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be raised");
            limit.current
        }
    };
    let needed = u64::try_from(max_connections).unwrap_or(u64::MAX).saturating_add(OWN);
    if let Some(current) = current.filter(|current| *current < needed) {
        tracing::warn!(
            "this process may open {current} files, which is not enough for server.max_connections = {max_connections}; \
             raise the limit (LimitNOFILE, ulimits, ulimit -n) to {needed}"
        );
    }
}

/// The connections of clients that the files of this process are enough for.
pub(super) fn enough_for(max_connections: usize) -> usize {
    let files = getrlimit(Resource::Nofile).current.map(|files| files.saturating_sub(OWN).max(1));
    files.and_then(|files| usize::try_from(files).ok()).map_or(max_connections, |files| files.min(max_connections))
}
