//! The HTTP contract, spoken over real sockets to a real PostgreSQL. The modules mirror the URLs.

mod around;
mod auth;
mod bad_input;
mod dashboard;
mod index;
mod limits;
mod openapi;
mod ownership;
mod readiness;
mod streaming;
mod transactions;
