//! Renames that comments in the schema file ask for.

use std::collections::BTreeMap;

use crate::schema::catalog::Catalog;
use crate::schema::hints::{HintSubject, RenameHint, names_object, plain};
use crate::schema::moved::make_way;
use crate::schema::names;
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject};
use crate::schema::rename::{Rename, rename_part};
use crate::schema::rename_order::{RenameClaim, RenameConflict, RenameStep, rename_order};

/// A comment that is not applicable, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidHint {
    pub line: usize,
    pub problem: String,
    /// True if it is an error even if no schema differs: a swap that was done looks like one that was not.
    pub always: bool,
}

fn invalid(hint: &RenameHint, problem: impl Into<String>) -> InvalidHint {
    InvalidHint { line: hint.line, problem: problem.into(), always: false }
}

/// Hints whose names are given together: of one kind and, for parts, of one table or type.
type HintGroup<'a> = BTreeMap<(ObjectKind, Option<ObjectKey>), Vec<(&'a RenameHint, &'a SchemaObject)>>;

/// The renames that the comments ask for. Those that were done before are skipped.
pub(crate) fn hinted_renames(hints: &[RenameHint], from: &Catalog, to: &Catalog) -> Result<Vec<Rename>, InvalidHint> {
    // An empty schema has nothing to rename.
    if !from.objects.keys().any(|key| is_whole(key.kind) && key.kind != ObjectKind::Schema) {
        return Ok(Vec::new());
    }
    let (mut wholes, mut parts, mut values) = (HintGroup::new(), HintGroup::new(), HintGroup::new());
    for hint in hints {
        match &hint.new {
            HintSubject::Nothing => return Err(invalid(hint, "it is beside something that cannot be renamed")),
            HintSubject::Made(_, name) => {
                let new = find(to, |key, object| is_whole(key.kind) && names_object(name, object));
                let new = new.ok_or_else(|| invalid(hint, format!("`{name}` does not exist")))?;
                wholes.entry((new.kind(), None)).or_default().push((hint, new));
            }
            HintSubject::Part(table, name) => {
                let new = find(to, |key, object| {
                    matches!(key.kind, ObjectKind::Column | ObjectKind::Constraint | ObjectKind::ForeignKey)
                        && object
                            .parent
                            .as_ref()
                            .and_then(|parent| to.get(parent))
                            .is_some_and(|one| names_object(table, one))
                        && plain(&object.ident) == plain(name)
                });
                let listed = || find(to, |key, object| has_value(key, object, table, name));
                if let Some(new) = new {
                    parts.entry((new.kind(), new.parent.clone())).or_default().push((hint, new));
                } else if let Some(listed) = listed() {
                    values.entry((ObjectKind::Enum, Some(listed.key.clone()))).or_default().push((hint, listed));
                } else {
                    return Err(invalid(hint, format!("there is no `{name}` in {table}")));
                }
            }
        }
    }
    let mut renames = Vec::new();
    let mut before: BTreeMap<ObjectKey, ObjectKey> = BTreeMap::new();
    for ((kind, _), group) in &wholes {
        renames.extend(of_wholes(*kind, group, from, to, &mut before)?);
    }
    for group in values.values() {
        renames.extend(of_values(group, from)?);
    }
    for ((kind, table), group) in &parts {
        let Some(table) = table else { continue };
        let old_table = before.get(table).unwrap_or(table);
        // A new table has nothing to rename.
        if from.get(old_table).is_some() {
            renames.extend(of_parts(*kind, old_table, group, from, to)?);
        }
    }
    Ok(renames)
}

fn has_value(key: &ObjectKey, object: &SchemaObject, name: &str, value: &str) -> bool {
    key.kind == ObjectKind::Enum && names_object(name, object) && object.list("values").contains(&value)
}

fn find(catalog: &Catalog, is: impl Fn(&ObjectKey, &SchemaObject) -> bool) -> Option<&SchemaObject> {
    catalog.objects.values().find(|object| is(&object.key, object))
}

const fn is_whole(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Table
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Enum
            | ObjectKind::Domain
            | ObjectKind::Sequence
            | ObjectKind::Index
            | ObjectKind::Schema
    )
}

/// The renames of one kind, in order.
fn ordered(
    what: &str,
    group: &[(&RenameHint, &SchemaObject)],
    names: impl Fn(&RenameHint, &SchemaObject) -> (String, String),
    exists: impl Fn(&str) -> bool,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Vec<RenameStep>, InvalidHint> {
    let claims: Vec<RenameClaim> = group
        .iter()
        .enumerate()
        .map(|(place, (hint, object))| {
            let (old, new) = names(hint, object);
            (place, old, new)
        })
        .collect();
    rename_order(&claims, exists, is_wanted).map_err(|problem| match problem {
        RenameConflict::Missing(place) => {
            invalid(group[place].0, format!("there is no {what} `{}`", group[place].0.old))
        }
        RenameConflict::Both(place) => {
            let (hint, _) = group[place];
            invalid(hint, format!("there is a {what} `{}` already, beside `{}`", claims[place].2, hint.old))
        }
        RenameConflict::Twice(place) => {
            invalid(group[place].0, "one object cannot be renamed to two, nor two to one".to_owned())
        }
    })
}

/// True if a swap is still to be done. The definitions of the objects have to tell one from the other.
fn is_open(hint: &RenameHint, swapped: bool, as_it_is: bool, names: &[String]) -> Result<bool, InvalidHint> {
    match (swapped, as_it_is) {
        (true, false) => Ok(true),
        (false, true) => Ok(false),
        _ => Err(InvalidHint {
            always: true,
            ..invalid(
                hint,
                format!(
                    "{} take each other's names, and nothing shows whether they did so before: write `alter … rename` in a \
                     migration by hand (`{{new}}`)",
                    names.join(" and ")
                ),
            )
        }),
    }
}

fn of_wholes(
    kind: ObjectKind,
    group: &[(&RenameHint, &SchemaObject)],
    from: &Catalog,
    to: &Catalog,
    before: &mut BTreeMap<ObjectKey, ObjectKey>,
) -> Result<Vec<Rename>, InvalidHint> {
    let names = |hint: &RenameHint, new: &SchemaObject| {
        let old = if hint.old.contains('.') { hint.old.clone() } else { beside(&new.key.name, &hint.old) };
        (plain(&old), plain(&new.key.name))
    };
    let found = |catalog: &'_ Catalog, name: &str| {
        find(catalog, |key, _| key.kind == kind && plain(&key.name) == name).cloned()
    };
    let steps =
        ordered(kind.word(), group, names, |name| found(from, name).is_some(), |name| found(to, name).is_some())?;
    let mut renames: Vec<Rename> = Vec::new();
    for step in steps {
        match step {
            RenameStep::Rename(place) => {
                let (hint, new) = group[place];
                let Some(old) = found(from, &names(hint, new).0) else { continue };
                renames.extend(needed_schema(new, from, &renames));
                renames.extend(rename_qualified((from, to), &old, new));
                before.insert(new.key.clone(), old.key.clone());
            }
            RenameStep::Cycle(places) => {
                let turn: Vec<(&RenameHint, &SchemaObject, SchemaObject)> = places
                    .iter()
                    .filter_map(|place| {
                        let (hint, new) = group[*place];
                        Some((hint, new, found(from, &names(hint, new).0)?))
                    })
                    .collect();
                let alike = |old: &SchemaObject, new: &SchemaObject| shape(from, old) == shape(to, new);
                let swapped = turn.iter().all(|(_, new, old)| alike(old, new));
                let as_it_is = turn.iter().all(|(_, new, _)| from.get(&new.key).is_some_and(|own| alike(own, new)));
                let words: Vec<String> = turn.iter().map(|(_, new, _)| format!("`{}`", new.key.name)).collect();
                let Some((hint, _, first)) = turn.first().map(|(hint, new, old)| (*hint, *new, old)) else { continue };
                if !is_open(hint, swapped, as_it_is, &words)? {
                    continue;
                }
                let waiting = aside(first);
                renames.extend(rename_qualified((from, to), first, &waiting));
                for (_, new, old) in turn.iter().skip(1).rev() {
                    renames.extend(rename_qualified((from, to), old, new));
                    before.insert(new.key.clone(), old.key.clone());
                }
                renames.extend(rename_qualified((from, to), &waiting, turn[0].1));
                before.insert(turn[0].1.key.clone(), first.key.clone());
            }
        }
    }
    Ok(renames)
}

/// The properties and columns that tell one object from another.
fn shape(catalog: &Catalog, object: &SchemaObject) -> Vec<String> {
    let parts = catalog.parts(&object.key).filter(|part| part.kind() == ObjectKind::Column);
    let columns = parts.map(|part| format!("{} {:?}", part.ident, part.text("type")));
    std::iter::once(format!("{:?}", object.properties)).chain(columns).collect()
}

/// The object under a temporary name.
fn aside(object: &SchemaObject) -> SchemaObject {
    let ident = names::free(&names::unquoted(&object.ident), "_aside", |_| false);
    let beside = |name: &str| format!("{}{ident}", name.strip_suffix(&object.ident).unwrap_or_default());
    SchemaObject {
        key: ObjectKey::new(object.kind(), beside(&object.key.name)),
        address: beside(&object.address),
        ident: ident.clone(),
        ..object.clone()
    }
}

fn of_parts(
    kind: ObjectKind,
    table: &ObjectKey,
    group: &[(&RenameHint, &SchemaObject)],
    from: &Catalog,
    to: &Catalog,
) -> Result<Vec<Rename>, InvalidHint> {
    let names = |hint: &RenameHint, new: &SchemaObject| (plain(&hint.old), plain(&new.ident));
    let within = |catalog: &Catalog, table: &ObjectKey, name: &str| {
        find(catalog, |key, object| {
            key.kind == kind && object.parent.as_ref() == Some(table) && plain(&object.ident) == name
        })
        .cloned()
    };
    let wanted = group.first().and_then(|(_, new)| new.parent.clone()).unwrap_or_else(|| table.clone());
    let steps = ordered(
        kind.word(),
        group,
        names,
        |name| within(from, table, name).is_some(),
        |name| within(to, &wanted, name).is_some(),
    )?;
    let mut renames = Vec::new();
    for step in steps {
        match step {
            RenameStep::Rename(place) => {
                let (hint, new) = group[place];
                let Some(old) = within(from, table, &plain(&hint.old)) else { continue };
                renames.push(rename_part(&new.address, kind, &old.ident, &new.ident));
            }
            RenameStep::Cycle(places) => {
                let turn: Vec<(&RenameHint, &SchemaObject, SchemaObject)> = places
                    .iter()
                    .filter_map(|place| {
                        let (hint, new) = group[*place];
                        Some((hint, new, within(from, table, &plain(&hint.old))?))
                    })
                    .collect();
                let is = |old: &SchemaObject, new: &SchemaObject, name: &str| old.text(name) == new.text(name);
                let alike = |old: &SchemaObject, new: &SchemaObject| is(old, new, "type") && is(old, new, "definition");
                let swapped = turn.iter().all(|(_, new, old)| alike(old, new));
                let as_it_is = turn
                    .iter()
                    .all(|(_, new, _)| within(from, table, &plain(&new.ident)).is_some_and(|own| alike(&own, new)));
                let words: Vec<String> = turn.iter().map(|(_, new, _)| format!("`{}`", new.ident)).collect();
                let Some((hint, new, first)) = turn.first() else { continue };
                if !is_open(hint, swapped, as_it_is, &words)? {
                    continue;
                }
                let waiting = aside(first).ident;
                let rename = |old: &str, new: &str| rename_part(&turn[0].1.address, kind, old, new);
                renames.push(rename(&first.ident, &waiting));
                renames.extend(turn.iter().skip(1).rev().map(|(_, new, old)| rename(&old.ident, &new.ident)));
                renames.push(rename(&waiting, &new.ident));
            }
        }
    }
    Ok(renames)
}

/// The old value of a hint, in quotes. One that is a plain word may stand without them.
fn old_value(hint: &RenameHint) -> String {
    if hint.old.starts_with('\'') { hint.old.clone() } else { format!("'{}'", hint.old) }
}

/// Renames of enum values. A swap is recognized by the positions.
fn of_values(group: &[(&RenameHint, &SchemaObject)], from: &Catalog) -> Result<Vec<Rename>, InvalidHint> {
    let Some((_, now)) = group.first() else { return Ok(Vec::new()) };
    let Some(before) = from.get(&now.key) else { return Ok(Vec::new()) };
    let (there, wanted) = (before.list("values"), now.list("values"));
    let new_name = |hint: &RenameHint| match &hint.new {
        HintSubject::Part(_, value) => value.clone(),
        _ => String::new(),
    };
    let rename = |old: &str, new: &str| Rename {
        up: format!("alter type {} rename value {old} to {new}", now.address),
        down: format!("alter type {} rename value {new} to {old}", now.address),
    };
    let names = |hint: &RenameHint, _: &SchemaObject| (old_value(hint), new_name(hint));
    let steps = ordered("value", group, names, |name| there.contains(&name), |name| wanted.contains(&name))?;
    let mut renames = Vec::new();
    for step in steps {
        match step {
            RenameStep::Rename(place) => renames.push(rename(&old_value(group[place].0), &new_name(group[place].0))),
            RenameStep::Cycle(_) if there == wanted => {}
            RenameStep::Cycle(places) => {
                let aside = "'migrate: aside'";
                let turn: Vec<&RenameHint> = places.iter().map(|place| group[*place].0).collect();
                renames.push(rename(&old_value(turn[0]), aside));
                renames.extend(turn.iter().skip(1).rev().map(|hint| rename(&old_value(hint), &new_name(hint))));
                renames.push(rename(aside, &new_name(turn[0])));
            }
        }
    }
    Ok(renames)
}

/// A name qualified with the schema of another name.
fn beside(other: &str, name: &str) -> String {
    other.split_once('.').map_or_else(|| name.to_owned(), |(schema, _)| format!("{schema}.{name}"))
}

/// Creates the schema that an object moves to, if it does not exist.
fn needed_schema(new: &SchemaObject, from: &Catalog, before: &[Rename]) -> Option<Rename> {
    let (schema, _) = new.key.name.split_once('.')?;
    let made = Rename { up: format!("create schema {schema}"), down: format!("drop schema {schema}") };
    let is_there = from.get(&ObjectKey::new(ObjectKind::Schema, schema)).is_some() || before.contains(&made);
    (!is_there).then_some(made)
}

fn rename_qualified((from, to): (&Catalog, &Catalog), old: &SchemaObject, new: &SchemaObject) -> Vec<Rename> {
    let word = if old.kind() == ObjectKind::Enum { "type" } else { old.kind().word() };
    let split = |object: &SchemaObject| object.key.name.split_once('.').map(|(schema, _)| schema.to_owned());
    let is_home =
        |schema: &str| [old, new].iter().any(|one| one.address == one.ident && split(one).as_deref() == Some(schema));
    let in_schema =
        |schema: &str, ident: &str| if is_home(schema) { ident.to_owned() } else { format!("{schema}.{ident}") };
    let rename = |address: &str, renamed: &str| Rename {
        up: format!("alter {word} {address} rename to {}", new.ident),
        down: format!("alter {word} {renamed} rename to {}", old.ident),
    };
    let moves = split(old).zip(split(new)).filter(|(before, after)| before != after && old.kind() != ObjectKind::Index);
    let Some((before, after)) = moves else {
        return if old.ident == new.ident { Vec::new() } else { vec![rename(&old.address, &new.address)] };
    };
    let set_schema = |ident: &str| Rename {
        up: format!("alter {word} {} set schema {after}", in_schema(&before, ident)),
        down: format!("alter {word} {} set schema {before}", in_schema(&after, ident)),
    };
    let mut renames = make_way((from, to), (old, new), (&before, &after), in_schema);
    // If the old name is taken in the other schema, the object is renamed first.
    let there = format!("{after}.{}", old.ident);
    if old.ident == new.ident {
        renames.push(set_schema(&old.ident));
    } else if find(from, |key, _| key.kind != ObjectKind::Schema && key.name == there).is_some() {
        renames.extend([rename(&old.address, &in_schema(&before, &new.ident)), set_schema(&new.ident)]);
    } else {
        renames.extend([set_schema(&old.ident), rename(&in_schema(&after, &old.ident), &new.address)]);
    }
    renames
}
