//! The way from one schema to another: what becomes of each object.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::Catalog;
use super::compare::{What, changes};
use super::levels::Levels;
use super::object::{Key, Kind};
use super::order::ordered;
use super::render;
use super::spread::{grant_again, identity_goes, rebuild_enums_in_use, spread, work_out_again};
use super::statement::Statement;
use super::steps::{absorb, host, note_waited_for, steps, waiting};

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
pub(super) type Step = (Act, Key);

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

impl<'a> Scene<'a> {
    pub(super) fn new(from: &'a Catalog, to: &'a Catalog, manner: Manner) -> Self {
        Self {
            from,
            to,
            manner,
            fates: BTreeMap::new(),
            retyped: BTreeSet::new(),
            released: BTreeSet::new(),
            absorbed: BTreeMap::new(),
            waited_for: BTreeSet::new(),
        }
    }

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
    let mut scene = Scene::new(from, to, manner);
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
    work_out_again(&mut scene);
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
    let mut levels = Levels::new(&scene, &before);
    for step in order {
        match render::render(&scene, step.0, &step.1) {
            Ok(statements) => levels.add(step, statements),
            Err(reason) => by_hand.push(format!("the {}: {reason}", step.1)),
        }
    }
    Plan { parts: levels.parts(), by_hand }
}

const fn phase(act: Act) -> u8 {
    match act {
        Act::Release | Act::Drop => 0,
        Act::Create | Act::Alter => 1,
        Act::DropReleased => 2,
    }
}
