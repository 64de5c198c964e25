//! `app migrate deploy`.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::milliseconds;
use super::progress::Progress;
use super::{Answer, Context, count};
use crate::cli::output;
use crate::migrate::{self, Deployed, Exit, MigrateError, Named, Plan};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 4 the history differs, 5 a failed migration stands, 7 another process is migrating"
)]
pub(super) struct Options {
    /// Show what would be applied, check it as a deploy does, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Apply nothing that is newer than this version
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
    /// How long to wait for another process that is migrating, such as 10s
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    lock_timeout: Option<Duration>,
    /// Apply a file that is older than what is applied already, in prod too
    #[arg(long)]
    allow_out_of_order: bool,
    /// Begin in a database that has somebody else's tables in it, and no record yet
    #[arg(long)]
    beside: bool,
}

impl Options {
    pub(super) async fn run(self, context: &mut Context) -> Result<Answer, MigrateError> {
        let settings = &mut context.settings;
        settings.lock_timeout = self.lock_timeout.unwrap_or(settings.lock_timeout);
        settings.allow_out_of_order |= self.allow_out_of_order;
        settings.beside |= self.beside;
        settings.newest = self.to;
        let Context { database, migrations, settings, .. } = &*context;
        if self.dry_run {
            let plan = migrate::preview(&database.direct, migrations, settings).await?;
            return Ok(preview(&plan, settings.rows_role.as_deref()));
        }
        let mut progress = Progress::new();
        let mut done = Vec::new();
        let outcome = migrate::deploy(&database.direct, migrations, settings, |event| {
            if let migrate::Event::Done(deployed) = &event {
                done.push(deployed.clone());
            }
            progress.tell(event);
        })
        .await;
        if let Err(error) = outcome {
            if !done.is_empty() {
                output::progress(format_args!(
                    "{} applied before it.",
                    count(done.len(), "migration was", "migrations were")
                ));
            }
            return Ok(Answer::from(error).with("applied", applied(&done)));
        }
        let state = self.to.map_or_else(|| "up to date".to_owned(), |version| format!("at {version}, or newer"));
        let text = match done.len() {
            0 => format!("Nothing to do: the database is {state}."),
            number => {
                format!("{} applied; the database is {state}.", count(number, "migration was", "migrations were"))
            }
        };
        Ok(Answer::new(Exit::Done, text, json!({"applied": applied(&done)})))
    }
}

/// For scripts: what was applied.
pub(super) fn applied(done: &[Deployed]) -> Value {
    done.iter()
        .map(|one| json!({"version": one.version, "name": one.name, "milliseconds": milliseconds(one.took)}))
        .collect()
}

fn preview(plan: &Plan, rows_role: Option<&str>) -> Answer {
    let pending: Value = plan
        .pending
        .iter()
        .map(|one| json!({"version": one.version, "name": one.name, "file": one.up.file, "sql": one.up.text()}))
        .collect();
    let named = |list: &[Named]| list.iter().map(|one| one.version).collect::<Vec<_>>();
    let fields = json!({"dry_run": true, "pending": pending, "out_of_order": named(&plan.late)});
    if plan.pending.is_empty() {
        return Answer::new(Exit::Done, "Nothing to do: the database is up to date.", fields);
    }
    let mut text =
        format!("{} would be applied, in this order:\n", count(plan.pending.len(), "migration", "migrations"));
    for one in &plan.pending {
        text += &format!("\n-- {} {} ({})\n{}\n", one.version, one.name, one.up.file, one.up.text().trim_end());
    }
    if let Some(role) = rows_role {
        text += &format!(
            "\n-- Then the role `{role}`, which serves, is given what it lacks of reading and writing rows.\n"
        );
    }
    text += "\nNothing was changed. Apply with `app migrate deploy`.";
    Answer::new(Exit::Done, text, fields)
}
