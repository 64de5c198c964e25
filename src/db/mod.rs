//! Access to the database: pools, classification and explanation of errors.

#[cfg(feature = "embedded-db")]
pub mod embedded;
pub mod error;
pub mod explain;
pub mod pool;
pub mod transport;
