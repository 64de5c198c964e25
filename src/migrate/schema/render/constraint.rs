//! Constraints, foreign keys, indexes and statistics.

use super::super::object::Object;
use super::super::plan::{Act, Fate, Scene};
use super::super::statement::{Danger, Statement, When};
use super::{beside, one, options, suffixed};

const NOT_VALID: &str = " NOT VALID";
const NEW: &str = "_new";
const OLD: &str = "_old";

/// Whether the rows that are there were looked at, and nothing else.
pub(super) fn only_validated(from: &Object, to: &Object) -> bool {
    let plain = |object: &Object| object.text("definition").unwrap_or_default().trim_end_matches(NOT_VALID).to_owned();
    plain(from) == plain(to) && !is_not_valid(to)
}

fn is_not_valid(object: &Object) -> bool {
    object.text("definition").is_some_and(|definition| definition.ends_with(NOT_VALID))
}

fn validate(to: &Object) -> Statement {
    Statement::new(format!("alter table {} validate constraint {}", to.address, to.ident))
        .hazard(Danger::MayFail, format!("every row of {} has to obey {}", to.address, to.ident))
}

pub(super) fn create(scene: &Scene<'_>, to: &Object) -> Vec<Statement> {
    let (table, name) = (&to.address, &to.ident);
    let definition = to.sql("definition").unwrap_or_default();
    let sql = format!("alter table {table} add constraint {name} {definition}");
    if !scene.in_use(to.parent.as_ref()) {
        return one(sql);
    }
    match (to.text("type"), to.pretty.get("index")) {
        (Some("c" | "f"), _) if is_not_valid(to) => one(sql),
        (Some("c" | "f"), _) => {
            let later = validate(to).when(When::Later);
            vec![Statement::new(format!("{sql} not valid")), later]
        }
        (Some("p" | "u"), Some(index)) if !definition.contains("WITHOUT OVERLAPS") => unique(scene, to, index),
        _ => vec![Statement::new(sql).hazard(
            Danger::Lock,
            format!(
                "{table} is read through, and nobody can use it meanwhile: there is no other way for this constraint"
            ),
        )],
    }
}

/// The index is built while others read and write; the constraint then takes it over.
fn unique(scene: &Scene<'_>, to: &Object, index: &str) -> Vec<Statement> {
    let (table, name) = (&to.address, &to.ident);
    let replaces = scene.fate(&to.key) == Some(Fate::Rebuild) && waits_for_nothing(scene, to);
    let built = if replaces { suffixed(name, NEW) } else { name.clone() };
    let definition = to.text("definition").unwrap_or_default();
    let kind = if to.text("type") == Some("p") { "primary key" } else { "unique" };
    let deferrable = match definition.split_once(" DEFERRABLE") {
        Some((_, rest)) => format!(" deferrable{}", rest.to_lowercase()),
        None => String::new(),
    };
    let mut statements = vec![Statement::new(index_sql(index, name, &built, true)).when(When::Concurrently).hazard(
        Danger::MayFail,
        format!(
            "no two rows of {table} may have the same values; the invalid index that is left then is to be dropped"
        ),
    )];
    if replaces {
        statements.push(Statement::new(format!("alter table {table} drop constraint {name}")));
    }
    statements.push(Statement::new(format!(
        "alter table {table} add constraint {name} {kind} using index {built}{deferrable}"
    )));
    statements
}

/// Whether its dropping is waited for by its own making only.
fn waits_for_nothing(scene: &Scene<'_>, object: &Object) -> bool {
    let step = (Act::Drop, object.key.clone());
    !scene.waited_for.contains(&step) && !scene.absorbed.contains_key(&step)
}

pub(super) fn alter(scene: &Scene<'_>, from: &Object, to: &Object) -> Vec<Statement> {
    let mut statements = Vec::new();
    if from.text("definition") != to.text("definition") {
        statements.push(validate(to));
    }
    let (set, reset) = options(from, to, "index options");
    let index = beside_table(scene, to);
    if !set.is_empty() {
        statements.extend(one(format!("alter index {index} set ({})", set.join(", "))));
    }
    if !reset.is_empty() {
        statements.extend(one(format!("alter index {index} reset ({})", reset.join(", "))));
    }
    statements
}

/// The index of a constraint is in its table's schema and has its name.
fn beside_table(scene: &Scene<'_>, constraint: &Object) -> String {
    let table = constraint.parent.as_ref().and_then(|table| scene.to.get(table));
    table.map_or_else(|| constraint.ident.clone(), |table| beside(table, &constraint.ident))
}

pub(super) fn drop(scene: &Scene<'_>, from: &Object) -> Vec<Statement> {
    let to = scene.to.get(&from.key);
    let replaced = to.is_some_and(|to| {
        to.pretty.contains_key("index")
            && scene.in_use(to.parent.as_ref())
            && !to.text("definition").unwrap_or_default().contains("WITHOUT OVERLAPS")
    });
    // Its successor is built first, and takes its place then.
    if replaced && waits_for_nothing(scene, from) {
        return Vec::new();
    }
    one(format!("alter table {} drop constraint {}", from.address, from.ident))
}

/// What PostgreSQL writes of an index, under another name, and so that others can go on meanwhile.
fn index_sql(definition: &str, name: &str, new: &str, concurrently: bool) -> String {
    let (unique, rest) = match definition.strip_prefix("CREATE UNIQUE INDEX ") {
        Some(rest) => ("unique ", rest),
        None => ("", definition.strip_prefix("CREATE INDEX ").unwrap_or(definition)),
    };
    let rest = rest.strip_prefix(name).unwrap_or(rest).replacen(" ON ", " on ", 1).replacen(" USING ", " using ", 1);
    let rest = rest.replacen(" using btree (", " (", 1);
    let concurrently = if concurrently { "concurrently " } else { "" };
    format!("create {unique}index {concurrently}{new}{rest}")
}

pub(super) fn create_index(scene: &Scene<'_>, to: &Object) -> Vec<Statement> {
    let definition = to.sql("definition").unwrap_or_default();
    let name = &to.ident;
    if !scene.in_use(to.parent.as_ref()) {
        return one(index_sql(definition, name, name, false));
    }
    let build = Statement::new(index_sql(definition, name, name, true)).when(When::Concurrently);
    let build = if definition.starts_with("CREATE UNIQUE") {
        build.hazard(
            Danger::MayFail,
            "no two rows may have the same values; the invalid index that is left then is to be dropped",
        )
    } else {
        build
    };
    if scene.fate(&to.key) != Some(Fate::Rebuild) || !waits_for_nothing(scene, to) {
        return vec![build];
    }
    // The old one serves until the new one does.
    let old = suffixed(name, OLD);
    vec![
        Statement::new(format!("alter index {} rename to {old}", to.address)).when(When::Concurrently),
        build,
        Statement::new(format!("drop index concurrently {}", beside(to, &old))).when(When::Concurrently),
    ]
}

pub(super) fn drop_index(scene: &Scene<'_>, from: &Object) -> Vec<Statement> {
    let alone = waits_for_nothing(scene, from) && scene.in_use(from.parent.as_ref());
    if !alone {
        return one(format!("drop index {}", from.address));
    }
    if scene.fate(&from.key) == Some(Fate::Rebuild) {
        return Vec::new();
    }
    vec![Statement::new(format!("drop index concurrently {}", from.address)).when(When::Concurrently)]
}

pub(super) fn create_statistics(to: &Object) -> Vec<Statement> {
    let definition = to.sql("definition").unwrap_or_default();
    let mut statements = one(definition.replacen("CREATE STATISTICS public.", "create statistics ", 1));
    if to.number("target").is_some() {
        statements.extend(statistics_target(to));
    }
    statements
}

pub(super) fn statistics_target(to: &Object) -> Vec<Statement> {
    one(format!("alter statistics {} set statistics {}", to.address, to.number("target").unwrap_or(-1)))
}
