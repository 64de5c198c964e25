//! The database: pools, and what its errors mean.

#[cfg(any())]
pub mod embedded;
pub mod error;
pub mod pool;
