//! The steps of a plan: which steps each change takes, which are part of others, and which depend on which.

use std::collections::{BTreeMap, BTreeSet};

use crate::schema::catalog::Catalog;
use crate::schema::context::{ObjectChange, PlanContext, PlanStep, StepKind};
use crate::schema::names;
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject};
use crate::schema::propagate::table_privileges;
use crate::schema::render::constraint::is_unchecked;
use crate::schema::render::types::is_replaced_whole;

/// The steps of all changes.
pub(crate) fn steps(context: &PlanContext<'_>) -> BTreeSet<PlanStep> {
    let mut steps = BTreeSet::new();
    for (key, planned) in &context.changes {
        let kinds: &[StepKind] = match planned {
            ObjectChange::Create => &[StepKind::Create],
            ObjectChange::Drop => &[StepKind::Drop],
            ObjectChange::Alter if context.released.contains(key) => &[StepKind::Release, StepKind::Alter],
            ObjectChange::Alter => &[StepKind::Alter],
            ObjectChange::Rebuild => &[StepKind::Drop, StepKind::Create],
            ObjectChange::Retire => &[StepKind::Release, StepKind::Create, StepKind::DropReleased],
        };
        steps.extend(kinds.iter().map(|kind| (*kind, key.clone())));
    }
    steps
}

/// Merges steps of parts into those of their parents: a part is dropped with its parent, and some parts are created with it.
pub(crate) fn merge_into_parents(context: &mut PlanContext<'_>, steps: &BTreeSet<PlanStep>) {
    for step in steps {
        let (kind, key) = step;
        let parent = match kind {
            StepKind::Drop => dropped_with(context, steps, key).map(|whole| {
                let kind = if context.change_of(&whole) == Some(ObjectChange::Retire) {
                    StepKind::DropReleased
                } else {
                    StepKind::Drop
                };
                (kind, whole)
            }),
            StepKind::Create => created_with(context, steps, key).map(|whole| (StepKind::Create, whole)),
            _ => None,
        };
        if let Some(parent) = parent {
            context.merged.insert(step.clone(), parent);
        }
    }
}

/// The object that this one is dropped with.
fn dropped_with(context: &PlanContext<'_>, steps: &BTreeSet<PlanStep>, key: &ObjectKey) -> Option<ObjectKey> {
    let object = context.from.get(key)?;
    let goes = |key: &ObjectKey| {
        steps.contains(&(StepKind::Drop, key.clone())) || steps.contains(&(StepKind::DropReleased, key.clone()))
    };
    if let Some(parent) = object.parent.as_ref().filter(|parent| goes(parent)) {
        // Two tables with foreign keys to each other could not be dropped in any order.
        let separate = key.kind == ObjectKind::ForeignKey && is_circular(context, key);
        return (!separate).then(|| parent.clone());
    }
    match key.kind {
        ObjectKind::Index | ObjectKind::Constraint | ObjectKind::ForeignKey | ObjectKind::Statistics => {
            let column = |need: &&ObjectKey| {
                need.kind == ObjectKind::Column && goes(need) && is_part_of(context.from, need, object)
            };
            let columns: Vec<&ObjectKey> = context.from.needs(key).filter(column).collect();
            // With the column that is dropped first: a computed column is dropped before the columns that it is computed from.
            let is_waited_for =
                |one: &ObjectKey| columns.iter().any(|other| context.from.needs(other).any(|need| need == one));
            columns.iter().find(|one| !is_waited_for(one)).map(|one| (*one).clone())
        }
        // Partitions are dropped with their table; foreign keys that refer to the table hold them too.
        ObjectKind::Table if object.text("partition").is_some() => {
            context.from.needs(key).find(|need| need.kind == ObjectKind::Table && goes(need)).cloned()
        }
        // A sequence is dropped with the column that owns it.
        ObjectKind::Sequence => {
            let ownership = ObjectKey::new(ObjectKind::SequenceOwnership, key.name.clone());
            context.from.needs(&ownership).find(|need| need.kind == ObjectKind::Column && goes(need)).cloned()
        }
        _ => None,
    }
}

fn is_part_of(catalog: &Catalog, column: &ObjectKey, object: &SchemaObject) -> bool {
    catalog.get(column).is_some_and(|column| column.parent == object.parent)
}

/// True if a foreign key refers to a table that is dropped too, and foreign keys lead back from there.
fn is_circular(context: &PlanContext<'_>, key: &ObjectKey) -> bool {
    let Some(own) = context.from.get(key).and_then(|object| object.parent.clone()) else { return false };
    let targets = |table: &ObjectKey| -> BTreeSet<ObjectKey> {
        let keys = context.from.parts(table).filter(|part| part.kind() == ObjectKind::ForeignKey);
        keys.flat_map(|part| context.from.needs(&part.key).filter_map(|need| table_of(context.from, need)))
            .filter(|other| other != table && context.change_of(other) == Some(ObjectChange::Drop))
            .collect()
    };
    let mut open: Vec<ObjectKey> = context
        .from
        .needs(key)
        .filter_map(|need| table_of(context.from, need))
        .filter(|table| *table != own && context.change_of(table) == Some(ObjectChange::Drop))
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(table) = open.pop() {
        if table == own {
            return true;
        }
        if seen.insert(table.clone()) {
            open.extend(targets(&table));
        }
    }
    false
}

fn table_of(catalog: &Catalog, key: &ObjectKey) -> Option<ObjectKey> {
    if key.kind == ObjectKind::Table {
        return Some(key.clone());
    }
    catalog.get(key).and_then(|object| object.parent.clone()).filter(|parent| parent.kind == ObjectKind::Table)
}

/// The table that this column or constraint is created with.
fn created_with(context: &PlanContext<'_>, steps: &BTreeSet<PlanStep>, key: &ObjectKey) -> Option<ObjectKey> {
    if !matches!(key.kind, ObjectKind::Column | ObjectKind::Constraint) {
        return None;
    }
    let object = context.to.get(key)?;
    // In `create table` a constraint is always valid.
    if is_unchecked(object) {
        return None;
    }
    let table = object
        .parent
        .as_ref()
        .filter(|parent| parent.kind == ObjectKind::Table && steps.contains(&(StepKind::Create, (*parent).clone())))?;
    // A part that needs an object that in turn needs the table is created after both.
    let of_table =
        |need: &ObjectKey| need == table || context.to.get(need).and_then(|one| one.parent.as_ref()) == Some(table);
    let mut open: Vec<&ObjectKey> = context.to.needs(key).filter(|need| !of_table(need)).collect();
    let mut seen = BTreeSet::new();
    while let Some(need) = open.pop() {
        if of_table(need) {
            return None;
        }
        if seen.insert(need) {
            open.extend(context.to.needs(need));
        }
    }
    Some(table.clone())
}

/// The step that does the work of this one: itself, or a step of a parent.
pub(crate) fn parent_step(context: &PlanContext<'_>, step: &PlanStep) -> PlanStep {
    let mut step = step;
    while let Some(parent) = context.merged.get(step) {
        step = parent;
    }
    step.clone()
}

/// The steps that each step depends on.
pub(crate) fn dependencies(
    context: &PlanContext<'_>,
    steps: &BTreeSet<PlanStep>,
) -> BTreeMap<PlanStep, BTreeSet<PlanStep>> {
    let mut found = Dependencies { context, steps, before: BTreeMap::new() };
    for key in context.changes.keys() {
        for need in context.from.needs(key) {
            found.add_old_need(key, need);
        }
        found.add_new_needs(key);
    }
    found.add_name_conflicts();
    found.before
}

const CHANGES: &[StepKind] = &[StepKind::Create, StepKind::Alter];

/// Collects the dependencies of steps.
struct Dependencies<'a> {
    context: &'a PlanContext<'a>,
    steps: &'a BTreeSet<PlanStep>,
    before: BTreeMap<PlanStep, BTreeSet<PlanStep>>,
}

impl Dependencies<'_> {
    /// The steps of these kinds that an object has.
    fn of(&self, key: &ObjectKey, kinds: &[StepKind]) -> Vec<PlanStep> {
        kinds.iter().map(|kind| (*kind, key.clone())).filter(|step| self.steps.contains(step)).collect()
    }

    /// Makes each later step depend on each earlier one.
    fn add(&mut self, earlier: &[PlanStep], later: &[PlanStep]) {
        for one in earlier {
            for other in later {
                let (earlier, later) = (parent_step(self.context, one), parent_step(self.context, other));
                if earlier != later {
                    self.before.entry(later).or_default().insert(earlier);
                }
            }
        }
    }

    /// Adds the dependencies that follow from a need in the old schema.
    fn add_old_need(&mut self, key: &ObjectKey, need: &ObjectKey) {
        let context = self.context;
        // Dependants are dropped before the object changes. Exceptions: dependants of a retired type are dropped last, new values
        // of a type affect nobody, and the owner of a sequence matters only when either is dropped.
        let mut drops = self.of(key, &[StepKind::Drop, StepKind::Release]);
        drops.retain(|step| parent_step(context, step).0 != StepKind::DropReleased);
        self.add(&drops, &self.of(need, &[StepKind::Drop, StepKind::DropReleased]));
        if key.kind != ObjectKind::SequenceOwnership {
            self.add(&drops, &self.of(need, &[StepKind::Release]));
            if is_affected(context, key, need) {
                self.add(&drops, &self.of(need, &[StepKind::Alter]));
            }
        }
        let is_released = context.released.contains(key);
        let is_retired = self.steps.contains(&(StepKind::DropReleased, need.clone()));
        if is_retired || (context.change_of(need) == Some(ObjectChange::Drop) && !is_released) {
            let drops = self.of(need, &[StepKind::Drop, StepKind::DropReleased]);
            self.add(&self.of(key, &[StepKind::Alter]), &drops);
        }
        // As long as both keys are there, PostgreSQL may attach the foreign key to the old one.
        if key.kind == ObjectKind::ForeignKey && !context.to.needs(key).any(|other| other == need) {
            self.add(&self.of(need, &[StepKind::Drop]), &self.of(key, &[StepKind::Create]));
        }
        if context.change_of(key) == Some(ObjectChange::Retire) {
            let drops = self.of(need, &[StepKind::DropReleased, StepKind::Drop]);
            self.add(&self.of(key, &[StepKind::DropReleased]), &drops);
        }
    }

    /// Adds the dependencies of an object in the new schema, and those between its own steps.
    fn add_new_needs(&mut self, key: &ObjectKey) {
        let context = self.context;
        let own = self.of(key, CHANGES);
        for need in context.to.needs(key) {
            self.add(&self.of(need, CHANGES), &own);
            if key.kind == ObjectKind::Column && is_replaced_whole(context, need) {
                for rule in context.to.parts(need).filter(|part| part.kind() == ObjectKind::DomainConstraint) {
                    self.add(&self.of(&rule.key, &[StepKind::Create]), &own);
                }
            }
        }
        if let Some(whole) = table_privileges(context.to, key) {
            self.add(&self.of(&whole, &[StepKind::Drop, StepKind::Create, StepKind::Alter]), &own);
        }
        for earlier in refilled_before(context, key) {
            self.add(&self.of(&earlier, CHANGES), &own);
        }
        for earlier in further_dependencies(context, key) {
            self.add(&self.of(&earlier, &[StepKind::Drop, StepKind::Alter]), &own);
        }
        self.add(&self.of(key, &[StepKind::Release, StepKind::Drop]), &own);
        self.add(&self.of(key, &[StepKind::Create]), &self.of(key, &[StepKind::DropReleased]));
    }

    /// Makes the creation of an object depend on the drop of another one with the same name.
    fn add_name_conflicts(&mut self) {
        let mut dropped: BTreeMap<(bool, String), Vec<PlanStep>> = BTreeMap::new();
        for step in self.steps {
            let name = match step.0 {
                StepKind::Drop => name_pool(&step.1),
                StepKind::Release => {
                    self.context.from.get(&step.1).and_then(identity_sequence).map(|name| (true, name))
                }
                _ => None,
            };
            if let Some(name) = name {
                dropped.entry(name).or_default().push(step.clone());
            }
        }
        for step in self.steps.iter().filter(|(kind, _)| *kind == StepKind::Create) {
            let earlier = name_pool(&step.1).and_then(|name| dropped.get(&name));
            self.add(earlier.map_or(&[], Vec::as_slice), std::slice::from_ref(step));
        }
    }
}

/// The pool that a name belongs to: tables, views, sequences and indexes share one pool; functions and procedures another.
fn name_pool(key: &ObjectKey) -> Option<(bool, String)> {
    let index_of_constraint = key.kind == ObjectKind::Constraint;
    if key.kind.is_relation() {
        Some((true, key.name.clone()))
    } else if index_of_constraint {
        let (table, name) = key.name.rsplit_once('.')?;
        let (schema, _) = table.split_once('.')?;
        Some((true, format!("{schema}.{name}")))
    } else if matches!(key.kind, ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Enum | ObjectKind::Domain) {
        Some((false, key.name.clone()))
    } else {
        None
    }
}

/// The materialized views that are to be filled again before this one, because it reads them, be it through other views.
fn refilled_before(context: &PlanContext<'_>, key: &ObjectKey) -> Vec<ObjectKey> {
    if !context.refilled.contains(key) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut open = vec![key];
    let mut seen = BTreeSet::new();
    while let Some(one) = open.pop() {
        if one != key && context.refilled.contains(one) {
            found.push(one.clone());
        }
        if matches!(one.kind, ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::ViewColumn)
            && seen.insert(one)
        {
            open.extend(context.to.needs(one));
        }
    }
    found
}

/// Dependencies that are not needs: a table has one primary key, and the columns of a replica identity are not null.
fn further_dependencies(context: &PlanContext<'_>, key: &ObjectKey) -> Vec<ObjectKey> {
    let Some(table) = context.to.get(key).and_then(|object| object.parent.as_ref()) else { return Vec::new() };
    let is_key = |object: &&SchemaObject| object.kind() == ObjectKind::Constraint && object.text("type") == Some("p");
    let parts = || context.from.parts(table).filter(|part| part.key != *key);
    match key.kind {
        ObjectKind::Constraint if context.to.get(key).as_ref().is_some_and(is_key) => {
            parts().filter(is_key).map(|part| part.key.clone()).collect()
        }
        ObjectKind::ReplicaIdentity => {
            parts().filter(|part| part.kind() == ObjectKind::Column).map(|part| part.key.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// True if an object has to be dropped before an object that it needs is changed. An index, alone or of a constraint, is not
/// affected by its table, and by its columns only if their type changes; but a primary key keeps its columns not null.
fn is_affected(context: &PlanContext<'_>, key: &ObjectKey, need: &ObjectKey) -> bool {
    let required = |catalog: &Catalog| catalog.get(need).is_some_and(|column| column.flag("not null"));
    match (key.kind, need.kind) {
        (_, ObjectKind::Enum)
        | (ObjectKind::Index | ObjectKind::Constraint, ObjectKind::Table | ObjectKind::MaterializedView) => false,
        (ObjectKind::Index, ObjectKind::Column) => context.retyped.contains(need),
        (ObjectKind::Constraint, ObjectKind::Column) => {
            context.retyped.contains(need) || (required(context.from) && !required(context.to))
        }
        _ => true,
    }
}

/// The qualified name of the sequence of an identity column. It is in the schema of the table.
fn identity_sequence(column: &SchemaObject) -> Option<String> {
    let name = column.properties.get("sequence")?.get("name")?.as_str()?;
    let (schema, _) = column.key.name.split_once('.')?;
    Some(format!("{schema}.{}", names::last_part(name)))
}

/// Notes the steps that other objects depend on.
pub(crate) fn note_awaited(context: &mut PlanContext<'_>, before: &BTreeMap<PlanStep, BTreeSet<PlanStep>>) {
    for (later, earlier) in before {
        for step in earlier {
            if step.1 != later.1 {
                context.awaited.insert(step.clone());
            }
        }
    }
}
