//! Registering, logging in, and who is signed in.

mod hash_kinds;
pub mod invites_store;
mod keys;
mod lanes;
mod model;
pub mod password;
pub mod registration;
mod routes;
mod sign_in;
pub mod store;
mod strength;

pub use keys::{LimitKey, SignInKeys};
pub use model::{MAX_NAME, PasswordPolicy, kept_address};
pub use routes::FEATURE;
pub use sign_in::SignInLimits;
