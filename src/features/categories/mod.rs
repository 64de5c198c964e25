//! Categories: a tree for income, and one for expenses.

pub mod default_store;
mod defaults;
mod model;
pub mod names_store;
mod order;
mod resource;
mod routes;
pub mod store;
pub mod tree;
mod tree_store;

pub use defaults::{OTHER, is_other};
pub use model::{Category, CategoryName, MAX_NAME};
pub use resource::Categories;
pub use routes::FEATURE;
