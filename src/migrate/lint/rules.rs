//! Rules that squawk does not have: what reads, changes or locks a whole table that is in use.

use std::collections::BTreeSet;

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{Parse, SourceFile, SyntaxNode};

/// What one of these rules found.
pub(super) struct Hit {
    /// Where the statement begins, in bytes.
    pub offset: usize,
    pub rule: &'static str,
    pub message: &'static str,
    pub instead: &'static str,
}

/// The names of these rules.
pub(super) const NAMES: &[&str] =
    &["whole-table-change", "whole-table-rewrite", "explicit-lock", "refresh-without-concurrently"];

/// What holds for a statement: the rule's name, why, and what to write instead.
type Rule = (&'static str, &'static str, &'static str);

const WHOLE_TABLE: Rule = (
    "whole-table-change",
    "Changing every row of a table locks all of them until the end of the file, and writes the table a second time.",
    "Change rows in portions by a condition, in a file of its own without a transaction, or outside of the migrations.",
);
const REWRITE: Rule = (
    "whole-table-rewrite",
    "It writes the whole table anew, and nobody can read it meanwhile.",
    "Leave it out of the migrations; pg_repack or a quiet hour does it without harm.",
);
const LOGGED: Rule = (
    "whole-table-rewrite",
    "It writes the whole table anew, and nobody can read it meanwhile.",
    "Create a table of the right kind, move the rows in portions, and rename it.",
);
const EXPLICIT_LOCK: Rule = (
    "explicit-lock",
    "It keeps everybody else from the table until the end of the file.",
    "Let each statement take the lock that it needs, or take a weaker one, such as SHARE ROW EXCLUSIVE.",
);
const REFRESH: Rule = (
    "refresh-without-concurrently",
    "Nobody can read the view while it is computed anew.",
    "Use `refresh materialized view concurrently`, which needs a unique index on the view.",
);

/// Looks for all of them.
pub(super) fn hits(parsed: &Parse<SourceFile>) -> Vec<Hit> {
    let tree = parsed.syntax_node();
    let made = made(&tree);
    tree.descendants()
        .filter_map(|node| {
            let (rule, message, instead) = rule(&node, &made)?;
            Some(Hit { offset: usize::from(node.text_range().start()), rule, message, instead })
        })
        .collect()
}

fn rule(node: &SyntaxNode, made: &BTreeSet<String>) -> Option<Rule> {
    let of_new_table = |name: Option<String>| name.is_some_and(|name| made.contains(&name));
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
            .is_some_and(|list| list.relation_names().all(|name| made.contains(&plain(name.syntax()))));
        return (strength.contains("access exclusive") && !all_new).then_some(EXPLICIT_LOCK);
    }
    if let Some(refresh) = ast::Refresh::cast(node.clone()) {
        let is_new = of_new_table(refresh.view_ref().map(|name| plain(name.syntax())));
        return (refresh.concurrently_token().is_none() && !is_new).then_some(REFRESH);
    }
    None
}

/// The names of the tables and views that the file itself makes: nobody uses them yet.
fn made(tree: &SyntaxNode) -> BTreeSet<String> {
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

/// A name without its schema where that is `public`, in lower case.
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
