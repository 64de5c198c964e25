//! The linter: finds SQL that is legal but harmful to a database in use, by squawk's rules and some of our own, and everything
//! that a deploy would refuse.
//!
//! A finding is suppressed in the file, above the statement, with a reason: `-- squawk-ignore RULE -- because …`.

mod rules;

use serde::Serialize;
use squawk_linter::{Linter, LinterSettings, Rule};
use squawk_syntax::SourceFile;

use crate::error::MigrateError;
use crate::file::script::{PreparedScript, sql_of, unwritten_down};
use crate::file::source::{Migration, Script};

/// Rules that are not useful here. The program that runs a file sets the time-outs. `text` with a check of the length is
/// preferred. A file is one transaction, or is recorded statement by statement, so `if not exists` would only hide unexpected
/// objects. A deploy refuses statements that cannot run in a transaction, and the linter reports what a deploy refuses.
const EXCLUDED_RULES: &[Rule] = &[
    Rule::RequireLockTimeout,
    Rule::RequireStatementTimeout,
    Rule::RequireTimeoutSettings,
    Rule::PreferTextField,
    Rule::PreferRobustStmts,
    Rule::TransactionNesting,
    Rule::BanConcurrentIndexCreationInTransaction,
];

/// Precedes each file: squawk assumes that a file of one statement runs without a transaction, but here it runs in one.
const LEAD: &str = "select 1;";

/// The severity of a finding, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A deploy refuses it, or it locks or rewrites a table that is in use.
    Error,
    /// It removes something that an older release needs, or data that somebody needs.
    Warning,
    /// It is harmless, but another way is better style.
    Advice,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Advice => "advice",
        }
    }

    fn of(rule: &str) -> Self {
        const ADVICE: &[&str] = &[
            "prefer-",
            "ban-char-field",
            "ban-create-domain",
            "ban-alter-domain",
            "adding-serial",
            "identifier-too-long",
            "unused-ignore",
        ];
        const WARNING: &[&str] =
            &["ban-drop", "ban-set-default", "renaming-", "ban-revoke", "whole-table-change", "empty-down-script"];
        let begins = |with: &[&str]| with.iter().any(|begin| rule.starts_with(begin));
        if begins(ADVICE) {
            Self::Advice
        } else if begins(WARNING) {
            Self::Warning
        } else {
            Self::Error
        }
    }
}

/// The files and rules to check.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LintFilter {
    /// Check only files that are newer than this version, for a project that was taken over
    #[arg(long, value_name = "VERSION")]
    pub since: Option<i64>,
    /// Switch a rule off; can be given several times
    #[arg(long, value_name = "RULE")]
    pub off: Vec<String>,
}

/// A finding: something that a file should not do, or should do in another way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The name of the rule, for the comment that suppresses it.
    pub rule: String,
    /// The severity.
    pub severity: Severity,
    /// The reason.
    pub message: String,
    /// A better way, if there is one.
    pub instead: Option<String>,
}

/// Checks the files that apply migrations. Of the files that roll back, only empty ones are found: the others are meant to drop
/// things.
#[must_use]
pub fn lint(migrations: &[Migration], options: &LintFilter) -> Vec<Finding> {
    let newer = |migration: &&Migration| options.since.is_none_or(|since| migration.version > since);
    let of_migration =
        |migration: &Migration| lint_script(&migration.up).into_iter().chain(empty_down_script(migration));
    let mut findings: Vec<Finding> = migrations.iter().filter(newer).flat_map(of_migration).collect();
    findings.retain(|finding| !options.off.contains(&finding.rule));
    findings
}

fn empty_down_script(migration: &Migration) -> Option<Finding> {
    let rule = "empty-down-script";
    let down = unwritten_down(migration)?;
    Some(Finding {
        file: down.file.clone(),
        line: 1,
        column: 1,
        rule: rule.to_owned(),
        severity: Severity::of(rule),
        message: "It has no statements, so a rollback refuses it.".to_owned(),
        instead: Some("Write what undoes the migration, or `select;` if there is nothing to undo.".to_owned()),
    })
}

pub(crate) fn lint_script(script: &Script) -> Vec<Finding> {
    // The parser does not know the BOM.
    let text = sql_of(script);
    let text = text.trim_start_matches('\u{feff}');
    let lead = if script.no_transaction() { "" } else { LEAD };
    let whole = format!("{lead}{text}");
    let finding = |offset: usize, rule: &str, message: String, instead: Option<String>| {
        let (line, column) = line_and_column(text, offset.saturating_sub(lead.len()));
        let severity = Severity::of(rule);
        Finding { file: script.file.clone(), line, column, rule: rule.to_owned(), severity, message, instead }
    };
    let parsed = SourceFile::parse(&whole);
    let mut findings: Vec<Finding> = parsed
        .errors()
        .iter()
        .map(|error| finding(usize::from(error.range().start()), "syntax-error", error.message().to_owned(), None))
        .collect();
    let mut linter = Linter::with_rules(&[], EXCLUDED_RULES);
    linter.settings = LinterSettings { assume_in_transaction: !script.no_transaction(), ..LinterSettings::default() };
    for violation in linter.lint(&parsed, &whole) {
        let offset = usize::from(violation.text_range.start());
        if violation.code == Rule::UnusedIgnore && names_own_rule(&whole, offset) {
            continue;
        }
        findings.push(finding(offset, &violation.code.to_string(), violation.message, violation.help));
    }
    for hit in rules::hits(&parsed) {
        if !is_suppressed(text, hit.offset.saturating_sub(lead.len()), hit.rule) {
            findings.push(finding(hit.offset, hit.rule, hit.message.to_owned(), Some(hit.instead.to_owned())));
        }
    }
    if let Err(MigrateError::File { line, problem, .. }) = PreparedScript::new(script) {
        let at: usize = whole.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum();
        findings.push(finding(at.max(lead.len()), "refused-by-deploy", problem, None));
    }
    for offset in suppressed_without_reason(text) {
        let message = "a rule is suppressed without a reason".to_owned();
        let instead = "Add the reason: `-- squawk-ignore RULE -- because …`.".to_owned();
        findings.push(finding(offset + lead.len(), "ignore-without-reason", message, Some(instead)));
    }
    findings.sort_by_key(|finding| (finding.line, finding.column));
    findings
}

/// True if a line suppresses one of our own rules, which squawk does not know.
fn names_own_rule(text: &str, offset: usize) -> bool {
    let begin = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let line = text.get(begin..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    rules::NAMES.iter().any(|name| line.contains(name))
}

/// True if a comment directly above suppresses one of our own rules.
fn is_suppressed(text: &str, offset: usize, rule: &str) -> bool {
    let above = text.get(..offset).unwrap_or_default();
    let above = above.rsplit_once('\n').map_or("", |(above, _)| above);
    above
        .lines()
        .rev()
        .map(str::trim_start)
        .take_while(|line| line.starts_with("--"))
        .filter_map(|line| line.strip_prefix("--")?.trim_start().strip_prefix("squawk-ignore ")?.split_once("--"))
        .any(|(rules, _)| rules.split(',').any(|one| one.trim() == rule))
}

/// The offsets of comments that suppress a rule without a reason.
fn suppressed_without_reason(text: &str) -> Vec<usize> {
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

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
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
    fn what_changes_reads_or_locks_a_whole_table_is_found() {
        for (text, rule) in [
            ("update t set a = 1;", "whole-table-change"),
            ("delete from only public.t;", "whole-table-change"),
            ("with x as (delete from t returning a) insert into u select a from x;", "whole-table-change"),
            ("-- no-transaction\nvacuum (full, analyze) t;", "whole-table-rewrite"),
            ("cluster t using i;", "whole-table-rewrite"),
            ("alter table t set logged;", "whole-table-rewrite"),
            ("lock table t in access exclusive mode;", "explicit-lock"),
            ("lock t;", "explicit-lock"),
            ("refresh materialized view v;", "refresh-without-concurrently"),
        ] {
            let found = found(text);
            assert!(found.iter().any(|(_, one)| one == rule), "{text}: {found:?}");
            let silenced = format!("{text}\n").replacen(
                text.lines().last().expect("a line"),
                &format!("-- squawk-ignore {rule} -- because\n{}", text.lines().last().expect("a line")),
                1,
            );
            let left = self::found(&silenced);
            assert!(!left.iter().any(|(_, one)| one == rule || one == "ignore-without-reason"), "{silenced}: {left:?}");
        }
        for text in [
            "update t set a = 1 where b;",
            "update t set a = u.a from u where u.b = t.b;",
            "delete from t using u where u.b = t.b;",
            "create table t (a bigint);\nupdate t set a = 1;\nlock table public.t;\nalter table t set unlogged;",
            "-- no-transaction\nvacuum (analyze) t;",
            "lock table t in share row exclusive mode;",
            "refresh materialized view concurrently v;",
            "create materialized view v as select 1 as a;\nrefresh materialized view v;",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn what_a_deploy_refuses_is_found() {
        for (text, line) in [
            ("set search_path = x;", 1),
            ("select 1;\nvacuum t;", 2),
            ("create database d;", 1),
            ("select 1;\ncommit;", 2),
            ("select 1;\n\ncopy t from stdin;", 3),
            ("select 1;\nselect 'open", 2),
        ] {
            let found = found(text);
            assert!(found.contains(&(line, "refused-by-deploy".to_owned())), "{text}: {found:?}");
        }
    }

    #[test]
    fn findings_have_severities_and_can_be_switched_off() {
        let file = |version: i64, text: &str| Migration {
            version,
            name: "x".to_owned(),
            up: Script::new(format!("{version}_x.up.sql"), text.to_owned()),
            down: None,
        };
        let files = [
            file(1, "alter table t drop column a;"),
            file(2, "create index i on t (a);"),
            file(3, "create table u (id serial primary key);"),
        ];
        let found = |options: &LintFilter| -> Vec<(String, Severity)> {
            lint(&files, options).into_iter().map(|finding| (finding.rule, finding.severity)).collect()
        };
        let all = found(&LintFilter::default());
        assert_eq!(all[0], ("ban-drop-column".to_owned(), Severity::Warning));
        assert_eq!(all[1], ("require-concurrent-index-creation".to_owned(), Severity::Error));
        assert!(all[2..].iter().all(|(_, severity)| *severity == Severity::Advice) && all.len() > 2, "{all:?}");
        let since = found(&LintFilter { since: Some(1), off: vec!["require-concurrent-index-creation".to_owned()] });
        assert_eq!(since, all[2..]);
    }

    #[test]
    fn a_concurrent_index_needs_a_file_without_a_transaction() {
        assert_eq!(found("create index concurrently i on t (a);"), one(1, "refused-by-deploy"));
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
}
