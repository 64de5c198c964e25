//! Reads the schema of a database from its catalogs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::TryStreamExt as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Either, PgConnection, Row as _};

use crate::schema::names;
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject};
use crate::schema::spelling::unify;
use crate::search_path::READ_DEFAULT_SCHEMAS;
use crate::settings::IgnorePatterns;
use crate::sql_text::quoted_identifier;

/// Common table expressions: the schemas and relations to read, and the objects of others (`member`).
pub(crate) const COMMON: &str = include_str!("catalog/common.sql");

/// Queries for the kinds of objects of which a [`SchemaTracker`](crate::schema::tracker::SchemaTracker) knows the changes.
pub(crate) const TRACKED: &[&str] = &[
    include_str!("catalog/types.sql"),
    include_str!("catalog/sequences.sql"),
    include_str!("catalog/relations.sql"),
    include_str!("catalog/columns.sql"),
    include_str!("catalog/constraints.sql"),
    include_str!("catalog/behaviour.sql"),
];

/// Queries for the other kinds.
pub(crate) const UNTRACKED: &[&str] = &[include_str!("catalog/namespaces.sql"), include_str!("catalog/others.sql")];

const ATTACHED: &str = include_str!("catalog/attached.sql");
const NEEDS: &str = include_str!("catalog/needs.sql");

/// Makes the schema of new tables the only one on the search path.
const HOME_PATH: &str = "\
select
    'path' as row,
    set_config('search_path', coalesce(quote_ident((current_setting('migrate.schemas')::name[])[1]), 'public'), true);
";

/// The objects of a schema, with PostgreSQL's description of each. The descriptions differ between major versions, so compare
/// only schemas of one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    pub(crate) objects: BTreeMap<ObjectKey, SchemaObject>,
    /// The objects that each object needs.
    pub(crate) needs: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
}

/// A reference in the catalogs: catalog, row, and part of the object.
pub(crate) type CatalogReference = (i64, i64, i32);

/// The common table expressions `object` and `attachment`, for these kinds of objects.
pub(crate) fn object_tables(objects: &[&str]) -> String {
    let kinds: Vec<String> = objects
        .iter()
        .map(|query| {
            format!(
                "select kind, name, parent_kind, parent, address, ident, position, properties::text, pretty::text, \
                 class::oid, object::oid, part::integer from ({query}) one"
            )
        })
        .collect();
    format!(
        "object (kind, name, parent_kind, parent, address, ident, position, properties, pretty, class, object, part) as \
         materialized ({}), attachment as materialized ({ATTACHED})",
        kinds.join(" union all ")
    )
}

/// Reads the schema of a database in one transaction and one round trip. It needs a session that the toolkit prepared, whose
/// settings name the objects of others.
///
/// Names are qualified unless they are in the schema of new tables, most often `public`: that schema alone is on the search path
/// when the rows are read, so every definition can be run as it is. The queries themselves are parsed before, with only
/// `pg_catalog` on the path, where nobody can put a better fitting function: a cursor keeps the meaning of its query.
pub(crate) async fn read_catalog(connection: &mut PgConnection) -> Result<Catalog, sqlx::Error> {
    let objects = object_tables(&[TRACKED, UNTRACKED].concat());
    let message = format!(
        "begin isolation level repeatable read read only; {READ_DEFAULT_SCHEMAS} set local jit = off; set local \
         cursor_tuple_fraction = 1;
        declare objects no scroll cursor for
        with {COMMON}, {objects}
        select
            'object' as row, kind, name, parent_kind, parent, address, ident, position, properties, pretty,
            class::bigint, object::bigint, part
        from object
        union all
        select
            'attached', kind, null, null, null, null, label, 0, properties::text, null,
            class::bigint, object::bigint, part
        from attachment;
        declare needs no scroll cursor for
        select
            'need' as row, class::bigint, object::bigint, part, other_class::bigint, other::bigint, other_part, same
        from ({NEEDS}) one;
        {HOME_PATH} fetch all from objects; fetch all from needs; commit"
    );
    let mut reader = CatalogReader::default();
    let mut attached = Vec::new();
    let mut answers = sqlx::raw_sql(AssertSqlSafe(message)).fetch_many(connection);
    while let Some(answer) = answers.try_next().await? {
        let Either::Right(row) = answer else { continue };
        match row.try_get("row")? {
            "object" => reader.object(&row)?,
            "attached" => attached.push(row),
            "need" => reader.need(&row)?,
            _ => {}
        }
    }
    // They refer to all the others.
    for row in &attached {
        reader.attached(row)?;
    }
    Ok(reader.catalog())
}

/// Combines the rows of the queries.
#[derive(Default)]
struct CatalogReader {
    objects: BTreeMap<ObjectKey, SchemaObject>,
    known: HashMap<CatalogReference, ObjectKey>,
    same: HashMap<CatalogReference, CatalogReference>,
    needs: Vec<(CatalogReference, CatalogReference)>,
}

impl CatalogReader {
    fn object(&mut self, row: &PgRow) -> Result<(), sqlx::Error> {
        let object = schema_object(row)?;
        self.known.insert(reference(row)?, object.key.clone());
        self.objects.insert(object.key.clone(), object);
        Ok(())
    }

    /// A comment, a grant or an owner. Those of objects that are not read are skipped.
    fn attached(&mut self, row: &PgRow) -> Result<(), sqlx::Error> {
        let reference = reference(row)?;
        let exactly = self.known.contains_key(&reference);
        let Some(subject) = self.key(reference).and_then(|key| self.objects.get(key)) else { return Ok(()) };
        let kind = ObjectKind::from_word(row.try_get("kind")?);
        // The role, for privileges.
        let label: &str = row.try_get("ident")?;
        // The comment on the server's own schema, and those of extensions, belong to others.
        let of_server = kind == ObjectKind::Comment && subject.key == ObjectKey::new(ObjectKind::Schema, "public");
        if of_server || subject.kind() == ObjectKind::Extension {
            return Ok(());
        }
        let to = if label.is_empty() { String::new() } else { format!(" to {label}") };
        let key = if exactly {
            ObjectKey::new(kind, format!("{}{to}", subject.key))
        } else {
            // It belongs to the index of a constraint, or to the array of a type.
            ObjectKey::new(ObjectKind::Other, format!("{kind} of what belongs to the {}{to}", subject.key))
        };
        let object = SchemaObject {
            key: key.clone(),
            parent: Some(subject.key.clone()),
            address: subject.address.clone(),
            ident: label.to_owned(),
            position: 0,
            properties: json(row, "properties")?,
            pretty: BTreeMap::new(),
        };
        self.objects.insert(key, object);
        Ok(())
    }

    fn need(&mut self, row: &PgRow) -> Result<(), sqlx::Error> {
        let one = reference(row)?;
        let other = (row.try_get("other_class")?, row.try_get("other")?, row.try_get("other_part")?);
        if row.try_get("same")? {
            self.same.insert(one, other);
        } else {
            self.needs.push((one, other));
        }
        Ok(())
    }

    /// The object of a reference. A part that is not an object refers to the whole.
    fn key(&self, mut reference: CatalogReference) -> Option<&ObjectKey> {
        // An array refers to its element, which may refer to a table.
        for _ in 0..4 {
            let (class, object, _) = reference;
            let whole = (class, object, 0);
            if let Some(key) = self.known.get(&reference) {
                return Some(key);
            }
            match self.same.get(&reference).or_else(|| self.same.get(&whole)) {
                Some(other) => reference = *other,
                None => return self.known.get(&whole),
            }
        }
        None
    }

    fn catalog(self) -> Catalog {
        let mut needs: BTreeMap<ObjectKey, BTreeSet<ObjectKey>> = BTreeMap::new();
        for (one, other) in &self.needs {
            if let (Some(one), Some(other)) = (self.key(*one), self.key(*other))
                && one != other
            {
                needs.entry(one.clone()).or_default().insert(other.clone());
            }
        }
        for object in self.objects.values() {
            if let Some(parent) = &object.parent {
                needs.entry(object.key.clone()).or_default().insert(parent.clone());
            }
        }
        Catalog { objects: self.objects, needs }
    }
}

/// The object that a row describes.
pub(crate) fn schema_object(row: &PgRow) -> Result<SchemaObject, sqlx::Error> {
    let kind: &str = row.try_get("kind")?;
    let parent_kind: Option<&str> = row.try_get("parent_kind")?;
    let parent: Option<String> = row.try_get("parent")?;
    let pretty = json(row, "pretty")?;
    let mut object = SchemaObject {
        key: ObjectKey::new(ObjectKind::from_word(kind), row.try_get::<String, _>("name")?),
        parent: parent_kind.zip(parent).map(|(kind, name)| ObjectKey::new(ObjectKind::from_word(kind), name)),
        address: row.try_get("address")?,
        ident: row.try_get("ident")?,
        position: row.try_get("position")?,
        properties: json(row, "properties")?,
        pretty: pretty.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect(),
    };
    without_automatic_name(&mut object);
    without_name(&mut object);
    Ok(object)
}

/// Removes the object's own name from its definition, so that only the name differs after a rename.
fn without_name(object: &mut SchemaObject) {
    let phrase = match object.kind() {
        ObjectKind::Index => format!("INDEX {} ON", object.ident),
        _ => return,
    };
    if let Some(Value::String(text)) = object.properties.get_mut("definition") {
        *text = text.replacen(&phrase, "INDEX ON", 1);
    }
}

/// Removes the name of a not-null constraint unless somebody chose it. The current name stays known in `pretty`.
fn without_automatic_name(object: &mut SchemaObject) {
    const NAME: &str = "not null name";
    let Some(Value::String(name)) = object.properties.get(NAME).cloned() else { return };
    let table = object.parent.as_ref().map_or_else(String::new, |table| names::last(&table.name));
    let label = |number: usize| if number == 0 { "not_null".to_owned() } else { format!("not_null{number}") };
    let (own, column) = (names::unquoted(&name), names::unquoted(&object.ident));
    if (0..10).any(|number| names::automatic(&table, &column, &label(number)) == own) {
        object.properties.remove(NAME);
    }
    object.pretty.insert(NAME.to_owned(), name);
}

pub(crate) fn reference(row: &PgRow) -> Result<CatalogReference, sqlx::Error> {
    Ok((row.try_get("class")?, row.try_get("object")?, row.try_get("part")?))
}

/// A document of properties, without null and false ones.
pub(crate) fn json(row: &PgRow, column: &str) -> Result<BTreeMap<String, Value>, sqlx::Error> {
    let text: &str = row.try_get(column)?;
    let map: BTreeMap<String, Value> =
        serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let mut map: BTreeMap<String, Value> =
        map.into_iter().filter(|(_, value)| !value.is_null() && *value != Value::Bool(false)).collect();
    if column == "properties" {
        unify(&mut map);
    }
    Ok(map)
}

impl Catalog {
    /// A checksum of the schema. It is comparable within one release of the program.
    pub(crate) fn fingerprint(&self) -> Vec<u8> {
        let mut digest = Sha256::new();
        for (key, object) in &self.objects {
            digest.update(format!("{key:?} {:?}\n", object.properties));
        }
        digest.finalize().to_vec()
    }

    /// The schema without the privileges of a role, which belong to a deployment and not to migrations.
    pub(crate) fn without_privileges_of(mut self, role: Option<&str>) -> Self {
        let Some(role) = role else { return self };
        let quoted = quoted_identifier(role);
        // Those on the sequence of an identity count as a part of its column.
        let given = |object: &SchemaObject| {
            let is_privilege = object.kind() == ObjectKind::Privileges
                || (object.kind() == ObjectKind::Other
                    && object.key.name.starts_with("privileges of what belongs to "));
            is_privilege && (object.ident == role || object.ident == quoted)
        };
        self.needs.retain(|key, _| !self.objects.get(key).is_some_and(given));
        self.objects.retain(|_, object| !given(object));
        self
    }

    /// The objects that make a database not empty: not those outside of schemas, and not schemas or extensions alone.
    pub(crate) fn holdings(&self) -> Vec<String> {
        self.held().into_iter().map(ToString::to_string).collect()
    }

    /// The patterns that ignore all of these objects, where new tables go to the schema `home`. Names are without quotes and
    /// arguments. With a schema goes everything in it, and with a table its sequences.
    pub(crate) fn ignorable(&self, home: &str) -> IgnorePatterns {
        let of_kind = |kind: ObjectKind| self.objects.keys().filter(move |key| key.kind == kind);
        let is_kept = |name: &str| name == home || name == "public";
        let parts = |key: &ObjectKey| {
            let name = key.name.split('(').next().unwrap_or_default();
            let last = names::last_part(name);
            let schema = name.strip_suffix(last).and_then(|schema| schema.strip_suffix('.')).unwrap_or_default();
            (schema.to_owned(), last.to_owned())
        };
        let is_owned = |key: &ObjectKey| {
            let ownership = ObjectKey::new(ObjectKind::SequenceOwnership, key.name.clone());
            key.kind == ObjectKind::Sequence && self.objects.contains_key(&ownership)
        };
        let held = self.held().into_iter().filter(|key| !is_owned(key)).map(parts);
        let mut tables: Vec<String> = held
            .filter(|(schema, _)| is_kept(schema))
            .map(|(schema, name)| format!("{}.{}", names::unquoted(&schema), names::unquoted(&name)))
            .collect();
        tables.dedup();
        let schemas = of_kind(ObjectKind::Schema).filter(|key| !is_kept(&key.name));
        let extensions = of_kind(ObjectKind::Extension).filter(|key| key.name != "plpgsql");
        IgnorePatterns {
            schemas: schemas.map(|key| names::unquoted(&key.name)).collect(),
            tables,
            extensions: extensions.map(|key| names::unquoted(&key.name)).collect(),
            ..IgnorePatterns::default()
        }
    }

    fn held(&self) -> Vec<&ObjectKey> {
        let holds = |key: &&ObjectKey| {
            matches!(
                key.kind,
                ObjectKind::Table
                    | ObjectKind::View
                    | ObjectKind::MaterializedView
                    | ObjectKind::Sequence
                    | ObjectKind::Function
                    | ObjectKind::Procedure
                    | ObjectKind::Aggregate
                    | ObjectKind::Enum
                    | ObjectKind::Domain
                    | ObjectKind::RangeType
                    | ObjectKind::CompositeType
            )
        };
        let mut keys: Vec<&ObjectKey> = self.objects.keys().filter(holds).collect();
        keys.sort_by_key(|key| (key.kind != ObjectKind::Table, key.kind, &key.name));
        keys
    }

    pub(crate) fn get(&self, key: &ObjectKey) -> Option<&SchemaObject> {
        self.objects.get(key)
    }

    /// The parts of an object, in order.
    pub(crate) fn parts<'a>(&'a self, whole: &'a ObjectKey) -> impl Iterator<Item = &'a SchemaObject> {
        let mut parts: Vec<&SchemaObject> =
            self.objects.values().filter(|object| object.parent.as_ref() == Some(whole)).collect();
        parts.sort_by_key(|object| (object.kind(), object.position));
        parts.into_iter()
    }

    /// The objects that need each object.
    pub(crate) fn dependents(&self) -> BTreeMap<&ObjectKey, BTreeSet<&ObjectKey>> {
        let mut dependents: BTreeMap<&ObjectKey, BTreeSet<&ObjectKey>> = BTreeMap::new();
        for (one, needs) in &self.needs {
            for other in needs {
                dependents.entry(other).or_default().insert(one);
            }
        }
        dependents
    }

    /// The objects that an object needs.
    pub(crate) fn needs(&self, key: &ObjectKey) -> impl Iterator<Item = &ObjectKey> {
        self.needs.get(key).into_iter().flatten()
    }
}
