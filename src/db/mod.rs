//! The database: pools, and what its errors mean.

#[cfg(feature = "embedded-db")]
pub mod embedded;
pub mod error;
pub mod explain;
pub mod pool;
pub mod transport;
