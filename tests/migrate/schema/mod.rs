//! The desired schema: migrations that are written from it, and drift.

mod develop;
mod drift;
mod followed;
mod kept;
mod online;
mod online_proof;
mod pairs;
mod partitions;
mod random;
mod renamed;
mod rich;
mod rows_proof;
mod shadows;
mod sides;
mod spellings;
mod squash;
