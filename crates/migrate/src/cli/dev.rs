//! `migrate dev`: the command of every day.

use serde_json::{Value, json};

use crate::cli::ask;
use crate::cli::context::{CommandContext, now};
use crate::cli::output::CommandOutput;
use crate::cli::progress::ProgressReporter;
use crate::cli::words::{completed_json, displayed, findings_text, migrations_were, section};
use crate::commands::agreement::Question;
use crate::commands::develop::DevelopOutcome;
use crate::commands::develop_options::DevelopOptions;
use crate::error::MigrateError;
use crate::exit::Exit;
use crate::file::write::file_name;
use crate::problem::HistoryProblem;
use crate::profile::MigrationProfile;
use crate::program::ProgramNames;

pub(crate) const AFTER_HELP: &str = "\
Change schema.sql, then: migrate dev --name add_user_phone
The files are applied to a shadow database and rolled back before they are written.

Exit codes: 0 done, 1 failed, or something has to be written or agreed to, 2 usage, 4 the history differs, 5 a failed
migration blocks, 6 the schema differs, 7 another process is migrating, 8 in prod";

pub(crate) fn refusal(
    options: &DevelopOptions,
    profile: MigrationProfile,
    names: &ProgramNames,
) -> Option<MigrateError> {
    if profile == MigrationProfile::Prod {
        return Some(MigrateError::Forbidden(format!(
            "`migrate dev` is for development; nothing was changed. In prod, `{}` applies what is pending.",
            names.migrate("deploy")
        )));
    }
    options.name.as_deref().and_then(|name| file_name(name).err())
}

pub(crate) async fn run(options: DevelopOptions, context: &CommandContext) -> Result<CommandOutput, MigrateError> {
    let mut progress = ProgressReporter::new();
    let CommandContext { migrator, checkout } = context;
    let cancel = &migrator.settings.cancel;
    let put = |question: &Question<'_>| ask::put(question, cancel);
    let outcome = migrator.develop(checkout, &options, now(), put, |event| progress.report(event)).await;
    Ok(match outcome {
        Ok(outcome) => success(&outcome, options.create_only, context.names()),
        Err(error) => failure(error, context.names()).with("applied", completed_json(&progress.completed)),
    })
}

fn success(outcome: &DevelopOutcome, create_only: bool, names: &ProgramNames) -> CommandOutput {
    let files = displayed(&outcome.files);
    let mut lines = Vec::new();
    if !files.is_empty() {
        lines.push(format!("Written:\n  {}", files.join("\n  ")));
        lines.extend(section("Changes", &outcome.differences));
        lines.extend(section("Before you deploy", &outcome.hazards));
    }
    if !outcome.findings.is_empty() {
        let findings = findings_text(&outcome.findings);
        lines.push(format!("`{}` finds:\n{}", names.migrate("lint"), findings.trim_end()));
    }
    let is_unfinished = !outcome.by_hand.is_empty();
    let dev = names.migrate("dev");
    if is_unfinished {
        lines.extend(section("To be written by hand", &outcome.by_hand));
        lines.push(format!(
            "The first file is not finished, and will not be applied: write what it asks for, remove its line `-- check: \
             select false`, and run `{dev}` again."
        ));
    } else if outcome.recorded {
        lines.push("The database has it already: it is on record as applied.".to_owned());
    } else if !files.is_empty() && (create_only || outcome.differences.is_empty()) {
        let what = if outcome.differences.is_empty() { "Fill these in" } else { "Look at these" };
        lines.push(format!("{what}, then run `{dev}`."));
    }
    if outcome.schema_updated {
        lines.push("The changes were appended to schema.sql; move them to the right place.".to_owned());
    }
    for file in &outcome.unwritten_downs {
        lines.push(format!(
            "{file} has no statements, so the migration cannot be rolled back: write it, or put `select;` in it if there is \
             nothing to undo."
        ));
    }
    if !create_only {
        lines.push(applied_line(outcome));
    }
    let fields = json!({
        "applied": completed_json(&outcome.applied),
        "files": files,
        "differences": outcome.differences,
        "hazards": outcome.hazards,
        "by_hand": outcome.by_hand,
        "findings": outcome.findings,
        "unwritten_downs": outcome.unwritten_downs,
        "recorded": outcome.recorded,
        "schema_updated": outcome.schema_updated,
    });
    let exit = if is_unfinished { Exit::Failed } else { Exit::Done };
    lines.retain(|line| !line.is_empty());
    CommandOutput::new(exit, lines.join("\n"), fields)
}

fn applied_line(outcome: &DevelopOutcome) -> String {
    match outcome.applied.len() {
        0 if outcome.files.is_empty() && !outcome.no_schema => {
            "Nothing to do: the database and schema.sql are what the migrations build.".to_owned()
        }
        0 if outcome.files.is_empty() => "Nothing to apply: the database is up to date.".to_owned(),
        0 => String::new(),
        number => format!("{} applied.", migrations_were(number)),
    }
}

/// In development there is one more way out of a history that differs. It is named, but never taken automatically.
fn failure(error: MigrateError, names: &ProgramNames) -> CommandOutput {
    let way_out = match &error {
        MigrateError::Refused(
            HistoryProblem::Edited(_) | HistoryProblem::Unknown(_) | HistoryProblem::Failed(_),
            _,
        ) => format!(
            "\nOr start over: `{}` drops everything in the database, applies all migrations and inserts the sample data.",
            names.migrate("reset")
        ),
        _ => String::new(),
    };
    CommandOutput::from(error).and_say(&way_out).with("files", Value::Array(Vec::new()))
}
