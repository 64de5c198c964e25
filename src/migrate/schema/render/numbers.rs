//! The numbers that columns give by themselves.

use serde_json::Value;

use super::super::names;
use super::super::object::{Key, Kind, Object};
use super::super::plan::{Fate, Scene};
use super::super::statement::{Danger, Statement};
use super::types::{changed_options, greatest, sequence_options};
use super::{literal, one};

fn sequence(object: &Object) -> impl Fn(&str) -> Option<i64> {
    let sequence = object.properties.get("sequence");
    move |name| sequence.and_then(|sequence| sequence.get(name)).and_then(Value::as_i64)
}

fn cycles(object: &Object) -> bool {
    object.properties.get("sequence").and_then(|sequence| sequence.get("cycle")).and_then(Value::as_bool) == Some(true)
}

fn sequence_name(object: &Object) -> Option<&str> {
    object.properties.get("sequence").and_then(|sequence| sequence.get("name")).and_then(Value::as_str)
}

/// In parentheses, what is not as it is by itself; the sequence's name too.
pub(super) fn identity_options(table: &str, to: &Object) -> String {
    let mut options = Vec::new();
    let usual = names::automatic(&names::unquoted(table), &names::unquoted(&to.ident), "seq");
    if let Some(name) = sequence_name(to).filter(|name| names::last(name) != usual) {
        options.push(format!("sequence name {name}"));
    }
    options.extend(sequence_options(to.text("type").unwrap_or_default(), sequence(to), cycles(to)));
    if options.is_empty() { String::new() } else { format!(" ({})", options.join(" ")) }
}

/// Gives the column its identity, takes it over from what it had, or changes it.
pub(super) fn identity(scene: &Scene<'_>, from: &Object, to: &Object) -> Vec<Statement> {
    let (table, column) = (&to.address, &to.ident);
    let alter = format!("alter table {table} alter column {column}");
    let Some(kind) = to.text("identity") else { return Vec::new() };
    let Some(before) = from.text("identity") else {
        let own = to.parent.as_ref().and_then(|table| scene.to.get(table)).map_or("", |table| table.ident.as_str());
        let mut statements = one(format!("{alter} add generated {kind} as identity{}", identity_options(own, to)));
        statements.push(go_on(scene, to, sequence_name(to).unwrap_or_default(), sequence(to)));
        return statements;
    };
    let mut statements = Vec::new();
    if let (Some(old), Some(new)) = (sequence_name(from), sequence_name(to))
        && old != new
    {
        statements.extend(one(format!("alter sequence {old} rename to {}", names::last_part(new))));
    }
    let mut changes = Vec::new();
    if before != kind {
        changes.push(format!("set generated {kind}"));
    }
    let (old_type, new_type) = (from.text("type").unwrap_or_default(), to.text("type").unwrap_or_default());
    let (old, new) = (sequence(from), sequence(to));
    // With the column the sequence gets the new type, and its greatest value by itself.
    let by_itself = |name: &str| {
        let old = old(name);
        if name == "maximum" && old_type != new_type && old == Some(greatest(old_type)) {
            Some(greatest(new_type))
        } else {
            old
        }
    };
    let options = changed_options(by_itself, &new, (cycles(from), cycles(to)));
    changes.extend(options.iter().map(|option| format!("set {option}")));
    if !changes.is_empty() {
        statements.extend(one(format!("{alter} {}", changes.join(" "))));
    }
    statements
}

/// Where the default of a column that is there comes from a sequence that is not, the numbers go on after those of the rows.
pub(super) fn of_new_sequence(scene: &Scene<'_>, to: &Object) -> Option<Statement> {
    const WHOLE: &[&str] = &["smallint", "integer", "bigint"];
    let made = |key: &&Key| key.kind == Kind::Sequence && matches!(scene.fate(key), Some(Fate::Create | Fate::Rebuild));
    let sequence = scene.to.get(scene.to.needs(&to.key).find(made)?)?;
    let whole = to.text("type").is_some_and(|data_type| WHOLE.contains(&data_type));
    (whole && to.text("default").is_some()).then(|| go_on(scene, to, &sequence.address, |name| sequence.number(name)))
}

/// Lets a sequence go on after the numbers that are there; where there are none beyond its first, it begins with that.
fn go_on(scene: &Scene<'_>, to: &Object, sequence: &str, number: impl Fn(&str) -> Option<i64>) -> Statement {
    let (table, column) = (&to.address, &to.ident);
    let start = number("start").unwrap_or(1);
    let (last, beyond) = if number("increment").unwrap_or(1) < 0 { ("min", "<=") } else { ("max", ">=") };
    let statement = Statement::new(format!(
        "select setval({}, {last}({column})) from {table} having {last}({column}) {beyond} {start}",
        literal(sequence)
    ));
    if !scene.in_use(to.parent.as_ref()) || is_indexed(scene, to) {
        return statement;
    }
    let text = format!("{table} is read through to find its last {column}, and cannot be used meanwhile");
    statement.hazard(Danger::Lock, text)
}

/// Whether an index that is there begins with the column.
fn is_indexed(scene: &Scene<'_>, column: &Object) -> bool {
    let begins = |definition: &str| {
        let columns = definition.split_once('(').map_or("", |(_, columns)| columns);
        columns.strip_prefix(&column.ident).is_some_and(|rest| rest.starts_with([',', ')', ' ']))
    };
    let is_index = |part: &Object| match part.kind() {
        Kind::Constraint => matches!(part.text("type"), Some("p" | "u")),
        Kind::Index => part.text("definition").is_some_and(|one| one.contains("btree") && !one.contains(" WHERE ")),
        _ => false,
    };
    let Some(table) = column.parent.as_ref() else { return false };
    scene.from.parts(table).any(|part| is_index(part) && part.text("definition").is_some_and(begins))
}
