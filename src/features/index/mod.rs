//! The index of the API.

mod status;

pub use status::FEATURE;
