//! Spreads statements over files.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::object::Kind;
use super::plan::{Act, Manner, Part, Scene, Step};
use super::render;
use super::statement::{Statement, When};

/// In which file each statement stands. Those with even numbers run without a transaction, but the first.
pub(super) struct Levels<'a> {
    scene: &'a Scene<'a>,
    before: &'a BTreeMap<Step, BTreeSet<Step>>,
    entries: Vec<Entry>,
    places: BTreeMap<Step, usize>,
}

/// A step with its statements, each with its level.
struct Entry {
    step: Step,
    statements: Vec<(usize, Statement)>,
    /// Where it is done as far as others mind, and where all of it is: that rows obey is found out later.
    end: usize,
    tail: usize,
}

const FIRST: usize = 0;
const MAIN: usize = 1;

impl<'a> Levels<'a> {
    pub(super) fn new(scene: &'a Scene<'a>, before: &'a BTreeMap<Step, BTreeSet<Step>>) -> Self {
        Self { scene, before, entries: Vec::new(), places: BTreeMap::new() }
    }

    /// Adds a step, which comes after those that it waits for.
    pub(super) fn add(&mut self, step: Step, statements: Vec<Statement>) {
        let whole = self.needs_all(&step);
        let earlier = self.earlier(&step).map(|entry| if whole { entry.tail } else { entry.end });
        let mut level = earlier.max().unwrap_or(FIRST);
        let (mut end, mut later) = (level, false);
        let mut placed = Vec::with_capacity(statements.len());
        for statement in statements {
            level = match statement.when {
                _ if self.scene.manner == Manner::AtOnce => MAIN,
                When::First => level,
                When::Main => (level.max(MAIN)) | 1,
                When::Concurrently => (level.max(MAIN) + 1) & !1,
                When::Later | When::Apart => (level.max(MAIN) + 2) | 1,
            };
            later |= statement.when == When::Later;
            if !later {
                end = level;
            }
            placed.push((level, statement));
        }
        self.places.insert(step.clone(), self.entries.len());
        self.entries.push(Entry { step, statements: placed, end, tail: level });
    }

    fn earlier(&self, step: &Step) -> impl Iterator<Item = &Entry> {
        let steps = self.before.get(step).into_iter().flatten();
        steps.filter_map(|step| self.places.get(step)).map(|place| &self.entries[*place])
    }

    /// Whether it needs columns that are required already, and not only those that are there.
    fn needs_all(&self, (_, key): &Step) -> bool {
        let is_key = || self.scene.to.get(key).is_some_and(|object| object.text("type") == Some("p"));
        key.kind == Kind::ReplicaIdentity || (key.kind == Kind::Constraint && is_key())
    }

    pub(super) fn parts(mut self) -> Vec<Part> {
        if self.scene.manner == Manner::Online {
            self.drop_late();
        }
        let levels: BTreeSet<usize> =
            self.entries.iter().flat_map(|entry| entry.statements.iter().map(|(level, _)| *level)).collect();
        let levels: Vec<usize> = levels.into_iter().collect();
        levels.into_iter().map(|level| self.part(level)).collect()
    }

    fn part(&self, level: usize) -> Part {
        let statements = self.statements(level);
        let bodies = render::behaviour::needs_no_check_of_bodies(&statements);
        let lead = bodies.then(render::behaviour::no_check_of_bodies);
        let no_transaction = level != FIRST && level.is_multiple_of(2);
        let purpose = match level {
            FIRST => "values",
            MAIN => "",
            _ if no_transaction => "concurrently",
            _ if statements.iter().all(|one| one.when != When::Later && !one.sql.contains(" constraint ")) => "views",
            _ => "validate",
        };
        Part { purpose, no_transaction, statements: lead.into_iter().chain(statements).collect() }
    }

    /// What is made anew is dropped right before it is made, and not in an earlier file: until then it serves.
    fn drop_late(&mut self) {
        let mut waiting: HashMap<usize, Vec<usize>> = HashMap::new();
        for (later, entry) in self.entries.iter().enumerate() {
            for step in self.before.get(&entry.step).into_iter().flatten() {
                if let Some(earlier) = self.places.get(step) {
                    waiting.entry(*earlier).or_default().push(later);
                }
            }
        }
        // Those that nobody waits for wait themselves for what they free.
        let is_free =
            |entries: &[Entry], place: usize| entries[place].step.0 == Act::Drop && !waiting.contains_key(&place);
        for place in (0..self.entries.len()).rev() {
            let entry = &self.entries[place];
            if entry.step.0 != Act::Drop || entry.statements.iter().any(|(_, one)| one.when != When::Main) {
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

    /// The last transaction in which something that this step waits for can still be done.
    fn begins(&self, place: usize, awaited: &Step, waiting: &HashMap<usize, Vec<usize>>) -> Option<usize> {
        let entry = &self.entries[place];
        let own = entry.step.1 == awaited.1;
        // The index of its successor is built beside it.
        let mut statements = entry.statements.iter().filter(|(_, one)| !own || one.when != When::Concurrently);
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
    fn statements(&self, level: usize) -> Vec<Statement> {
        let mut placed: Vec<(usize, bool, Statement)> = Vec::new();
        for (place, entry) in self.entries.iter().enumerate() {
            for (number, (at, statement)) in entry.statements.iter().enumerate() {
                if *at != level {
                    continue;
                }
                let host = if number == 0 { self.taken_by(place, statement, &placed) } else { None };
                match host {
                    Some(host) => placed[host].2.take(statement.clone()),
                    None => placed.push((place, self.is_last(entry), statement.clone())),
                }
            }
        }
        if level > MAIN {
            // Rows are looked at before anything is locked; an index goes when others are there.
            placed.sort_by_key(|(_, last, statement)| (statement.when != When::Later, *last));
        }
        placed.into_iter().map(|(_, _, statement)| statement).collect()
    }

    /// Whether it is an index that goes, and nobody waits for that.
    fn is_last(&self, entry: &Entry) -> bool {
        entry.step.0 == Act::Drop
            && entry.step.1.kind == Kind::Index
            && !self.before.values().any(|earlier| earlier.contains(&entry.step))
    }

    /// Changes of one table that write it anew are one, if nothing that stands between them has to: it is written anew once.
    fn taken_by(&self, place: usize, statement: &Statement, placed: &[(usize, bool, Statement)]) -> Option<usize> {
        let host = placed.iter().rposition(|(_, _, other)| other.takes(statement))?;
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

fn raise(entry: &mut Entry, level: usize) {
    for (at, _) in &mut entry.statements {
        *at = (*at).max(level);
    }
    entry.end = entry.end.max(level);
    entry.tail = entry.tail.max(level);
}
