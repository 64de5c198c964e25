//! Users, with their currencies and time zones. Logging in belongs to `auth`.

mod feature;
pub mod model;
pub mod store;

pub use feature::FEATURE;
