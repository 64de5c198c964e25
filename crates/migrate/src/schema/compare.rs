//! Compares two schemas, object by object.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::schema::catalog::Catalog;
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject, shown};

/// States that count only if they exist and should not: a new object never has them, and a migration that sets one leaves the
/// rest to operations.
const STATES: &[&str] = &["switched off", "without data"];

/// A difference between the found schema and the expected one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SchemaChange {
    /// The object.
    pub key: ObjectKey,
    /// The kind of the difference.
    pub what: ChangeKind,
}

/// The kind of a difference.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ChangeKind {
    /// It exists, and should not.
    Extra,
    /// It should exist, and does not.
    Missing,
    /// Its properties differ.
    Other(BTreeMap<String, PropertyChange>),
}

/// A property that differs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PropertyChange {
    /// The value found.
    pub found: Option<Value>,
    /// The value expected.
    pub expected: Option<Value>,
}

/// The differences, in the order of names, parts of missing and extra objects included.
pub(crate) fn changes(found: &Catalog, expected: &Catalog) -> Vec<SchemaChange> {
    let mut changes = Vec::new();
    for (key, object) in &expected.objects {
        match found.get(key) {
            None => changes.push(SchemaChange { key: key.clone(), what: ChangeKind::Missing }),
            Some(other) => {
                let properties = properties(other, object);
                if !properties.is_empty() {
                    changes.push(SchemaChange { key: key.clone(), what: ChangeKind::Other(properties) });
                }
            }
        }
    }
    let extra = found.objects.keys().filter(|key| !expected.objects.contains_key(*key));
    changes.extend(extra.map(|key| SchemaChange { key: key.clone(), what: ChangeKind::Extra }));
    changes
}

fn properties(found: &SchemaObject, expected: &SchemaObject) -> BTreeMap<String, PropertyChange> {
    let names = found.properties.keys().chain(expected.properties.keys());
    names
        .filter(|name| found.properties.get(*name) != expected.properties.get(*name))
        .filter(|name| found.properties.contains_key(*name) || !STATES.contains(&name.as_str()))
        .map(|name| {
            let of = |object: &SchemaObject| object.properties.get(name).cloned();
            (name.clone(), PropertyChange { found: of(found), expected: of(expected) })
        })
        .collect()
}

impl Catalog {
    /// The schema without states: a shadow database is not in use, and a dump of a schema fills no view.
    pub(crate) fn without_states(mut self) -> Self {
        for object in self.objects.values_mut() {
            object.properties.retain(|name, _| !STATES.contains(&name.as_str()));
        }
        self
    }

    /// The differences between this schema and the expected one, one object a line.
    pub(crate) fn differences_from(&self, expected: &Self) -> Vec<String> {
        let changes = changes(self, expected);
        changes.iter().filter(|change| !self.is_implied(expected, change)).map(ToString::to_string).collect()
    }

    /// The changes that lead from this schema to another, one object a line.
    pub(crate) fn steps_to(&self, other: &Self) -> Vec<String> {
        let changes = changes(self, other);
        let listed = changes.iter().filter(|change| !self.is_implied(other, change));
        listed
            .map(|change| {
                let key = &change.key;
                match &change.what {
                    ChangeKind::Extra => format!("- {key}"),
                    ChangeKind::Missing => format!("+ {key}"),
                    ChangeKind::Other(properties) => {
                        let list: Vec<String> = properties.iter().map(|(name, one)| one.step(name)).collect();
                        format!("~ {key}: {}", list.join("; "))
                    }
                }
            })
            .collect()
    }

    /// True if it has objects that the other schema lacks.
    pub(crate) fn has_objects_missing_in(&self, other: &Self) -> bool {
        self.objects.keys().any(|key| !other.objects.contains_key(key))
    }

    /// True for a part of an object that is missing or extra as a whole.
    fn is_implied(&self, expected: &Self, change: &SchemaChange) -> bool {
        let whole = match change.what {
            ChangeKind::Extra => self,
            ChangeKind::Missing => expected,
            ChangeKind::Other(_) => return false,
        };
        let other = if change.what == ChangeKind::Extra { expected } else { self };
        let parent = whole.get(&change.key).and_then(|object| object.parent.as_ref());
        parent.is_some_and(|parent| other.get(parent).is_none())
    }
}

impl PropertyChange {
    /// A value for a person. False values are stored as missing ones.
    fn shown(&self, value: Option<&Value>) -> String {
        match value {
            Some(value) => format!("`{}`", one_line(&shown(value))),
            None if [&self.found, &self.expected].contains(&&Some(Value::Bool(true))) => "`false`".to_owned(),
            None => "none".to_owned(),
        }
    }

    /// The change, for a list of changes.
    fn step(&self, name: &str) -> String {
        const LONGEST: usize = 100;
        let (old, new) = (self.shown(self.found.as_ref()), self.shown(self.expected.as_ref()));
        if old.len() + new.len() > LONGEST { name.to_owned() } else { format!("{name} {old} -> {new}") }
    }
}

impl std::fmt::Display for SchemaChange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = &self.key;
        match &self.what {
            ChangeKind::Extra => write!(formatter, "the {key} should not be there"),
            ChangeKind::Missing => write!(formatter, "the {key} is missing"),
            ChangeKind::Other(properties) => {
                write!(formatter, "the {key} differs: ")?;
                for (number, (name, property)) in properties.iter().enumerate() {
                    let name = if key.kind == ObjectKind::Other { "definition" } else { name };
                    let comma = if number == 0 { "" } else { "; " };
                    write!(
                        formatter,
                        "{comma}{name} is {}, and should be {}",
                        property.shown(property.found.as_ref()),
                        property.shown(property.expected.as_ref())
                    )?;
                }
                Ok(())
            }
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
