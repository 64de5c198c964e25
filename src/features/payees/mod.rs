//! Payees: who was paid, or who paid.

pub mod model;
mod routes;
pub mod store;

pub use routes::{not_found, router};
