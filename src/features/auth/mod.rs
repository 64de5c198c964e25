//! Registering, logging in, and who is signed in.

pub mod common_passwords;
mod model;
pub mod password;
mod routes;

pub use model::PasswordPolicy;
pub use routes::router;
