//! `app migrate lint [FILES]`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Answer, count, findings_text, some};
use crate::cli::output;
use crate::migrate::{self, Exit, Finding, LintOptions, MigrateError, Migration, Severity};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "A finding is silenced in the file, above the statement: -- squawk-ignore RULE -- because …\n\n\
                  Severities: an `error` is refused by a deploy, or locks or rewrites a table in use; a `warning` takes away what \
                  an older release or somebody's data may need; `advice` is style.\n\n\
                  Exit codes: 0 clean, or advice only, 1 something was found"
)]
pub(super) struct Options {
    /// The files to look at [default: every .up.sql there is]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    rules: Rules,
    /// Print a SARIF document, for tools that show findings beside the code
    #[arg(long, conflicts_with = "json")]
    sarif: bool,
    /// End with 1 for advice too
    #[arg(long)]
    strict: bool,
}

/// What is passed over.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Rules {
    /// Only files that are newer than this version, such as those before which a project was taken over
    #[arg(long, value_name = "VERSION")]
    since: Option<i64>,
    /// Switch a rule off; can be given several times
    #[arg(long, value_name = "RULE")]
    off: Vec<String>,
}

impl Rules {
    pub(super) fn options(&self) -> LintOptions {
        LintOptions { since: self.since, off: self.off.clone() }
    }
}

impl Options {
    /// Looks at files alone, and needs no database.
    pub(super) fn run(self, source: Option<&Path>, named: bool) -> Result<Answer, MigrateError> {
        let migrations = match (self.files.is_empty(), source) {
            (false, _) => migrate::files(&self.files)?,
            (true, Some(folder)) if named => some(migrate::folder(folder)?, folder)?,
            (true, Some(folder)) => migrate::folder(folder)?,
            (true, None) => migrate::embedded(),
        };
        let findings = migrate::lint(&migrations, &self.rules.options());
        let fails = |finding: &Finding| self.strict || finding.severity < Severity::Advice;
        let exit = if findings.iter().any(fails) { Exit::Failed } else { Exit::Done };
        if self.sarif {
            output::answer(sarif(&findings));
            return Ok(Answer::new(exit, "", Value::Null));
        }
        Ok(answer(&migrations, &findings, exit))
    }
}

fn answer(migrations: &[Migration], findings: &[Finding], exit: Exit) -> Answer {
    let details = json!({"files": migrations.len(), "findings": findings});
    let files = count(migrations.len(), "file", "files");
    if findings.is_empty() {
        return Answer::new(exit, format!("{files} looked at, nothing found."), details);
    }
    let number = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let found: Vec<String> = [
        (number(Severity::Error), "error", "errors"),
        (number(Severity::Warning), "warning", "warnings"),
        (number(Severity::Advice), "piece of advice", "pieces of advice"),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, one, several)| count(number, one, several))
    .collect();
    Answer::new(exit, format!("{}{files} looked at: {}.", findings_text(findings), found.join(", ")), details)
}

/// The findings as SARIF 2.1.0 has them.
fn sarif(findings: &[Finding]) -> Value {
    let mut rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<Value> = rules.into_iter().map(|rule| json!({"id": rule})).collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let level = match finding.severity {
                Severity::Advice => "note",
                other => other.word(),
            };
            let instead = finding.instead.as_deref().map_or_else(String::new, |text| format!(" Instead: {text}"));
            json!({
                "ruleId": finding.rule,
                "level": level,
                "message": {"text": format!("{}{instead}", finding.message)},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": finding.file},
                    "region": {"startLine": finding.line, "startColumn": finding.column},
                }}],
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "app migrate lint", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "results": results,
        }],
    })
}
