//! The steps of a way: which there are, which are done by others, and which wait for which.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::Catalog;
use super::object::{Key, Kind, Object};
use super::plan::{Act, Fate, Scene, Step};
use super::render;
use super::spread::of_whole_table;

pub(super) fn steps(scene: &Scene<'_>) -> BTreeSet<Step> {
    let mut steps = BTreeSet::new();
    for (key, fate) in &scene.fates {
        let acts: &[Act] = match fate {
            Fate::Create => &[Act::Create],
            Fate::Drop => &[Act::Drop],
            Fate::Alter if scene.released.contains(key) => &[Act::Release, Act::Alter],
            Fate::Alter => &[Act::Alter],
            Fate::Rebuild => &[Act::Drop, Act::Create],
            Fate::Retire => &[Act::Release, Act::Create, Act::DropReleased],
        };
        steps.extend(acts.iter().map(|act| (*act, key.clone())));
    }
    steps
}

/// With a whole go its parts: they are dropped with it, and some are made with it.
pub(super) fn absorb(scene: &mut Scene<'_>, steps: &BTreeSet<Step>) {
    for step in steps {
        let (act, key) = step;
        let host = match act {
            Act::Drop => dropped_with(scene, steps, key).map(|whole| {
                let act = if scene.fate(&whole) == Some(Fate::Retire) { Act::DropReleased } else { Act::Drop };
                (act, whole)
            }),
            Act::Create => created_with(scene, steps, key).map(|whole| (Act::Create, whole)),
            _ => None,
        };
        if let Some(host) = host {
            scene.absorbed.insert(step.clone(), host);
        }
    }
}

/// The object whose dropping drops this one too.
fn dropped_with(scene: &Scene<'_>, steps: &BTreeSet<Step>, key: &Key) -> Option<Key> {
    let object = scene.from.get(key)?;
    let goes =
        |key: &Key| steps.contains(&(Act::Drop, key.clone())) || steps.contains(&(Act::DropReleased, key.clone()));
    if let Some(parent) = object.parent.as_ref().filter(|parent| goes(parent)) {
        // Of two tables that point at each other neither could go first.
        let separate = key.kind == Kind::ForeignKey && in_a_circle(scene, key);
        return (!separate).then(|| parent.clone());
    }
    match key.kind {
        Kind::Index | Kind::Constraint | Kind::ForeignKey | Kind::Statistics => {
            let column = |need: &&Key| need.kind == Kind::Column && goes(need) && is_part_of(scene.from, need, object);
            let columns: Vec<&Key> = scene.from.needs(key).filter(column).collect();
            // With the one that goes first: a column that is computed from another of them goes before that.
            let is_waited_for = |one: &Key| columns.iter().any(|other| scene.from.needs(other).any(|need| need == one));
            columns.iter().find(|one| !is_waited_for(one)).map(|one| (*one).clone())
        }
        // With a partitioned table go its partitions, which others that refer to it hold too.
        Kind::Table if object.text("partition").is_some() => {
            scene.from.needs(key).find(|need| need.kind == Kind::Table && goes(need)).cloned()
        }
        // A sequence goes with the column that owns it.
        Kind::Sequence => {
            let ownership = Key::new(Kind::SequenceOwnership, key.name.clone());
            scene.from.needs(&ownership).find(|need| need.kind == Kind::Column && goes(need)).cloned()
        }
        _ => None,
    }
}

fn is_part_of(catalog: &Catalog, column: &Key, object: &Object) -> bool {
    catalog.get(column).is_some_and(|column| column.parent == object.parent)
}

/// Whether a foreign key points at a table that goes too, and from there one comes back.
fn in_a_circle(scene: &Scene<'_>, key: &Key) -> bool {
    let Some(own) = scene.from.get(key).and_then(|object| object.parent.clone()) else { return false };
    let targets = |table: &Key| -> BTreeSet<Key> {
        let keys = scene.from.parts(table).filter(|part| part.kind() == Kind::ForeignKey);
        keys.flat_map(|part| scene.from.needs(&part.key).filter_map(|need| table_of(scene.from, need)))
            .filter(|other| other != table && scene.fate(other) == Some(Fate::Drop))
            .collect()
    };
    let mut open: Vec<Key> = scene
        .from
        .needs(key)
        .filter_map(|need| table_of(scene.from, need))
        .filter(|table| *table != own && scene.fate(table) == Some(Fate::Drop))
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

fn table_of(catalog: &Catalog, key: &Key) -> Option<Key> {
    if key.kind == Kind::Table {
        return Some(key.clone());
    }
    catalog.get(key).and_then(|object| object.parent.clone()).filter(|parent| parent.kind == Kind::Table)
}

/// The table that is made together with this column or constraint.
fn created_with(scene: &Scene<'_>, steps: &BTreeSet<Step>, key: &Key) -> Option<Key> {
    if !matches!(key.kind, Kind::Column | Kind::Constraint) {
        return None;
    }
    let object = scene.to.get(key)?;
    // In `create table` a constraint counts as obeyed, whatever is said.
    if render::constraint::is_unchecked(object) {
        return None;
    }
    let table = object
        .parent
        .as_ref()
        .filter(|parent| parent.kind == Kind::Table && steps.contains(&(Act::Create, (*parent).clone())))?;
    // What needs something that in turn needs the table comes after both.
    let of_table = |need: &Key| need == table || scene.to.get(need).and_then(|one| one.parent.as_ref()) == Some(table);
    let mut open: Vec<&Key> = scene.to.needs(key).filter(|need| !of_table(need)).collect();
    let mut seen = BTreeSet::new();
    while let Some(need) = open.pop() {
        if of_table(need) {
            return None;
        }
        if seen.insert(need) {
            open.extend(scene.to.needs(need));
        }
    }
    Some(table.clone())
}

pub(super) fn host(scene: &Scene<'_>, step: &Step) -> Step {
    let mut step = step;
    while let Some(host) = scene.absorbed.get(step) {
        step = host;
    }
    step.clone()
}

/// What each step waits for.
pub(super) fn waiting(scene: &Scene<'_>, steps: &BTreeSet<Step>) -> BTreeMap<Step, BTreeSet<Step>> {
    let mut before: BTreeMap<Step, BTreeSet<Step>> = BTreeMap::new();
    let of = |key: &Key, acts: &[Act]| -> Vec<Step> {
        acts.iter().map(|act| (*act, key.clone())).filter(|step| steps.contains(step)).collect()
    };
    let mut add = |earlier: &Step, later: &Step| {
        let (earlier, later) = (host(scene, earlier), host(scene, later));
        if earlier != later {
            before.entry(later).or_default().insert(earlier);
        }
    };
    let mut all = |earlier: &[Step], later: &[Step]| {
        for one in earlier {
            for other in later {
                add(one, other);
            }
        }
    };
    for key in scene.fates.keys() {
        for need in scene.from.needs(key) {
            // What is built on something goes before that is touched; but what goes with a retired type goes last, a type
            // that gets more values hurts nobody, and who owns a sequence matters only to who goes.
            let mut goes = of(key, &[Act::Drop, Act::Release]);
            goes.retain(|step| host(scene, step).0 != Act::DropReleased);
            all(&goes, &of(need, &[Act::Drop, Act::DropReleased]));
            if key.kind != Kind::SequenceOwnership {
                all(&goes, &of(need, &[Act::Release]));
                if minds(scene, key, need) {
                    all(&goes, &of(need, &[Act::Alter]));
                }
            }
            let released = scene.released.contains(key);
            let retired = steps.contains(&(Act::DropReleased, need.clone()));
            if retired || (scene.fate(need) == Some(Fate::Drop) && !released) {
                all(&of(key, &[Act::Alter]), &of(need, &[Act::Drop, Act::DropReleased]));
            }
            if scene.fate(key) == Some(Fate::Retire) {
                all(&of(key, &[Act::DropReleased]), &of(need, &[Act::DropReleased, Act::Drop]));
            }
        }
        for need in scene.to.needs(key) {
            all(&of(need, &[Act::Create, Act::Alter]), &of(key, &[Act::Create, Act::Alter]));
        }
        if let Some(whole) = of_whole_table(scene.to, key) {
            all(&of(&whole, &[Act::Drop, Act::Create, Act::Alter]), &of(key, &[Act::Create, Act::Alter]));
        }
        for earlier in waits_beside_needs(scene, key) {
            all(&of(&earlier, &[Act::Drop, Act::Alter]), &of(key, &[Act::Create, Act::Alter]));
        }
        all(&of(key, &[Act::Release, Act::Drop]), &of(key, &[Act::Create, Act::Alter]));
        all(&of(key, &[Act::Create]), &of(key, &[Act::DropReleased]));
    }
    let mut dropped: BTreeMap<(bool, String), Vec<Step>> = BTreeMap::new();
    for step in steps {
        let name = match step.0 {
            Act::Drop => pool(&step.1),
            Act::Release => scene.from.get(&step.1).and_then(identity_sequence).map(|name| (true, name)),
            _ => None,
        };
        if let Some(name) = name {
            dropped.entry(name).or_default().push(step.clone());
        }
    }
    for step in steps.iter().filter(|(act, _)| *act == Act::Create) {
        let earlier = pool(&step.1).and_then(|name| dropped.get(&name));
        all(earlier.map_or(&[], Vec::as_slice), std::slice::from_ref(step));
    }
    before
}

/// Where a thing has its name from: tables, views, sequences and indexes share one pool; so do functions and procedures.
fn pool(key: &Key) -> Option<(bool, String)> {
    let index_of_constraint = key.kind == Kind::Constraint;
    if key.kind.is_relation() {
        Some((true, key.name.clone()))
    } else if index_of_constraint {
        let (table, name) = key.name.rsplit_once('.')?;
        let (schema, _) = table.split_once('.')?;
        Some((true, format!("{schema}.{name}")))
    } else if matches!(key.kind, Kind::Function | Kind::Procedure | Kind::Enum | Kind::Domain) {
        Some((false, key.name.clone()))
    } else {
        None
    }
}

/// What something waits for that it does not need: a table has one primary key, and what stands for a row is required.
fn waits_beside_needs(scene: &Scene<'_>, key: &Key) -> Vec<Key> {
    let Some(table) = scene.to.get(key).and_then(|object| object.parent.as_ref()) else { return Vec::new() };
    let is_key = |object: &&Object| object.kind() == Kind::Constraint && object.text("type") == Some("p");
    let parts = || scene.from.parts(table).filter(|part| part.key != *key);
    match key.kind {
        Kind::Constraint if scene.to.get(key).as_ref().is_some_and(is_key) => {
            parts().filter(is_key).map(|part| part.key.clone()).collect()
        }
        Kind::ReplicaIdentity => {
            parts().filter(|part| part.kind() == Kind::Column).map(|part| part.key.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether something goes before what it is built on is changed. An index, alone or of a constraint, minds nothing of its
/// table, and of its columns their type only; but a primary key holds its columns required.
fn minds(scene: &Scene<'_>, key: &Key, need: &Key) -> bool {
    let required = |catalog: &Catalog| catalog.get(need).is_some_and(|column| column.flag("not null"));
    match (key.kind, need.kind) {
        (_, Kind::Enum) | (Kind::Index | Kind::Constraint, Kind::Table | Kind::MaterializedView) => false,
        (Kind::Index, Kind::Column) => scene.retyped.contains(need),
        (Kind::Constraint, Kind::Column) => {
            scene.retyped.contains(need) || (required(scene.from) && !required(scene.to))
        }
        _ => true,
    }
}

/// The whole name of the sequence of a column's identity.
fn identity_sequence(column: &Object) -> Option<String> {
    let name = column.properties.get("sequence")?.get("name")?.as_str()?;
    Some(if name.contains('.') { name.to_owned() } else { format!("public.{name}") })
}

pub(super) fn note_waited_for(scene: &mut Scene<'_>, before: &BTreeMap<Step, BTreeSet<Step>>) {
    for (later, earlier) in before {
        for step in earlier {
            if step.1 != later.1 {
                scene.waited_for.insert(step.clone());
            }
        }
    }
}
