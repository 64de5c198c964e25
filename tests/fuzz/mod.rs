//! Fuzzing of every parser of external input, with whole and mutated inputs, and noise.
//!
//! `cargo test` tries some hundreds of each; `just fuzz` continues for a given time (`FUZZ_SECONDS`, per target). A
//! failure is minimized and printed with its seed: `FUZZ_SEED` tries the same inputs again.

mod engine;
mod requests;
mod values;
