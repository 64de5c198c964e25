//! Spreads statements over files.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{Manner, Part, Step};
use super::render;
use super::statement::{Statement, When};

/// In which file a statement stands. Those with even numbers run without a transaction, but the first.
#[derive(Default)]
pub(super) struct Levels {
    statements: BTreeMap<usize, Vec<Statement>>,
    ends: BTreeMap<Step, usize>,
}

const FIRST: usize = 0;
const MAIN: usize = 1;

impl Levels {
    pub(super) fn add(
        &mut self,
        step: &Step,
        statements: Vec<Statement>,
        before: Option<&BTreeSet<Step>>,
        manner: Manner,
    ) {
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

    pub(super) fn parts(self) -> Vec<Part> {
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
