//! What is legal SQL and still hurts a database that is in use: squawk's rules, over the files that make changes.
//!
//! A finding is silenced in the file, above the statement, with a reason: `-- squawk-ignore RULE -- because …`.

use serde::Serialize;
use squawk_linter::{Linter, LinterSettings, Rule};
use squawk_syntax::SourceFile;

use super::source::{Migration, Script};

/// What squawk would find in every file, and what is seen to elsewhere:
/// the time-outs are set by whatever runs the file; `text` is what we have, with the length in a check; a file is one
/// transaction or is recorded statement by statement, so `if not exists` would only hide that something is there that
/// should not be.
const LEFT_OUT: &[Rule] = &[
    Rule::RequireLockTimeout,
    Rule::RequireStatementTimeout,
    Rule::RequireTimeoutSettings,
    Rule::PreferTextField,
    Rule::PreferRobustStmts,
];

/// squawk takes a file of one statement for one that needs no transaction; ours runs in one all the same.
const LEAD: &str = "select 1;";

/// Something that a file should not do, or not so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line; the first is 1.
    pub line: usize,
    /// The column in characters; the first is 1.
    pub column: usize,
    /// The rule's name, for the comment that silences it.
    pub rule: String,
    /// Why.
    pub message: String,
    /// What to write instead, where there is something.
    pub instead: Option<String>,
}

/// Looks at the files that make changes; what takes them back is meant to drop things.
#[must_use]
pub fn lint(migrations: &[Migration]) -> Vec<Finding> {
    migrations.iter().flat_map(|migration| lint_script(&migration.up)).collect()
}

pub(super) fn lint_script(script: &Script) -> Vec<Finding> {
    // To the parser a BOM is a character that it does not know.
    let text = script.text().trim_start_matches('\u{feff}');
    let lead = if script.no_transaction() { "" } else { LEAD };
    let whole = format!("{lead}{text}");
    let finding = |offset: usize, rule: &str, message: String, instead: Option<String>| {
        let (line, column) = place(text, offset.saturating_sub(lead.len()));
        Finding { file: script.file.clone(), line, column, rule: rule.to_owned(), message, instead }
    };
    let parsed = SourceFile::parse(&whole);
    let mut findings: Vec<Finding> = parsed
        .errors()
        .iter()
        .map(|error| finding(usize::from(error.range().start()), "syntax-error", error.message().to_owned(), None))
        .collect();
    let mut linter = Linter::with_rules(&[], LEFT_OUT);
    linter.settings = LinterSettings { assume_in_transaction: !script.no_transaction(), ..LinterSettings::default() };
    for violation in linter.lint(&parsed, &whole) {
        let offset = usize::from(violation.text_range.start());
        findings.push(finding(offset, &violation.code.to_string(), violation.message, violation.help));
    }
    for offset in without_reason(text) {
        let message = "a rule is silenced, and nothing says why".to_owned();
        let instead = "Write the reason behind it: `-- squawk-ignore RULE -- because …`.".to_owned();
        findings.push(finding(offset + lead.len(), "ignore-without-reason", message, Some(instead)));
    }
    findings.sort_by_key(|finding| (finding.line, finding.column));
    findings
}

/// Where a comment silences a rule and gives no reason.
fn without_reason(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if let Some(rest) = line.trim_start().strip_prefix("--").map(str::trim_start)
            && let Some(rule) = rest.strip_prefix("squawk-ignore-file").or_else(|| rest.strip_prefix("squawk-ignore"))
            && rule.split_once("--").is_none_or(|(_, reason)| reason.trim().is_empty())
        {
            found.push(offset + line.len() - line.trim_start().len());
        }
        offset += line.len();
    }
    found
}

fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, String)> {
        let script = Script::new("1_x.up.sql".to_owned(), text.to_owned());
        lint_script(&script).into_iter().map(|finding| (finding.line, finding.rule)).collect()
    }

    fn one(line: usize, rule: &str) -> Vec<(usize, String)> {
        vec![(line, rule.to_owned())]
    }

    #[test]
    fn what_locks_a_table_that_is_in_use_is_found_with_its_line() {
        assert_eq!(found("-- a note\n\ncreate index i on t (a);"), one(3, "require-concurrent-index-creation"));
        assert_eq!(found("\u{feff}alter table t drop column a;"), one(1, "ban-drop-column"));
        assert_eq!(found("alter table t add column a bigint not null;"), one(1, "adding-required-field"));
    }

    #[test]
    fn what_may_be_done_is_not_found() {
        assert_eq!(found("create table t (id bigint primary key);\ncreate index i on t (id);"), []);
        assert_eq!(found("-- no-transaction\ncreate index concurrently i on t (a);"), []);
        assert_eq!(found("alter table t add column a text;"), []);
    }

    #[test]
    fn a_concurrent_index_needs_a_file_without_a_transaction() {
        assert_eq!(
            found("create index concurrently i on t (a);"),
            one(1, "ban-concurrent-index-creation-in-transaction")
        );
    }

    #[test]
    fn a_rule_is_silenced_with_a_reason_only() {
        assert_eq!(
            found("-- squawk-ignore ban-drop-column -- nobody reads it since 1.4\nalter table t drop column a;"),
            []
        );
        assert_eq!(
            found("-- squawk-ignore ban-drop-column\nalter table t drop column a;"),
            one(1, "ignore-without-reason")
        );
    }

    #[test]
    fn what_is_no_sql_is_found() {
        assert!(found("create tabel t ();").contains(&(1, "syntax-error".to_owned())));
    }

    #[test]
    fn our_own_migrations_are_clean() {
        assert_eq!(lint(&super::super::source::embedded()), []);
    }
}
