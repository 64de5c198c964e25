//! Payees: who was paid, or who paid.

mod model;
mod resource;
pub mod store;

pub use model::{Payee, PayeeName};
pub use resource::{FEATURE, Payees};
