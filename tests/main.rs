//! All tests that need PostgreSQL or the real binary, in a single program: it links once, and shares a throwaway
//! server.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod api;
mod db;
mod fuzz;
mod migrate;
mod program;
mod sharding;
mod support;
mod take_over;
