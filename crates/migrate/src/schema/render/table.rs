//! SQL of tables.

use std::collections::BTreeMap;

use crate::schema::compare::PropertyChange;
use crate::schema::context::{PlanContext, PlanMode, StepKind};
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject};
use crate::schema::render::column;
use crate::schema::render::fragments::{assignment, one, options};
use crate::schema::statement::{HazardKind, PlannedStatement};

/// Properties of tables for which no SQL is written, with the reasons.
const SPECIAL: &[(&str, &str)] = &[
    ("own columns", "is a partition with columns that differ from those of the partitioned table"),
    ("inherits", "inherits from another"),
    ("of type", "has its columns from a type"),
    ("foreign", "is on another server"),
    ("access method", "has an access method of its own"),
    ("tablespace", "has a tablespace of its own"),
];

/// The reason why no SQL is written for a table.
pub(crate) fn special(table: &SchemaObject) -> Option<&'static str> {
    let has = |property: &str| table.properties.contains_key(property);
    let partition = has(PARTITION);
    let special = SPECIAL.iter().filter(|(property, _)| !(partition && *property == "inherits"));
    special.into_iter().find(|(property, _)| has(property)).map(|(_, reason)| *reason)
}

const PARTITION: &str = "partition";
const PARTITIONED: &str = "partitioned";

/// True if a property can be changed: the bounds of a partition can, if it stays a partition.
pub(crate) fn can_change(properties: &BTreeMap<String, PropertyChange>, name: &str) -> bool {
    match name {
        PARTITION => properties.get(name).is_some_and(|one| one.found.is_some() && one.expected.is_some()),
        PARTITIONED => false,
        _ => !SPECIAL.iter().any(|(special, _)| *special == name),
    }
}

/// True for a change for which no SQL is written: a table becomes a partition, a partition a table, or either gets a special
/// property.
pub(crate) fn becomes_special(before: &SchemaObject, after: &SchemaObject) -> bool {
    let changed = |name: &str| before.properties.get(name) != after.properties.get(name);
    let either = |name: &str| before.properties.contains_key(name) != after.properties.contains_key(name);
    before.kind() == ObjectKind::Table
        && (either(PARTITION) || changed(PARTITIONED) || SPECIAL.iter().any(|(name, _)| changed(name)))
}

pub(crate) fn create(context: &PlanContext<'_>, to: &SchemaObject) -> Vec<PlannedStatement> {
    let merged = |part: &&SchemaObject| context.is_merged(StepKind::Create, &part.key);
    let columns: Vec<&SchemaObject> =
        context.to.parts(&to.key).filter(|part| part.kind() == ObjectKind::Column).filter(merged).collect();
    let constraints = context.to.parts(&to.key).filter(|part| part.kind() == ObjectKind::Constraint).filter(merged);
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
            vec![with_default_partition(context, to, PlannedStatement::new(sql))]
        }
    };
    for part in columns {
        statements.extend(column::attributes(part));
    }
    statements.extend(row_security(None, to));
    statements
}

/// Adds the hazards of a scan: rows of the default partition may belong to the new one.
fn with_default_partition(
    context: &PlanContext<'_>,
    to: &SchemaObject,
    statement: PlannedStatement,
) -> PlannedStatement {
    let whole = to.properties.get("inherits");
    let is_default = |other: &&SchemaObject| {
        other.text(PARTITION) == Some("DEFAULT")
            && other.properties.get("inherits") == whole
            && context.stays(&other.key)
    };
    let Some(default) = context.from.objects.values().find(is_default) else { return statement };
    if context.mode == PlanMode::SingleTransaction {
        return statement;
    }
    let default = &default.address;
    statement
        .hazard(HazardKind::MayFail, format!("{default} must hold no row that belongs to {}", to.address))
        .hazard(HazardKind::Lock, format!("{default} is scanned, and cannot be used meanwhile"))
}

pub(crate) fn drop(context: &PlanContext<'_>, from: &SchemaObject) -> Vec<PlannedStatement> {
    let mut statements = detach(context, from);
    statements.push(
        PlannedStatement::new(format!("drop table {}", from.address))
            .hazard(HazardKind::DataLoss, format!("the table {} and all of its rows", from.key.name)),
    );
    statements
}

/// Detaches a partition before it is dropped, if foreign keys refer to the partitioned table.
fn detach(context: &PlanContext<'_>, from: &SchemaObject) -> Vec<PlannedStatement> {
    let Some(whole) = from.list("inherits").first().copied().filter(|_| from.text(PARTITION).is_some()) else {
        return Vec::new();
    };
    let parent = |key: &&ObjectKey| {
        key.kind == ObjectKind::Table && context.from.get(key).is_some_and(|one| one.address == whole)
    };
    let Some(parent) = context.from.needs(&from.key).find(parent).filter(|parent| context.stays(parent)) else {
        return Vec::new();
    };
    let refers = |object: &&SchemaObject| {
        object.kind() == ObjectKind::ForeignKey
            && context.from.needs(&object.key).any(|need| {
                matches!(need.kind, ObjectKind::Constraint | ObjectKind::Index)
                    && context.from.get(need).and_then(|key| key.parent.as_ref()) == Some(parent)
            })
    };
    let Some(other) = context.from.objects.values().find(refers) else { return Vec::new() };
    let table = &from.address;
    vec![
        PlannedStatement::new(format!("alter table {whole} detach partition {table}"))
            .hazard(HazardKind::MayFail, format!("no row of {} may refer to one of {table}", other.address))
            .hazard(HazardKind::Lock, format!("{} is scanned, and cannot be written to meanwhile", other.address)),
    ]
}

pub(crate) fn alter(context: &PlanContext<'_>, from: &SchemaObject, to: &SchemaObject) -> Vec<PlannedStatement> {
    let table = &to.address;
    let mut statements = Vec::new();
    if let Some(bounds) = to.text(PARTITION).filter(|bounds| from.text(PARTITION) != Some(bounds)) {
        let whole = to.list("inherits").first().copied().unwrap_or_default();
        statements.extend(one(format!("alter table {whole} detach partition {table}")));
        let attach = PlannedStatement::new(format!("alter table {whole} attach partition {table} {bounds}"))
            .hazard(HazardKind::MayFail, format!("every row of {table} has to be within its new bounds"))
            .hazard(HazardKind::Lock, format!("{table} is scanned, and cannot be used meanwhile"));
        statements.push(with_default_partition(context, to, attach));
    }
    if from.flag("unlogged") != to.flag("unlogged") {
        let is_unlogged = to.flag("unlogged");
        let word = if is_unlogged { "unlogged" } else { "logged" };
        let mut set = PlannedStatement::new(format!("alter table {table} set {word}"));
        if is_unlogged {
            let text = format!("all rows of {} when the server crashes; no replica has them", to.key.name);
            set = set.hazard(HazardKind::DataLoss, text);
        }
        statements.push(set.hazard(HazardKind::Rewrite, format!("{table} is rewritten, and cannot be used meanwhile")));
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

fn row_security(from: Option<&SchemaObject>, to: &SchemaObject) -> Vec<PlannedStatement> {
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

/// The replica identity of a table, or the index that it is clustered on.
pub(crate) fn point_at_index(to: &SchemaObject) -> Vec<PlannedStatement> {
    let table = &to.address;
    one(match (to.text("identity"), to.text("index")) {
        (Some(identity), _) => format!("alter table {table} replica identity {identity}"),
        (None, index) => format!("alter table {table} cluster on {}", index.unwrap_or_default()),
    })
}
