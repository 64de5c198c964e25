//! Tables.

use std::collections::BTreeMap;

use super::super::compare::Property;
use super::super::object::{Key, Kind, Object};
use super::super::plan::{Act, Manner, Scene};
use super::super::statement::{Danger, Statement};
use super::{assignment, column, one, options};

/// What makes a table one that no SQL is written for.
const SPECIAL: &[(&str, &str)] = &[
    ("own columns", "is a partition with columns that are not those of the whole"),
    ("inherits", "inherits from another"),
    ("of type", "has its columns from a type"),
    ("foreign", "is on another server"),
    ("access method", "has an access method of its own"),
    ("tablespace", "has a tablespace of its own"),
];

/// What makes it one that no SQL is written for.
pub(super) fn special(table: &Object) -> Option<&'static str> {
    let has = |property: &str| table.properties.contains_key(property);
    let partition = has(PARTITION);
    let special = SPECIAL.iter().filter(|(property, _)| !(partition && *property == "inherits"));
    special.into_iter().find(|(property, _)| has(property)).map(|(_, reason)| *reason)
}

const PARTITION: &str = "partition";
const PARTITIONED: &str = "partitioned";

/// Whether a property can become another one: a partition may get other bounds, and stays one.
pub(super) fn can_change(properties: &BTreeMap<String, Property>, name: &str) -> bool {
    match name {
        PARTITION => properties.get(name).is_some_and(|one| one.found.is_some() && one.expected.is_some()),
        PARTITIONED => false,
        _ => !SPECIAL.iter().any(|(special, _)| *special == name),
    }
}

/// Whether a table becomes a partition, a partition a table, or either what no SQL is written for.
pub(super) fn becomes_special(before: &Object, after: &Object) -> bool {
    let changed = |name: &str| before.properties.get(name) != after.properties.get(name);
    let either = |name: &str| before.properties.contains_key(name) != after.properties.contains_key(name);
    before.kind() == Kind::Table
        && (either(PARTITION) || changed(PARTITIONED) || SPECIAL.iter().any(|(name, _)| changed(name)))
}

pub(super) fn create(scene: &Scene<'_>, to: &Object) -> Vec<Statement> {
    let absorbed = |part: &&Object| scene.is_absorbed(Act::Create, &part.key);
    let columns: Vec<&Object> =
        scene.to.parts(&to.key).filter(|part| part.kind() == Kind::Column).filter(absorbed).collect();
    let constraints = scene.to.parts(&to.key).filter(|part| part.kind() == Kind::Constraint).filter(absorbed);
    let mut lines: Vec<String> = columns.iter().map(|part| format!("    {}", column::definition(to, part))).collect();
    lines.extend(
        constraints.map(|part| format!("    constraint {} {}", part.ident, part.sql("definition").unwrap_or_default())),
    );
    let unlogged = if to.flag("unlogged") { "unlogged " } else { "" };
    let body = if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join(",\n")) };
    let mut all = to.list("options").into_iter().map(assignment).collect::<Vec<_>>();
    all.extend(to.list("toast options").into_iter().map(|option| format!("toast.{}", assignment(option))));
    let with = if all.is_empty() { String::new() } else { format!(" with ({})", all.join(", ")) };
    let by = to.text(PARTITIONED).map_or_else(String::new, |key| format!(" partition by {key}"));
    let mut statements = match to.text(PARTITION) {
        None => one(format!("create {unlogged}table {} ({body}){by}{with}", to.address)),
        Some(bounds) => {
            let whole = to.list("inherits").first().copied().unwrap_or_default();
            let body = if body.is_empty() { body } else { format!(" ({body})") };
            let sql = format!("create {unlogged}table {} partition of {whole}{body} {bounds}{by}{with}", to.address);
            vec![beside_default(scene, to, Statement::new(sql))]
        }
    };
    for part in columns {
        statements.extend(column::attributes(part));
    }
    statements.extend(row_security(None, to));
    statements
}

/// What is in the default partition is looked at, in case it belongs to the new one.
fn beside_default(scene: &Scene<'_>, to: &Object, statement: Statement) -> Statement {
    let whole = to.properties.get("inherits");
    let is_default = |other: &&Object| {
        other.text(PARTITION) == Some("DEFAULT") && other.properties.get("inherits") == whole && scene.stays(&other.key)
    };
    let Some(default) = scene.from.objects.values().find(is_default) else { return statement };
    if scene.manner == Manner::AtOnce {
        return statement;
    }
    let default = &default.address;
    statement
        .hazard(Danger::MayFail, format!("{default} must hold no row that belongs to {}", to.address))
        .hazard(Danger::Lock, format!("{default} is read through, and cannot be used meanwhile"))
}

pub(super) fn drop(scene: &Scene<'_>, from: &Object) -> Vec<Statement> {
    let mut statements = detached(scene, from);
    statements.push(
        Statement::new(format!("drop table {}", from.address))
            .hazard(Danger::DataLoss, format!("the table {} and all of its rows", from.key.name)),
    );
    statements
}

/// A partition that other tables refer to, as they do to the whole, is taken out first.
fn detached(scene: &Scene<'_>, from: &Object) -> Vec<Statement> {
    let Some(whole) = from.list("inherits").first().copied().filter(|_| from.text(PARTITION).is_some()) else {
        return Vec::new();
    };
    let parent = |key: &&Key| key.kind == Kind::Table && scene.from.get(key).is_some_and(|one| one.address == whole);
    let Some(parent) = scene.from.needs(&from.key).find(parent).filter(|parent| scene.stays(parent)) else {
        return Vec::new();
    };
    let refers = |object: &&Object| {
        object.kind() == Kind::ForeignKey
            && scene.from.needs(&object.key).any(|need| {
                matches!(need.kind, Kind::Constraint | Kind::Index)
                    && scene.from.get(need).and_then(|key| key.parent.as_ref()) == Some(parent)
            })
    };
    let Some(other) = scene.from.objects.values().find(refers) else { return Vec::new() };
    let table = &from.address;
    vec![
        Statement::new(format!("alter table {whole} detach partition {table}"))
            .hazard(Danger::MayFail, format!("no row of {} may refer to one of {table}", other.address))
            .hazard(Danger::Lock, format!("{} is read through, and cannot be written to meanwhile", other.address)),
    ]
}

pub(super) fn alter(scene: &Scene<'_>, from: &Object, to: &Object) -> Vec<Statement> {
    let table = &to.address;
    let mut statements = Vec::new();
    if let Some(bounds) = to.text(PARTITION).filter(|bounds| from.text(PARTITION) != Some(bounds)) {
        let whole = to.list("inherits").first().copied().unwrap_or_default();
        statements.extend(one(format!("alter table {whole} detach partition {table}")));
        let attach = Statement::new(format!("alter table {whole} attach partition {table} {bounds}"))
            .hazard(Danger::MayFail, format!("every row of {table} has to be within its new bounds"))
            .hazard(Danger::Lock, format!("{table} is read through, and cannot be used meanwhile"));
        statements.push(beside_default(scene, to, attach));
    }
    if from.flag("unlogged") != to.flag("unlogged") {
        let word = if to.flag("unlogged") { "unlogged" } else { "logged" };
        statements.push(
            Statement::new(format!("alter table {table} set {word}"))
                .hazard(Danger::Rewrite, format!("{table} is written anew, and cannot be used meanwhile")),
        );
    }
    for (property, prefix) in [("options", ""), ("toast options", "toast.")] {
        let (set, reset) = options(from, to, property);
        let prefixed =
            |list: Vec<String>| list.iter().map(|one| format!("{prefix}{one}")).collect::<Vec<_>>().join(", ");
        if !set.is_empty() {
            statements.extend(one(format!("alter table {table} set ({})", prefixed(set))));
        }
        if !reset.is_empty() {
            statements.extend(one(format!("alter table {table} reset ({})", prefixed(reset))));
        }
    }
    statements.extend(row_security(Some(from), to));
    statements
}

fn row_security(from: Option<&Object>, to: &Object) -> Vec<Statement> {
    let words = [("row security", "enable", "disable"), ("forced row security", "force", "no force")];
    let mut statements = Vec::new();
    for (property, on, off) in words {
        let before = from.is_some_and(|from| from.flag(property));
        match (before, to.flag(property)) {
            (false, true) => {
                statements.extend(one(format!("alter table {} {on} row level security", to.address)));
            }
            (true, false) => statements.extend(one(format!("alter table {} {off} row level security", to.address))),
            _ => {}
        }
    }
    statements
}

/// Which index stands for the rows, or gives them their order.
pub(super) fn point_at_index(to: &Object) -> Vec<Statement> {
    let table = &to.address;
    one(match (to.text("identity"), to.text("index")) {
        (Some(identity), _) => format!("alter table {table} replica identity {identity}"),
        (None, index) => format!("alter table {table} cluster on {}", index.unwrap_or_default()),
    })
}

/// The table's name for a person.
pub(super) fn name(table: Option<&Key>) -> &str {
    table.map_or("", |table| table.name.as_str())
}
