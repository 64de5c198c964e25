//! The text of the files that are written.

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

/// The files of a proposal that was tried.
pub(super) fn drafts(parts: &[Part], downs: &[Vec<Statement>], by_hand: &[String]) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let down = downs.get(number).map_or_else(String::new, |statements| statements_text(statements));
        let up = silenced(up_text(part), part);
        let lead = if number == 0 { unfinished(by_hand) } else { String::new() };
        let purpose = if number == 0 && part.purpose != "values" { "" } else { part.purpose };
        drafts.push(Draft { purpose, up: lead + &up, down });
    }
    if drafts.is_empty() {
        drafts.push(Draft { purpose: "", up: unfinished(by_hand), down: String::new() });
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
    Draft { purpose: "", up, down: "-- To be written by hand, like the file beside it.\n".to_owned() }
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

/// Why a finding in a statement is none.
fn excuse(statement: &Statement) -> Option<&'static str> {
    statement.excuse.or_else(|| {
        Some(match statement.hazards.first()?.danger {
            Danger::DataLoss => "the loss was accepted when this was written",
            Danger::OlderRelease => "what it means for an older release is said above",
            Danger::MayFail | Danger::Rewrite | Danger::Lock => {
                "what it does is said above, and there is no better way"
            }
        })
    })
}

/// The same with the rules silenced that speak of what is named above the statement already.
fn silenced(text: String, part: &Part) -> String {
    let script = Script::new("new.up.sql".to_owned(), text.clone());
    let findings = lint_script(&script);
    let Ok(places) = split(&text) else { return text };
    let mut insertions: Vec<(usize, String)> = Vec::new();
    for finding in findings {
        let Some(number) = places.iter().rposition(|place| place.line as usize <= finding.line) else { continue };
        let Some(statement) = part.statements.get(number) else { continue };
        let Some(reason) = excuse(statement) else { continue };
        let line = format!("-- squawk-ignore {} -- {reason}", finding.rule);
        let at = places[number].line as usize;
        if !insertions.contains(&(at, line.clone())) {
            insertions.push((at, line));
        }
    }
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (at, line) in insertions.into_iter().rev() {
        lines.insert(at - 1, line);
    }
    lines.join("\n") + "\n"
}
