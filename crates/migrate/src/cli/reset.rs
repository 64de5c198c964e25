//! `migrate reset`.

use std::io::IsTerminal as _;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::cli::ask;
use crate::cli::context::CommandContext;
use crate::cli::host::MigrateHost;
use crate::cli::output::CommandOutput;
use crate::cli::progress::ProgressReporter;
use crate::cli::words::{completed_json, migrations_were};
use crate::commands::reset::reset_forbidden;
use crate::error::MigrateError;
use crate::exit::Exit;
use crate::explain::Chain;
use crate::profile::MigrationProfile;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 nobody to ask and no --force, 7 another process is migrating, 8 in prod"
)]
pub(crate) struct ResetOptions {
    /// Do not ask
    #[arg(long)]
    force: bool,
    /// Do not insert the sample data
    #[arg(long)]
    skip_seed: bool,
}

impl ResetOptions {
    pub(crate) fn refusal(&self, profile: MigrationProfile) -> Option<MigrateError> {
        if profile == MigrationProfile::Prod {
            Some(reset_forbidden())
        } else if !self.force && !std::io::stdin().is_terminal() {
            Some(MigrateError::InvalidRequest(
                "a reset drops everything in the database, and there is no terminal to ask on; nothing was changed. Confirm \
                 it with --force."
                    .to_owned(),
            ))
        } else {
            None
        }
    }

    pub(crate) async fn run(
        self,
        context: &CommandContext,
        host: &mut impl MigrateHost,
    ) -> Result<CommandOutput, MigrateError> {
        let migrator = &context.migrator;
        let place = host.describe_database(&migrator.database);
        if !self.force && !is_confirmed(&place, &migrator.settings.cancel)? {
            return Ok(CommandOutput::of_error(Exit::Cancelled, "cancelled", "cancelled; nothing was changed."));
        }
        let mut progress = ProgressReporter::new();
        let done = migrator.reset(|event| progress.report(event)).await?;
        let text = format!("Everything was dropped, and {} applied.", migrations_were(done.len()));
        let output = |text: String| CommandOutput::new(Exit::Done, text, json!({"applied": completed_json(&done)}));
        if self.skip_seed {
            return Ok(output(text));
        }
        // The sample data belongs to the tables of the program; a folder may have others.
        Ok(match host.insert_sample_data().await {
            None => output(text),
            Some(Ok(inserted)) => output(format!("{text}\n{inserted}")).with("seeded", true.into()),
            Some(Err(error)) => {
                let again = context
                    .names()
                    .seed
                    .map_or_else(String::new, |seed| format!(" Run `{seed}` once the problem is fixed."));
                let cause = Chain(error.as_ref());
                let message = format!("{text} The sample data could not be inserted: {cause}{again}");
                CommandOutput::of_error(Exit::Failed, "seed_failed", &message)
            }
        })
    }
}

fn is_confirmed(place: &str, cancel: &CancellationToken) -> Result<bool, MigrateError> {
    let line = ask::line(&format!("Everything in {place} will be dropped. Type `yes` to continue:"), cancel)?;
    Ok(line.is_some_and(|line| line.trim() == "yes"))
}
