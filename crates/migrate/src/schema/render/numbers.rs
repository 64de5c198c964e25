//! SQL of identity columns and sequences in defaults.

use serde_json::Value;

use crate::schema::context::{ObjectChange, PlanContext};
use crate::schema::names;
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject};
use crate::schema::render::fragments::one;
use crate::schema::render::types::{changed_options, greatest, position, sequence_options};
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
        let kept = replaced_sequence(context, to);
        statements.push(continue_numbers(context, to, kept, sequence_name(to).unwrap_or_default(), sequence(to)));
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
    let sequence = new_sequence(context, to)?;
    let kept = replaced_sequence(context, to);
    Some(continue_numbers(context, to, kept, &sequence.address, |name| sequence.number(name)))
}

/// The new sequence that a column of whole numbers gets its default from.
fn new_sequence<'a>(context: &'a PlanContext<'_>, to: &SchemaObject) -> Option<&'a SchemaObject> {
    const WHOLE: &[&str] = &["smallint", "integer", "bigint"];
    let made = |key: &&ObjectKey| {
        key.kind == ObjectKind::Sequence
            && matches!(context.change_of(key), Some(ObjectChange::Create | ObjectChange::Rebuild))
    };
    let sequence = context.to.get(context.to.needs(&to.key).find(made)?)?;
    let whole = to.text("type").is_some_and(|data_type| WHOLE.contains(&data_type));
    (whole && to.text("default").is_some()).then_some(sequence)
}

/// The sequence that a column had its numbers from, if it is dropped and the column gets a new one.
fn replaced_sequence<'a>(context: &'a PlanContext<'_>, to: &SchemaObject) -> Option<&'a str> {
    let from = context.from.get(&to.key)?;
    let gets_identity = from.text("identity").is_none() && to.text("identity").is_some();
    if !gets_identity && new_sequence(context, to).is_none() {
        return None;
    }
    if from.text("identity").is_some() {
        return sequence_name(from);
    }
    Some(context.from.get(dropped_sequence(context, &to.key)?)?.address.as_str())
}

fn dropped_sequence<'a>(context: &'a PlanContext<'_>, column: &ObjectKey) -> Option<&'a ObjectKey> {
    let is_dropped =
        |key: &&ObjectKey| key.kind == ObjectKind::Sequence && context.change_of(key) == Some(ObjectChange::Drop);
    context.from.needs(column).find(is_dropped)
}

/// Drops a sequence. Its position is kept for the sequence that takes its place in a column.
pub(crate) fn drop_sequence(context: &PlanContext<'_>, from: &SchemaObject) -> Vec<PlannedStatement> {
    let drop = PlannedStatement::new(format!("drop sequence {}", from.address));
    let is_replaced = context.to.objects.values().any(|column| {
        column.kind() == ObjectKind::Column
            && dropped_sequence(context, &column.key) == Some(&from.key)
            && replaced_sequence(context, column).is_some()
    });
    without_loss(drop, is_replaced, &from.address, position(&from.key.name))
}

/// Drops the identity of a column that stays.
pub(crate) fn drop_identity(context: &PlanContext<'_>, from: &SchemaObject) -> Vec<PlannedStatement> {
    let drop = PlannedStatement::new(format!("alter table {} alter column {} drop identity", from.address, from.ident));
    let sequence = sequence_name(from).unwrap_or_default();
    let is_replaced = context.to.get(&from.key).is_some_and(|to| replaced_sequence(context, to).is_some());
    without_loss(drop, is_replaced, sequence, format!("the position of the identity of {}", from.key.name))
}

fn without_loss(drop: PlannedStatement, is_replaced: bool, sequence: &str, loss: String) -> Vec<PlannedStatement> {
    if !is_replaced {
        return vec![drop.hazard(HazardKind::DataLoss, loss)];
    }
    let setting = readable_literal(&kept_position(sequence));
    let keep = format!("select set_config({setting}, last_value::text, true) from {sequence} where is_called");
    vec![PlannedStatement::new(keep), drop]
}

/// The setting that has the position of a dropped sequence until the end of the transaction.
fn kept_position(sequence: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '_' };
    format!("migrate.last_of_{}", sequence.chars().map(plain).collect::<String>())
}

/// Makes a sequence continue after the existing numbers, and after the position of the sequence that it replaces. If there are
/// none beyond its start, it begins with that.
fn continue_numbers(
    context: &PlanContext<'_>,
    to: &SchemaObject,
    replaced: Option<&str>,
    sequence: &str,
    number: impl Fn(&str) -> Option<i64>,
) -> PlannedStatement {
    let (table, column) = (&to.address, &to.ident);
    let start = number("start").unwrap_or(1);
    let falls = number("increment").unwrap_or(1) < 0;
    let (last, beyond) = if falls { ("min", "<=") } else { ("max", ">=") };
    let name = readable_literal(sequence);
    let statement = PlannedStatement::new(match replaced {
        None => {
            format!("select setval({name}, {last}({column})) from {table} having {last}({column}) {beyond} {start}")
        }
        Some(replaced) => {
            let farthest = if falls { "least" } else { "greatest" };
            let kept =
                format!("nullif(current_setting({}, true), '')::bigint", readable_literal(&kept_position(replaced)));
            format!(
                "select setval({name}, last)\nfrom (select {farthest}({last}({column}), {kept}) as last from {table}) as numbers\n\
                 where last {beyond} {start}"
            )
        }
    });
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
