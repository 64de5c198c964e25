//! What keeps its content under another name: said by a comment in the file, or plain to see.

use std::collections::BTreeMap;

use super::catalog::Catalog;
use super::hints::{Hint, Subject, WORDS, plain, whole};
use super::object::{Key, Kind, Object};
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

/// The statements that do what the comments say. One that was done before is passed over; one that makes no sense is told.
pub(super) fn by_hints(hints: &[Hint], from: &Catalog, to: &Catalog) -> Result<Vec<Rename>, (usize, String)> {
    let mut tables: BTreeMap<Key, Key> = BTreeMap::new();
    let (mut of_wholes, mut of_parts) = (Vec::new(), Vec::new());
    for hint in hints {
        let fail = |why: String| (hint.line, why);
        match &hint.new {
            Subject::Made(_, name) => {
                let new = find(to, |key, _| is_whole(key.kind) && plain(&key.name) == whole(name));
                let new = new.ok_or_else(|| fail(format!("`{name}` is not there to be renamed")))?;
                let old_name = if hint.old.contains('.') { hint.old.clone() } else { beside(&new.key.name, &hint.old) };
                let kind = new.key.kind;
                let old = find(from, |key, _| key.kind == kind && plain(&key.name) == whole(&old_name));
                match (old, from.get(&new.key)) {
                    (Some(_), Some(_)) => {
                        return Err(fail(format!("there is a {kind} {} already, beside {}", new.key.name, hint.old)));
                    }
                    (None, None) => return Err(fail(format!("there is no {kind} `{}` to be renamed", hint.old))),
                    (None, Some(_)) => {}
                    (Some(old), None) => {
                        of_wholes.extend(needed_schema(new, from, &of_wholes));
                        of_wholes.extend(rename_whole(old, new));
                        tables.insert(new.key.clone(), old.key.clone());
                    }
                }
            }
            Subject::Part(table, name) => of_parts.push((hint, table, name)),
        }
    }
    for (hint, table, name) in of_parts {
        let fail = |why: String| (hint.line, why);
        let new = find(to, |key, object| {
            matches!(key.kind, Kind::Column | Kind::Constraint | Kind::ForeignKey)
                && object.parent.as_ref().is_some_and(|parent| plain(&parent.name) == whole(table))
                && plain(&object.ident) == plain(name)
        });
        let Some(new) = new else {
            let renamed = value(hint, table, name, from, to);
            of_wholes.extend(renamed.ok_or_else(|| fail(format!("there is no `{name}` in {table} to be renamed")))?);
            continue;
        };
        let parent = new.parent.clone().unwrap_or_else(|| new.key.clone());
        let parent_before = tables.get(&parent).unwrap_or(&parent);
        let in_old = |ident: &str| {
            find(from, |key, object| {
                key.kind == new.key.kind
                    && object.parent.as_ref() == Some(parent_before)
                    && plain(&object.ident) == plain(ident)
            })
        };
        match (in_old(&hint.old), in_old(name)) {
            (Some(_), Some(_)) => return Err(fail(format!("{table} has both `{}` and `{name}` already", hint.old))),
            (None, None) => return Err(fail(format!("{table} has no `{}` to be renamed", hint.old))),
            (None, Some(_)) => {}
            (Some(old), None) => of_wholes.push(rename_part(&new.address, old, new)),
        }
    }
    Ok(of_wholes)
}

fn find(catalog: &Catalog, is: impl Fn(&Key, &Object) -> bool) -> Option<&Object> {
    catalog.objects.values().find(|object| is(&object.key, object))
}

const fn is_whole(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Table
            | Kind::View
            | Kind::MaterializedView
            | Kind::Enum
            | Kind::Domain
            | Kind::Sequence
            | Kind::Index
            | Kind::Schema
    )
}

/// A name in the schema of another.
fn beside(other: &str, name: &str) -> String {
    other.split_once('.').map_or_else(|| name.to_owned(), |(schema, _)| format!("{schema}.{name}"))
}

/// What moves to a schema that is not there yet waits for it.
fn needed_schema(new: &Object, from: &Catalog, before: &[Rename]) -> Option<Rename> {
    let (schema, _) = new.key.name.split_once('.')?;
    let made = Rename { up: format!("create schema {schema}"), down: format!("drop schema {schema}") };
    let is_there = from.get(&Key::new(Kind::Schema, schema)).is_some() || before.contains(&made);
    (!is_there).then_some(made)
}

fn rename_whole(old: &Object, new: &Object) -> Vec<Rename> {
    let word = if old.kind() == Kind::Enum { "type" } else { old.kind().word() };
    let schema = |object: &Object| object.key.name.split_once('.').map(|(schema, _)| schema.to_owned());
    let mut renames = Vec::new();
    let mut address = old.address.clone();
    if let (Some(before), Some(after)) = (schema(old), schema(new))
        && before != after
        && old.kind() != Kind::Index
    {
        let moved = if after == "public" { old.ident.clone() } else { format!("{after}.{}", old.ident) };
        renames.push(Rename {
            up: format!("alter {word} {address} set schema {after}"),
            down: format!("alter {word} {moved} set schema {before}"),
        });
        address = moved;
    }
    if old.ident != new.ident {
        renames.push(Rename {
            up: format!("alter {word} {address} rename to {}", new.ident),
            down: format!("alter {word} {} rename to {}", new.address, old.ident),
        });
    }
    renames
}

fn rename_part(table: &str, old: &Object, new: &Object) -> Rename {
    let word = if old.kind() == Kind::Column { "column" } else { "constraint" };
    Rename {
        up: format!("alter table {table} rename {word} {} to {}", old.ident, new.ident),
        down: format!("alter table {table} rename {word} {} to {}", new.ident, old.ident),
    }
}

/// A value of an enum; `None` if it is none, and nothing to do if it is renamed already.
fn value(hint: &Hint, name: &str, new: &str, from: &Catalog, to: &Catalog) -> Option<Vec<Rename>> {
    let now = find(to, |key, _| key.kind == Kind::Enum && plain(&key.name) == whole(name))?;
    let before = from.get(&now.key)?;
    let (old_values, new_values) = (before.list("values"), now.list("values"));
    let old = hint.old.as_str();
    if !new_values.contains(&new) {
        return None;
    }
    if !old_values.contains(&old) || old_values.contains(&new) {
        return Some(Vec::new());
    }
    Some(vec![Rename {
        up: format!("alter type {} rename value {old} to {new}", now.address),
        down: format!("alter type {} rename value {new} to {old}", now.address),
    }])
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
                rename_part(&old.address, old, new)
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
                && new.text("type") == old.text("type")
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
