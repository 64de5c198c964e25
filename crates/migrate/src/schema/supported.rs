//! The part of a schema for which SQL is written.

use std::collections::{BTreeMap, BTreeSet};

use crate::schema::catalog::Catalog;
use crate::schema::compare::{ChangeKind, SchemaChange};
use crate::schema::context::{PlanContext, PlanMode};
use crate::schema::object::ObjectKey;
use crate::schema::render::dispatch;

/// The schema without the objects for which no SQL is written and those that need them, and a list of these objects.
pub(crate) fn supported_part(schema: &Catalog) -> (Catalog, Vec<String>) {
    let nothing = Catalog::default();
    let context = PlanContext::new(&nothing, schema, PlanMode::SingleTransaction);
    let mut reasons: BTreeMap<ObjectKey, String> = BTreeMap::new();
    for key in schema.objects.keys() {
        if dispatch::unsupported(&context, &SchemaChange { key: key.clone(), what: ChangeKind::Missing }).is_some() {
            reasons.insert(key.clone(), "no SQL is written for it".to_owned());
        }
    }
    let dependents = schema.dependents();
    let mut open: Vec<ObjectKey> = reasons.keys().cloned().collect();
    let mut silent: BTreeSet<ObjectKey> = BTreeSet::new();
    while let Some(left) = open.pop() {
        for part in schema.parts(&left) {
            if reasons.contains_key(&part.key) {
                continue;
            }
            // Parts are left out with their object, without a line of their own.
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
    let listed = reasons.into_iter().filter(|(key, _)| !silent.contains(key));
    (rest, listed.map(|(key, reason)| format!("the {key}: {reason}")).collect())
}
