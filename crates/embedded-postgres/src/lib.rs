#![doc = include_str!("../README.md")]
#![cfg(unix)]
#![warn(missing_docs, clippy::missing_errors_doc)]

mod account;
mod cluster;
mod data_dir;
mod database;
mod error;
mod keeper;
mod lock;
mod names;
mod programs;
mod server;
mod settings;
mod start;
mod uid;

pub use database::EmbeddedDatabase;
pub use error::{EmbeddedError, EmbeddedProblem};
pub use keeper::keep;
pub use names::EmbeddedNames;
pub use settings::{EmbeddedConnection, EmbeddedSettings, KEEPER_COMMAND, StartOutcome, StopOutcome};
