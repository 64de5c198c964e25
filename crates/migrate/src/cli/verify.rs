//! `migrate verify`.

use serde_json::json;

use crate::cli::context::CommandContext;
use crate::cli::output::CommandOutput;
use crate::cli::words::{count, findings_text};
use crate::commands::verify::VerifyReport;
use crate::error::MigrateError;
use crate::exit::Exit;
use crate::lint::LintFilter;
use crate::program::ProgramNames;

#[derive(Debug, clap::Args)]
#[command(after_help = "For CI. Only a shadow database is changed.\n\n\
                  Exit codes: 0 everything is right, 1 something is wrong, 4 an applied file was edited, 6 schema.sql differs \
                  from what they build")]
pub(crate) struct VerifyOptions {
    #[command(flatten)]
    filter: LintFilter,
}

impl VerifyOptions {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<CommandOutput, MigrateError> {
        let desired = context.checkout.desired()?;
        let report = context.migrator.verify(desired.as_ref(), &self.filter).await?;
        Ok(output(&report, context.names()))
    }
}

fn output(report: &VerifyReport, names: &ProgramNames) -> CommandOutput {
    let history = report.history.as_ref().map(|problem| problem.describe(names));
    let fields = json!({
        "ok": report.exit() == Exit::Done,
        "migrations": report.migrations,
        "down": report.down,
        "irreversible": report.irreversible,
        "unfinished": report.unfinished,
        "again": report.again,
        "schema": report.desired,
        "findings": report.findings,
        "history": history,
    });
    CommandOutput::new(report.exit(), text(report, history, names), fields)
}

fn text(report: &VerifyReport, history: Option<String>, names: &ProgramNames) -> String {
    let mut lines = Vec::new();
    let mut check = |what: &str, problems: &[String]| {
        let word = if problems.is_empty() { "ok   " } else { "wrong" };
        lines.push(format!("  {word}  {what}"));
        lines.extend(problems.iter().map(|problem| format!("         {problem}")));
    };
    check("each can be rolled back, and restores the schema before it", &report.down);
    check("all of them, applied again, build the same schema", &report.again);
    if let Some(differences) = &report.desired {
        check("schema.sql is what they build", differences);
    }
    let history: Vec<String> = history.into_iter().collect();
    check("the files are those that are on record", &history);
    let findings: Vec<String> = findings_text(&report.findings).lines().map(str::to_owned).collect();
    let is_harmful = report.has_harmful_findings();
    check("nothing in them harms a database in use", if is_harmful { &findings } else { &[] });
    if !is_harmful {
        lines.extend(findings.iter().map(|line| format!("         {line}")));
    }
    if report.desired.is_none() {
        let pull = names.pull.map_or_else(String::new, |pull| format!("; `{pull}` writes one"));
        lines.push(format!("  note   there is no schema.sql{pull}"));
    }
    lines.extend(report.unfinished.iter().map(|file| format!("  note   {file} has no statements yet; it was skipped")));
    if let Some(name) = &report.irreversible {
        lines.push(format!(
            "  note   {name} has no .down.sql, or an empty one; neither it nor earlier ones were rolled back"
        ));
    }
    lines.push(format!("{} checked.", count(report.migrations, "migration was", "migrations were")));
    lines.join("\n")
}
