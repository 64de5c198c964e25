//! Plans the files that lead from one schema to another.

use std::collections::BTreeSet;

use crate::schema::catalog::Catalog;
use crate::schema::compare::{ChangeKind, changes};
use crate::schema::context::{ObjectChange, PlanContext, PlanMode, PlanStep, PlannedFile, StepKind};
use crate::schema::layout::FileLayout;
use crate::schema::object::ObjectKind;
use crate::schema::order::ordered;
use crate::schema::propagate::{grant_again, loses_identity, propagate, rebuild_enums_in_use, recompute};
use crate::schema::render::dispatch;
use crate::schema::steps::{dependencies, merge_into_parents, note_awaited, parent_step, steps};

/// The files that lead from one schema to another.
#[derive(Debug, Clone, Default)]
pub(crate) struct SchemaPlan {
    /// The files, in the order in which they are to be run.
    pub files: Vec<PlannedFile>,
    /// Differences that a person has to write, with the reasons.
    pub by_hand: Vec<String>,
}

/// Plans the files that lead from one schema to another.
pub(crate) fn plan(from: &Catalog, to: &Catalog, mode: PlanMode) -> SchemaPlan {
    let mut context = PlanContext::new(from, to, mode);
    let mut by_hand = add_direct_changes(&mut context);
    grant_again(&mut context);
    recompute(&mut context);
    propagate(&mut context);
    if mode == PlanMode::SingleTransaction {
        rebuild_enums_in_use(&mut context);
    }
    let steps = steps(&context);
    merge_into_parents(&mut context, &steps);
    let before = dependencies(&context, &steps);
    let own_steps: BTreeSet<PlanStep> = steps.iter().map(|step| parent_step(&context, step)).collect();
    note_awaited(&mut context, &before);
    let priority = |step: &PlanStep| (phase(step.0), step.1.kind, step.clone());
    let ranked: BTreeSet<_> = own_steps.iter().map(priority).collect();
    let ranked_before =
        before.iter().map(|(step, earlier)| (priority(step), earlier.iter().map(priority).collect())).collect();
    let order: Vec<PlanStep> = ordered(&ranked, &ranked_before).into_iter().map(|(_, _, step)| step).collect();
    let mut layout = FileLayout::new(&context, &before);
    for step in order {
        match dispatch::render(&context, step.0, &step.1) {
            Ok(statements) => layout.add(step, statements),
            Err(reason) => by_hand.push(format!("the {}: {reason}", step.1)),
        }
    }
    SchemaPlan { files: layout.files(), by_hand }
}

/// Adds the changes of the objects that differ. Returns the differences that a person has to write.
fn add_direct_changes(context: &mut PlanContext<'_>) -> Vec<String> {
    let mut by_hand = Vec::new();
    for change in changes(context.from, context.to) {
        let key = change.key.clone();
        if dispatch::is_part_of_unsupported(context, &change) {
            continue;
        }
        if let Some(reason) = dispatch::unsupported(context, &change) {
            by_hand.push(format!("the {key}: {reason}"));
            continue;
        }
        let planned = match &change.what {
            ChangeKind::Extra => ObjectChange::Drop,
            ChangeKind::Missing => ObjectChange::Create,
            ChangeKind::Other(properties) => {
                let changed: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
                if key.kind == ObjectKind::Column && (changed.contains("type") || changed.contains("collation")) {
                    context.retyped.insert(key.clone());
                }
                if loses_identity(context, &key) {
                    context.released.insert(key.clone());
                }
                dispatch::change_of_changed(context, &key, &changed)
            }
        };
        context.changes.insert(key, planned);
    }
    by_hand
}

const fn phase(kind: StepKind) -> u8 {
    match kind {
        StepKind::Release | StepKind::Drop => 0,
        StepKind::Create | StepKind::Alter => 1,
        StepKind::DropReleased => 2,
    }
}
