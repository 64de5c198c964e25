//! As much of a schema as SQL is written for.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::Catalog;
use super::compare::{Change, What};
use super::object::Key;
use super::plan::{Manner, Scene};
use super::render;

/// The schema without the objects that no SQL is written for, and without what needs those; and which these are.
pub(super) fn sayable(schema: &Catalog) -> (Catalog, Vec<String>) {
    let nothing = Catalog::default();
    let scene = Scene::new(&nothing, schema, Manner::AtOnce);
    let mut reasons: BTreeMap<Key, String> = BTreeMap::new();
    for key in schema.objects.keys() {
        if render::unsupported(&scene, &Change { key: key.clone(), what: What::Missing }).is_some() {
            reasons.insert(key.clone(), "no SQL is written for it".to_owned());
        }
    }
    let dependents = schema.dependents();
    let mut open: Vec<Key> = reasons.keys().cloned().collect();
    let mut silent: BTreeSet<Key> = BTreeSet::new();
    while let Some(left) = open.pop() {
        for part in schema.parts(&left) {
            if reasons.contains_key(&part.key) {
                continue;
            }
            // They go with the whole, without saying.
            silent.insert(part.key.clone());
            reasons.insert(part.key.clone(), String::new());
            open.push(part.key.clone());
        }
        for dependent in dependents.get(&left).into_iter().flatten() {
            if !reasons.contains_key(*dependent) {
                reasons.insert((*dependent).clone(), format!("it needs the {left}"));
                open.push((*dependent).clone());
            }
        }
    }
    let mut rest = schema.clone();
    rest.objects.retain(|key, _| !reasons.contains_key(key));
    rest.needs.retain(|key, _| !reasons.contains_key(key));
    for needs in rest.needs.values_mut() {
        needs.retain(|key| !reasons.contains_key(key));
    }
    let told = reasons.into_iter().filter(|(key, _)| !silent.contains(key));
    (rest, told.map(|(key, reason)| format!("the {key}: {reason}")).collect())
}
