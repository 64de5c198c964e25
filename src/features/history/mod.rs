//! History: what was done, by which operation, and how it is undone.
//!
//! Every change goes through a [`Work`], which makes an operation of it. The database records what the operation changes,
//! row by row, by triggers, so that nothing can be forgotten; undoing reads that record.

mod changes_store;
pub mod keys_store;
mod model;
pub mod retention_store;
mod routes;
mod stand_in_store;
pub mod store;
mod trash_store;
mod undo;
mod undo_store;
mod work;

pub use routes::router;
pub use work::{Unit, Work};
