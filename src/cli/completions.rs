//! `app completions SHELL`.

use std::process::ExitCode;

use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsOptions {
    /// The shell
    shell: Shell,
}

impl CompletionsOptions {
    pub(super) fn run(&self, mut cli: clap::Command) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut cli, "app", &mut script);
        migrate_toolkit::cli::terminal::answer(String::from_utf8(script)?.trim_end());
        Ok(ExitCode::SUCCESS)
    }
}
