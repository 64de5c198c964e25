//! What the comments say that keeps its content under another name.

use std::collections::BTreeMap;

use super::catalog::Catalog;
use super::chains::{Problem, Said, Step, order};
use super::hints::{Hint, Subject, plain, whole};
use super::names;
use super::object::{Key, Kind, Object};
use super::renames::Rename;

/// Why a comment makes no sense, and the line that it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Senseless {
    pub line: usize,
    pub problem: String,
    /// Whether that is so even where nothing differs: what was swapped cannot be told from what was not.
    pub always: bool,
}

fn senseless(hint: &Hint, problem: impl Into<String>) -> Senseless {
    Senseless { line: hint.line, problem: problem.into(), always: false }
}

/// Those whose names are given together: of a kind, and of one whole.
type Group<'a> = BTreeMap<(Kind, Option<Key>), Vec<(&'a Hint, &'a Object)>>;

/// The statements that do what the comments say. One that was done before is passed over; one that makes no sense is told.
pub(super) fn by_hints(hints: &[Hint], from: &Catalog, to: &Catalog) -> Result<Vec<Rename>, Senseless> {
    // Where there is nothing yet, nothing was called otherwise before.
    if !from.objects.keys().any(|key| is_whole(key.kind) && key.kind != Kind::Schema) {
        return Ok(Vec::new());
    }
    let (mut wholes, mut parts, mut values) = (Group::new(), Group::new(), Group::new());
    for hint in hints {
        match &hint.new {
            Subject::Nothing => return Err(senseless(hint, "what it stands at cannot be renamed")),
            Subject::Made(_, name) => {
                let new = find(to, |key, _| is_whole(key.kind) && plain(&key.name) == whole(name));
                let new = new.ok_or_else(|| senseless(hint, format!("`{name}` is not there to be renamed")))?;
                wholes.entry((new.kind(), None)).or_default().push((hint, new));
            }
            Subject::Part(table, name) => {
                let new = find(to, |key, object| {
                    matches!(key.kind, Kind::Column | Kind::Constraint | Kind::ForeignKey)
                        && object.parent.as_ref().is_some_and(|parent| plain(&parent.name) == whole(table))
                        && plain(&object.ident) == plain(name)
                });
                let listed = || find(to, |key, object| has_value(key, object, table, name));
                if let Some(new) = new {
                    parts.entry((new.kind(), new.parent.clone())).or_default().push((hint, new));
                } else if let Some(listed) = listed() {
                    values.entry((Kind::Enum, Some(listed.key.clone()))).or_default().push((hint, listed));
                } else {
                    return Err(senseless(hint, format!("there is no `{name}` in {table} to be renamed")));
                }
            }
        }
    }
    let mut renames = Vec::new();
    let mut before: BTreeMap<Key, Key> = BTreeMap::new();
    for ((kind, _), group) in &wholes {
        renames.extend(of_wholes(*kind, group, from, to, &mut before)?);
    }
    for group in values.values() {
        renames.extend(of_values(group, from)?);
    }
    for ((kind, table), group) in &parts {
        let Some(table) = table else { continue };
        let old_table = before.get(table).unwrap_or(table);
        // What a table has that is new is new.
        if from.get(old_table).is_some() {
            renames.extend(of_parts(*kind, old_table, group, from, to)?);
        }
    }
    Ok(renames)
}

fn has_value(key: &Key, object: &Object, name: &str, value: &str) -> bool {
    key.kind == Kind::Enum && plain(&key.name) == whole(name) && object.list("values").contains(&value)
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

/// Puts names of one kind in order.
fn ordered(
    what: &str,
    group: &[(&Hint, &Object)],
    names: impl Fn(&Hint, &Object) -> (String, String),
    is_there: impl Fn(&str) -> bool,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Step>, Senseless> {
    let said: Vec<Said> = group
        .iter()
        .enumerate()
        .map(|(place, (hint, object))| {
            let (old, new) = names(hint, object);
            (place, old, new)
        })
        .collect();
    order(&said, is_there, is_wanted).map_err(|problem| match problem {
        Problem::Missing(place) => {
            senseless(group[place].0, format!("there is no {what} `{}` to be renamed", group[place].0.old))
        }
        Problem::Both(place) => {
            let (hint, _) = group[place];
            senseless(hint, format!("there is a {what} `{}` already, beside `{}`", said[place].2, hint.old))
        }
        Problem::Twice(place) => {
            senseless(group[place].0, "one thing cannot be renamed to two, nor two to one".to_owned())
        }
    })
}

/// Whether those that swap names have still to: by what they are, which has to tell one from the other.
fn is_open(hint: &Hint, swapped: bool, as_it_is: bool, names: &[String]) -> Result<bool, Senseless> {
    match (swapped, as_it_is) {
        (true, false) => Ok(true),
        (false, true) => Ok(false),
        _ => Err(Senseless {
            always: true,
            ..senseless(
                hint,
                format!(
                    "{} take each other's names, and nothing tells whether they have already: write `alter … rename` in a \
                     migration by hand (`app migrate new NAME`)",
                    names.join(" and ")
                ),
            )
        }),
    }
}

fn of_wholes(
    kind: Kind,
    group: &[(&Hint, &Object)],
    from: &Catalog,
    to: &Catalog,
    before: &mut BTreeMap<Key, Key>,
) -> Result<Vec<Rename>, Senseless> {
    let names = |hint: &Hint, new: &Object| {
        let old = if hint.old.contains('.') { hint.old.clone() } else { beside(&new.key.name, &hint.old) };
        (whole(&old), plain(&new.key.name))
    };
    let found = |catalog: &'_ Catalog, name: &str| {
        find(catalog, |key, _| key.kind == kind && plain(&key.name) == name).cloned()
    };
    let steps =
        ordered(kind.word(), group, names, |name| found(from, name).is_some(), |name| found(to, name).is_some())?;
    let mut renames: Vec<Rename> = Vec::new();
    for step in steps {
        match step {
            Step::Give(place) => {
                let (hint, new) = group[place];
                let Some(old) = found(from, &names(hint, new).0) else { continue };
                renames.extend(needed_schema(new, from, &renames));
                renames.extend(rename_whole(from, &old, new));
                before.insert(new.key.clone(), old.key.clone());
            }
            Step::Turn(places) => {
                let turn: Vec<(&Hint, &Object, Object)> = places
                    .iter()
                    .filter_map(|place| {
                        let (hint, new) = group[*place];
                        Some((hint, new, found(from, &names(hint, new).0)?))
                    })
                    .collect();
                let alike = |old: &Object, new: &Object| shape(from, old) == shape(to, new);
                let swapped = turn.iter().all(|(_, new, old)| alike(old, new));
                let as_it_is = turn.iter().all(|(_, new, _)| from.get(&new.key).is_some_and(|own| alike(own, new)));
                let words: Vec<String> = turn.iter().map(|(_, new, _)| format!("`{}`", new.key.name)).collect();
                let Some((hint, _, first)) = turn.first().map(|(hint, new, old)| (*hint, *new, old)) else { continue };
                if !is_open(hint, swapped, as_it_is, &words)? {
                    continue;
                }
                let waiting = aside(first);
                renames.extend(rename_whole(from, first, &waiting));
                for (_, new, old) in turn.iter().skip(1).rev() {
                    renames.extend(rename_whole(from, old, new));
                    before.insert(new.key.clone(), old.key.clone());
                }
                renames.extend(rename_whole(from, &waiting, turn[0].1));
                before.insert(turn[0].1.key.clone(), first.key.clone());
            }
        }
    }
    Ok(renames)
}

/// What tells one thing from another: what it is, and what it is made of.
fn shape(catalog: &Catalog, object: &Object) -> Vec<String> {
    let parts = catalog.parts(&object.key).filter(|part| part.kind() == Kind::Column);
    let columns = parts.map(|part| format!("{} {:?}", part.ident, part.text("type")));
    std::iter::once(format!("{:?}", object.properties)).chain(columns).collect()
}

/// The same under a name that nothing else has for a moment.
fn aside(object: &Object) -> Object {
    let ident = names::free(&names::unquoted(&object.ident), "_aside", |_| false);
    let beside = |name: &str| format!("{}{ident}", name.strip_suffix(&object.ident).unwrap_or_default());
    Object {
        key: Key::new(object.kind(), beside(&object.key.name)),
        address: beside(&object.address),
        ident: ident.clone(),
        ..object.clone()
    }
}

fn of_parts(
    kind: Kind,
    table: &Key,
    group: &[(&Hint, &Object)],
    from: &Catalog,
    to: &Catalog,
) -> Result<Vec<Rename>, Senseless> {
    let names = |hint: &Hint, new: &Object| (plain(&hint.old), plain(&new.ident));
    let within = |catalog: &Catalog, table: &Key, name: &str| {
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
            Step::Give(place) => {
                let (hint, new) = group[place];
                let Some(old) = within(from, table, &plain(&hint.old)) else { continue };
                renames.push(rename_part(&new.address, kind, &old.ident, &new.ident));
            }
            Step::Turn(places) => {
                let turn: Vec<(&Hint, &Object, Object)> = places
                    .iter()
                    .filter_map(|place| {
                        let (hint, new) = group[*place];
                        Some((hint, new, within(from, table, &plain(&hint.old))?))
                    })
                    .collect();
                let is = |old: &Object, new: &Object, name: &str| old.text(name) == new.text(name);
                let alike = |old: &Object, new: &Object| is(old, new, "type") && is(old, new, "definition");
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

/// Values of an enum. Those that swap names are told by their places.
fn of_values(group: &[(&Hint, &Object)], from: &Catalog) -> Result<Vec<Rename>, Senseless> {
    let Some((_, now)) = group.first() else { return Ok(Vec::new()) };
    let Some(before) = from.get(&now.key) else { return Ok(Vec::new()) };
    let (there, wanted) = (before.list("values"), now.list("values"));
    let new_name = |hint: &Hint| match &hint.new {
        Subject::Part(_, value) => value.clone(),
        _ => String::new(),
    };
    let rename = |old: &str, new: &str| Rename {
        up: format!("alter type {} rename value {old} to {new}", now.address),
        down: format!("alter type {} rename value {new} to {old}", now.address),
    };
    // One that is gone, and one that was never there, is no reason to stop.
    let open: Vec<(&Hint, &Object)> = group
        .iter()
        .filter(|(hint, _)| there.contains(&hint.old.as_str()) || there.contains(&new_name(hint).as_str()))
        .copied()
        .collect();
    let names = |hint: &Hint, _: &Object| (hint.old.clone(), new_name(hint));
    let steps = ordered("value", &open, names, |name| there.contains(&name), |name| wanted.contains(&name))?;
    let mut renames = Vec::new();
    for step in steps {
        match step {
            Step::Give(place) => renames.push(rename(&open[place].0.old, &new_name(open[place].0))),
            Step::Turn(_) if there == wanted => {}
            Step::Turn(places) => {
                let aside = "'app migrate: aside'";
                let turn: Vec<&Hint> = places.iter().map(|place| open[*place].0).collect();
                renames.push(rename(&turn[0].old, aside));
                renames.extend(turn.iter().skip(1).rev().map(|hint| rename(&hint.old, &new_name(hint))));
                renames.push(rename(aside, &new_name(turn[0])));
            }
        }
    }
    Ok(renames)
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

fn rename_whole(from: &Catalog, old: &Object, new: &Object) -> Vec<Rename> {
    let word = if old.kind() == Kind::Enum { "type" } else { old.kind().word() };
    let split = |object: &Object| object.key.name.split_once('.').map(|(schema, _)| schema.to_owned());
    let in_schema = |schema: &str, ident: &str| {
        if schema == "public" { ident.to_owned() } else { format!("{schema}.{ident}") }
    };
    let rename = |address: &str, renamed: &str| Rename {
        up: format!("alter {word} {address} rename to {}", new.ident),
        down: format!("alter {word} {renamed} rename to {}", old.ident),
    };
    let moves = split(old).zip(split(new)).filter(|(before, after)| before != after && old.kind() != Kind::Index);
    let Some((before, after)) = moves else {
        return if old.ident == new.ident { Vec::new() } else { vec![rename(&old.address, &new.address)] };
    };
    let set_schema = |ident: &str| Rename {
        up: format!("alter {word} {} set schema {after}", in_schema(&before, ident)),
        down: format!("alter {word} {} set schema {before}", in_schema(&after, ident)),
    };
    if old.ident == new.ident {
        return vec![set_schema(&old.ident)];
    }
    // Where the old name is taken in the other schema, the new one is given first.
    let there = format!("{after}.{}", old.ident);
    if find(from, |key, _| key.kind != Kind::Schema && key.name == there).is_some() {
        return vec![rename(&old.address, &in_schema(&before, &new.ident)), set_schema(&new.ident)];
    }
    vec![set_schema(&old.ident), rename(&in_schema(&after, &old.ident), &new.address)]
}

pub(super) fn rename_part(table: &str, kind: Kind, old: &str, new: &str) -> Rename {
    let word = if kind == Kind::Column { "column" } else { "constraint" };
    Rename {
        up: format!("alter table {table} rename {word} {old} to {new}"),
        down: format!("alter table {table} rename {word} {new} to {old}"),
    }
}
