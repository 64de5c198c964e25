//! What is legal SQL and still hurts a database that is in use: squawk's rules and some of our own, over the files that make
//! changes; and what a deploy would refuse.
//!
//! A finding is silenced in the file, above the statement, with a reason: `-- squawk-ignore RULE -- because …`.

mod rules;

use serde::Serialize;
use squawk_linter::{Linter, LinterSettings, Rule};
use squawk_syntax::SourceFile;

use super::MigrateError;
use super::script::Prepared;
use super::source::{Migration, Script};

/// What squawk would find in every file, and what is seen to elsewhere:
/// the time-outs are set by whatever runs the file; `text` is what we have, with the length in a check; a file is one
/// transaction or is recorded statement by statement, so `if not exists` would only hide that something is there that
/// should not be; and what a transaction cannot hold is refused by a deploy, which says so here.
const LEFT_OUT: &[Rule] = &[
    Rule::RequireLockTimeout,
    Rule::RequireStatementTimeout,
    Rule::RequireTimeoutSettings,
    Rule::PreferTextField,
    Rule::PreferRobustStmts,
    Rule::TransactionNesting,
    Rule::BanConcurrentIndexCreationInTransaction,
];

/// squawk takes a file of one statement for one that needs no transaction; ours runs in one all the same.
const LEAD: &str = "select 1;";

/// How bad a finding is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A deploy refuses it, or it locks or rewrites a table that is in use.
    Error,
    /// It takes something away that an older release, or somebody's data, may need.
    Warning,
    /// Another way is better style, and this one does no harm.
    Advice,
}

impl Severity {
    /// In a word.
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
        const WARNING: &[&str] = &["ban-drop", "ban-set-default", "renaming-", "ban-revoke", "whole-table-change"];
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

/// Which files are looked at, and what is passed over.
#[derive(Debug, Clone, Default)]
pub struct LintOptions {
    /// Only files that are newer than this version.
    pub since: Option<i64>,
    /// Rules that are switched off.
    pub off: Vec<String>,
}

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
    /// How bad it is.
    pub severity: Severity,
    /// Why.
    pub message: String,
    /// What to write instead, where there is something.
    pub instead: Option<String>,
}

/// Looks at the files that make changes; what takes them back is meant to drop things.
#[must_use]
pub fn lint(migrations: &[Migration], options: &LintOptions) -> Vec<Finding> {
    let newer = |migration: &&Migration| options.since.is_none_or(|since| migration.version > since);
    let mut findings: Vec<Finding> =
        migrations.iter().filter(newer).flat_map(|migration| lint_script(&migration.up)).collect();
    findings.retain(|finding| !options.off.contains(&finding.rule));
    findings
}

pub(super) fn lint_script(script: &Script) -> Vec<Finding> {
    // To the parser a BOM is a character that it does not know.
    let text = script.text().trim_start_matches('\u{feff}');
    let lead = if script.no_transaction() { "" } else { LEAD };
    let whole = format!("{lead}{text}");
    let finding = |offset: usize, rule: &str, message: String, instead: Option<String>| {
        let (line, column) = place(text, offset.saturating_sub(lead.len()));
        let severity = Severity::of(rule);
        Finding { file: script.file.clone(), line, column, rule: rule.to_owned(), severity, message, instead }
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
        if violation.code == Rule::UnusedIgnore && names_own_rule(&whole, offset) {
            continue;
        }
        findings.push(finding(offset, &violation.code.to_string(), violation.message, violation.help));
    }
    for hit in rules::hits(&parsed) {
        if !is_silenced(text, hit.offset.saturating_sub(lead.len()), hit.rule) {
            findings.push(finding(hit.offset, hit.rule, hit.message.to_owned(), Some(hit.instead.to_owned())));
        }
    }
    if let Err(MigrateError::File { line, problem, .. }) = Prepared::new(script) {
        let at: usize = whole.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum();
        findings.push(finding(at.max(lead.len()), "refused-by-deploy", problem, None));
    }
    for offset in without_reason(text) {
        let message = "a rule is silenced, and nothing says why".to_owned();
        let instead = "Write the reason behind it: `-- squawk-ignore RULE -- because …`.".to_owned();
        findings.push(finding(offset + lead.len(), "ignore-without-reason", message, Some(instead)));
    }
    findings.sort_by_key(|finding| (finding.line, finding.column));
    findings
}

/// Whether a line silences a rule of ours, of which squawk knows nothing.
fn names_own_rule(text: &str, offset: usize) -> bool {
    let begin = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let line = text.get(begin..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    rules::NAMES.iter().any(|name| line.contains(name))
}

/// Whether a comment on the lines right above silences a rule of ours.
fn is_silenced(text: &str, offset: usize, rule: &str) -> bool {
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
        let found = |options: &LintOptions| -> Vec<(String, Severity)> {
            lint(&files, options).into_iter().map(|finding| (finding.rule, finding.severity)).collect()
        };
        let all = found(&LintOptions::default());
        assert_eq!(all[0], ("ban-drop-column".to_owned(), Severity::Warning));
        assert_eq!(all[1], ("require-concurrent-index-creation".to_owned(), Severity::Error));
        assert!(all[2..].iter().all(|(_, severity)| *severity == Severity::Advice) && all.len() > 2, "{all:?}");
        let since = found(&LintOptions { since: Some(1), off: vec!["require-concurrent-index-creation".to_owned()] });
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

    #[test]
    fn our_own_migrations_are_clean() {
        assert_eq!(lint(&super::super::source::embedded(), &LintOptions::default()), []);
    }
}
