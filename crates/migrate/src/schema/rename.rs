//! Statements that rename objects.

use crate::schema::catalog::Catalog;
use crate::schema::names;
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject};
use crate::schema::statement::{HazardKind, PlannedStatement};

/// The statement that renames an object, and the statement that undoes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rename {
    pub up: String,
    pub down: String,
}

/// The names in a statement that renames a column or a table.
struct RenamedName<'a> {
    table: &'a str,
    old: &'a str,
    is_column: bool,
}

impl Rename {
    /// The statement, with the hazards for programs and functions that use the old name.
    pub(crate) fn statement(&self, to: &Catalog) -> PlannedStatement {
        let statement = self.functions_with_old_name(to).into_iter().fold(
            PlannedStatement::new(self.up.clone()),
            |statement, function| {
                let text =
                    format!("the {function} still seems to use the old name; PostgreSQL does not change its body");
                statement.hazard(HazardKind::OlderRelease, text)
            },
        );
        // Programs name tables, columns and values, but no constraints or indexes.
        let unnamed = self.up.contains(" rename constraint ") || self.up.starts_with("alter index");
        if unnamed || self.up.starts_with("create schema") {
            statement.suppress_lint("no program uses the name")
        } else {
            statement.hazard(HazardKind::OlderRelease, "a program that is still running uses the old name")
        }
    }
}

impl Rename {
    fn renamed(&self) -> Option<RenamedName<'_>> {
        let rest = self.up.strip_prefix("alter table ")?;
        if let Some((table, names)) = rest.split_once(" rename column ") {
            return Some(RenamedName { table, old: names.rsplit_once(" to ")?.0, is_column: true });
        }
        let (table, _) = rest.split_once(" rename to ")?;
        Some(RenamedName { table, old: table, is_column: false })
    }

    /// The functions of a schema whose bodies have the old name, and, if it is that of a column, that of the table. PostgreSQL
    /// keeps such a body as a text.
    fn functions_with_old_name<'a>(&self, to: &'a Catalog) -> Vec<&'a ObjectKey> {
        let Some(RenamedName { table, old, is_column }) = self.renamed() else { return Vec::new() };
        let (table, old) = (names::last(table), names::last(old));
        let is_function =
            |object: &&SchemaObject| matches!(object.kind(), ObjectKind::Function | ObjectKind::Procedure);
        let has_old_name = |function: &&SchemaObject| {
            let words: Vec<&str> = words(function.text("definition").unwrap_or_default()).collect();
            let has = |name: &str| words.iter().any(|word| word.eq_ignore_ascii_case(name));
            has(&old) && (!is_column || has(&table) || is_trigger_of(to, &function.key, &table))
        };
        to.objects.values().filter(is_function).filter(has_old_name).map(|function| &function.key).collect()
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !(char.is_alphanumeric() || char == '_' || char == '$'))
}

/// True if a trigger of the table runs the function, which has the columns as `new.x` then.
fn is_trigger_of(to: &Catalog, function: &ObjectKey, table: &str) -> bool {
    to.objects.values().any(|trigger| {
        let is_on_table = |parent: &ObjectKey| names::last(&parent.name) == table;
        trigger.kind() == ObjectKind::Trigger
            && trigger.parent.as_ref().is_some_and(is_on_table)
            && to.needs(&trigger.key).any(|need| need == function)
    })
}

/// Renames a column or a constraint of a table.
pub(crate) fn rename_part(table: &str, kind: ObjectKind, old: &str, new: &str) -> Rename {
    let word = if kind == ObjectKind::Column { "column" } else { "constraint" };
    Rename {
        up: format!("alter table {table} rename {word} {old} to {new}"),
        down: format!("alter table {table} rename {word} {new} to {old}"),
    }
}
