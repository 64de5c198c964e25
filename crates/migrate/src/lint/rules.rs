//! Rules that squawk does not have: statements that read, change or lock a whole table that is in use.

use std::collections::BTreeSet;

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{Parse, SourceFile, SyntaxNode};

/// A match of one of these rules.
pub(crate) struct RuleHit {
    /// The start of the statement, in bytes.
    pub offset: usize,
    pub rule: &'static str,
    pub message: &'static str,
    pub instead: &'static str,
}

/// The names of these rules.
pub(crate) const NAMES: &[&str] =
    &["whole-table-change", "whole-table-rewrite", "explicit-lock", "refresh-without-concurrently"];

/// The name of a rule, the reason, and a better way.
type LintRule = (&'static str, &'static str, &'static str);

const WHOLE_TABLE: LintRule = (
    "whole-table-change",
    "Changing every row of a table locks all of them until the end of the file, and writes the table a second time.",
    "Change rows in portions by a condition, in a file of its own without a transaction, or outside of the migrations.",
);
const REWRITE: LintRule = (
    "whole-table-rewrite",
    "It rewrites the whole table, and nobody can read it meanwhile.",
    "Leave it out of the migrations; pg_repack or a quiet hour does it without harm.",
);
const LOGGED: LintRule = (
    "whole-table-rewrite",
    "It rewrites the whole table, and nobody can read it meanwhile.",
    "Create a table of the right kind, move the rows in portions, and rename it.",
);
const EXPLICIT_LOCK: LintRule = (
    "explicit-lock",
    "It blocks everybody else from the table until the end of the file.",
    "Let each statement take the lock it needs, or take a weaker one, such as SHARE ROW EXCLUSIVE.",
);
const REFRESH: LintRule = (
    "refresh-without-concurrently",
    "Nobody can read the view while it is computed.",
    "Use `refresh materialized view concurrently`, which needs a unique index on the view.",
);

/// All matches in a file.
pub(crate) fn hits(parsed: &Parse<SourceFile>) -> Vec<RuleHit> {
    let tree = parsed.syntax_node();
    let created = created(&tree);
    tree.descendants()
        .filter_map(|node| {
            let (rule, message, instead) = rule(&node, &created)?;
            Some(RuleHit { offset: usize::from(node.text_range().start()), rule, message, instead })
        })
        .collect()
}

fn rule(node: &SyntaxNode, created: &BTreeSet<String>) -> Option<LintRule> {
    let of_new_table = |name: Option<String>| name.is_some_and(|name| created.contains(&name));
    if let Some(update) = ast::Update::cast(node.clone()) {
        let whole = update.where_clause_or_current_of().is_none() && update.from_clause().is_none();
        return (whole && !of_new_table(update.relation_name().map(|name| plain(name.syntax()))))
            .then_some(WHOLE_TABLE);
    }
    if let Some(delete) = ast::Delete::cast(node.clone()) {
        let whole = delete.where_clause_or_current_of().is_none() && delete.using_clause().is_none();
        return (whole && !of_new_table(delete.relation_name().map(|name| plain(name.syntax()))))
            .then_some(WHOLE_TABLE);
    }
    if ast::Vacuum::can_cast(node.kind()) {
        return has_word(node, "full").then_some(REWRITE);
    }
    if ast::Cluster::can_cast(node.kind()) {
        return Some(REWRITE);
    }
    if let Some(table) = ast::AlterTable::cast(node.clone()) {
        let logged =
            |part: SyntaxNode| ast::SetLogged::can_cast(part.kind()) || ast::SetUnlogged::can_cast(part.kind());
        let is_new = of_new_table(table.table_relation_name().map(|name| plain(name.syntax())));
        return (!is_new && table.syntax().descendants().any(logged)).then_some(LOGGED);
    }
    if let Some(lock) = ast::Lock::cast(node.clone()) {
        let strength =
            lock.lock_mode_clause().map_or_else(|| "access exclusive".to_owned(), |mode| words(mode.syntax()));
        let all_new = lock
            .relation_list()
            .is_some_and(|list| list.relation_names().all(|name| created.contains(&plain(name.syntax()))));
        return (strength.contains("access exclusive") && !all_new).then_some(EXPLICIT_LOCK);
    }
    if let Some(refresh) = ast::Refresh::cast(node.clone()) {
        let is_new = of_new_table(refresh.view_ref().map(|name| plain(name.syntax())));
        return (refresh.concurrently_token().is_none() && !is_new).then_some(REFRESH);
    }
    None
}

/// The names of the tables and views that the file itself creates: nobody uses them yet.
fn created(tree: &SyntaxNode) -> BTreeSet<String> {
    let name = |node: SyntaxNode| {
        if let Some(table) = ast::CreateTable::cast(node.clone()) {
            return table.table_name().map(|name| plain(name.syntax()));
        }
        if let Some(table) = ast::CreateTableAs::cast(node.clone()) {
            return table.table_name().map(|name| plain(name.syntax()));
        }
        let view = ast::CreateMaterializedView::cast(node)?;
        view.view().map(|name| plain(name.syntax()))
    };
    tree.descendants().filter_map(name).collect()
}

/// A name in lower case, without the schema if that is `public`.
fn plain(node: &SyntaxNode) -> String {
    let name = words(node);
    let name = name.strip_prefix("only ").unwrap_or(&name);
    name.strip_prefix("public.").unwrap_or(name).trim_end_matches('*').trim().to_owned()
}

fn words(node: &SyntaxNode) -> String {
    node.text().to_string().split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn has_word(node: &SyntaxNode, word: &str) -> bool {
    words(node).split(|char: char| !char.is_alphanumeric()).any(|one| one == word)
}
