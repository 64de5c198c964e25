//! `app embedded-keeper`: the process that the private PostgreSQL belongs to. Nobody types this.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::program::EMBEDDED_NAMES;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// What the program tells itself
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    orders: Vec<OsString>,
}

impl Options {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        embedded_postgres::keep(self.orders, &EMBEDDED_NAMES)?;
        Ok(ExitCode::SUCCESS)
    }
}
