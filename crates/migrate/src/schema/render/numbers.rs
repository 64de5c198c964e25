//! SQL of identity columns and sequences in defaults.

use serde_json::Value;

use crate::schema::context::{ObjectChange, PlanContext};
use crate::schema::names;
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject};
use crate::schema::render::fragments::one;
use crate::schema::render::types::{changed_options, greatest, sequence_options};
use crate::schema::statement::{HazardKind, PlannedStatement};
use crate::sql_text::readable_literal;

fn sequence(object: &SchemaObject) -> impl Fn(&str) -> Option<i64> {
    let sequence = object.properties.get("sequence");
    move |name| sequence.and_then(|sequence| sequence.get(name)).and_then(Value::as_i64)
}

fn cycles(object: &SchemaObject) -> bool {
    object.properties.get("sequence").and_then(|sequence| sequence.get("cycle")).and_then(Value::as_bool) == Some(true)
}

fn sequence_name(object: &SchemaObject) -> Option<&str> {
    object.properties.get("sequence").and_then(|sequence| sequence.get("name")).and_then(Value::as_str)
}

/// The options of an identity that differ from the defaults, in parentheses; with the name of the sequence.
pub(crate) fn identity_options(table: &str, to: &SchemaObject) -> String {
    let mut options = Vec::new();
    let usual = names::automatic(&names::unquoted(table), &names::unquoted(&to.ident), "seq");
    if let Some(name) = sequence_name(to).filter(|name| names::last(name) != usual) {
        options.push(format!("sequence name {name}"));
    }
    options.extend(sequence_options(to.text("type").unwrap_or_default(), sequence(to), cycles(to)));
    if options.is_empty() { String::new() } else { format!(" ({})", options.join(" ")) }
}

/// Adds an identity to a column, or changes it.
pub(crate) fn identity(context: &PlanContext<'_>, from: &SchemaObject, to: &SchemaObject) -> Vec<PlannedStatement> {
    let (table, column) = (&to.address, &to.ident);
    let alter = format!("alter table {table} alter column {column}");
    let Some(kind) = to.text("identity") else { return Vec::new() };
    let Some(before) = from.text("identity") else {
        let own = to.parent.as_ref().and_then(|table| context.to.get(table)).map_or("", |table| table.ident.as_str());
        let mut statements = one(format!("{alter} add generated {kind} as identity{}", identity_options(own, to)));
        statements.push(continue_numbers(context, to, sequence_name(to).unwrap_or_default(), sequence(to)));
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
    // PostgreSQL gives the sequence the new type of the column, with its maximum.
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

/// Continues after the existing numbers, if an existing column gets its default from a new sequence.
pub(crate) fn of_new_sequence(context: &PlanContext<'_>, to: &SchemaObject) -> Option<PlannedStatement> {
    const WHOLE: &[&str] = &["smallint", "integer", "bigint"];
    let made = |key: &&ObjectKey| {
        key.kind == ObjectKind::Sequence
            && matches!(context.change_of(key), Some(ObjectChange::Create | ObjectChange::Rebuild))
    };
    let sequence = context.to.get(context.to.needs(&to.key).find(made)?)?;
    let whole = to.text("type").is_some_and(|data_type| WHOLE.contains(&data_type));
    (whole && to.text("default").is_some())
        .then(|| continue_numbers(context, to, &sequence.address, |name| sequence.number(name)))
}

/// Makes a sequence continue after the existing numbers. If there are none beyond its start, it begins with that.
fn continue_numbers(
    context: &PlanContext<'_>,
    to: &SchemaObject,
    sequence: &str,
    number: impl Fn(&str) -> Option<i64>,
) -> PlannedStatement {
    let (table, column) = (&to.address, &to.ident);
    let start = number("start").unwrap_or(1);
    let (last, beyond) = if number("increment").unwrap_or(1) < 0 { ("min", "<=") } else { ("max", ">=") };
    let statement = PlannedStatement::new(format!(
        "select setval({}, {last}({column})) from {table} having {last}({column}) {beyond} {start}",
        readable_literal(sequence)
    ));
    if !context.in_use(to.parent.as_ref()) || is_indexed(context, to) {
        return statement;
    }
    let text = format!("{table} is scanned to find its last {column}, and cannot be used meanwhile");
    statement.hazard(HazardKind::Lock, text)
}

/// True if an existing index begins with the column.
fn is_indexed(context: &PlanContext<'_>, column: &SchemaObject) -> bool {
    let begins = |definition: &str| {
        let columns = definition.split_once('(').map_or("", |(_, columns)| columns);
        columns.strip_prefix(&column.ident).is_some_and(|rest| rest.starts_with([',', ')', ' ']))
    };
    let is_index = |part: &SchemaObject| match part.kind() {
        ObjectKind::Constraint => matches!(part.text("type"), Some("p" | "u")),
        ObjectKind::Index => {
            part.text("definition").is_some_and(|one| one.contains("btree") && !one.contains(" WHERE "))
        }
        _ => false,
    };
    let Some(table) = column.parent.as_ref() else { return false };
    context.from.parts(table).any(|part| is_index(part) && part.text("definition").is_some_and(begins))
}
