//! History: what was done, by which operation, and how it is undone.
//!
//! Every change runs in a [`Mutation`], which makes an operation of it. The database records the changed rows of each operation
//! by triggers, so that no change is forgotten; undo reads that record.

mod changes_store;
mod entries;
pub mod idempotency_store;
pub mod last_store;
mod merges_store;
mod mutation;
pub mod recorded;
pub mod retention_store;
mod routes;
pub mod single_statement_store;
mod stand_in_store;
pub mod store;
mod trash_store;
mod tx;
mod undo;
mod undo_store;

pub use mutation::Mutation;
pub use routes::FEATURE;
pub use tx::Tx;
