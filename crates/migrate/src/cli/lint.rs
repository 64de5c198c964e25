//! `migrate lint [FILES]`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::host::MigrateHost;
use crate::cli::output::CommandOutput;
use crate::cli::terminal;
use crate::cli::words::{count, findings_text};
use crate::error::MigrateError;
use crate::exit::Exit;
use crate::file::source::{Migration, read_files, read_folder, refuse_empty};
use crate::lint::{Finding, LintFilter, Severity, lint};
use crate::program::ProgramNames;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "A finding is suppressed in the file, above the statement: -- squawk-ignore RULE -- because …\n\n\
                  Severities: an `error` is refused by a deploy, or locks or rewrites a table in use; a `warning` removes \
                  something that an older release needs, or data that somebody needs; `advice` is style.\n\n\
                  Exit codes: 0 clean, or advice only, 1 something was found"
)]
pub(crate) struct LintOptions {
    /// The files to check [default: every .up.sql]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    filter: LintFilter,
    /// Print a SARIF document, for tools that show findings beside the code
    #[arg(long, conflicts_with = "json")]
    sarif: bool,
    /// End with 1 for advice too
    #[arg(long)]
    strict: bool,
}

impl LintOptions {
    /// Checks files only, and needs no database. `is_named` is true if a person named the folder.
    pub(crate) fn run(
        self,
        folder: Option<&Path>,
        is_named: bool,
        host: &impl MigrateHost,
    ) -> Result<CommandOutput, MigrateError> {
        let migrations = match (self.files.is_empty(), folder) {
            (false, _) => read_files(&self.files)?,
            (true, Some(folder)) if is_named => refuse_empty(read_folder(folder)?, folder)?,
            (true, Some(folder)) => read_folder(folder)?,
            (true, None) => host.compiled_migrations(),
        };
        let findings = lint(&migrations, &self.filter);
        let fails = |finding: &Finding| self.strict || finding.severity < Severity::Advice;
        let exit = if findings.iter().any(fails) { Exit::Failed } else { Exit::Done };
        if self.sarif {
            terminal::answer(sarif(&findings, host.names()));
            return Ok(CommandOutput::new(exit, "", Value::Null));
        }
        Ok(output(&migrations, &findings, exit))
    }
}

fn output(migrations: &[Migration], findings: &[Finding], exit: Exit) -> CommandOutput {
    let details = json!({"files": migrations.len(), "findings": findings});
    let files = count(migrations.len(), "file", "files");
    if findings.is_empty() {
        return CommandOutput::new(exit, format!("{files} checked, nothing found."), details);
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
    let text = format!("{}{files} checked: {}.", findings_text(findings), found.join(", "));
    CommandOutput::new(exit, text, details)
}

/// The findings as a SARIF 2.1.0 document.
fn sarif(findings: &[Finding], names: &ProgramNames) -> Value {
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
            "tool": {"driver": {"name": names.migrate("lint"), "version": names.version, "rules": rules}},
            "results": results,
        }],
    })
}
