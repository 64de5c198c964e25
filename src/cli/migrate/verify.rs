//! `app migrate verify`.

use serde_json::json;

use super::lint::Rules;
use super::{Answer, Context, count, findings_text};
use crate::migrate::{self, Exit, MigrateError, Sources, Verified};

#[derive(Debug, clap::Args)]
#[command(after_help = "For CI. Only a shadow database is changed.\n\n\
                  Exit codes: 0 all is well, 1 something is not, 4 an applied file was edited, 6 schema.sql is not what they build")]
pub(super) struct Options {
    #[command(flatten)]
    rules: Rules,
}

impl Options {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, MigrateError> {
        let desired = context.checkout().desired()?;
        let sources = Sources { migrations: &context.migrations, desired: desired.as_ref() };
        let linting = self.rules.options();
        let verified = migrate::verify(&context.database.direct, sources, &context.settings, &linting).await?;
        Ok(answer(&verified))
    }
}

fn answer(verified: &Verified) -> Answer {
    let fields = json!({
        "ok": verified.exit() == Exit::Done,
        "migrations": verified.migrations,
        "down": verified.down,
        "irreversible": verified.irreversible,
        "unfinished": verified.unfinished,
        "again": verified.again,
        "schema": verified.desired,
        "findings": verified.findings,
        "history": verified.history.as_ref().map(ToString::to_string),
    });
    Answer::new(verified.exit(), text(verified), fields)
}

fn text(verified: &Verified) -> String {
    let mut lines = Vec::new();
    let mut check = |what: &str, problems: &[String]| {
        let word = if problems.is_empty() { "ok   " } else { "wrong" };
        lines.push(format!("  {word}  {what}"));
        lines.extend(problems.iter().map(|problem| format!("         {problem}")));
    };
    check("each can be taken back, and leaves what was before it", &verified.down);
    check("all of them, applied again, build the same schema", &verified.again);
    if let Some(differences) = &verified.desired {
        check("schema.sql is what they build", differences);
    }
    let history: Vec<String> = verified.history.iter().map(ToString::to_string).collect();
    check("the files are those that are on record", &history);
    let findings: Vec<String> = findings_text(&verified.findings).lines().map(str::to_owned).collect();
    if verified.findings.is_empty() || verified.hurts() {
        check("nothing in them hurts a database in use", &findings);
    } else {
        check("nothing in them hurts a database in use", &[]);
        lines.extend(findings.iter().map(|line| format!("         {line}")));
    }
    if verified.desired.is_none() {
        lines.push("  note   there is no schema.sql; `app db pull` writes one".to_owned());
    }
    lines.extend(
        verified.unfinished.iter().map(|file| format!("  note   {file} has nothing in it yet; it was left out")),
    );
    if let Some(name) = &verified.irreversible {
        lines.push(format!("  note   {name} has no .down.sql; it was not taken back, nor what is before it"));
    }
    lines.push(format!("{} looked at.", count(verified.migrations, "migration was", "migrations were")));
    lines.join("\n")
}
