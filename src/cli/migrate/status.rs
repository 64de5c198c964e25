//! `app migrate status`.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::answer::milliseconds;
use super::{Answer, Context, count, short};
use crate::cli::output::Paint;
use crate::config::Profile;
use crate::migrate::{self, Attempt, Drift, Exit, Line, MigrateError, State, Status};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 up to date, 1 failed, or the schema could not be looked at, 3 pending, 4 the history differs, 5 a \
                  failed or interrupted migration stands, 6 the schema is not the one that the applied migrations build, 7 a \
                  migration is being run"
)]
pub(super) struct Options {
    /// List every attempt as well, the failed ones too
    #[arg(long)]
    attempts: bool,
    /// Do not look whether the schema drifted; no shadow database is made then
    #[arg(long)]
    skip_drift: bool,
}

impl Options {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, MigrateError> {
        let status =
            migrate::status(&context.database.direct, &context.migrations, &context.settings, !self.skip_drift).await?;
        let mut text = table(&status, &Paint::for_answers());
        if self.attempts {
            text += "\nAttempts:\n";
            for attempt in &status.attempts {
                text += &format!("  {}\n", attempt_in_words(attempt));
            }
        }
        text += &drift(&status);
        text += &summary(&status, context.config.profile);
        let profile = context.config.profile;
        Ok(Answer::new(status.exit(profile), text, fields(&status, profile)))
    }
}

/// What the schema has that it should not, and the other way round.
fn drift(status: &Status) -> String {
    match &status.drift {
        Drift::Found(differences) => {
            format!("The schema is not the one that the applied migrations build:\n  {}\n", differences.join("\n  "))
        }
        Drift::Failed(reason) => {
            format!("The schema could not be looked at (--skip-drift leaves that out): {reason}\n")
        }
        Drift::NotLooked(reason) if !status.lines.iter().all(|line| line.applied_on.is_none()) => {
            format!("The schema was not looked at: {reason}\n")
        }
        Drift::NotAsked | Drift::NotLooked(_) | Drift::None => String::new(),
    }
}

fn table(status: &Status, paint: &Paint) -> String {
    let width = status.lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for line in &status.lines {
        let word = format!("{:11}", line.state.word());
        let word = match line.state {
            State::Applied | State::Cosmetic => paint.green(&word),
            State::Pending | State::Running => paint.yellow(&word),
            _ => paint.red(&word),
        };
        let row = format!("  {word} {} {:width$}{}", line.version, line.name, applied(line));
        text += row.trim_end();
        text.push('\n');
        if let Some(trouble) = &line.trouble {
            text += &format!("              {}\n", attempt_in_words(trouble));
        }
    }
    text
}

fn applied(line: &Line) -> String {
    let Some(on) = line.applied_on else { return String::new() };
    let mut text = format!("  {}", on.to_rfc3339_opts(SecondsFormat::Secs, true));
    if let Some(took) = line.took {
        text += &format!("  {:>6}", short(took));
    }
    match &line.by {
        // Of this version, it goes without saying; a terminal has 80 columns.
        Some(version) if version == env!("CARGO_PKG_VERSION") => {}
        Some(version) => text += &format!("  app {version}"),
        None if line.state == State::Applied => text += "  another tool",
        None => {}
    }
    if line.state == State::Cosmetic {
        text += "  (comments or white space changed since)";
    }
    text
}

fn attempt_in_words(attempt: &Attempt) -> String {
    let began = attempt.started_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut text =
        format!("{began} {} {} {}: {}", attempt.action.word(), attempt.version, attempt.name, attempt.standing());
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
    text + &format!(" (app {}, role {})", attempt.app_version, attempt.role)
}

fn summary(status: &Status, profile: Profile) -> String {
    let plan = &status.plan;
    if let Some(problem) = plan.problem(profile) {
        return problem.to_string();
    }
    let stands = |state| status.lines.iter().any(|line| line.state == state);
    let pending = plan.pending.len();
    if stands(State::Failed) {
        "A migration failed; nothing of it is left in the database. Mend what is wrong and run `app migrate deploy`."
            .to_owned()
    } else if stands(State::Interrupted) {
        "A migration was interrupted; its transaction was rolled back, and nothing of it is left in the database. Run `app \
         migrate deploy`."
            .to_owned()
    } else if let Some(empty) = plan.empty.first().filter(|_| profile == Profile::Prod) {
        format!("{} has nothing in it but comments, so a deploy refuses it; fill it in or delete it.", empty.file)
    } else if pending > 0 {
        format!("{} pending; apply with `app migrate deploy`.", count(pending, "migration is", "migrations are"))
    } else if matches!(status.drift, Drift::Found(_)) {
        "No migration is pending. Take back what was done by hand; or, in development, make a migration of it with `app migrate \
         dev --adopt --name WHAT_IT_IS_FOR` (without `--adopt` where schema.sql has it, as after `app db push`)."
            .to_owned()
    } else if matches!(status.drift, Drift::Failed(_)) {
        "No migration is pending.".to_owned()
    } else {
        "The database is up to date.".to_owned()
    }
}

fn fields(status: &Status, profile: Profile) -> Value {
    let lines: Value = status
        .lines
        .iter()
        .map(|line| {
            json!({
                "version": line.version,
                "name": line.name,
                "state": line.state.word(),
                "comments_changed": line.state == State::Cosmetic,
                "applied_on": line.applied_on,
                "milliseconds": line.took.map(milliseconds),
                "app_version": line.by,
                "attempt": line.trouble.as_ref().map(attempt_json),
            })
        })
        .collect();
    let attempts: Value = status.attempts.iter().map(attempt_json).collect();
    let problem =
        status.plan.problem(profile).map(|problem| json!({"code": problem.code(), "message": problem.to_string()}));
    let drift = match &status.drift {
        Drift::NotAsked => json!({"looked": false, "reason": "it was not asked for"}),
        Drift::NotLooked(reason) | Drift::Failed(reason) => json!({"looked": false, "reason": reason}),
        Drift::None => json!({"looked": true, "differences": []}),
        Drift::Found(differences) => json!({"looked": true, "differences": differences}),
    };
    json!({
        "up_to_date": status.exit(profile) == Exit::Done,
        "drift": drift,
        "pending": status.plan.pending.len(),
        "problem": problem,
        "migrations": lines,
        "attempts": attempts,
    })
}

fn attempt_json(attempt: &Attempt) -> Value {
    json!({
        "version": attempt.version,
        "name": attempt.name,
        "action": attempt.action.word(),
        "outcome": attempt.standing(),
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
