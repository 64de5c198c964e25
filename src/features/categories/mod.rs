//! Categories: what income and expenses are sorted into.

pub mod store;
