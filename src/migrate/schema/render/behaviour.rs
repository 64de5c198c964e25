//! Views, functions, triggers, rules and policies.

use std::collections::BTreeSet;

use super::super::object::{Key, Kind, Object};
use super::super::plan::{Manner, Scene};
use super::super::statement::{Danger, Statement, When};
use super::{assignment, one, options, with_options};

pub(super) fn create_view(scene: &Scene<'_>, to: &Object) -> Vec<Statement> {
    let definition = to.sql("definition").unwrap_or_default().trim();
    let view = &to.address;
    let create = Statement::new(format!("create {} {view}{} as\n{definition}", to.kind(), with_options(to)));
    let anew = to.kind() == Kind::MaterializedView && scene.from.get(&to.key).is_some();
    if scene.manner == Manner::AtOnce {
        return vec![create];
    }
    if !anew {
        // It takes as long as the tables are big, and they are not locked meanwhile.
        let reads = to.kind() == Kind::MaterializedView && reads_what_is_in_use(scene, &to.key);
        return vec![if reads { create.when(When::Apart) } else { create }];
    }
    vec![create.hazard(Danger::Lock, format!("{view} is computed anew, and cannot be used meanwhile"))]
}

pub(super) fn alter_view(from: &Object, to: &Object) -> Vec<Statement> {
    let (set, reset) = options(from, to, "options");
    let alter = format!("alter {} {}", to.kind(), to.address);
    let mut statements = Vec::new();
    if !set.is_empty() {
        statements.extend(one(format!("{alter} set ({})", set.join(", "))));
    }
    if !reset.is_empty() {
        statements.extend(one(format!("{alter} reset ({})", reset.join(", "))));
    }
    statements
}

/// Whether it reads a table that is there already.
fn reads_what_is_in_use(scene: &Scene<'_>, view: &Key) -> bool {
    let mut open = vec![view];
    let mut seen = BTreeSet::new();
    while let Some(key) = open.pop() {
        if key.kind == Kind::Table && scene.in_use(Some(key)) {
            return true;
        }
        if seen.insert(key) {
            open.extend(scene.to.needs(key));
            open.extend(scene.to.get(key).and_then(|object| object.parent.as_ref()));
        }
    }
    false
}

/// What a view's column has of its own.
pub(super) fn view_column(scene: &Scene<'_>, to: &Object) -> Vec<Statement> {
    let Some(view) = to.parent.as_ref() else { return Vec::new() };
    let from = scene.from.get(&to.key).filter(|_| scene.stays(view));
    let alter = format!("alter {} {} alter column {}", view.kind, to.address, to.ident);
    let mut statements = Vec::new();
    if from.and_then(|from| from.text("default")) != to.text("default") {
        let change =
            to.text("default").map_or_else(|| "drop default".to_owned(), |value| format!("set default {value}"));
        statements.extend(one(format!("{alter} {change}")));
    }
    if from.and_then(|from| from.number("statistics")) != to.number("statistics") {
        statements.extend(one(format!("{alter} set statistics {}", to.number("statistics").unwrap_or(-1))));
    }
    let set: Vec<String> = to.list("options").into_iter().map(assignment).collect();
    if !set.is_empty() {
        statements.extend(one(format!("{alter} set ({})", set.join(", "))));
    }
    statements
}

pub(super) fn create_function(to: &Object) -> Vec<Statement> {
    let definition = to.text("definition").unwrap_or_default().trim_end();
    let kind = to.kind().word();
    let upper = kind.to_uppercase();
    // What is in `public` stands alone everywhere else too.
    let short =
        definition.replacen(&format!("CREATE OR REPLACE {upper} public."), &format!("create or replace {kind} "), 1);
    one(short.replacen(&format!("CREATE OR REPLACE {upper} "), &format!("create or replace {kind} "), 1))
}

fn is_function(statement: &Statement) -> bool {
    let sql = &statement.sql;
    sql.starts_with("create or replace function") || sql.starts_with("create or replace procedure")
}

pub(in super::super) fn writes_functions(statements: &[Statement]) -> bool {
    statements.iter().any(is_function)
}

/// Bodies are taken as they are.
pub(in super::super) fn no_check_of_bodies() -> Statement {
    Statement::new("set local check_function_bodies = off")
}

/// Whether a body in the order of the file may speak of what comes later in it.
pub(in super::super) fn needs_no_check_of_bodies(statements: &[Statement]) -> bool {
    let creates = |sql: &str| sql.starts_with("create ") || sql.starts_with("alter table");
    let looks_around = |sql: &str| {
        let sql = sql.to_lowercase();
        sql.contains("language sql") || sql.contains("%type") || sql.contains("%rowtype")
    };
    statements.iter().any(|one| is_function(one) && looks_around(&one.sql))
        && statements.iter().filter(|one| creates(&one.sql)).count() > 1
}

pub(super) fn create_trigger(to: &Object) -> Vec<Statement> {
    let definition = to.sql("definition").unwrap_or_default().trim_end_matches(';');
    let mut statements = one(definition.replacen("CREATE ", "create ", 1));
    if to.text("enabled") != Some("yes") {
        statements.extend(enable_trigger(to));
    }
    statements
}

pub(super) fn enable_trigger(to: &Object) -> Vec<Statement> {
    let word = match to.text("enabled") {
        Some("no") => "disable",
        Some("in replicas") => "enable replica",
        Some("always") => "enable always",
        _ => "enable",
    };
    let kind = if to.kind() == Kind::Rule { "rule" } else { "trigger" };
    one(format!("alter table {} {word} {kind} {}", to.address, to.ident))
}

pub(super) fn create_policy(to: &Object) -> Vec<Statement> {
    let restrictive = if to.flag("permissive") { "" } else { " as restrictive" };
    let command = to.text("command").unwrap_or("all");
    let roles = to.list("roles").join(", ");
    let mut sql = format!("create policy {} on {}{restrictive} for {command} to {roles}", to.ident, to.address);
    if let Some(using) = to.sql("using") {
        sql += &format!(" using ({using})");
    }
    if let Some(check) = to.sql("check") {
        sql += &format!(" with check ({check})");
    }
    one(sql)
}
