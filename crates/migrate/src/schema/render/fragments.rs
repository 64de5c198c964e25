//! Pieces of SQL that several renderers need.

use crate::schema::context::PlanContext;
use crate::schema::names;
use crate::schema::object::{ObjectKey, SchemaObject};
use crate::schema::statement::PlannedStatement;
use crate::sql_text::readable_literal;

/// Statements, or the reason why a person has to write them.
pub(crate) type RenderResult = Result<Vec<PlannedStatement>, String>;

pub(crate) fn one(sql: String) -> Vec<PlannedStatement> {
    vec![PlannedStatement::new(sql)]
}

/// The name of an object with a suffix; no other object has that name.
pub(crate) fn suffixed(context: &PlanContext<'_>, object: &SchemaObject, suffix: &str) -> String {
    let is_taken = |name: &str| {
        let others = [context.from, context.to].into_iter().flat_map(|catalog| catalog.objects.values());
        others.filter(|other| other.key != object.key).any(|other| other.ident == name)
    };
    names::free(&names::unquoted(&object.ident), suffix, is_taken)
}

/// The qualified name of another object in the same schema.
pub(crate) fn beside(object: &SchemaObject, name: &str) -> String {
    format!("{}{name}", object.address.strip_suffix(&object.ident).unwrap_or_default())
}

/// The options to set, and those to reset, to get from one list to another.
pub(crate) fn options(from: &SchemaObject, to: &SchemaObject, property: &str) -> (Vec<String>, Vec<String>) {
    let (old, new) = (from.list(property), to.list(property));
    let name = |option: &str| option.split('=').next().unwrap_or_default().to_owned();
    let set = new.iter().filter(|option| !old.contains(option)).map(|option| assignment(option)).collect();
    let reset = old.iter().map(|option| name(option)).filter(|old| !new.iter().any(|new| name(new) == *old)).collect();
    (set, reset)
}

/// An option in SQL: `fillfactor = 70` for `fillfactor=70`.
pub(crate) fn assignment(option: &str) -> String {
    let (name, value) = option.split_once('=').unwrap_or((option, "true"));
    let plain =
        !value.is_empty() && value.chars().all(|char| char.is_ascii_alphanumeric() || char == '_' || char == '.');
    if plain { format!("{name} = {value}") } else { format!("{name} = {}", readable_literal(value)) }
}

pub(crate) fn with_options(object: &SchemaObject) -> String {
    let options: Vec<String> = object.list("options").into_iter().map(assignment).collect();
    if options.is_empty() { String::new() } else { format!(" with ({})", options.join(", ")) }
}

/// The name of a table, for a person.
pub(crate) fn table_name(table: Option<&ObjectKey>) -> &str {
    table.map_or("", |table| table.name.as_str())
}
