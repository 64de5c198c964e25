//! Writes the SQL of a step, a file a group of objects.

mod attached;
pub(super) mod behaviour;
mod column;
pub(super) mod constraint;
pub(super) mod conversion;
mod numbers;
mod table;
pub(super) mod types;

use std::collections::BTreeSet;

use super::compare::{Change, What};
use super::names;
use super::object::{Key, Kind, Object};
use super::plan::{Act, Fate, Scene};
use super::statement::Statement;

/// Statements, or why somebody has to write them.
type Rendered = Result<Vec<Statement>, String>;

/// Why no SQL is written for a change; `None` if it is.
pub(super) fn unsupported(scene: &Scene<'_>, change: &Change) -> Option<String> {
    let key = &change.key;
    match (key.kind, &change.what) {
        (Kind::RangeType | Kind::CompositeType | Kind::Aggregate | Kind::Other, _) => {
            Some(format!("{change}; no SQL is written for this kind of object"))
        }
        (Kind::Table, What::Missing) => {
            let reason = table::special(scene.to.get(key)?)?;
            Some(format!("{change}; no SQL is written for a table that {reason}"))
        }
        (Kind::Table, What::Other(properties)) => {
            let name = properties.keys().find(|name| !table::can_change(properties, name))?;
            Some(format!("{change}; no SQL is written for a change of `{name}`"))
        }
        (_, What::Other(properties)) => {
            let name = properties.keys().find(|name| matches!(name.as_str(), "tablespace" | "inherited"))?;
            Some(format!("{change}; no SQL is written for a change of `{name}`"))
        }
        _ => None,
    }
}

/// Whether it differs because the table that it is a part of does, and no SQL is written for that.
pub(super) fn is_part_of_unsupported(scene: &Scene<'_>, change: &Change) -> bool {
    let one = scene.to.get(&change.key).or_else(|| scene.from.get(&change.key));
    let both =
        one.and_then(|part| part.parent.as_ref()).and_then(|whole| scene.from.get(whole).zip(scene.to.get(whole)));
    if both.is_some_and(|(before, after)| table::becomes_special(before, after)) {
        return true;
    }
    let mut part = scene.to.get(&change.key).filter(|_| change.what == What::Missing);
    while let Some(whole) = part.and_then(|part| part.parent.as_ref()) {
        let table = scene.to.get(whole);
        if scene.from.get(whole).is_none() && table.is_some_and(|table| table::special(table).is_some()) {
            return true;
        }
        part = table;
    }
    false
}

/// What becomes of an object that is another one afterwards.
pub(super) fn fate_of_changed(scene: &Scene<'_>, key: &Key, changed: &BTreeSet<&str>) -> Fate {
    let (Some(from), Some(to)) = (scene.from.get(key), scene.to.get(key)) else { return Fate::Rebuild };
    let only = |names: &[&str]| changed.iter().all(|name| names.contains(name));
    let in_place = match key.kind {
        Kind::Enum => return if types::only_added(from, to) { Fate::Alter } else { Fate::Retire },
        Kind::Domain if !only(&["default", "not null"]) => return Fate::Retire,
        Kind::Column => !changed.contains("generated") || to.text("generated").is_none(),
        Kind::Constraint | Kind::ForeignKey => {
            !changed.contains("invalid") && (!changed.contains("definition") || constraint::only_validated(from, to))
        }
        Kind::Index => only(&["statistics"]),
        Kind::View | Kind::MaterializedView => only(&["options"]),
        Kind::Function | Kind::Procedure => only(&["definition", "language"]),
        Kind::Trigger | Kind::Rule => only(&["enabled"]),
        Kind::Statistics => only(&["target"]),
        Kind::DomainConstraint | Kind::Policy => false,
        _ => true,
    };
    if in_place { Fate::Alter } else { Fate::Rebuild }
}

/// The statements of a step.
pub(super) fn render(scene: &Scene<'_>, act: Act, key: &Key) -> Rendered {
    match act {
        Act::Drop => drop(scene, scene.from.get(key).ok_or("it is not there")?),
        Act::Release => Ok(match key.kind {
            Kind::Column => column::release(scene, scene.from.get(key).ok_or("it is not there")?),
            _ => types::release(scene, scene.from.get(key).ok_or("it is not there")?),
        }),
        Act::DropReleased => Ok(types::drop_released(scene, scene.from.get(key).ok_or("it is not there")?)),
        Act::Create => create(scene, scene.to.get(key).ok_or("it is not there")?),
        Act::Alter => {
            let (from, to) = scene.from.get(key).zip(scene.to.get(key)).ok_or("it is not there")?;
            alter(scene, from, to)
        }
    }
}

fn create(scene: &Scene<'_>, to: &Object) -> Rendered {
    match to.kind() {
        Kind::Schema => Ok(one(format!("create schema {}", to.address))),
        Kind::Extension => Ok(types::create_extension(to)),
        Kind::Enum => Ok(types::create_enum(to)),
        Kind::Domain => Ok(types::create_domain(to)),
        Kind::DomainConstraint => Ok(types::create_domain_constraint(scene, to)),
        Kind::Sequence => Ok(types::create_sequence(to)),
        Kind::SequenceOwnership => Ok(types::own_sequence(to)),
        Kind::Table => Ok(table::create(scene, to)),
        Kind::Column => column::create(scene, to),
        Kind::Constraint | Kind::ForeignKey => Ok(constraint::create(scene, to)),
        Kind::Index => Ok(constraint::create_index(scene, to)),
        Kind::Statistics => Ok(constraint::create_statistics(to)),
        Kind::ReplicaIdentity | Kind::Clustering => Ok(table::point_at_index(to)),
        Kind::View | Kind::MaterializedView => Ok(behaviour::create_view(scene, to)),
        Kind::ViewColumn => Ok(behaviour::view_column(scene, to)),
        Kind::Function | Kind::Procedure => Ok(behaviour::create_function(to)),
        Kind::Trigger | Kind::Rule => Ok(behaviour::create_trigger(to)),
        Kind::Policy => Ok(behaviour::create_policy(to)),
        Kind::Comment => Ok(attached::comment(scene.to, to)),
        Kind::Privileges => attached::privileges(scene.to, None, Some(to)),
        Kind::Owner => Ok(attached::owner(scene.to, to, to.text("owner"))),
        Kind::RangeType | Kind::CompositeType | Kind::Aggregate | Kind::Other => Err("no SQL is written for it".into()),
    }
}

fn alter(scene: &Scene<'_>, from: &Object, to: &Object) -> Rendered {
    match to.kind() {
        Kind::Extension => Ok(types::alter_extension(from, to)),
        Kind::Enum => Ok(types::alter_enum(scene, from, to)),
        Kind::Domain => Ok(types::alter_domain(from, to)),
        Kind::Sequence => Ok(types::alter_sequence(from, to)),
        Kind::Table => Ok(table::alter(scene, from, to)),
        Kind::Column => Ok(column::alter(scene, from, to)),
        Kind::Constraint | Kind::ForeignKey => Ok(constraint::alter(scene, from, to)),
        Kind::Index => Err("its statistics targets differ".into()),
        Kind::Statistics => Ok(constraint::statistics_target(to)),
        Kind::View | Kind::MaterializedView => Ok(behaviour::alter_view(from, to)),
        Kind::Trigger | Kind::Rule => Ok(behaviour::enable_trigger(to)),
        Kind::Privileges => attached::privileges(scene.to, Some(from), Some(to)),
        _ => create(scene, to),
    }
}

fn drop(scene: &Scene<'_>, from: &Object) -> Rendered {
    let (address, ident) = (&from.address, &from.ident);
    Ok(match from.kind() {
        Kind::Schema
        | Kind::Extension
        | Kind::Domain
        | Kind::Sequence
        | Kind::Function
        | Kind::Procedure
        | Kind::Statistics
        | Kind::View
        | Kind::MaterializedView => one(format!("drop {} {address}", from.kind())),
        Kind::Enum => one(format!("drop type {address}")),
        Kind::DomainConstraint => one(format!("alter domain {address} drop constraint {ident}")),
        Kind::Table => table::drop(scene, from),
        Kind::Column => column::drop(from),
        Kind::SequenceOwnership => one(format!("alter sequence {address} owned by none")),
        Kind::Constraint | Kind::ForeignKey => constraint::drop(from),
        Kind::Index => constraint::drop_index(scene, from),
        Kind::ReplicaIdentity => one(format!("alter table {address} replica identity default")),
        Kind::Clustering => one(format!("alter table {address} set without cluster")),
        // It goes with its view.
        Kind::ViewColumn => Vec::new(),
        Kind::Rule | Kind::Trigger | Kind::Policy => one(format!("drop {} {ident} on {address}", from.kind())),
        Kind::Comment => attached::no_comment(scene.from, from),
        Kind::Privileges => return attached::privileges(scene.from, Some(from), None),
        Kind::Owner => attached::owner(scene.from, from, None),
        Kind::RangeType | Kind::CompositeType | Kind::Aggregate | Kind::Other => {
            return Err("no SQL is written for it".into());
        }
    })
}

fn one(sql: String) -> Vec<Statement> {
    vec![Statement::new(sql)]
}

/// The object's name with something behind it: a name that nothing has.
fn suffixed(scene: &Scene<'_>, object: &Object, suffix: &str) -> String {
    let is_taken = |name: &str| {
        let others = [scene.from, scene.to].into_iter().flat_map(|catalog| catalog.objects.values());
        others.filter(|other| other.key != object.key).any(|other| other.ident == name)
    };
    names::free(&names::unquoted(&object.ident), suffix, is_taken)
}

/// The address of something beside it, under another name.
fn beside(object: &Object, name: &str) -> String {
    format!("{}{name}", object.address.strip_suffix(&object.ident).unwrap_or_default())
}

/// What to set and what to reset to get from one list of options to another.
fn options(from: &Object, to: &Object, property: &str) -> (Vec<String>, Vec<String>) {
    let (old, new) = (from.list(property), to.list(property));
    let name = |option: &str| option.split('=').next().unwrap_or_default().to_owned();
    let set = new.iter().filter(|option| !old.contains(option)).map(|option| assignment(option)).collect();
    let reset = old.iter().map(|option| name(option)).filter(|old| !new.iter().any(|new| name(new) == *old)).collect();
    (set, reset)
}

/// `fillfactor=70`, as it is stored, is `fillfactor = '70'` as it is written.
fn assignment(option: &str) -> String {
    let (name, value) = option.split_once('=').unwrap_or((option, "true"));
    let plain =
        !value.is_empty() && value.chars().all(|char| char.is_ascii_alphanumeric() || char == '_' || char == '.');
    if plain { format!("{name} = {value}") } else { format!("{name} = {}", literal(value)) }
}

fn with_options(object: &Object) -> String {
    let options: Vec<String> = object.list("options").into_iter().map(assignment).collect();
    if options.is_empty() { String::new() } else { format!(" with ({})", options.join(", ")) }
}

/// A text as SQL wants it, whatever `standard_conforming_strings` says.
fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}
