//! Every parser of what comes from outside, on inputs that nobody thought of: whole and mutated ones, and noise.
//!
//! `cargo test` tries some hundreds of each; `just fuzz` goes on for as long as it is told (`FUZZ_SECONDS`, for each target).
//! A failure is made as small as it gets and printed, together with the seed: `FUZZ_SEED` tries the same again.

mod engine;
mod requests;
mod values;
