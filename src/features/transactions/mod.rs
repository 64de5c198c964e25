//! Transactions: income and expenses, one by one and in lists.

mod bulk;
mod bulk_delete;
mod bulk_inputs;
mod bulk_store;
mod bulk_update;
mod categorize;
mod choices;
mod conditions;
mod create;
mod create_store;
mod criteria;
mod entry;
mod filter;
mod inputs;
mod keyset_store;
mod list;
mod list_store;
mod model;
pub mod references_store;
mod routes;
mod rules;
pub mod search_text_store;
mod statement;
pub mod store;
mod table;
mod update;
mod walk_store;
pub mod weight_store;

pub use create::create;
pub use entry::search_text;
pub use inputs::NewTransaction;
pub use model::Transaction;
pub use routes::FEATURE;
pub use rules::{MAX_NOTE, MAX_TITLE};
