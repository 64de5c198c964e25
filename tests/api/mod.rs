//! The HTTP contract, spoken over real sockets to a real PostgreSQL. The modules mirror the URLs.

mod auth;
