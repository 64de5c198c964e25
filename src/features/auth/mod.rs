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
pub use model::PasswordPolicy;
pub use routes::router;
pub use sign_in::SignInLimits;
