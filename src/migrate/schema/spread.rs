//! What follows for others from what becomes of an object.

use std::collections::BTreeSet;

use super::catalog::Catalog;
use super::object::{Key, Kind, Object};
use super::plan::{Fate, Scene};
use super::render;

/// What is dropped, made anew or given another type takes what is built on it along.
pub(super) fn spread(scene: &mut Scene<'_>) {
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

/// What was worked out by a function and is kept, in an index or a computed column, is worked out again when the function
/// becomes another: PostgreSQL keeps it as it was, and would go on finding by it what is not so any more.
pub(super) fn work_out_again(scene: &mut Scene<'_>) {
    let dependents = scene.from.dependents();
    let is_function = |key: &Key| matches!(key.kind, Kind::Function | Kind::Procedure);
    let altered = |(key, fate): (&Key, &Fate)| (is_function(key) && *fate == Fate::Alter).then(|| key.clone());
    let mut open: Vec<Key> = scene.fates.iter().filter_map(altered).collect();
    let mut seen: BTreeSet<Key> = open.iter().cloned().collect();
    while let Some(function) = open.pop() {
        for dependent in dependents.get(&function).into_iter().flatten() {
            let (Some(before), Some(after)) = (scene.from.get(dependent), scene.to.get(dependent)) else { continue };
            let computed = before.text("generated").is_some() && after.text("generated").is_some();
            if dependent.kind == Kind::Index || dependent.kind == Kind::Column && computed {
                scene.fates.insert((*dependent).clone(), Fate::Rebuild);
            } else if is_function(dependent) && seen.insert((*dependent).clone()) {
                open.push((*dependent).clone());
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
pub(super) fn rebuild_enums_in_use(scene: &mut Scene<'_>) {
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

/// The privileges on the table of a column, of the same role.
pub(super) fn of_whole_table(catalog: &Catalog, of_column: &Key) -> Option<Key> {
    let object = catalog.get(of_column).filter(|object| object.kind() == Kind::Privileges)?;
    let table = catalog.get(object.parent.as_ref()?)?.parent.as_ref()?;
    Some(Key::new(Kind::Privileges, format!("{table} to {}", object.ident)))
}

/// What is revoked on a table is revoked on its columns as well, and has to be granted there again.
pub(super) fn grant_again(scene: &mut Scene<'_>) {
    let (from, to) = (scene.from, scene.to);
    for key in to.objects.keys().filter(|key| from.get(key).is_some()) {
        let touched = of_whole_table(to, key).is_some_and(|whole| scene.fates.contains_key(&whole));
        if touched {
            scene.fates.insert(key.clone(), Fate::Rebuild);
        }
    }
}

/// Whether a column stays, and gives no numbers by itself any more: the name of its sequence is free then.
pub(super) fn identity_goes(scene: &Scene<'_>, key: &Key) -> bool {
    let has = |catalog: &Catalog| catalog.get(key).map(|column| column.text("identity").is_some());
    has(scene.from) == Some(true) && has(scene.to) == Some(false)
}
