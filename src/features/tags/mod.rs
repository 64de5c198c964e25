//! Tags: words that are put on transactions, any number on each.

mod model;
mod resource;
pub mod store;

pub use model::{Tag, TagName};
pub use resource::{FEATURE, Tags};
