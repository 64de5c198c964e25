//! `app config`.

use std::process::ExitCode;

use super::{Globals, output};
use crate::config::Purpose;

#[derive(Debug, clap::Args)]
pub(super) struct Options {}

impl Options {
    #[expect(clippy::unused_self, reason = "each command is run alike")]
    pub(super) fn run(&self, globals: &Globals) -> anyhow::Result<ExitCode> {
        let config = globals.config(Purpose::Serve)?;
        output::answer(format_args!("profile = {}", config.profile));
        let width = config.shown.iter().map(|shown| shown.key.len()).max().unwrap_or_default();
        for shown in &config.shown {
            match &shown.value {
                Some(value) => output::answer(format_args!("{:width$} = {value}  # {}", shown.key, shown.origin)),
                None => output::answer(format_args!("{:width$}   # not set", shown.key)),
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
