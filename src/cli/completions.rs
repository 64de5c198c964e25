//! `app completions SHELL`.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The shell
    shell: Shell,
}

impl Options {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Cli::command(), "app", &mut script);
        super::output::answer(String::from_utf8(script)?.trim_end());
        Ok(ExitCode::SUCCESS)
    }
}
