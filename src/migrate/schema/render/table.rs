//! Tables.

use super::super::object::{Key, Kind, Object};
use super::super::plan::{Act, Scene};
use super::super::statement::{Danger, Statement};
use super::{assignment, column, one, options};

/// What makes a table one that no SQL is written for.
pub(super) const SPECIAL: &[(&str, &str)] = &[
    ("partitioned", "is partitioned"),
    ("partition", "is a partition"),
    ("inherits", "inherits from another"),
    ("of type", "has its columns from a type"),
    ("foreign", "is on another server"),
    ("access method", "has an access method of its own"),
    ("tablespace", "has a tablespace of its own"),
];

/// What makes it one that no SQL is written for.
pub(super) fn special(table: &Object) -> Option<&'static str> {
    SPECIAL.iter().find(|(property, _)| table.properties.contains_key(*property)).map(|(_, reason)| *reason)
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
    let mut statements = one(format!("create {unlogged}table {} ({body}){with}", to.address));
    for part in columns {
        statements.extend(column::attributes(part));
    }
    statements.extend(row_security(None, to));
    statements
}

pub(super) fn drop(from: &Object) -> Vec<Statement> {
    vec![
        Statement::new(format!("drop table {}", from.address))
            .hazard(Danger::DataLoss, format!("the table {} and all of its rows", from.key.name)),
    ]
}

pub(super) fn alter(from: &Object, to: &Object) -> Vec<Statement> {
    let table = &to.address;
    let mut statements = Vec::new();
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
