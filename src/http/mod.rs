//! The HTTP kit that all features share: envelope, errors, input, identity, limits, and the assembly of the service.

mod answer;
mod assemble;
pub mod client_address;
pub mod context;
pub mod envelope;
pub mod error;
pub mod etag;
pub mod extract;
mod guard;
pub mod health;
mod hs256;
pub mod idempotency;
pub mod identity;
pub mod input;
pub mod json;
pub mod lane;
mod memory;
mod middleware;
pub mod openapi;
pub mod page;
mod protocol;
mod quota;
pub mod rate_limit;
pub mod readiness;
mod request_body;
pub mod rules;
pub mod security_log;
mod shares;
pub mod stream;
pub mod walk;
pub mod weight;

pub use self::assemble::{HttpDeps, HttpService, assemble};
pub use self::protocol::MAX_HEAD_BYTES;
