//! Chooses the renderer of a step by the kind of the object.

use std::collections::BTreeSet;

use crate::schema::compare::{ChangeKind, SchemaChange};
use crate::schema::context::{ObjectChange, PlanContext, StepKind};
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject};
use crate::schema::render::fragments::{RenderResult, one};
use crate::schema::render::{attached, behaviour, column, constraint, numbers, table, types};

/// The reason why no SQL is written for a change; `None` if it is written.
pub(crate) fn unsupported(context: &PlanContext<'_>, change: &SchemaChange) -> Option<String> {
    let key = &change.key;
    match (key.kind, &change.what) {
        (ObjectKind::RangeType | ObjectKind::CompositeType | ObjectKind::Aggregate | ObjectKind::Other, _) => {
            Some(format!("{change}; no SQL is written for this kind of object"))
        }
        (ObjectKind::Table, ChangeKind::Missing) => {
            let reason = table::special(context.to.get(key)?)?;
            Some(format!("{change}; no SQL is written for a table that {reason}"))
        }
        (ObjectKind::Table, ChangeKind::Other(properties)) => {
            let name = properties.keys().find(|name| !table::can_change(properties, name))?;
            Some(format!("{change}; no SQL is written for a change of `{name}`"))
        }
        (_, ChangeKind::Other(properties)) => {
            let name = properties.keys().find(|name| matches!(name.as_str(), "tablespace" | "inherited"))?;
            Some(format!("{change}; no SQL is written for a change of `{name}`"))
        }
        _ => None,
    }
}

/// True for a part that differs only because its table does, if no SQL is written for the change of the table.
pub(crate) fn is_part_of_unsupported(context: &PlanContext<'_>, change: &SchemaChange) -> bool {
    let one = context.to.get(&change.key).or_else(|| context.from.get(&change.key));
    let both =
        one.and_then(|part| part.parent.as_ref()).and_then(|whole| context.from.get(whole).zip(context.to.get(whole)));
    if both.is_some_and(|(before, after)| table::becomes_special(before, after)) {
        return true;
    }
    let mut part = context.to.get(&change.key).filter(|_| change.what == ChangeKind::Missing);
    while let Some(whole) = part.and_then(|part| part.parent.as_ref()) {
        let table = context.to.get(whole);
        if context.from.get(whole).is_none() && table.is_some_and(|table| table::special(table).is_some()) {
            return true;
        }
        part = table;
    }
    false
}

/// The change that brings an object to other properties.
pub(crate) fn change_of_changed(context: &PlanContext<'_>, key: &ObjectKey, changed: &BTreeSet<&str>) -> ObjectChange {
    let (Some(from), Some(to)) = (context.from.get(key), context.to.get(key)) else { return ObjectChange::Rebuild };
    let only = |names: &[&str]| changed.iter().all(|name| names.contains(name));
    let is_in_place = match key.kind {
        ObjectKind::Enum => {
            return if types::only_added(from, to) { ObjectChange::Alter } else { ObjectChange::Retire };
        }
        ObjectKind::Domain if !only(&["default", "not null"]) => return ObjectChange::Retire,
        ObjectKind::Column => !changed.contains("generated") || to.text("generated").is_none(),
        ObjectKind::Constraint | ObjectKind::ForeignKey => {
            !changed.contains("invalid") && (!changed.contains("definition") || constraint::only_validated(from, to))
        }
        ObjectKind::Index => only(&["statistics"]),
        ObjectKind::View | ObjectKind::MaterializedView => only(&["options"]),
        ObjectKind::Function | ObjectKind::Procedure => only(&["definition", "language"]),
        ObjectKind::Trigger | ObjectKind::Rule => only(&["enabled"]),
        ObjectKind::Statistics => only(&["target"]),
        ObjectKind::DomainConstraint | ObjectKind::Policy => false,
        _ => true,
    };
    if is_in_place { ObjectChange::Alter } else { ObjectChange::Rebuild }
}

/// The statements of a step.
pub(crate) fn render(context: &PlanContext<'_>, kind: StepKind, key: &ObjectKey) -> RenderResult {
    match kind {
        StepKind::Drop => drop(context, context.from.get(key).ok_or("it does not exist")?),
        StepKind::Release => Ok(match key.kind {
            ObjectKind::Column => column::release(context, context.from.get(key).ok_or("it does not exist")?),
            _ => types::release(context, context.from.get(key).ok_or("it does not exist")?),
        }),
        StepKind::DropReleased => Ok(types::drop_released(context, context.from.get(key).ok_or("it does not exist")?)),
        StepKind::Create => create(context, context.to.get(key).ok_or("it does not exist")?),
        StepKind::Alter => {
            let (from, to) = context.from.get(key).zip(context.to.get(key)).ok_or("it does not exist")?;
            alter(context, from, to)
        }
    }
}

fn create(context: &PlanContext<'_>, to: &SchemaObject) -> RenderResult {
    match to.kind() {
        ObjectKind::Schema => Ok(one(format!("create schema {}", to.address))),
        ObjectKind::Extension => Ok(types::create_extension(to)),
        ObjectKind::Enum => Ok(types::create_enum(to)),
        ObjectKind::Domain => Ok(types::create_domain(to)),
        ObjectKind::DomainConstraint => Ok(types::create_domain_constraint(context, to)),
        ObjectKind::Sequence => Ok(types::create_sequence(to)),
        ObjectKind::SequenceOwnership => Ok(types::own_sequence(to)),
        ObjectKind::Table => Ok(table::create(context, to)),
        ObjectKind::Column => column::create(context, to),
        ObjectKind::Constraint | ObjectKind::ForeignKey => Ok(constraint::create(context, to)),
        ObjectKind::Index => Ok(constraint::create_index(context, to)),
        ObjectKind::Statistics => Ok(constraint::create_statistics(to)),
        ObjectKind::ReplicaIdentity | ObjectKind::Clustering => Ok(table::point_at_index(to)),
        ObjectKind::View | ObjectKind::MaterializedView => Ok(behaviour::create_view(context, to)),
        ObjectKind::ViewColumn => Ok(behaviour::view_column(context, to)),
        ObjectKind::Function | ObjectKind::Procedure => Ok(behaviour::create_function(to)),
        ObjectKind::Trigger | ObjectKind::Rule => Ok(behaviour::create_trigger(to)),
        ObjectKind::Policy => Ok(behaviour::create_policy(to)),
        ObjectKind::Comment => Ok(attached::comment(context.to, to)),
        ObjectKind::Privileges => attached::privileges(context.to, None, Some(to)),
        ObjectKind::Owner => Ok(attached::owner(context.to, to, to.text("owner"))),
        ObjectKind::EnumValue
        | ObjectKind::RangeType
        | ObjectKind::CompositeType
        | ObjectKind::Aggregate
        | ObjectKind::Other => Err("no SQL is written for it".into()),
    }
}

fn alter(context: &PlanContext<'_>, from: &SchemaObject, to: &SchemaObject) -> RenderResult {
    match to.kind() {
        ObjectKind::Extension => Ok(types::alter_extension(from, to)),
        ObjectKind::Enum => Ok(types::alter_enum(context, from, to)),
        ObjectKind::Domain => Ok(types::alter_domain(from, to)),
        ObjectKind::Sequence => Ok(types::alter_sequence(from, to)),
        ObjectKind::Table => Ok(table::alter(context, from, to)),
        ObjectKind::Column => Ok(column::alter(context, from, to)),
        ObjectKind::Constraint | ObjectKind::ForeignKey => Ok(constraint::alter(context, from, to)),
        ObjectKind::Index => Err("its statistics targets differ".into()),
        ObjectKind::Statistics => Ok(constraint::statistics_target(to)),
        ObjectKind::View | ObjectKind::MaterializedView => Ok(behaviour::alter_view(context, from, to)),
        ObjectKind::Trigger | ObjectKind::Rule => Ok(behaviour::enable_trigger(to)),
        ObjectKind::Privileges => attached::privileges(context.to, Some(from), Some(to)),
        _ => create(context, to),
    }
}

fn drop(context: &PlanContext<'_>, from: &SchemaObject) -> RenderResult {
    let (address, ident) = (&from.address, &from.ident);
    Ok(match from.kind() {
        ObjectKind::Schema
        | ObjectKind::Extension
        | ObjectKind::Domain
        | ObjectKind::Function
        | ObjectKind::Procedure
        | ObjectKind::Statistics
        | ObjectKind::View
        | ObjectKind::MaterializedView => one(format!("drop {} {address}", from.kind())),
        ObjectKind::Sequence => numbers::drop_sequence(context, from),
        ObjectKind::Enum => one(format!("drop type {address}")),
        ObjectKind::DomainConstraint => one(format!("alter domain {address} drop constraint {ident}")),
        ObjectKind::Table => table::drop(context, from),
        ObjectKind::Column => column::drop(from),
        ObjectKind::SequenceOwnership => one(format!("alter sequence {address} owned by none")),
        ObjectKind::Constraint | ObjectKind::ForeignKey => constraint::drop(from),
        ObjectKind::Index => constraint::drop_index(context, from),
        ObjectKind::ReplicaIdentity => one(format!("alter table {address} replica identity default")),
        ObjectKind::Clustering => one(format!("alter table {address} set without cluster")),
        // It is dropped with its view.
        ObjectKind::ViewColumn => Vec::new(),
        ObjectKind::Rule | ObjectKind::Trigger | ObjectKind::Policy => {
            one(format!("drop {} {ident} on {address}", from.kind()))
        }
        ObjectKind::Comment => attached::no_comment(context.from, from),
        ObjectKind::Privileges => return attached::privileges(context.from, Some(from), None),
        ObjectKind::Owner => attached::owner(context.from, from, None),
        ObjectKind::EnumValue
        | ObjectKind::RangeType
        | ObjectKind::CompositeType
        | ObjectKind::Aggregate
        | ObjectKind::Other => {
            return Err("no SQL is written for it".into());
        }
    })
}
