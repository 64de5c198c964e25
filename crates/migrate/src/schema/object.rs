//! The objects of a schema, as PostgreSQL describes them.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// The kind of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A schema.
    Schema,
    /// An extension, without its members.
    Extension,
    /// A type with listed values.
    Enum,
    /// A value of such a type, for questions about it: a schema has it as a property of the type.
    EnumValue,
    /// A domain: a type with constraints.
    Domain,
    /// A constraint of a domain.
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
    /// The column that owns a sequence.
    SequenceOwnership,
    /// A primary key, a unique, an exclusion or a check constraint.
    Constraint,
    /// An index that does not belong to a constraint.
    Index,
    /// Extended statistics.
    Statistics,
    /// The columns that identify a row in replication.
    ReplicaIdentity,
    /// The index that a table is clustered on.
    Clustering,
    /// A foreign key.
    ForeignKey,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A column of a view.
    ViewColumn,
    /// A rule.
    Rule,
    /// A trigger.
    Trigger,
    /// A policy of row-level security.
    Policy,
    /// A comment on another object.
    Comment,
    /// The privileges of a role on another object, beyond the default ones.
    Privileges,
    /// The owner of another object, if it is not the migrating role.
    Owner,
    /// An object that is compared, but for which no SQL is written. Its name includes its kind.
    Other,
}

/// In the order in which objects are created, where nothing else decides.
const WORDS: &[(ObjectKind, &str)] = &[
    (ObjectKind::Schema, "schema"),
    (ObjectKind::Extension, "extension"),
    (ObjectKind::Enum, "enum"),
    (ObjectKind::EnumValue, "enum value"),
    (ObjectKind::Domain, "domain"),
    (ObjectKind::DomainConstraint, "domain constraint"),
    (ObjectKind::RangeType, "range type"),
    (ObjectKind::CompositeType, "composite type"),
    (ObjectKind::Sequence, "sequence"),
    (ObjectKind::Function, "function"),
    (ObjectKind::Procedure, "procedure"),
    (ObjectKind::Aggregate, "aggregate"),
    (ObjectKind::Table, "table"),
    (ObjectKind::Column, "column"),
    (ObjectKind::SequenceOwnership, "sequence ownership"),
    (ObjectKind::Constraint, "constraint"),
    (ObjectKind::Index, "index"),
    (ObjectKind::Statistics, "statistics"),
    (ObjectKind::ReplicaIdentity, "replica identity"),
    (ObjectKind::Clustering, "clustering"),
    (ObjectKind::ForeignKey, "foreign key"),
    (ObjectKind::View, "view"),
    (ObjectKind::MaterializedView, "materialized view"),
    (ObjectKind::ViewColumn, "view column"),
    (ObjectKind::Rule, "rule"),
    (ObjectKind::Trigger, "trigger"),
    (ObjectKind::Policy, "policy"),
    (ObjectKind::Comment, "comment"),
    (ObjectKind::Privileges, "privileges"),
    (ObjectKind::Owner, "owner"),
    (ObjectKind::Other, "other"),
];

impl ObjectKind {
    pub(crate) fn from_word(word: &str) -> Self {
        WORDS.iter().find(|(_, known)| *known == word).map_or(Self::Other, |(kind, _)| *kind)
    }

    /// The SQL word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(kind, _)| *kind == self).map_or("other", |(_, word)| word)
    }

    /// True for kinds that share their names: tables, views, indexes and sequences.
    pub(crate) const fn is_relation(self) -> bool {
        matches!(self, Self::Table | Self::View | Self::MaterializedView | Self::Sequence | Self::Index)
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// The kind and the qualified name of an object: the column `public.users.email`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// The kind.
    pub kind: ObjectKind,
    /// The name with the schema, quoted where SQL needs it.
    pub name: String,
}

impl ObjectKey {
    pub(crate) fn new(kind: ObjectKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ObjectKind::Other => formatter.write_str(&self.name),
            ObjectKind::Comment | ObjectKind::Privileges | ObjectKind::Owner => {
                write!(formatter, "{} of the {}", self.kind, self.name)
            }
            kind => write!(formatter, "{kind} {}", self.name),
        }
    }
}

/// An object of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SchemaObject {
    pub key: ObjectKey,
    /// The object that it is a part of, and is dropped with.
    pub parent: Option<ObjectKey>,
    /// The name of the object in SQL; for a part without a name of its own, that of its parent.
    pub address: String,
    /// The unqualified name; for privileges, the role.
    pub ident: String,
    /// The position among the parts of its parent. It is not compared.
    pub position: i32,
    /// All compared properties, as PostgreSQL describes them. Missing ones are null.
    pub properties: BTreeMap<String, Value>,
    /// Some of the properties in a more readable form, for generated files.
    pub pretty: BTreeMap<String, String>,
}

impl SchemaObject {
    /// A property as text; `None` if it is missing.
    pub(crate) fn text(&self, property: &str) -> Option<&str> {
        self.properties.get(property).and_then(Value::as_str)
    }

    /// A property in the more readable form, if there is one.
    pub(crate) fn sql(&self, property: &str) -> Option<&str> {
        self.pretty.get(property).map(String::as_str).or_else(|| self.text(property))
    }

    pub(crate) fn flag(&self, property: &str) -> bool {
        self.properties.get(property).and_then(Value::as_bool).unwrap_or_default()
    }

    pub(crate) fn list(&self, property: &str) -> Vec<&str> {
        let list = self.properties.get(property).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub(crate) fn number(&self, property: &str) -> Option<i64> {
        self.properties.get(property).and_then(Value::as_i64)
    }

    /// The kind of the object.
    pub(crate) const fn kind(&self) -> ObjectKind {
        self.key.kind
    }
}

/// The value of a property, for a person.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            map.iter().map(|(name, value)| format!("{name} {}", shown(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}
