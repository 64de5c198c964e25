//! Transactions: income and expenses, one by one and in lists.

mod bulk;
mod bulk_store;
mod categorize;
mod criteria;
mod filter;
mod list_store;
mod model;
mod routes;
mod search_store;
pub mod store;
mod walk_store;
pub mod weight_store;

pub use model::{MAX_NOTE, MAX_TITLE, NewTransaction, Transaction, search_of};
pub use routes::{add, not_found, router};
