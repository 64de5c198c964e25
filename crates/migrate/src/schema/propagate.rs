//! Propagates changes to the objects that depend on a changed object.

use std::collections::BTreeSet;

use crate::schema::catalog::Catalog;
use crate::schema::context::{ObjectChange, PlanContext};
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject};
use crate::schema::render::types::{is_in_arrays, is_used};

/// Propagates changes: dependants of an object that is dropped, rebuilt or given another type change with it.
pub(crate) fn propagate(context: &mut PlanContext<'_>) {
    let dependents = context.from.dependents();
    let mut open: Vec<ObjectKey> = context.changes.keys().cloned().collect();
    let mut seen: BTreeSet<ObjectKey> = BTreeSet::new();
    while let Some(key) = open.pop() {
        let Some(planned) = context.change_of(&key) else { continue };
        let retyped = context.retyped.contains(&key);
        if !(matches!(planned, ObjectChange::Drop | ObjectChange::Rebuild | ObjectChange::Retire) || retyped)
            || !seen.insert(key.clone())
        {
            continue;
        }
        for dependent in dependents.get(&key).into_iter().flatten() {
            let Some(object) = context.from.get(dependent) else { continue };
            // A dependant that is dropped or rebuilt needs nothing more, and one that is missing afterwards is dropped already.
            if matches!(
                context.change_of(dependent),
                Some(ObjectChange::Drop | ObjectChange::Rebuild | ObjectChange::Retire)
            ) || context.to.get(dependent).is_none()
            {
                continue;
            }
            match consequence(&key, planned, object) {
                Consequence::None => continue,
                Consequence::Rebuild => {
                    let planned = if matches!(object.kind(), ObjectKind::Domain) {
                        ObjectChange::Retire
                    } else {
                        ObjectChange::Rebuild
                    };
                    context.changes.insert((*dependent).clone(), planned);
                }
                Consequence::Retype => {
                    context.retyped.insert((*dependent).clone());
                    context.changes.insert((*dependent).clone(), ObjectChange::Alter);
                    seen.remove(*dependent);
                }
                Consequence::Release => {
                    context.released.insert((*dependent).clone());
                    context.changes.entry((*dependent).clone()).or_insert(ObjectChange::Alter);
                    continue;
                }
            }
            open.push((*dependent).clone());
        }
    }
}

/// Rebuilds what rests on results of a function whose definition changes: indexes and computed columns store them, and rows were
/// checked by them. PostgreSQL would keep the old results, and rows that violate the new ones. Materialized views store them,
/// too, and are filled again.
pub(crate) fn recompute(context: &mut PlanContext<'_>) {
    let dependents = context.from.dependents();
    let is_function = |key: &ObjectKey| matches!(key.kind, ObjectKind::Function | ObjectKind::Procedure);
    let is_view = |key: &ObjectKey| matches!(key.kind, ObjectKind::View | ObjectKind::MaterializedView);
    let altered = |(key, planned): (&ObjectKey, &ObjectChange)| {
        (is_function(key) && *planned == ObjectChange::Alter).then(|| key.clone())
    };
    let mut open: Vec<ObjectKey> = context.changes.iter().filter_map(altered).collect();
    let mut seen: BTreeSet<ObjectKey> = open.iter().cloned().collect();
    while let Some(function) = open.pop() {
        for dependent in dependents.get(&function).into_iter().flatten() {
            let (Some(before), Some(after)) = (context.from.get(dependent), context.to.get(dependent)) else {
                continue;
            };
            let computed = before.text("generated").is_some() && after.text("generated").is_some();
            let domain = before.parent.as_ref().filter(|parent| parent.kind == ObjectKind::Domain);
            // A view that is filled again takes its indexes along.
            let rests_on_it = match dependent.kind {
                _ if !is_function(&function) => false,
                ObjectKind::Index | ObjectKind::Constraint | ObjectKind::DomainConstraint => true,
                ObjectKind::Column => computed,
                _ => false,
            };
            if let Some(domain) = domain.filter(|domain| rests_on_it && is_in_arrays(context.from, domain)) {
                context.changes.insert(domain.clone(), ObjectChange::Retire);
            } else if rests_on_it {
                context.changes.insert((*dependent).clone(), ObjectChange::Rebuild);
            } else if (is_function(dependent) || is_view(dependent)) && seen.insert((*dependent).clone()) {
                open.push((*dependent).clone());
                // Whoever reads a view depends on its columns.
                open.extend(
                    context.from.parts(dependent).map(|part| part.key.clone()).filter(|key| seen.insert(key.clone())),
                );
                if dependent.kind == ObjectKind::MaterializedView {
                    context.changes.entry((*dependent).clone()).or_insert(ObjectChange::Alter);
                    context.refilled.insert((*dependent).clone());
                }
            }
        }
    }
}

enum Consequence {
    None,
    Rebuild,
    Retype,
    Release,
}

/// The consequence for an object of a change of another object that it needs.
fn consequence(needed: &ObjectKey, planned: ObjectChange, object: &SchemaObject) -> Consequence {
    let kind = object.kind();
    let generated = object.text("generated").is_some();
    if kind == ObjectKind::Column && !generated {
        return match planned {
            ObjectChange::Retire => Consequence::Retype,
            // The default uses a function or a sequence.
            ObjectChange::Rebuild if needed.kind != ObjectKind::Table => Consequence::Release,
            // The identity of the column may need the name.
            ObjectChange::Drop if needed.kind == ObjectKind::Sequence => Consequence::Release,
            _ => Consequence::None,
        };
    }
    if matches!(planned, ObjectChange::Drop | ObjectChange::Rebuild | ObjectChange::Retire) {
        return match kind {
            ObjectKind::Table
            | ObjectKind::Sequence
            | ObjectKind::Schema
            | ObjectKind::Extension
            | ObjectKind::Enum => Consequence::None,
            _ => Consequence::Rebuild,
        };
    }
    // A column gets another type. PostgreSQL itself takes care of indexes and plain constraints.
    match kind {
        ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Rule
        | ObjectKind::Policy
        | ObjectKind::Trigger
        | ObjectKind::Function
        | ObjectKind::Procedure
        | ObjectKind::ForeignKey
        | ObjectKind::Column => Consequence::Rebuild,
        _ => Consequence::None,
    }
}

/// Rebuilds enums whose new values are used. A value that was just added cannot be used in the same transaction, but a new type
/// can.
pub(crate) fn rebuild_enums_in_use(context: &mut PlanContext<'_>) {
    let enums: Vec<ObjectKey> = context
        .changes
        .iter()
        .filter(|(key, planned)| key.kind == ObjectKind::Enum && **planned == ObjectChange::Alter)
        .map(|(key, _)| key.clone())
        .collect();
    for key in enums {
        if is_used(context, &key) {
            context.changes.insert(key, ObjectChange::Retire);
            propagate(context);
        }
    }
}

/// The privileges of the same role on the table of a column.
pub(crate) fn table_privileges(catalog: &Catalog, of_column: &ObjectKey) -> Option<ObjectKey> {
    let object = catalog.get(of_column).filter(|object| object.kind() == ObjectKind::Privileges)?;
    let table = catalog.get(object.parent.as_ref()?)?.parent.as_ref()?;
    Some(ObjectKey::new(ObjectKind::Privileges, format!("{table} to {}", object.ident)))
}

/// Grants column privileges again if those of their table change: a revoke on a table is one on its columns too.
pub(crate) fn grant_again(context: &mut PlanContext<'_>) {
    let (from, to) = (context.from, context.to);
    for key in to.objects.keys().filter(|key| from.get(key).is_some()) {
        let touched = table_privileges(to, key).is_some_and(|whole| context.changes.contains_key(&whole));
        if touched {
            context.changes.insert(key.clone(), ObjectChange::Rebuild);
        }
    }
}

/// True if a column stays and loses its identity. The name of its sequence becomes free then.
pub(crate) fn loses_identity(context: &PlanContext<'_>, key: &ObjectKey) -> bool {
    let has = |catalog: &Catalog| catalog.get(key).map(|column| column.text("identity").is_some());
    has(context.from) == Some(true) && has(context.to) == Some(false)
}
