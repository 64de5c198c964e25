//! The context of a plan: the two schemas, and the change of each object. The renderers read it.

use std::collections::{BTreeMap, BTreeSet};

use crate::schema::catalog::Catalog;
use crate::schema::object::ObjectKey;
use crate::schema::statement::PlannedStatement;

/// The statements of a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlannedFile {
    /// The last part of the name of the file; empty for the main file.
    pub purpose: &'static str,
    pub no_transaction: bool,
    pub statements: Vec<PlannedStatement>,
}

/// The way in which changes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlanMode {
    /// While the database is in use: no lock is held for long, in as many files as that takes.
    Online,
    /// All at once, in one transaction.
    SingleTransaction,
}

/// The change of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectChange {
    Create,
    Drop,
    Alter,
    /// Dropped and created again.
    Rebuild,
    /// A type is replaced: it is renamed, the new one is created, its columns get the new one, and it is dropped.
    Retire,
}

/// The kind of a step. Where nothing else decides, smaller ones come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StepKind {
    /// Frees what others need: drops a default, or renames a type.
    Release,
    Drop,
    Create,
    Alter,
    /// Drops a released type.
    DropReleased,
}

/// A step: its kind and the object.
pub(crate) type PlanStep = (StepKind, ObjectKey);

/// The two schemas, and the changes that lead from one to the other.
pub(crate) struct PlanContext<'a> {
    pub from: &'a Catalog,
    pub to: &'a Catalog,
    pub mode: PlanMode,
    pub changes: BTreeMap<ObjectKey, ObjectChange>,
    /// Columns whose type changes or is replaced.
    pub retyped: BTreeSet<ObjectKey>,
    /// Columns whose default has to be dropped before another object can be.
    pub released: BTreeSet<ObjectKey>,
    /// Steps of parts that the step of a parent includes.
    pub merged: BTreeMap<PlanStep, PlanStep>,
    /// Materialized views that are filled again, because a function that they use has another definition.
    pub refilled: BTreeSet<ObjectKey>,
    /// Steps that another object's step depends on.
    pub awaited: BTreeSet<PlanStep>,
}

impl<'a> PlanContext<'a> {
    pub(crate) fn new(from: &'a Catalog, to: &'a Catalog, mode: PlanMode) -> Self {
        Self {
            from,
            to,
            mode,
            changes: BTreeMap::new(),
            retyped: BTreeSet::new(),
            released: BTreeSet::new(),
            refilled: BTreeSet::new(),
            merged: BTreeMap::new(),
            awaited: BTreeSet::new(),
        }
    }

    /// The change of an object, if it changes.
    pub(crate) fn change_of(&self, key: &ObjectKey) -> Option<ObjectChange> {
        self.changes.get(key).copied()
    }

    /// True for an object that exists and stays.
    pub(crate) fn stays(&self, key: &ObjectKey) -> bool {
        self.from.get(key).is_some() && !matches!(self.change_of(key), Some(ObjectChange::Drop | ObjectChange::Rebuild))
    }

    /// True for a table that others use while it is changed.
    pub(crate) fn in_use(&self, table: Option<&ObjectKey>) -> bool {
        self.mode == PlanMode::Online && table.is_some_and(|table| self.stays(table))
    }

    /// True if the step of a parent includes this step.
    pub(crate) fn is_merged(&self, kind: StepKind, key: &ObjectKey) -> bool {
        self.merged.contains_key(&(kind, key.clone()))
    }
}
