//! What a schema is made of, as PostgreSQL describes it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A schema.
    Schema,
    /// An extension; its members are its own business.
    Extension,
    /// A type with listed values.
    Enum,
    /// A type with rules.
    Domain,
    /// A rule of a domain.
    DomainConstraint,
    /// A range type.
    RangeType,
    /// A type with attributes.
    CompositeType,
    /// A sequence that is not a column's identity.
    Sequence,
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// A table.
    Table,
    /// A column of a table, with its identity.
    Column,
    /// Which column a sequence goes with.
    SequenceOwnership,
    /// A primary key, a unique, an exclusion or a check constraint.
    Constraint,
    /// An index that is not a constraint's.
    Index,
    /// Extended statistics.
    Statistics,
    /// What stands for a row in replication.
    ReplicaIdentity,
    /// The index that gives rows their order.
    Clustering,
    /// A foreign key.
    ForeignKey,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A column of either.
    ViewColumn,
    /// A rule.
    Rule,
    /// A trigger.
    Trigger,
    /// A policy of row-level security.
    Policy,
    /// A comment on something else.
    Comment,
    /// What somebody may do with something else, beyond what is usual.
    Privileges,
    /// That something else belongs to another role than the one that migrates.
    Owner,
    /// What is only looked at, and never written: its name says what it is.
    Other,
}

/// In the order in which they are made, where nothing else decides.
const WORDS: &[(Kind, &str)] = &[
    (Kind::Schema, "schema"),
    (Kind::Extension, "extension"),
    (Kind::Enum, "enum"),
    (Kind::Domain, "domain"),
    (Kind::DomainConstraint, "domain constraint"),
    (Kind::RangeType, "range type"),
    (Kind::CompositeType, "composite type"),
    (Kind::Sequence, "sequence"),
    (Kind::Function, "function"),
    (Kind::Procedure, "procedure"),
    (Kind::Aggregate, "aggregate"),
    (Kind::Table, "table"),
    (Kind::Column, "column"),
    (Kind::SequenceOwnership, "sequence ownership"),
    (Kind::Constraint, "constraint"),
    (Kind::Index, "index"),
    (Kind::Statistics, "statistics"),
    (Kind::ReplicaIdentity, "replica identity"),
    (Kind::Clustering, "clustering"),
    (Kind::ForeignKey, "foreign key"),
    (Kind::View, "view"),
    (Kind::MaterializedView, "materialized view"),
    (Kind::ViewColumn, "view column"),
    (Kind::Rule, "rule"),
    (Kind::Trigger, "trigger"),
    (Kind::Policy, "policy"),
    (Kind::Comment, "comment"),
    (Kind::Privileges, "privileges"),
    (Kind::Owner, "owner"),
    (Kind::Other, "other"),
];

impl Kind {
    pub(super) fn from_word(word: &str) -> Self {
        WORDS.iter().find(|(_, known)| *known == word).map_or(Self::Other, |(kind, _)| *kind)
    }

    /// What it is called.
    #[must_use]
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(kind, _)| *kind == self).map_or("other", |(_, word)| word)
    }

    /// Whether its name is one of those that tables, views, indexes and sequences share.
    pub(super) const fn is_relation(self) -> bool {
        matches!(self, Self::Table | Self::View | Self::MaterializedView | Self::Sequence | Self::Index)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// An object, by what it is and its whole name: the column `public.users.email`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What it is.
    pub kind: Kind,
    /// Its name with the schema, quoted where SQL wants it quoted.
    pub name: String,
}

impl Key {
    pub(super) fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Other => formatter.write_str(&self.name),
            Kind::Comment | Kind::Privileges | Kind::Owner => write!(formatter, "{} of the {}", self.kind, self.name),
            kind => write!(formatter, "{kind} {}", self.name),
        }
    }
}

/// An object of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub key: Key,
    /// What it is a part of, and goes with.
    pub parent: Option<Key>,
    /// How SQL refers to it, or, if it has no name outside of its parent, to that.
    pub address: String,
    /// Its own name, or whom privileges are given to.
    pub ident: String,
    /// Its place among its brothers; it does not count.
    pub position: i32,
    /// Everything that makes it what it is, in the words of PostgreSQL. What is not there is null.
    pub properties: BTreeMap<String, Value>,
    /// The same in the form that is nicer to read, for what is written.
    pub pretty: BTreeMap<String, String>,
}

impl Object {
    /// A property as text; `None` if it has none.
    pub(super) fn text(&self, property: &str) -> Option<&str> {
        self.properties.get(property).and_then(Value::as_str)
    }

    /// The same in the form that is nicer to read, where there is one.
    pub(super) fn sql(&self, property: &str) -> Option<&str> {
        self.pretty.get(property).map(String::as_str).or_else(|| self.text(property))
    }

    pub(super) fn flag(&self, property: &str) -> bool {
        self.properties.get(property).and_then(Value::as_bool).unwrap_or_default()
    }

    pub(super) fn list(&self, property: &str) -> Vec<&str> {
        let list = self.properties.get(property).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub(super) fn number(&self, property: &str) -> Option<i64> {
        self.properties.get(property).and_then(Value::as_i64)
    }

    /// Of which kind it is.
    pub(super) const fn kind(&self) -> Kind {
        self.key.kind
    }
}

/// A property for a person.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            map.iter().map(|(name, value)| format!("{name} {}", shown(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}
