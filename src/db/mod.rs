//! Access to the database: pools, classification and explanation of errors.

pub mod error;
pub mod pool;
pub mod transport;

pub use migrate_toolkit::explain;
