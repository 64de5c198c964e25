//! What keeps its content under another name: said by a comment in the file, or plain to see.

use std::collections::BTreeMap;

use super::catalog::Catalog;
use super::hinted::rename_part;
use super::hints::{Hint, Subject, WORDS};
use super::object::{Key, Kind, Object};
use super::render::conversion::is_wider;
use super::statement::{Danger, Statement};

/// A name that is given, and the one that it takes the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rename {
    pub up: String,
    pub down: String,
}

impl Rename {
    pub(super) fn statement(&self) -> Statement {
        let statement = Statement::new(self.up.clone());
        // Programs name tables, columns and values, and no constraints or indexes.
        let unnamed = self.up.contains(" rename constraint ") || self.up.starts_with("alter index");
        if unnamed || self.up.starts_with("create schema") {
            statement.excuse("no program names it")
        } else {
            statement.hazard(Danger::OlderRelease, "a program that is still running asks for the old name")
        }
    }
}

/// What has the same definition under another name, in the same place: constraints, foreign keys and indexes.
pub(super) fn plain_to_see(from: &Catalog, to: &Catalog) -> Vec<Rename> {
    let candidates = |one: &Catalog, other: &Catalog| -> BTreeMap<(Option<Key>, Kind, String), Vec<Object>> {
        let mut found: BTreeMap<_, Vec<Object>> = BTreeMap::new();
        for object in one.objects.values() {
            let kinds = matches!(object.kind(), Kind::Constraint | Kind::ForeignKey | Kind::Index);
            if kinds && other.get(&object.key).is_none() {
                let place = (object.parent.clone(), object.kind(), format!("{:?}", object.properties));
                found.entry(place).or_default().push(object.clone());
            }
        }
        found
    };
    let (gone, come) = (candidates(from, to), candidates(to, from));
    let mut renames = Vec::new();
    for (place, old) in &gone {
        let Some(new) = come.get(place) else { continue };
        for (old, new) in old.iter().zip(new) {
            renames.push(if old.kind() == Kind::Index {
                Rename {
                    up: format!("alter index {} rename to {}", old.address, new.ident),
                    down: format!("alter index {} rename to {}", new.address, old.ident),
                }
            } else {
                rename_part(&old.address, old.kind(), &old.ident, &new.ident)
            });
        }
    }
    renames
}

/// A drop and an add that may well be one thing under another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LikelyRename {
    /// What would be dropped.
    pub old: Key,
    /// What would be added.
    pub new: Key,
    /// The comment that says that it is one.
    pub hint: String,
    said: Hint,
}

impl LikelyRename {
    /// What a comment in the file would have said.
    pub(in crate::migrate) fn said(&self) -> Hint {
        self.said.clone()
    }
}

/// Whether what was in one column may be in another by now, with the same type or one with more room.
fn has_room(old: &Object, new: &Object) -> bool {
    let (before, after) = (old.text("type").unwrap_or_default(), new.text("type").unwrap_or_default());
    before == after || is_wider(before, after)
}

/// The drops and adds that look like renames.
pub(super) fn likely(from: &Catalog, to: &Catalog) -> Vec<LikelyRename> {
    let only_in = |one: &Catalog, other: &Catalog, kind: Kind| -> Vec<Object> {
        let objects = one.objects.values().filter(|object| object.kind() == kind && other.get(&object.key).is_none());
        objects.cloned().collect()
    };
    let both = |kind| (only_in(from, to, kind), only_in(to, from, kind));
    let mut likely = Vec::new();
    let (old_columns, new_columns) = both(Kind::Column);
    for old in &old_columns {
        let alike = |new: &&Object| {
            new.parent == old.parent
                && has_room(old, new)
                && new.text("generated").is_some() == old.text("generated").is_some()
        };
        let there = old.parent.as_ref().is_some_and(|table| from.get(table).is_some() && to.get(table).is_some());
        likely.extend(new_columns.iter().filter(alike).filter(|_| there && old.text("generated").is_none()).map(
            |new| {
                let table = new.parent.as_ref().map_or_else(String::new, |table| table.name.clone());
                let said = Hint { line: 0, old: old.ident.clone(), new: Subject::Part(table, new.ident.clone()) };
                LikelyRename {
                    old: old.key.clone(),
                    new: new.key.clone(),
                    hint: format!("-- {WORDS}{}", old.ident),
                    said,
                }
            },
        ));
    }
    let (old_tables, new_tables) = both(Kind::Table);
    let columns = |catalog: &Catalog, table: &Object| -> Vec<String> {
        let columns = catalog.parts(&table.key).filter(|part| part.kind() == Kind::Column);
        columns.map(|column| format!("{} {}", column.ident, column.text("type").unwrap_or_default())).collect()
    };
    for old in &old_tables {
        let before = columns(from, old);
        for new in &new_tables {
            let after = columns(to, new);
            let common = before.iter().filter(|column| after.contains(column)).count();
            if common > 0 && common * 2 >= before.len().max(after.len()) {
                let name = old.key.name.strip_prefix("public.").unwrap_or(&old.key.name);
                let hint = format!("-- {WORDS}{name}");
                let new_name = Subject::Made("table".to_owned(), new.key.name.clone());
                let said = Hint { line: 0, old: old.key.name.clone(), new: new_name };
                likely.push(LikelyRename { old: old.key.clone(), new: new.key.clone(), hint, said });
            }
        }
    }
    likely
}
