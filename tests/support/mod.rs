//! What the tests stand on: one throwaway PostgreSQL for all of them, a server for each, and typed clients.

use std::time::Duration;

/// Longer than anything takes that does not fail, however much else the machine has to do.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

pub(crate) mod app;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod raw;
