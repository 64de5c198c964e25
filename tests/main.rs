//! All tests that need PostgreSQL or the real binary, in one program: it links once, and shares one throwaway server.

mod api;
mod migrate;
mod program;
mod support;
