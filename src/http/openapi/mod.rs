//! The OpenAPI document of the API, made from the code, and Swagger UI that shows it.

mod document;
mod finish;
mod headers;
mod inputs;
pub mod operation;
mod pages;
pub mod schemas;

pub use document::{DOCUMENT_PATH, base, complete};
pub use inputs::{body_schema, query_parameters};
pub(super) use pages::{router, to_page};
