//! Categories: what income and expenses are sorted into, a tree of each.

pub mod default_store;
pub mod model;
mod routes;
pub mod store;
pub mod tree_store;

pub use routes::{not_found, router};
