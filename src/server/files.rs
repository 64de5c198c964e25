//! The limit of open files: each connection needs a file descriptor.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors reserved for everything but client connections: the database, the standard streams, the runtime.
const RESERVED: u64 = 256;

/// Raises the limit of open files of this process to its maximum, and logs a warning if that is too low for
/// `max_connections`.
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
    let needed = u64::try_from(max_connections).unwrap_or(u64::MAX).saturating_add(RESERVED);
    if let Some(current) = current.filter(|current| *current < needed) {
        tracing::warn!(
            "this process may open {current} files, which is not enough for server.max_connections = {max_connections}; \
             raise the limit (LimitNOFILE, ulimits, ulimit -n) to {needed}"
        );
    }
}

/// `max_connections`, or less if the limit of open files is lower.
pub(super) fn within_file_limit(max_connections: usize) -> usize {
    let files = getrlimit(Resource::Nofile).current.map(|files| files.saturating_sub(RESERVED).max(1));
    files.and_then(|files| usize::try_from(files).ok()).map_or(max_connections, |files| files.min(max_connections))
}
