//! Statements that rename objects.

use crate::schema::object::ObjectKind;
use crate::schema::statement::{HazardKind, PlannedStatement};

/// The statement that renames an object, and the statement that undoes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rename {
    pub up: String,
    pub down: String,
}

impl Rename {
    pub(crate) fn statement(&self) -> PlannedStatement {
        let statement = PlannedStatement::new(self.up.clone());
        // Programs name tables, columns and values, but no constraints or indexes.
        let unnamed = self.up.contains(" rename constraint ") || self.up.starts_with("alter index");
        if unnamed || self.up.starts_with("create schema") {
            statement.suppress_lint("no program uses the name")
        } else {
            statement.hazard(HazardKind::OlderRelease, "a program that is still running uses the old name")
        }
    }
}

/// Renames a column or a constraint of a table.
pub(crate) fn rename_part(table: &str, kind: ObjectKind, old: &str, new: &str) -> Rename {
    let word = if kind == ObjectKind::Column { "column" } else { "constraint" };
    Rename {
        up: format!("alter table {table} rename {word} {old} to {new}"),
        down: format!("alter table {table} rename {word} {new} to {old}"),
    }
}
