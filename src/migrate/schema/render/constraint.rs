//! Constraints, foreign keys, indexes and statistics.

use super::super::object::Object;
use super::super::plan::{Act, Fate, Scene};
use super::super::statement::{Danger, Statement, When};
use super::{beside, one, options, suffixed};

const NOT_VALID: &str = " NOT VALID";
const NOT_ENFORCED: &str = " NOT ENFORCED";
const NEW: &str = "_new";
const OLD: &str = "_old";

/// Whether the rows that are there were looked at, and nothing else.
pub(super) fn only_validated(from: &Object, to: &Object) -> bool {
    let plain = |object: &Object| object.text("definition").unwrap_or_default().trim_end_matches(NOT_VALID).to_owned();
    plain(from) == plain(to) && !is_unchecked(to)
}

/// Whether there may be rows that do not obey it.
pub(in super::super) fn is_unchecked(object: &Object) -> bool {
    let ends = |definition: &str| definition.ends_with(NOT_VALID) || definition.ends_with(NOT_ENFORCED);
    object.text("definition").is_some_and(ends)
}

fn validate(to: &Object) -> Statement {
    Statement::new(format!("alter table {} validate constraint {}", to.address, to.ident))
        .when(When::Later)
        .hazard(Danger::MayFail, format!("every row of {} has to obey {}", to.address, to.ident))
}

pub(super) fn create(scene: &Scene<'_>, to: &Object) -> Vec<Statement> {
    let (table, name) = (&to.address, &to.ident);
    let definition = to.sql("definition").unwrap_or_default();
    let sql = format!("alter table {table} add constraint {name} {definition}");
    if !scene.in_use(to.parent.as_ref()) {
        return one(sql);
    }
    match to.text("type") {
        Some("c" | "f") if is_unchecked(to) => one(sql),
        Some("c") => vec![Statement::new(format!("{sql} not valid")), validate(to)],
        Some("f") if !is_partitioned(scene, to) => vec![Statement::new(format!("{sql} not valid")), validate(to)],
        Some("p" | "u") if is_built_beside(scene, to) => unique(scene, to),
        _ => vec![
            Statement::new(sql).hazard(Danger::MayFail, format!("every row of {table} has to obey {name}")).hazard(
                Danger::Lock,
                format!("{table} is read through, and cannot be used meanwhile: there is no other way for {name}"),
            ),
        ],
    }
}

/// Whether an index for the constraint can be built while others read and write, and while its predecessor serves.
fn is_built_beside(scene: &Scene<'_>, to: &Object) -> bool {
    let replaces = scene.fate(&to.key) == Some(Fate::Rebuild);
    to.pretty.contains_key("index")
        && !to.text("definition").unwrap_or_default().contains("WITHOUT OVERLAPS")
        && !is_partitioned(scene, to)
        && (!replaces || waits_for_nothing(scene, to))
}

/// On a partitioned table PostgreSQL builds no index concurrently, and looks at rows at once.
fn is_partitioned(scene: &Scene<'_>, part: &Object) -> bool {
    let table = part.parent.as_ref().and_then(|table| scene.to.get(table).or_else(|| scene.from.get(table)));
    table.is_some_and(|table| table.properties.contains_key("partitioned"))
}

/// The index is built while others read and write; the constraint then takes it over.
fn unique(scene: &Scene<'_>, to: &Object) -> Vec<Statement> {
    let (table, name) = (&to.address, &to.ident);
    let replaces = scene.fate(&to.key) == Some(Fate::Rebuild);
    let built = if replaces { suffixed(scene, to, NEW) } else { name.clone() };
    let definition = to.text("definition").unwrap_or_default();
    let kind = if to.text("type") == Some("p") { "primary key" } else { "unique" };
    let deferrable = match definition.split_once(" DEFERRABLE") {
        Some((_, rest)) => format!(" deferrable{}", rest.to_lowercase()),
        None => String::new(),
    };
    let index = to.pretty.get("index").map_or("", String::as_str);
    vec![
        Statement::new(index_sql(index, name, &built, true)).when(When::Concurrently).hazard(
            Danger::MayFail,
            format!(
                "no two rows of {table} may have the same values; the invalid index that is left then is to be dropped"
            ),
        ),
        Statement::new(format!("alter table {table} add constraint {name} {kind} using index {built}{deferrable}")),
    ]
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

pub(super) fn drop(from: &Object) -> Vec<Statement> {
    one(format!("alter table {} drop constraint {}", from.address, from.ident))
}

/// What PostgreSQL writes of an index, under another name, and so that others can go on meanwhile.
fn index_sql(definition: &str, name: &str, new: &str, concurrently: bool) -> String {
    let (unique, rest) = match definition.strip_prefix("CREATE UNIQUE INDEX ") {
        Some(rest) => ("unique ", rest),
        None => ("", definition.strip_prefix("CREATE INDEX ").unwrap_or(definition)),
    };
    // Of a partitioned table PostgreSQL says that it is on that alone, and means its partitions too.
    let rest = rest.strip_prefix(name).unwrap_or(rest).replacen(" ON ONLY ", " ON ", 1);
    let rest = rest.replacen(" ON ", " on ", 1).replacen(" USING ", " using ", 1);
    let rest = rest.replacen(" using btree (", " (", 1);
    let concurrently = if concurrently { "concurrently " } else { "" };
    format!("create {unique}index {concurrently}{new}{rest}")
}

pub(super) fn create_index(scene: &Scene<'_>, to: &Object) -> Vec<Statement> {
    let definition = to.sql("definition").unwrap_or_default();
    let name = &to.ident;
    let at_once = index_sql(definition, name, name, false);
    if !scene.in_use(to.parent.as_ref()) {
        return one(at_once);
    }
    let unique = |statement: Statement, left: &str| {
        let text = format!("no two rows may have the same values{left}");
        if definition.starts_with("CREATE UNIQUE") { statement.hazard(Danger::MayFail, text) } else { statement }
    };
    let rebuilt = scene.fate(&to.key) == Some(Fate::Rebuild);
    let serves_meanwhile = rebuilt && waits_for_nothing(scene, to);
    let partitioned = is_partitioned(scene, to);
    let build = if partitioned || rebuilt && !serves_meanwhile {
        let table = to.parent.as_ref().and_then(|table| scene.to.get(table)).map_or("", |table| table.address.as_str());
        let why = if partitioned {
            format!(
                "{table} and its partitions cannot be written to while {name} is built: PostgreSQL builds it at once"
            )
        } else {
            format!("{table} cannot be written to while {name} is built: its predecessor cannot serve meanwhile")
        };
        unique(Statement::new(at_once), "").hazard(Danger::Lock, why)
    } else {
        unique(
            Statement::new(index_sql(definition, name, name, true)).when(When::Concurrently),
            "; the invalid index that is left then is to be dropped",
        )
    };
    if !serves_meanwhile {
        return vec![build];
    }
    // The old one serves until the new one does.
    let old = suffixed(scene, to, OLD);
    let (when, how) = if partitioned { (When::Main, "") } else { (When::Concurrently, " concurrently") };
    vec![
        Statement::new(format!("alter index {} rename to {old}", to.address)).when(when),
        build,
        Statement::new(format!("drop index{how} {}", beside(to, &old))).when(when),
    ]
}

pub(super) fn drop_index(scene: &Scene<'_>, from: &Object) -> Vec<Statement> {
    let alone = waits_for_nothing(scene, from) && scene.in_use(from.parent.as_ref());
    if alone && scene.fate(&from.key) == Some(Fate::Rebuild) {
        return Vec::new();
    }
    if !alone || is_partitioned(scene, from) {
        return one(format!("drop index {}", from.address));
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
