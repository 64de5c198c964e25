//! Quotas: the limits of one user's data.

mod checks;
pub mod store;

pub use checks::{FEATURE, changes_many, check, check_rows, check_text};
