//! `migrate status`.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use crate::cli::context::CommandContext;
use crate::cli::output::CommandOutput;
use crate::cli::terminal::Paint;
use crate::cli::words::{count, milliseconds, short_duration};
use crate::commands::drift::Drift;
use crate::commands::status::{MigrationStatus, StatusLine};
use crate::error::MigrateError;
use crate::exit::Exit;
use crate::file::source::Migration;
use crate::problem::MigrationState;
use crate::profile::MigrationProfile;
use crate::program::ProgramNames;
use crate::record::attempt::MigrationAttempt;
use crate::settings::MigrateSettings;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 up to date, 1 failed, or the schema could not be compared, 3 pending, 4 the history differs, 5 \
                  a failed or interrupted migration blocks, 6 the schema is not the one that the applied migrations build, 7 \
                  a migration is running"
)]
pub(crate) struct StatusOptions {
    /// List all attempts too, also the failed ones
    #[arg(long)]
    attempts: bool,
    /// Do not compare the schema; no shadow database is created then
    #[arg(long)]
    skip_drift: bool,
}

impl StatusOptions {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<CommandOutput, MigrateError> {
        let settings = &context.migrator.settings;
        let status = context.migrator.status(!self.skip_drift).await?;
        let mut text = table(&status, settings.names, &Paint::for_answers());
        if self.attempts {
            text += "\nAttempts:\n";
            for attempt in &status.attempts {
                text += &format!("  {}\n", attempt_text(attempt, settings.names));
            }
        }
        text += &drift_text(&status);
        text += &summary(&status, settings);
        Ok(CommandOutput::new(status.exit(settings.profile), text, fields(&status, settings)))
    }
}

/// The differences between the schema and the one that the migrations build.
fn drift_text(status: &MigrationStatus) -> String {
    match &status.drift {
        Drift::Found(differences) => {
            format!("The schema is not the one that the applied migrations build:\n  {}\n", differences.join("\n  "))
        }
        Drift::Failed(reason) => {
            format!("The schema could not be compared (--skip-drift skips that): {reason}\n")
        }
        Drift::NotComparable(reason) if !status.lines.iter().all(|line| line.applied_on.is_none()) => {
            format!("The schema was not compared: {reason}\n")
        }
        Drift::NotRequested | Drift::NotComparable(_) | Drift::None => String::new(),
    }
}

fn table(status: &MigrationStatus, names: &ProgramNames, paint: &Paint) -> String {
    let width = status.lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for line in &status.lines {
        let word = format!("{:11}", line.state.word());
        let word = match line.state {
            MigrationState::Applied | MigrationState::Cosmetic => paint.green(&word),
            MigrationState::Pending | MigrationState::Running => paint.yellow(&word),
            _ => paint.red(&word),
        };
        let row = format!("  {word} {} {:width$}{}", line.version, line.name, applied(line, names));
        text += row.trim_end();
        text.push('\n');
        if let Some(attempt) = &line.failed_attempt {
            text += &format!("              {}\n", attempt_text(attempt, names));
        }
    }
    text
}

fn applied(line: &StatusLine, names: &ProgramNames) -> String {
    let Some(on) = line.applied_on else { return String::new() };
    let mut text = format!("  {}", on.to_rfc3339_opts(SecondsFormat::Secs, true));
    if let Some(took) = line.took {
        text += &format!("  {:>6}", short_duration(took));
    }
    match &line.applied_by {
        // This version is not mentioned, because a terminal has only 80 columns.
        Some(version) if version == names.version => {}
        Some(version) => text += &format!("  {} {version}", names.program),
        None if line.state == MigrationState::Applied => text += "  another tool",
        None => {}
    }
    if line.state == MigrationState::Cosmetic {
        text += "  (comments or white space changed since)";
    }
    text
}

fn attempt_text(attempt: &MigrationAttempt, names: &ProgramNames) -> String {
    let began = attempt.started_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut text =
        format!("{began} {} {} {}: {}", attempt.action.word(), attempt.version, attempt.name, attempt.outcome_word());
    if let Some(number) = attempt.statement {
        text += &format!(", statement {number}");
    }
    if let Some(line) = attempt.line {
        text += &format!(", line {line}");
    }
    let code = attempt.sqlstate.as_deref().map_or_else(String::new, |code| format!(" {code}"));
    if let Some(message) = &attempt.message {
        text += &format!(":{code} {message}");
    }
    if !attempt.left_behind.is_empty() {
        text += &format!("; left invalid: {}", attempt.left_behind.join(", "));
    }
    text + &format!(" ({} {}, role {})", names.program, attempt.app_version, attempt.role)
}

fn summary(status: &MigrationStatus, settings: &MigrateSettings) -> String {
    let MigrateSettings { profile, names, .. } = settings;
    let plan = &status.plan;
    if let Some(problem) = plan.problem(*profile) {
        return problem.describe(names);
    }
    let any = |state| status.lines.iter().any(|line| line.state == state);
    let (pending, deploy) = (plan.pending.len(), names.migrate("deploy"));
    let failed = |one: &&Migration| plan.state(one.version) == MigrationState::Failed;
    if plan.pending.iter().find(failed).is_some_and(|one| one.up.no_transaction()) {
        format!(
            "A migration failed; none of its statements was completed. It runs without a transaction, so what an earlier \
             attempt completed is kept. Fix the problem and run `{deploy}`."
        )
    } else if any(MigrationState::Failed) {
        format!("A migration failed; nothing of it is left in the database. Fix the problem and run `{deploy}`.")
    } else if any(MigrationState::Interrupted) {
        format!(
            "A migration was interrupted; its transaction was rolled back, and nothing of it is left in the database. Run \
             `{deploy}`."
        )
    } else if let Some(empty) = plan.empty.first().filter(|_| *profile == MigrationProfile::Prod) {
        format!("{} has nothing but comments, so a deploy refuses it; fill it in or delete it.", empty.file)
    } else if pending > 0 {
        format!("{} pending; apply with `{deploy}`.", count(pending, "migration is", "migrations are"))
    } else if matches!(status.drift, Drift::Found(_)) {
        let push = names.push.map_or_else(String::new, |push| format!(", as after `{push}`"));
        format!(
            "No migration is pending. Undo what was done by hand; or, in development, make a migration of it with `{}` \
             (without `--adopt` where schema.sql has it{push}).",
            names.migrate("dev --adopt --name NAME")
        )
    } else if matches!(status.drift, Drift::Failed(_)) {
        "No migration is pending.".to_owned()
    } else {
        "The database is up to date.".to_owned()
    }
}

fn fields(status: &MigrationStatus, settings: &MigrateSettings) -> Value {
    let MigrateSettings { profile, names, .. } = settings;
    let lines: Value = status
        .lines
        .iter()
        .map(|line| {
            json!({
                "version": line.version,
                "name": line.name,
                "state": line.state.word(),
                "comments_changed": line.state == MigrationState::Cosmetic,
                "applied_on": line.applied_on,
                "milliseconds": line.took.map(milliseconds),
                "app_version": line.applied_by,
                "attempt": line.failed_attempt.as_ref().map(attempt_json),
            })
        })
        .collect();
    let attempts: Value = status.attempts.iter().map(attempt_json).collect();
    let problem = status
        .plan
        .problem(*profile)
        .map(|problem| json!({"code": problem.code(), "message": problem.describe(names)}));
    let drift = match &status.drift {
        Drift::NotRequested => json!({"looked": false, "reason": "it was not requested"}),
        Drift::NotComparable(reason) | Drift::Failed(reason) => json!({"looked": false, "reason": reason}),
        Drift::None => json!({"looked": true, "differences": []}),
        Drift::Found(differences) => json!({"looked": true, "differences": differences}),
    };
    json!({
        "up_to_date": status.exit(*profile) == Exit::Done,
        "drift": drift,
        "pending": status.plan.pending.len(),
        "problem": problem,
        "migrations": lines,
        "attempts": attempts,
    })
}

fn attempt_json(attempt: &MigrationAttempt) -> Value {
    json!({
        "version": attempt.version,
        "name": attempt.name,
        "action": attempt.action.word(),
        "outcome": attempt.outcome_word(),
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "statement": attempt.statement,
        "line": attempt.line,
        "sqlstate": attempt.sqlstate,
        "message": attempt.message,
        "left_invalid": attempt.left_behind,
        "role": attempt.role,
        "app_version": attempt.app_version,
    })
}
