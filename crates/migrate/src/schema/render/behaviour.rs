//! SQL of views, functions, triggers, rules and policies.

use std::collections::BTreeSet;

use crate::schema::context::{PlanContext, PlanMode};
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject};
use crate::schema::render::fragments::{assignment, one, options, with_options};
use crate::schema::statement::{HazardKind, Placement, PlannedStatement};

pub(crate) fn create_view(context: &PlanContext<'_>, to: &SchemaObject) -> Vec<PlannedStatement> {
    let definition = to.sql("definition").unwrap_or_default().trim();
    let view = &to.address;
    let create = PlannedStatement::new(format!("create {} {view}{} as\n{definition}", to.kind(), with_options(to)));
    if context.mode == PlanMode::SingleTransaction || to.kind() != ObjectKind::MaterializedView {
        return vec![create];
    }
    // It takes time for big tables, but does not lock them; what the main file does to a table would.
    let create = if reads_existing_table(context, &to.key) { create.placed(Placement::Apart) } else { create };
    if context.from.get(&to.key).is_none() {
        return vec![create];
    }
    vec![create.hazard(HazardKind::Lock, format!("{view} is computed again, and cannot be used meanwhile"))]
}

pub(crate) fn alter_view(context: &PlanContext<'_>, from: &SchemaObject, to: &SchemaObject) -> Vec<PlannedStatement> {
    let (set, reset) = options(from, to, "options");
    let alter = format!("alter {} {}", to.kind(), to.address);
    let mut statements = Vec::new();
    if !set.is_empty() {
        statements.extend(one(format!("{alter} set ({})", set.join(", "))));
    }
    if !reset.is_empty() {
        statements.extend(one(format!("{alter} reset ({})", reset.join(", "))));
    }
    if context.refilled.contains(&to.key) {
        statements.push(refill(context, to));
    }
    statements
}

/// Computes a materialized view again. Those who read it go on if a unique index tells its rows apart.
fn refill(context: &PlanContext<'_>, view: &SchemaObject) -> PlannedStatement {
    let name = &view.address;
    let tells_rows_apart = |part: &SchemaObject| {
        let definition = part.text("definition").unwrap_or_default();
        let columns = definition.split_once(" USING btree (").map_or("(", |(_, columns)| columns);
        definition.starts_with("CREATE UNIQUE INDEX ")
            && !columns.contains('(')
            && !columns.contains(" WHERE ")
            && context.stays(&part.key)
    };
    let refill = if context.to.parts(&view.key).any(tells_rows_apart) {
        PlannedStatement::new(format!("refresh materialized view concurrently {name}"))
            .hazard(HazardKind::MayFail, format!("{name} has to have been filled before"))
    } else {
        PlannedStatement::new(format!("refresh materialized view {name}"))
            .hazard(HazardKind::Lock, format!("{name} is computed again, and cannot be used meanwhile"))
    };
    if context.mode == PlanMode::SingleTransaction { refill } else { refill.placed(Placement::Apart) }
}

/// True if a view reads an existing table.
fn reads_existing_table(context: &PlanContext<'_>, view: &ObjectKey) -> bool {
    let mut open = vec![view];
    let mut seen = BTreeSet::new();
    while let Some(key) = open.pop() {
        if key.kind == ObjectKind::Table && context.in_use(Some(key)) {
            return true;
        }
        if seen.insert(key) {
            open.extend(context.to.needs(key));
            open.extend(context.to.get(key).and_then(|object| object.parent.as_ref()));
        }
    }
    false
}

/// The default, statistics and options of a view's column.
pub(crate) fn view_column(context: &PlanContext<'_>, to: &SchemaObject) -> Vec<PlannedStatement> {
    let Some(view) = to.parent.as_ref() else { return Vec::new() };
    let from = context.from.get(&to.key).filter(|_| context.stays(view));
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

pub(crate) fn create_function(to: &SchemaObject) -> Vec<PlannedStatement> {
    let definition = to.text("definition").unwrap_or_default().trim_end();
    let kind = to.kind().word();
    let upper = kind.to_uppercase();
    // PostgreSQL names the schema always; in the schema of new tables, names stand alone.
    let schema = to.key.name.find(&format!("{}(", to.ident)).map_or("", |at| &to.key.name[..at]);
    let schema = if to.address.starts_with(schema) { "" } else { schema };
    let short =
        definition.replacen(&format!("CREATE OR REPLACE {upper} {schema}"), &format!("create or replace {kind} "), 1);
    one(short.replacen(&format!("CREATE OR REPLACE {upper} "), &format!("create or replace {kind} "), 1))
}

fn is_function(statement: &PlannedStatement) -> bool {
    let sql = &statement.sql;
    sql.starts_with("create or replace function") || sql.starts_with("create or replace procedure")
}

pub(crate) fn writes_functions(statements: &[PlannedStatement]) -> bool {
    statements.iter().any(is_function)
}

/// Switches the check of function bodies off.
pub(crate) fn no_check_of_bodies() -> PlannedStatement {
    PlannedStatement::new("set local check_function_bodies = off")
}

/// True if a function body may use objects that are created later in the same file.
pub(crate) fn needs_no_check_of_bodies(statements: &[PlannedStatement]) -> bool {
    let creates = |sql: &str| sql.starts_with("create ") || sql.starts_with("alter table");
    let looks_around = |sql: &str| {
        let sql = sql.to_lowercase();
        sql.contains("language sql") || sql.contains("%type") || sql.contains("%rowtype")
    };
    statements.iter().any(|one| is_function(one) && looks_around(&one.sql))
        && statements.iter().filter(|one| creates(&one.sql)).count() > 1
}

pub(crate) fn create_trigger(to: &SchemaObject) -> Vec<PlannedStatement> {
    let definition = to.sql("definition").unwrap_or_default().trim_end_matches(';');
    let mut statements = one(definition.replacen("CREATE ", "create ", 1));
    if to.text("enabled") != Some("yes") {
        statements.extend(enable_trigger(to));
    }
    statements
}

pub(crate) fn enable_trigger(to: &SchemaObject) -> Vec<PlannedStatement> {
    let word = match to.text("enabled") {
        Some("no") => "disable",
        Some("in replicas") => "enable replica",
        Some("always") => "enable always",
        _ => "enable",
    };
    let kind = if to.kind() == ObjectKind::Rule { "rule" } else { "trigger" };
    one(format!("alter table {} {word} {kind} {}", to.address, to.ident))
}

pub(crate) fn create_policy(to: &SchemaObject) -> Vec<PlannedStatement> {
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
