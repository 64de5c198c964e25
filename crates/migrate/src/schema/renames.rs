//! Renames that are obvious from two schemas, and changes that look like renames.

use std::collections::BTreeMap;

use crate::schema::catalog::Catalog;
use crate::schema::hints::{HINT_WORDS, HintSubject, RenameHint};
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject};
use crate::schema::rename::{Rename, rename_part};
use crate::schema::render::conversion::is_wider;

/// Renames of constraints, foreign keys and indexes: the same definition on the same table under another name.
pub(crate) fn obvious_renames(from: &Catalog, to: &Catalog) -> Vec<Rename> {
    let candidates = |one: &Catalog,
                      other: &Catalog|
     -> BTreeMap<(Option<ObjectKey>, ObjectKind, String), Vec<SchemaObject>> {
        let mut found: BTreeMap<_, Vec<SchemaObject>> = BTreeMap::new();
        for object in one.objects.values() {
            let kinds = matches!(object.kind(), ObjectKind::Constraint | ObjectKind::ForeignKey | ObjectKind::Index);
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
            renames.push(if old.kind() == ObjectKind::Index {
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

/// A drop and an addition that may be one object under another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LikelyRename {
    /// The object that would be dropped.
    pub old: ObjectKey,
    /// The object that would be added.
    pub new: ObjectKey,
    /// The comment that marks it as a rename.
    pub hint: String,
    as_hint: RenameHint,
}

impl LikelyRename {
    /// The rename as if a comment in the schema file had marked it.
    pub(crate) fn as_hint(&self) -> RenameHint {
        self.as_hint.clone()
    }
}

/// True if another column can hold the values of this one: it has the same type or a wider one.
fn has_room(old: &SchemaObject, new: &SchemaObject) -> bool {
    let (before, after) = (old.text("type").unwrap_or_default(), new.text("type").unwrap_or_default());
    before == after || is_wider(before, after)
}

/// Sequences that no column owns or takes its default from: their positions are in nothing else.
fn likely_sequences(from: &Catalog, to: &Catalog, old: &[SchemaObject], new: &[SchemaObject]) -> Vec<LikelyRename> {
    let is_alone = |catalog: &Catalog, sequence: &SchemaObject| {
        let of_column = |key: &ObjectKey| matches!(key.kind, ObjectKind::Column | ObjectKind::SequenceOwnership);
        !catalog.objects.keys().any(|key| of_column(key) && catalog.needs(key).any(|need| *need == sequence.key))
    };
    let old = old.iter().filter(|one| is_alone(from, one));
    old.flat_map(|old| {
        let alike = new.iter().filter(|new| is_alone(to, new) && new.properties == old.properties);
        alike.map(|new| {
            let name = old_name(old, new);
            let made = HintSubject::Made("sequence".to_owned(), new.key.name.clone());
            LikelyRename {
                old: old.key.clone(),
                new: new.key.clone(),
                hint: format!("-- {HINT_WORDS}{name}"),
                as_hint: RenameHint { line: 0, old: old.key.name.clone(), new: made },
            }
        })
    })
    .collect()
}

/// The old name as a comment beside the new one has it: with the schema if that is another one.
fn old_name<'a>(old: &'a SchemaObject, new: &SchemaObject) -> &'a str {
    let schema = |object: &SchemaObject| object.key.name.strip_suffix(&object.ident).map(str::to_owned);
    if schema(old) == schema(new) { &old.ident } else { &old.key.name }
}

/// Values that an enum loses, and those that it gets.
fn likely_values(from: &Catalog, to: &Catalog) -> Vec<LikelyRename> {
    let mut likely = Vec::new();
    for old in from.objects.values().filter(|object| object.kind() == ObjectKind::Enum) {
        let Some(new) = to.get(&old.key) else { continue };
        let (before, after) = (old.list("values"), new.list("values"));
        let value = |value: &str| ObjectKey::new(ObjectKind::EnumValue, format!("{}.{value}", old.key.name));
        for gone in before.iter().filter(|value| !after.contains(value)) {
            likely.extend(after.iter().filter(|value| !before.contains(value)).map(|come| LikelyRename {
                old: value(gone),
                new: value(come),
                hint: format!("-- {HINT_WORDS}{gone}"),
                as_hint: RenameHint {
                    line: 0,
                    old: (*gone).to_owned(),
                    new: HintSubject::Part(old.key.name.clone(), (*come).to_owned()),
                },
            }));
        }
    }
    likely
}

/// The drops and additions that look like renames.
pub(crate) fn likely_renames(from: &Catalog, to: &Catalog) -> Vec<LikelyRename> {
    let only_in = |one: &Catalog, other: &Catalog, kind: ObjectKind| -> Vec<SchemaObject> {
        let objects = one.objects.values().filter(|object| object.kind() == kind && other.get(&object.key).is_none());
        objects.cloned().collect()
    };
    let both = |kind| (only_in(from, to, kind), only_in(to, from, kind));
    let mut likely = Vec::new();
    let (old_columns, new_columns) = both(ObjectKind::Column);
    for old in &old_columns {
        let alike = |new: &&SchemaObject| {
            new.parent == old.parent
                && has_room(old, new)
                && new.text("generated").is_some() == old.text("generated").is_some()
        };
        let there = old.parent.as_ref().is_some_and(|table| from.get(table).is_some() && to.get(table).is_some());
        likely.extend(new_columns.iter().filter(alike).filter(|_| there && old.text("generated").is_none()).map(
            |new| {
                let table = new.parent.as_ref().map_or_else(String::new, |table| table.name.clone());
                let as_hint =
                    RenameHint { line: 0, old: old.ident.clone(), new: HintSubject::Part(table, new.ident.clone()) };
                LikelyRename {
                    old: old.key.clone(),
                    new: new.key.clone(),
                    hint: format!("-- {HINT_WORDS}{}", old.ident),
                    as_hint,
                }
            },
        ));
    }
    let (old_sequences, new_sequences) = both(ObjectKind::Sequence);
    likely.extend(likely_sequences(from, to, &old_sequences, &new_sequences));
    likely.extend(likely_values(from, to));
    let (old_tables, new_tables) = both(ObjectKind::Table);
    let columns = |catalog: &Catalog, table: &SchemaObject| -> Vec<String> {
        let columns = catalog.parts(&table.key).filter(|part| part.kind() == ObjectKind::Column);
        columns.map(|column| format!("{} {}", column.ident, column.text("type").unwrap_or_default())).collect()
    };
    for old in &old_tables {
        let before = columns(from, old);
        for new in &new_tables {
            let after = columns(to, new);
            let common = before.iter().filter(|column| after.contains(column)).count();
            if common > 0 && common * 2 >= before.len().max(after.len()) {
                let name = old_name(old, new);
                let hint = format!("-- {HINT_WORDS}{name}");
                let new_name = HintSubject::Made("table".to_owned(), new.key.name.clone());
                let as_hint = RenameHint { line: 0, old: old.key.name.clone(), new: new_name };
                likely.push(LikelyRename { old: old.key.clone(), new: new.key.clone(), hint, as_hint });
            }
        }
    }
    likely
}
