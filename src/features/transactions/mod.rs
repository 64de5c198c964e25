//! Transactions: income and expenses, one by one and in lists.

mod model;
mod routes;
pub mod store;

pub use model::{Edit, NewTransaction, Transaction};
pub use routes::{add, router};
