//! Distributes statements over files.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::schema::context::{PlanContext, PlanMode, PlanStep, PlannedFile, StepKind};
use crate::schema::object::ObjectKind;
use crate::schema::render::behaviour::{needs_no_check_of_bodies, no_check_of_bodies};
use crate::schema::statement::{Placement, PlannedStatement};

/// The file of each statement. Files with even numbers run without a transaction, except the first.
pub(crate) struct FileLayout<'a> {
    context: &'a PlanContext<'a>,
    before: &'a BTreeMap<PlanStep, BTreeSet<PlanStep>>,
    entries: Vec<PlacedStep>,
    places: BTreeMap<PlanStep, usize>,
}

/// A step with its statements, each with the number of its file.
struct PlacedStep {
    step: PlanStep,
    statements: Vec<(usize, PlannedStatement)>,
    /// The file after which steps that depend on it may follow, and the file with its last statement: constraints are validated
    /// later.
    end: usize,
    tail: usize,
}

const FIRST: usize = 0;
const MAIN: usize = 1;

impl<'a> FileLayout<'a> {
    pub(crate) fn new(context: &'a PlanContext<'a>, before: &'a BTreeMap<PlanStep, BTreeSet<PlanStep>>) -> Self {
        Self { context, before, entries: Vec::new(), places: BTreeMap::new() }
    }

    /// Adds a step. The steps that it depends on were added before.
    pub(crate) fn add(&mut self, step: PlanStep, statements: Vec<PlannedStatement>) {
        let needs_validated = self.needs_validated(&step);
        let earlier = self.earlier(&step).map(|entry| if needs_validated { entry.tail } else { entry.end });
        let mut level = earlier.max().unwrap_or(FIRST);
        let (mut end, mut later) = (level, false);
        let mut placed = Vec::with_capacity(statements.len());
        for statement in statements {
            level = match statement.placement {
                _ if self.context.mode == PlanMode::SingleTransaction => MAIN,
                Placement::First => level,
                Placement::Main => (level.max(MAIN)) | 1,
                Placement::Concurrently => (level.max(MAIN) + 1) & !1,
                Placement::Later | Placement::Apart => (level.max(MAIN) + 2) | 1,
            };
            later |= statement.placement == Placement::Later;
            if !later {
                end = level;
            }
            placed.push((level, statement));
        }
        self.places.insert(step.clone(), self.entries.len());
        self.entries.push(PlacedStep { step, statements: placed, end, tail: level });
    }

    fn earlier(&self, step: &PlanStep) -> impl Iterator<Item = &PlacedStep> {
        let steps = self.before.get(step).into_iter().flatten();
        steps.filter_map(|step| self.places.get(step)).map(|place| &self.entries[*place])
    }

    /// True for a step that needs columns that are not null already, and not only existing columns.
    fn needs_validated(&self, (_, key): &PlanStep) -> bool {
        let is_key = || self.context.to.get(key).is_some_and(|object| object.text("type") == Some("p"));
        key.kind == ObjectKind::ReplicaIdentity || (key.kind == ObjectKind::Constraint && is_key())
    }

    pub(crate) fn files(mut self) -> Vec<PlannedFile> {
        if self.context.mode == PlanMode::Online {
            self.drop_late();
        }
        let levels: BTreeSet<usize> =
            self.entries.iter().flat_map(|entry| entry.statements.iter().map(|(level, _)| *level)).collect();
        let levels: Vec<usize> = levels.into_iter().collect();
        levels.into_iter().map(|level| self.file(level)).collect()
    }

    fn file(&self, level: usize) -> PlannedFile {
        let statements = self.statements(level);
        let bodies = needs_no_check_of_bodies(&statements);
        let lead = bodies.then(no_check_of_bodies);
        let no_transaction = level != FIRST && level.is_multiple_of(2);
        let purpose = match level {
            FIRST => "values",
            MAIN => "",
            _ if no_transaction => "concurrently",
            _ if statements
                .iter()
                .all(|one| one.placement != Placement::Later && !one.sql.contains(" constraint ")) =>
            {
                "views"
            }
            _ => "validate",
        };
        PlannedFile { purpose, no_transaction, statements: lead.into_iter().chain(statements).collect() }
    }

    /// Moves drops to the file in which the object is created again: until then it serves.
    fn drop_late(&mut self) {
        let mut waiting: HashMap<usize, Vec<usize>> = HashMap::new();
        for (later, entry) in self.entries.iter().enumerate() {
            for step in self.before.get(&entry.step).into_iter().flatten() {
                if let Some(earlier) = self.places.get(step) {
                    waiting.entry(*earlier).or_default().push(later);
                }
            }
        }
        // A drop that nothing depends on moves after the steps that it depends on.
        let is_free = |entries: &[PlacedStep], place: usize| {
            entries[place].step.0 == StepKind::Drop && !waiting.contains_key(&place)
        };
        for place in (0..self.entries.len()).rev() {
            let entry = &self.entries[place];
            if entry.step.0 != StepKind::Drop
                || entry.statements.iter().any(|(_, one)| one.placement != Placement::Main)
            {
                continue;
            }
            let waiters = waiting.get(&place).into_iter().flatten().filter(|other| !is_free(&self.entries, **other));
            let latest = waiters.filter_map(|other| self.begins(*other, &entry.step, &waiting)).min();
            if let Some(latest) = latest {
                raise(&mut self.entries[place], latest);
            }
        }
        for place in 0..self.entries.len() {
            if is_free(&self.entries, place) {
                let earlier = self.earlier(&self.entries[place].step).map(|entry| entry.end).max();
                raise(&mut self.entries[place], earlier.unwrap_or(FIRST));
            }
        }
    }

    /// The last transaction in which a dependency of this step can still be done.
    fn begins(&self, place: usize, awaited: &PlanStep, waiting: &HashMap<usize, Vec<usize>>) -> Option<usize> {
        let entry = &self.entries[place];
        let own = entry.step.1 == awaited.1;
        // The index of its successor is built while it still exists.
        let mut statements =
            entry.statements.iter().filter(|(_, one)| !own || one.placement != Placement::Concurrently);
        match statements.next() {
            Some((level, _)) if level.is_multiple_of(2) => Some(level.saturating_sub(1)),
            Some((level, _)) => Some(*level),
            None if own => None,
            None => {
                let after = waiting.get(&place).into_iter().flatten();
                after.filter_map(|later| self.begins(*later, &entry.step, waiting)).min()
            }
        }
    }

    /// The statements of a file, in their order.
    fn statements(&self, level: usize) -> Vec<PlannedStatement> {
        let mut placed: Vec<(usize, bool, PlannedStatement)> = Vec::new();
        for (place, entry) in self.entries.iter().enumerate() {
            for (number, (at, statement)) in entry.statements.iter().enumerate() {
                if *at != level {
                    continue;
                }
                let host = if number == 0 { self.merges_into(place, statement, &placed) } else { None };
                match host {
                    Some(host) => placed[host].2.merge(statement.clone()),
                    None => placed.push((place, self.is_last(entry), statement.clone())),
                }
            }
        }
        if level > MAIN {
            // Rows are validated before anything is locked; an index is dropped when its successors exist.
            placed.sort_by_key(|(_, last, statement)| (statement.placement != Placement::Later, *last));
        }
        placed.into_iter().map(|(_, _, statement)| statement).collect()
    }

    /// True for an index that is dropped, if nothing depends on that.
    fn is_last(&self, entry: &PlacedStep) -> bool {
        entry.step.0 == StepKind::Drop
            && entry.step.1.kind == ObjectKind::Index
            && !self.before.values().any(|earlier| earlier.contains(&entry.step))
    }

    /// The earlier statement that a statement can be merged into: two changes that rewrite one table, so that it is rewritten
    /// once. Nothing between them may be a dependency of the later one.
    fn merges_into(
        &self,
        place: usize,
        statement: &PlannedStatement,
        placed: &[(usize, bool, PlannedStatement)],
    ) -> Option<usize> {
        let host = placed.iter().rposition(|(_, _, other)| other.can_merge(statement))?;
        let own = placed[host].0;
        let entry = &self.entries[place];
        let needed: Vec<usize> = self
            .before
            .get(&entry.step)
            .into_iter()
            .flatten()
            .filter_map(|step| self.places.get(step).copied())
            .collect();
        let in_between = placed[host + 1..].iter().any(|(other, ..)| *other != own && needed.contains(other));
        (!in_between).then_some(host)
    }
}

fn raise(entry: &mut PlacedStep, level: usize) {
    for (at, _) in &mut entry.statements {
        *at = (*at).max(level);
    }
    entry.end = entry.end.max(level);
    entry.tail = entry.tail.max(level);
}
