//! `app embedded-keeper`: the parent process of the private PostgreSQL. Only the program itself runs it.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::program::EMBEDDED_NAMES;

#[derive(Debug, clap::Args)]
pub(super) struct KeeperOptions {
    /// The arguments that the program passes to itself
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl KeeperOptions {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        embedded_postgres::keep(self.arguments, &EMBEDDED_NAMES)?;
        Ok(ExitCode::SUCCESS)
    }
}
