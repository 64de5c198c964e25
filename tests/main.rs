//! All tests that need PostgreSQL or the real binary, in one program: it links once, and shares one throwaway server.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod api;
mod db;
mod fuzz;
mod migrate;
mod program;
mod support;
mod take_over;
