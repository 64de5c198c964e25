//! The HTTP contract, spoken over real sockets to a real PostgreSQL. The modules mirror the URLs.

mod abandoned;
mod around;
mod auth;
mod bad_input;
mod costly;
mod dashboard;
mod document;
mod history;
mod hostile;
mod index;
mod limits;
mod lists;
mod openapi;
mod ownership;
mod quotas;
mod races;
mod readiness;
mod registration;
mod retention;
mod retries;
mod sign_in;
mod sorting;
mod streaming;
mod transactions;
mod tree;
