//! The database: pools, and what its errors mean.

pub mod error;
pub mod pool;
pub mod transport;

pub use migrate_toolkit::explain;
