//! What the tests stand on: one throwaway PostgreSQL for all of them, a server for each, and typed clients.

pub(crate) mod app;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod raw;
