//! `migrate deploy`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::context::CommandContext;
use crate::cli::host::MigrateHost;
use crate::cli::output::CommandOutput;
use crate::cli::progress::ProgressReporter;
use crate::cli::terminal;
use crate::cli::words::{completed_json, count, migrations_were};
use crate::error::MigrateError;
use crate::exit::Exit;
use crate::explain::Chain;
use crate::problem::MigrationRef;
use crate::record::plan::MigrationPlan;
use crate::settings::MigrateSettings;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 4 the history differs, 5 a failed migration blocks, 7 another process is migrating"
)]
pub(crate) struct DeployOptions {
    /// Show what would be applied, check it as a deploy does, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Apply nothing that is newer than this version
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
    /// The time to wait for another process that is migrating, such as 10s
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    lock_timeout: Option<Duration>,
    /// Apply a file that is older than the newest applied one, in prod too
    #[arg(long)]
    allow_out_of_order: bool,
    /// Begin in a database that has tables of others in it, and no record yet
    #[arg(long)]
    beside: bool,
}

impl DeployOptions {
    pub(crate) async fn run(
        self,
        context: &mut CommandContext,
        host: &mut impl MigrateHost,
    ) -> Result<CommandOutput, MigrateError> {
        let settings = &mut context.migrator.settings;
        settings.lock_timeout = self.lock_timeout.unwrap_or(settings.lock_timeout);
        settings.allow_out_of_order |= self.allow_out_of_order;
        settings.beside |= self.beside;
        settings.newest = self.to;
        let migrator = &context.migrator;
        if self.dry_run {
            return Ok(preview(&migrator.preview().await?, &migrator.settings));
        }
        let mut progress = ProgressReporter::new();
        let outcome = migrator.deploy(|event| progress.report(event)).await;
        let applied = completed_json(&progress.completed);
        let number = progress.completed.len();
        if let Err(error) = outcome {
            if number > 0 {
                terminal::progress(format_args!("{} applied before it.", migrations_were(number)));
            }
            return Ok(CommandOutput::from(error).with("applied", applied));
        }
        let state = self.to.map_or_else(|| "up to date".to_owned(), |version| format!("at {version}, or newer"));
        let text = if number == 0 {
            format!("Nothing to do: the database is {state}.")
        } else {
            format!("{} applied; the database is {state}.", migrations_were(number))
        };
        let output = |text: String| CommandOutput::new(Exit::Done, text, json!({"applied": applied}));
        Ok(match host.advise_after_deploy().await.unwrap_or_else(|error| Some(Chain(error.as_ref()).to_string())) {
            None => output(text),
            Some(advice) => output(format!("{text}\n{advice}")).with("advice", advice.into()),
        })
    }
}

fn preview(plan: &MigrationPlan, settings: &MigrateSettings) -> CommandOutput {
    let pending: Value = plan
        .pending
        .iter()
        .map(|one| json!({"version": one.version, "name": one.name, "file": one.up.file, "sql": one.up.text()}))
        .collect();
    let versions = |list: &[MigrationRef]| list.iter().map(|one| one.version).collect::<Vec<_>>();
    let fields = json!({"dry_run": true, "pending": pending, "out_of_order": versions(&plan.late)});
    if plan.pending.is_empty() {
        return CommandOutput::new(Exit::Done, "Nothing to do: the database is up to date.", fields);
    }
    let mut text =
        format!("{} would be applied, in this order:\n", count(plan.pending.len(), "migration", "migrations"));
    for one in &plan.pending {
        text += &format!("\n-- {} {} ({})\n{}\n", one.version, one.name, one.up.file, one.up.text().trim_end());
    }
    if let Some(role) = &settings.rows_role {
        text += &format!("\n-- Then the role `{role}`, which serves, is granted its missing privileges on rows.\n");
    }
    text += &format!("\nNothing was changed. Apply with `{}`.", settings.names.migrate("deploy"));
    CommandOutput::new(Exit::Done, text, fields)
}
