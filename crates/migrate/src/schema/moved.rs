//! Names in the way of a table that moves to another schema. Its indexes and sequences move with it, and all of them share
//! their names with the tables, indexes and sequences that are there.

use std::collections::BTreeSet;

use crate::schema::catalog::Catalog;
use crate::schema::names;
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject};
use crate::schema::rename::{Rename, rename_part};

/// The renames of parts of a table whose names are taken in the schema that it moves to, and of an index there that has the
/// name of the table. A part gets the name that it is to have, if it is known and free.
pub(crate) fn make_way(
    (from, to): (&Catalog, &Catalog),
    (old, new): (&SchemaObject, &SchemaObject),
    (before, after): (&str, &str),
    in_schema: impl Fn(&str, &str) -> String,
) -> Vec<Rename> {
    if old.kind() != ObjectKind::Table {
        return Vec::new();
    }
    let there = relation_names(from, after);
    let mut taken: BTreeSet<String> = there.union(&relation_names(from, before)).cloned().collect();
    let mut renames = Vec::new();
    for part in own_relations(from, old) {
        if !there.contains(&part.name) {
            continue;
        }
        let wanted = own_relations(to, new).into_iter().find(|other| other.likeness == part.likeness);
        let name = wanted
            .map(|other| other.name)
            .filter(|name| !taken.contains(name))
            .unwrap_or_else(|| names::free(&names::unquoted(&part.name), "_moved", |name| taken.contains(name)));
        renames.push(match part.kind {
            ObjectKind::Constraint => rename_part(&old.address, ObjectKind::Constraint, &part.name, &name),
            kind => rename_relation(
                kind.word(),
                &in_schema(before, &part.name),
                &name,
                &in_schema(before, &name),
                &part.name,
            ),
        });
        taken.insert(name);
    }
    let of_name = ObjectKey::new(ObjectKind::Index, format!("{after}.{}", new.ident));
    if from.get(&of_name).is_some() {
        let aside = names::free(&names::unquoted(&new.ident), "_aside", |name| taken.contains(name));
        let (now, then) = (in_schema(after, &new.ident), in_schema(after, &aside));
        renames.push(rename_relation("index", &now, &aside, &then, &new.ident));
    }
    renames
}

fn rename_relation(word: &str, address: &str, new: &str, renamed: &str, old: &str) -> Rename {
    Rename {
        up: format!("alter {word} {address} rename to {new}"),
        down: format!("alter {word} {renamed} rename to {old}"),
    }
}

/// An index or a sequence of a table.
struct OwnRelation {
    kind: ObjectKind,
    name: String,
    /// The properties by which it is recognized under another name.
    likeness: String,
}

/// The indexes and sequences of a table, which move with it.
fn own_relations(catalog: &Catalog, table: &SchemaObject) -> Vec<OwnRelation> {
    let mut relations = Vec::new();
    for part in catalog.parts(&table.key) {
        let definition = part.text("definition").unwrap_or_default();
        match part.kind() {
            ObjectKind::Constraint if has_index(part) => relations.push(OwnRelation {
                kind: ObjectKind::Constraint,
                name: part.ident.clone(),
                likeness: format!("constraint {definition}"),
            }),
            ObjectKind::Index => {
                let columns = definition.split_once(" USING ").map_or(definition, |(_, columns)| columns);
                let likeness = format!("index {} {columns}", definition.starts_with("CREATE UNIQUE"));
                relations.push(OwnRelation { kind: ObjectKind::Index, name: part.ident.clone(), likeness });
            }
            ObjectKind::Column => {
                if let Some(name) = identity_sequence(part) {
                    let likeness = format!("sequence of {}", part.ident);
                    relations.push(OwnRelation { kind: ObjectKind::Sequence, name, likeness });
                }
                let owned = catalog.objects.keys().filter(|key| {
                    key.kind == ObjectKind::SequenceOwnership && catalog.needs(key).any(|need| *need == part.key)
                });
                relations.extend(owned.map(|key| OwnRelation {
                    kind: ObjectKind::Sequence,
                    name: names::last_part(&key.name).to_owned(),
                    likeness: format!("sequence of {}", part.ident),
                }));
            }
            _ => {}
        }
    }
    relations
}

fn has_index(constraint: &SchemaObject) -> bool {
    matches!(constraint.text("type"), Some("p" | "u" | "x"))
}

fn identity_sequence(column: &SchemaObject) -> Option<String> {
    Some(names::last_part(column.properties.get("sequence")?.get("name")?.as_str()?).to_owned())
}

/// The names of all tables, views, indexes and sequences in a schema.
fn relation_names(catalog: &Catalog, schema: &str) -> BTreeSet<String> {
    let within = |name: &str| name.strip_prefix(schema).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
    let of = |object: &SchemaObject| match object.kind() {
        kind if kind.is_relation() => within(&object.key.name).map(|_| object.ident.clone()),
        ObjectKind::Constraint if has_index(object) => within(&object.key.name).map(|_| object.ident.clone()),
        ObjectKind::Column => identity_sequence(object).filter(|_| within(&object.key.name).is_some()),
        _ => None,
    };
    catalog.objects.values().filter_map(of).collect()
}
