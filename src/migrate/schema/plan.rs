//! The way from one schema to another: what becomes of each object, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::Catalog;
use super::compare::{What, changes};
use super::object::{Key, Kind, Object};
use super::order::ordered;
use super::render;
use super::statement::{Statement, When};

/// The way from one schema to another.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// To be run one after another; each is a file.
    pub parts: Vec<Part>,
    /// What differs and is to be written by hand, with the reason.
    pub by_hand: Vec<String>,
}

/// Statements that stand in one file.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    /// What it is for, for its name; the first that makes changes needs no other.
    pub purpose: &'static str,
    pub no_transaction: bool,
    pub statements: Vec<Statement>,
}

/// How a way is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::migrate) enum Manner {
    /// While the database is in use: no lock is held for long, in as many files as that takes.
    Online,
    /// At once, in one transaction.
    AtOnce,
}

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Create,
    Drop,
    Alter,
    /// Dropped and made again.
    Rebuild,
    /// A type that its columns move away from: it gets another name, the new one is made, they move, it is dropped.
    Retire,
}

/// A step of the way. Smaller is sooner, where nothing else decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Act {
    /// What others need of it is taken away: a default, a type's name.
    Release,
    Drop,
    Create,
    Alter,
    /// What was released is dropped.
    DropReleased,
}

/// A step: what is done with an object.
type Step = (Act, Key);

/// What the renderers see.
pub(super) struct Scene<'a> {
    pub from: &'a Catalog,
    pub to: &'a Catalog,
    pub manner: Manner,
    pub fates: BTreeMap<Key, Fate>,
    /// Columns whose type changes, or is made anew.
    pub retyped: BTreeSet<Key>,
    /// Columns whose default goes before something else can.
    pub released: BTreeSet<Key>,
    /// Steps that are done by others: with a whole go its parts.
    pub absorbed: BTreeMap<Step, Step>,
    /// Whether the step is what others wait for, but the object's own making.
    pub waited_for: BTreeSet<Step>,
}

impl Scene<'_> {
    pub(super) fn fate(&self, key: &Key) -> Option<Fate> {
        self.fates.get(key).copied()
    }

    /// Whether it is there before, and stays.
    pub(super) fn stays(&self, key: &Key) -> bool {
        self.from.get(key).is_some() && !matches!(self.fate(key), Some(Fate::Drop | Fate::Rebuild))
    }

    /// Whether others use it while it is being changed.
    pub(super) fn in_use(&self, table: Option<&Key>) -> bool {
        self.manner == Manner::Online && table.is_some_and(|table| self.stays(table))
    }

    pub(super) fn is_absorbed(&self, act: Act, key: &Key) -> bool {
        self.absorbed.contains_key(&(act, key.clone()))
    }
}

/// The way from one schema to another.
pub(super) fn plan(from: &Catalog, to: &Catalog, manner: Manner) -> Plan {
    let mut by_hand = Vec::new();
    let mut scene = Scene {
        from,
        to,
        manner,
        fates: BTreeMap::new(),
        retyped: BTreeSet::new(),
        released: BTreeSet::new(),
        absorbed: BTreeMap::new(),
        waited_for: BTreeSet::new(),
    };
    for change in changes(from, to) {
        let key = change.key.clone();
        if render::is_part_of_unsupported(&scene, &change) {
            continue;
        }
        if let Some(reason) = render::unsupported(&scene, &change) {
            by_hand.push(format!("the {key}: {reason}"));
            continue;
        }
        let fate = match &change.what {
            What::Extra => Fate::Drop,
            What::Missing => Fate::Create,
            What::Other(properties) => {
                let changed: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
                if key.kind == Kind::Column && (changed.contains("type") || changed.contains("collation")) {
                    scene.retyped.insert(key.clone());
                }
                if identity_goes(&scene, &key) {
                    scene.released.insert(key.clone());
                }
                render::fate_of_changed(&scene, &key, &changed)
            }
        };
        scene.fates.insert(key, fate);
    }
    grant_again(&mut scene);
    spread(&mut scene);
    if manner == Manner::AtOnce {
        rebuild_enums_in_use(&mut scene);
    }
    let steps = steps(&scene);
    absorb(&mut scene, &steps);
    let before = waiting(&scene, &steps);
    let hosts: BTreeSet<Step> = steps.iter().map(|step| host(&scene, step)).collect();
    note_waited_for(&mut scene, &before);
    let priority = |step: &Step| (phase(step.0), step.1.kind, step.clone());
    let ranked: BTreeSet<_> = hosts.iter().map(priority).collect();
    let ranked_before =
        before.iter().map(|(step, earlier)| (priority(step), earlier.iter().map(priority).collect())).collect();
    let order: Vec<Step> = ordered(&ranked, &ranked_before).into_iter().map(|(_, _, step)| step).collect();
    let mut levels = Levels::default();
    for step in &order {
        let statements = match render::render(&scene, step.0, &step.1) {
            Ok(statements) => statements,
            Err(reason) => {
                by_hand.push(format!("the {}: {reason}", step.1));
                continue;
            }
        };
        levels.add(step, statements, before.get(step), manner);
    }
    Plan { parts: levels.parts(), by_hand }
}

/// The privileges on the table of a column, of the same role.
fn of_whole_table(catalog: &Catalog, of_column: &Key) -> Option<Key> {
    let object = catalog.get(of_column).filter(|object| object.kind() == Kind::Privileges)?;
    let table = catalog.get(object.parent.as_ref()?)?.parent.as_ref()?;
    Some(Key::new(Kind::Privileges, format!("{table} to {}", object.ident)))
}

/// What is revoked on a table is revoked on its columns as well, and has to be granted there again.
fn grant_again(scene: &mut Scene<'_>) {
    let (from, to) = (scene.from, scene.to);
    for key in to.objects.keys().filter(|key| from.get(key).is_some()) {
        let touched = of_whole_table(to, key).is_some_and(|whole| scene.fates.contains_key(&whole));
        if touched {
            scene.fates.insert(key.clone(), Fate::Rebuild);
        }
    }
}

/// Whether a column stays, and gives no numbers by itself any more: the name of its sequence is free then.
fn identity_goes(scene: &Scene<'_>, key: &Key) -> bool {
    let has = |catalog: &Catalog| catalog.get(key).map(|column| column.text("identity").is_some());
    has(scene.from) == Some(true) && has(scene.to) == Some(false)
}

const fn phase(act: Act) -> u8 {
    match act {
        Act::Release | Act::Drop => 0,
        Act::Create | Act::Alter => 1,
        Act::DropReleased => 2,
    }
}

/// What is dropped, made anew or given another type takes what is built on it along.
fn spread(scene: &mut Scene<'_>) {
    let dependents = scene.from.dependents();
    let mut disturbing: Vec<Key> = scene.fates.keys().cloned().collect();
    let mut seen: BTreeSet<Key> = BTreeSet::new();
    while let Some(key) = disturbing.pop() {
        let Some(fate) = scene.fate(&key) else { continue };
        let retyped = scene.retyped.contains(&key);
        if !(matches!(fate, Fate::Drop | Fate::Rebuild | Fate::Retire) || retyped) || !seen.insert(key.clone()) {
            continue;
        }
        for dependent in dependents.get(&key).into_iter().flatten() {
            let Some(object) = scene.from.get(dependent) else { continue };
            // What goes, or is made anew, needs no more; and what is not there afterwards goes already.
            if matches!(scene.fate(dependent), Some(Fate::Drop | Fate::Rebuild | Fate::Retire))
                || scene.to.get(dependent).is_none()
            {
                continue;
            }
            match consequence(&key, fate, object) {
                Consequence::None => continue,
                Consequence::Rebuild => {
                    let fate = if matches!(object.kind(), Kind::Domain) { Fate::Retire } else { Fate::Rebuild };
                    scene.fates.insert((*dependent).clone(), fate);
                }
                Consequence::Retype => {
                    scene.retyped.insert((*dependent).clone());
                    scene.fates.insert((*dependent).clone(), Fate::Alter);
                    seen.remove(*dependent);
                }
                Consequence::Release => {
                    scene.released.insert((*dependent).clone());
                    scene.fates.entry((*dependent).clone()).or_insert(Fate::Alter);
                    continue;
                }
            }
            disturbing.push((*dependent).clone());
        }
    }
}

enum Consequence {
    None,
    Rebuild,
    Retype,
    Release,
}

/// What follows for an object from what happens to one that it needs.
fn consequence(needed: &Key, fate: Fate, object: &Object) -> Consequence {
    let kind = object.kind();
    let generated = object.text("generated").is_some();
    if kind == Kind::Column && !generated {
        return match fate {
            Fate::Retire => Consequence::Retype,
            // A function or a sequence in its default.
            Fate::Rebuild if needed.kind != Kind::Table => Consequence::Release,
            // Its name may be wanted by the column's identity.
            Fate::Drop if needed.kind == Kind::Sequence => Consequence::Release,
            _ => Consequence::None,
        };
    }
    if matches!(fate, Fate::Drop | Fate::Rebuild | Fate::Retire) {
        return match kind {
            Kind::Table | Kind::Sequence | Kind::Schema | Kind::Extension | Kind::Enum => Consequence::None,
            _ => Consequence::Rebuild,
        };
    }
    // A column gets another type. PostgreSQL itself sees to indexes and plain constraints.
    match kind {
        Kind::View
        | Kind::MaterializedView
        | Kind::Rule
        | Kind::Policy
        | Kind::Trigger
        | Kind::Function
        | Kind::Procedure
        | Kind::ForeignKey
        | Kind::Column => Consequence::Rebuild,
        _ => Consequence::None,
    }
}

/// A value that was just added cannot be used in the same transaction; a type that was just made can.
fn rebuild_enums_in_use(scene: &mut Scene<'_>) {
    let enums: Vec<Key> = scene
        .fates
        .iter()
        .filter(|(key, fate)| key.kind == Kind::Enum && **fate == Fate::Alter)
        .map(|(key, _)| key.clone())
        .collect();
    for key in enums {
        if render::types::is_used(scene, &key) {
            scene.fates.insert(key, Fate::Retire);
            spread(scene);
        }
    }
}

fn steps(scene: &Scene<'_>) -> BTreeSet<Step> {
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
fn absorb(scene: &mut Scene<'_>, steps: &BTreeSet<Step>) {
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
        let separate = match key.kind {
            // Of two tables that point at each other neither could go first.
            Kind::ForeignKey => in_a_circle(scene, key),
            Kind::SequenceOwnership => false,
            _ => false,
        };
        return (!separate).then(|| parent.clone());
    }
    match key.kind {
        Kind::Index | Kind::Constraint | Kind::ForeignKey | Kind::Statistics => {
            let column = |need: &&Key| need.kind == Kind::Column && goes(need) && is_part_of(scene.from, need, object);
            scene.from.needs(key).find(column).cloned()
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

fn host(scene: &Scene<'_>, step: &Step) -> Step {
    let mut step = step;
    while let Some(host) = scene.absorbed.get(step) {
        step = host;
    }
    step.clone()
}

/// What each step waits for.
fn waiting(scene: &Scene<'_>, steps: &BTreeSet<Step>) -> BTreeMap<Step, BTreeSet<Step>> {
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
                // An index minds nothing of its columns but their type.
                let minds = key.kind != Kind::Index || need.kind != Kind::Column || scene.retyped.contains(need);
                if minds && need.kind != Kind::Enum {
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
        all(&of(key, &[Act::Release, Act::Drop]), &of(key, &[Act::Create, Act::Alter]));
        all(&of(key, &[Act::Create]), &of(key, &[Act::DropReleased]));
    }
    // Tables, views, sequences and indexes have their names from one pool; so have functions and procedures.
    let pool = |key: &Key| -> Option<(bool, String)> {
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
    };
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

/// The whole name of the sequence of a column's identity.
fn identity_sequence(column: &Object) -> Option<String> {
    let name = column.properties.get("sequence")?.get("name")?.as_str()?;
    Some(if name.contains('.') { name.to_owned() } else { format!("public.{name}") })
}

fn note_waited_for(scene: &mut Scene<'_>, before: &BTreeMap<Step, BTreeSet<Step>>) {
    for (later, earlier) in before {
        for step in earlier {
            if step.1 != later.1 {
                scene.waited_for.insert(step.clone());
            }
        }
    }
}

/// In which file a statement stands. Those with even numbers run without a transaction, but the first.
#[derive(Default)]
struct Levels {
    statements: BTreeMap<usize, Vec<Statement>>,
    ends: BTreeMap<Step, usize>,
}

const FIRST: usize = 0;
const MAIN: usize = 1;

impl Levels {
    fn add(&mut self, step: &Step, statements: Vec<Statement>, before: Option<&BTreeSet<Step>>, manner: Manner) {
        let earlier = before.into_iter().flatten().filter_map(|step| self.ends.get(step));
        let mut level = earlier.copied().max().unwrap_or(FIRST);
        for statement in statements {
            level = match statement.when {
                _ if manner == Manner::AtOnce => MAIN,
                When::First => level,
                When::Main => (level.max(MAIN)) | 1,
                When::Concurrently => (level.max(MAIN) + 1) & !1,
                When::Later => (level.max(MAIN) + 2) | 1,
            };
            self.statements.entry(level).or_default().push(statement);
        }
        self.ends.insert(step.clone(), level);
    }

    fn parts(self) -> Vec<Part> {
        let part = |(level, statements): (usize, Vec<Statement>)| {
            let statements = merged(statements);
            let bodies = render::behaviour::needs_no_check_of_bodies(&statements);
            let lead = bodies.then(|| Statement::new("set local check_function_bodies = off"));
            let no_transaction = level != FIRST && level % 2 == 0;
            let purpose = match level {
                FIRST => "values",
                MAIN => "",
                _ if no_transaction => "concurrently",
                _ => "validate",
            };
            Part { purpose, no_transaction, statements: lead.into_iter().chain(statements).collect() }
        };
        self.statements.into_iter().map(part).collect()
    }
}

/// Changes of one table that write it anew, and stand next to each other, are one: it is written anew once.
fn merged(statements: Vec<Statement>) -> Vec<Statement> {
    let mut merged: Vec<Statement> = Vec::new();
    for statement in statements {
        match merged.last_mut() {
            Some(last) if last.takes(&statement) => last.take(statement),
            _ => merged.push(statement),
        }
    }
    merged
}
