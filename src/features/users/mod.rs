//! Users: who they are, and what their money and days are counted in. Logging in is the business of `auth`.

pub mod model;
pub mod store;
