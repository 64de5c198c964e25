//! Access to the database: pools, classification and explanation of errors, and its distribution over servers.

pub mod distribution_store;
pub mod error;
pub mod pool;
pub mod transport;

pub use migrate_toolkit::explain;
