//! Tags: what transactions of any category have in common.

pub mod model;
mod routes;
pub mod store;

pub use routes::router;
