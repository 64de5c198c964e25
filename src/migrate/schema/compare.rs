//! What differs between two schemas, object by object.

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalog::Catalog;
use super::object::{Key, Kind, Object, shown};

/// States that only count where they are, and should not be: what is built anew never has them, and a migration that makes
/// them leaves the rest to the running of the service.
const STATES: &[&str] = &["switched off", "without data"];

/// A difference between the schema that there is, and the one that there should be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// The object.
    pub key: Key,
    /// How it differs.
    pub what: What,
}

/// How an object differs.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    /// It is there, and should not be.
    Extra,
    /// It should be there, and is not.
    Missing,
    /// It is another one than it should be.
    Other(BTreeMap<String, Property>),
}

/// A property that differs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Property {
    /// As it is.
    pub found: Option<Value>,
    /// As it should be.
    pub expected: Option<Value>,
}

/// What differs, in the order of names. The parts of an object that is missing or too much go without saying.
pub(super) fn changes(found: &Catalog, expected: &Catalog) -> Vec<Change> {
    let mut changes = Vec::new();
    for (key, object) in &expected.objects {
        match found.get(key) {
            None => changes.push(Change { key: key.clone(), what: What::Missing }),
            Some(other) => {
                let properties = properties(other, object);
                if !properties.is_empty() {
                    changes.push(Change { key: key.clone(), what: What::Other(properties) });
                }
            }
        }
    }
    let extra = found.objects.keys().filter(|key| !expected.objects.contains_key(*key));
    changes.extend(extra.map(|key| Change { key: key.clone(), what: What::Extra }));
    changes
}

fn properties(found: &Object, expected: &Object) -> BTreeMap<String, Property> {
    let names = found.properties.keys().chain(expected.properties.keys());
    names
        .filter(|name| found.properties.get(*name) != expected.properties.get(*name))
        .filter(|name| found.properties.contains_key(*name) || !STATES.contains(&name.as_str()))
        .map(|name| {
            let of = |object: &Object| object.properties.get(name).cloned();
            (name.clone(), Property { found: of(found), expected: of(expected) })
        })
        .collect()
}

impl Catalog {
    /// The same without states: what a shadow database has is not in use, and a dump of a schema fills no view.
    pub(in crate::migrate) fn without_states(mut self) -> Self {
        for object in self.objects.values_mut() {
            object.properties.retain(|name, _| !STATES.contains(&name.as_str()));
        }
        self
    }

    /// What differs between the schema that there should be, and this one; an object a line.
    pub(in crate::migrate) fn differences_from(&self, expected: &Self) -> Vec<String> {
        let changes = changes(self, expected);
        changes.iter().filter(|change| !self.goes_without_saying(expected, change)).map(ToString::to_string).collect()
    }

    /// What has to be done to get from this schema to another; an object a line.
    pub(in crate::migrate) fn steps_to(&self, other: &Self) -> Vec<String> {
        let changes = changes(self, other);
        let told = changes.iter().filter(|change| !self.goes_without_saying(other, change));
        told.map(|change| {
            let key = &change.key;
            match &change.what {
                What::Extra => format!("- {key}"),
                What::Missing => format!("+ {key}"),
                What::Other(properties) => {
                    let list: Vec<String> = properties.iter().map(|(name, one)| one.step(name)).collect();
                    format!("~ {key}: {}", list.join("; "))
                }
            }
        })
        .collect()
    }

    /// Whether it has anything that is not in the other.
    pub(in crate::migrate) fn has_what_is_not_in(&self, other: &Self) -> bool {
        self.objects.keys().any(|key| !other.objects.contains_key(key))
    }

    /// Whether it is a part of something that is missing or too much as a whole.
    fn goes_without_saying(&self, expected: &Self, change: &Change) -> bool {
        let whole = match change.what {
            What::Extra => self,
            What::Missing => expected,
            What::Other(_) => return false,
        };
        let other = if change.what == What::Extra { expected } else { self };
        let parent = whole.get(&change.key).and_then(|object| object.parent.as_ref());
        parent.is_some_and(|parent| other.get(parent).is_none())
    }
}

impl Property {
    /// For a person; what is false is not noted, and nothing has no name.
    fn shown(&self, value: Option<&Value>) -> String {
        match value {
            Some(value) => format!("`{}`", one_line(&shown(value))),
            None if [&self.found, &self.expected].contains(&&Some(Value::Bool(true))) => "`false`".to_owned(),
            None => "none".to_owned(),
        }
    }

    /// How it changes.
    fn step(&self, name: &str) -> String {
        const MOST: usize = 100;
        let (old, new) = (self.shown(self.found.as_ref()), self.shown(self.expected.as_ref()));
        if old.len() + new.len() > MOST { name.to_owned() } else { format!("{name} {old} -> {new}") }
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = &self.key;
        match &self.what {
            What::Extra => write!(formatter, "the {key} should not be there"),
            What::Missing => write!(formatter, "the {key} is missing"),
            What::Other(properties) => {
                write!(formatter, "the {key} differs: ")?;
                for (number, (name, property)) in properties.iter().enumerate() {
                    let name = if key.kind == Kind::Other { "definition" } else { name };
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
