//! Test support: a throwaway PostgreSQL for all tests, servers, and clients.

use std::time::Duration;

/// A time limit that nothing exceeds unless it fails, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

pub(crate) mod app;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod raw;
pub(crate) mod servers;
pub(crate) mod twin;
pub(crate) mod wire;
