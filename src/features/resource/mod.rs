//! Resources: a feature describes its rows once, and gets list, create, read, update, delete and, where it wants, merge, with
//! pages, entity tags, idempotency, undo, quotas, errors and the OpenAPI operations.

mod changes;
mod definition;
mod document;
mod routes;
mod sql;
pub mod store;

pub use definition::{Arguments, CountingQuery, ListQuery, Mergeable, NameKey, PlainQuery, Resource, SortKey, Verb};
pub use routes::{merge_router, router};
pub use sql::{codes, not_found};
