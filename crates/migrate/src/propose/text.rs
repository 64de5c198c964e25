//! The text of generated files.

use std::collections::BTreeMap;

use crate::file::source::Script;
use crate::file::statements::split;
use crate::lint::lint_script;
use crate::schema::context::PlannedFile;
use crate::schema::statement::{HazardKind, PlannedStatement};

/// A generated pair of files.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// The last file of the name of the files; empty for the main pair.
    pub purpose: &'static str,
    pub up: String,
    pub down: String,
}

/// The header that keeps an unfinished file from being applied.
const UNFINISHED: &str = "\
-- check: select false
-- Write the changes below by hand. Remove the line above when you are done; until then nothing is applied.
";

const BY_HAND: &str = "-- To be written by hand.\n";

/// A script without statements counts as unwritten.
const NOTHING_TO_UNDO: &str = "select; -- there is nothing to undo\n";

/// The files of a proposal that was tried successfully.
pub(crate) fn drafts(files: &[PlannedFile], downs: &[Option<Vec<PlannedStatement>>], by_hand: &[String]) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let down = match downs.get(number).and_then(Option::as_deref) {
            None => BY_HAND.to_owned(),
            Some([]) => NOTHING_TO_UNDO.to_owned(),
            Some(statements) => statements_text(statements),
        };
        let up = with_suppressed_findings(up_text(file), file);
        let lead = if number == 0 { unfinished(by_hand) } else { String::new() };
        let purpose = if number == 0 && file.purpose != "values" { "" } else { file.purpose };
        drafts.push(Draft { purpose, up: lead + &up, down });
    }
    if drafts.is_empty() {
        drafts.push(Draft { purpose: "", up: unfinished(by_hand), down: BY_HAND.to_owned() });
    }
    drafts
}

/// A file with a list of the changes to be written by hand, and the generated SQL that failed as comments.
pub(crate) fn stub(files: &[PlannedFile], by_hand: &[String]) -> Draft {
    let mut up = unfinished(by_hand);
    if !files.is_empty() {
        up += "--\n-- The generated SQL, which does not work:\n--\n";
        for line in files.iter().flat_map(|file| &file.statements).flat_map(|statement| lines(&statement.sql)) {
            up += &format!("-- {line}\n");
        }
    }
    Draft { purpose: "", up, down: BY_HAND.to_owned() }
}

fn lines(sql: &str) -> Vec<String> {
    format!("{sql};").lines().map(str::to_owned).collect()
}

fn unfinished(by_hand: &[String]) -> String {
    if by_hand.is_empty() {
        return String::new();
    }
    let mut text = UNFINISHED.to_owned();
    for reason in by_hand {
        for (number, line) in reason.lines().enumerate() {
            text += &format!("-- {}{line}\n", if number == 0 { "not generated: " } else { "    " });
        }
    }
    text
}

fn up_text(file: &PlannedFile) -> String {
    let lead = if file.no_transaction { "-- no-transaction\n" } else { "" };
    format!("{lead}{}", statements_text(&file.statements))
}

/// Statements without hazards, for a database that nobody uses.
pub(crate) fn plain_text(mut statements: Vec<PlannedStatement>) -> String {
    for statement in &mut statements {
        statement.hazards.clear();
    }
    statements_text(&statements)
}

/// Statements, each with its hazards above it.
pub(crate) fn statements_text(statements: &[PlannedStatement]) -> String {
    let mut text = String::new();
    for (number, statement) in statements.iter().enumerate() {
        let long = statement.sql.contains('\n') || !statement.hazards.is_empty();
        let after_long = number > 0 && statements[number - 1].sql.contains('\n');
        if number > 0 && (long || after_long) {
            text.push('\n');
        }
        for hazard in &statement.hazards {
            text += &format!("-- {hazard}\n");
        }
        text += &format!("{};\n", statement.sql);
    }
    text
}

/// Rules about the desired schema, and not about the way to it.
const STYLE_RULES: &[&str] = &["prefer-", "ban-char-field", "adding-serial", "identifier-too-long"];

/// The reason why a finding in a statement is suppressed; `None` if it is not.
fn lint_reason(statement: &PlannedStatement, rule: &str) -> Option<&'static str> {
    if STYLE_RULES.iter().any(|prefix| rule.starts_with(prefix)) {
        return None;
    }
    Some(statement.lint_reason.unwrap_or(match statement.hazards.first().map(|hazard| hazard.kind) {
        Some(HazardKind::DataLoss) => "the loss was accepted when this was written",
        Some(HazardKind::OlderRelease) => "the effect on an older release is described above",
        Some(HazardKind::MayFail | HazardKind::Rewrite | HazardKind::Lock) => {
            "the hazard is described above, and there is no better way"
        }
        None => "it follows from schema.sql, takes no time, and was tried on a copy",
    }))
}

/// The text with comments that suppress the findings of the linter.
fn with_suppressed_findings(text: String, file: &PlannedFile) -> String {
    let script = Script::new("new.up.sql".to_owned(), text.clone());
    let findings = lint_script(&script);
    let Ok(places) = split(&text) else { return text };
    // One comment directly above the line has to name all rules.
    let mut insertions: BTreeMap<usize, (Vec<String>, &'static str)> = BTreeMap::new();
    for finding in findings {
        let Some(number) = places.iter().rposition(|place| place.line as usize <= finding.line) else { continue };
        let Some(statement) = file.statements.get(number) else { continue };
        let Some(reason) = lint_reason(statement, &finding.rule) else { continue };
        let (rules, _) = insertions.entry(finding.line).or_insert_with(|| (Vec::new(), reason));
        if !rules.contains(&finding.rule) {
            rules.push(finding.rule);
        }
    }
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (at, (rules, reason)) in insertions.into_iter().rev() {
        let indent: String =
            lines.get(at - 1).map_or("", String::as_str).chars().take_while(|char| *char == ' ').collect();
        lines.insert(at - 1, format!("{indent}-- squawk-ignore {} -- {reason}", rules.join(", ")));
    }
    lines.join("\n") + "\n"
}
