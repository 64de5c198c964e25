//! The migration commands for a clap program: a file a command.
//!
//! A program puts [`MigrateOptions`] into its own tree of commands and calls [`MigrateOptions::run`] with something that
//! implements [`MigrateHost`]; a [`crate::Migrator`] does.

mod args;
pub mod ask;
mod context;
mod deploy;
mod dev;
mod diff;
mod host;
mod lint;
mod new;
mod output;
mod progress;
mod rebase;
mod repair;
mod reset;
mod resolve;
mod rollback;
mod signals;
mod squash;
mod status;
pub mod terminal;
mod verify;
mod words;

pub use args::MigrateOptions;
pub use host::{HostError, MigrateHost};
pub use output::CommandOutput;
pub use signals::StopSignals;
