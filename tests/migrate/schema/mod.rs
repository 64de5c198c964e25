//! The desired schema: migrations that are written from it, and drift.

mod develop;
mod drift;
mod pairs;
mod random;
mod rich;
mod shadows;
mod sides;
mod squash;
