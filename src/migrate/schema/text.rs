//! The text of the files that are written.

use std::collections::BTreeMap;

use super::plan::Part;
use super::prove::Draft;
use super::statement::{Danger, Statement};
use crate::migrate::lint::lint_script;
use crate::migrate::source::Script;
use crate::migrate::statements::split;

/// What keeps a file that is not finished from being applied.
const UNFINISHED: &str = "\
-- check: select false
-- Somebody has to write what stands below. Take the line above out when it is done; until then nothing is applied.
";

const BY_HAND: &str = "-- To be written by hand.\n";

/// The files of a proposal that was tried.
pub(super) fn drafts(parts: &[Part], downs: &[Option<Vec<Statement>>], by_hand: &[String]) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let down = downs.get(number).and_then(Option::as_deref).map_or_else(|| BY_HAND.to_owned(), statements_text);
        let up = silenced(up_text(part), part);
        let lead = if number == 0 { unfinished(by_hand) } else { String::new() };
        let purpose = if number == 0 && part.purpose != "values" { "" } else { part.purpose };
        drafts.push(Draft { purpose, up: lead + &up, down });
    }
    if drafts.is_empty() {
        drafts.push(Draft { purpose: "", up: unfinished(by_hand), down: BY_HAND.to_owned() });
    }
    drafts
}

/// A file in which nothing stands but what is to be done, and what was worked out in vain.
pub(super) fn stub(parts: &[Part], by_hand: &[String]) -> Draft {
    let mut up = unfinished(by_hand);
    if !parts.is_empty() {
        up += "--\n-- What was worked out, and does not do:\n--\n";
        for line in parts.iter().flat_map(|part| &part.statements).flat_map(|statement| lines(&statement.sql)) {
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

fn up_text(part: &Part) -> String {
    let lead = if part.no_transaction { "-- no-transaction\n" } else { "" };
    format!("{lead}{}", statements_text(&part.statements))
}

/// Statements for where nobody is disturbed by them.
pub(super) fn plain_text(mut statements: Vec<Statement>) -> String {
    for statement in &mut statements {
        statement.hazards.clear();
    }
    statements_text(&statements)
}

/// Statements, each with what it may do above it.
pub(super) fn statements_text(statements: &[Statement]) -> String {
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

/// Rules that speak of what is desired, and not of how it is done.
const OF_TASTE: &[&str] = &["prefer-", "ban-char-field", "adding-serial", "identifier-too-long"];

/// Why a finding in a statement is none; a finding that is one has no excuse.
fn excuse(statement: &Statement, rule: &str) -> Option<&'static str> {
    if OF_TASTE.iter().any(|taste| rule.starts_with(taste)) {
        return None;
    }
    Some(statement.excuse.unwrap_or(match statement.hazards.first().map(|hazard| hazard.danger) {
        Some(Danger::DataLoss) => "the loss was accepted when this was written",
        Some(Danger::OlderRelease) => "what it means for an older release is said above",
        Some(Danger::MayFail | Danger::Rewrite | Danger::Lock) => {
            "what it does is said above, and there is no better way"
        }
        None => "it follows from schema.sql, takes no time, and was tried on a copy",
    }))
}

/// The same with the rules silenced that the way from one schema to the other keeps as well as can be.
fn silenced(text: String, part: &Part) -> String {
    let script = Script::new("new.up.sql".to_owned(), text.clone());
    let findings = lint_script(&script);
    let Ok(places) = split(&text) else { return text };
    // The comment has to stand right above the line, with all of its rules.
    let mut insertions: BTreeMap<usize, (Vec<String>, &'static str)> = BTreeMap::new();
    for finding in findings {
        let Some(number) = places.iter().rposition(|place| place.line as usize <= finding.line) else { continue };
        let Some(statement) = part.statements.get(number) else { continue };
        let Some(reason) = excuse(statement, &finding.rule) else { continue };
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
