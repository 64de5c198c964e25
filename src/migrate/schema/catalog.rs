//! Reads a database into a model of its schema.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::TryStreamExt as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Either, PgConnection, Row as _};

use super::names;
use super::object::{Key, Kind, Object};
use super::spelling;
use crate::migrate::session::THEIR_SCHEMAS;

/// Which schemas and relations are looked at, and which are somebody else's: `member`, and what hangs on it.
pub(in crate::migrate) const COMMON: &str = include_str!("catalog/common.sql");

/// A question a kind of object, or some that are alike.
const OBJECTS: &[&str] = &[
    include_str!("catalog/namespaces.sql"),
    include_str!("catalog/types.sql"),
    include_str!("catalog/sequences.sql"),
    include_str!("catalog/relations.sql"),
    include_str!("catalog/columns.sql"),
    include_str!("catalog/constraints.sql"),
    include_str!("catalog/behaviour.sql"),
    include_str!("catalog/others.sql"),
];
const ATTACHED: &str = include_str!("catalog/attached.sql");
const NEEDS: &str = include_str!("catalog/needs.sql");

/// Makes the schema that new tables go to the only one on the search path.
const HOME_PATH: &str = "\
select
    'path' as row,
    set_config('search_path', coalesce(quote_ident((current_setting('app.schemas')::name[])[1]), 'public'), true);
";

/// The objects of a schema, with what PostgreSQL says of each. It says it differently in each major version, so only two
/// of one server are to be compared.
#[derive(Debug, Clone, Default)]
pub(in crate::migrate) struct Catalog {
    pub(super) objects: BTreeMap<Key, Object>,
    /// What each object needs to be there.
    pub(super) needs: BTreeMap<Key, BTreeSet<Key>>,
}

/// How the server's own tables refer to a thing: table, row, and part of it.
type Reference = (i64, i64, i32);

/// Reads the schema of a database, at one moment, in one round trip; nothing is changed. Only in a [session of
/// ours](crate::migrate::session::Session): its settings say what is somebody else's.
///
/// Names are written as they have to be where the schema that new tables go to, `public` most often, is the only one on the
/// search path: there they stand alone, anywhere else with their schema. Every name is whole to the reader so, and can be run
/// as it is. The questions themselves are understood before, with no schema on the path that somebody else could put a better
/// fitting function in: a cursor keeps what its words meant when it was declared.
pub(in crate::migrate) async fn read(connection: &mut PgConnection) -> Result<Catalog, sqlx::Error> {
    let mut questions: Vec<String> = OBJECTS
        .iter()
        .map(|query| {
            format!(
                "select 'object' as row, kind, name, parent_kind, parent, address, ident, position, properties::text, \
                 pretty::text, class::bigint, object::bigint, part from (with {COMMON} {query}) one"
            )
        })
        .collect();
    questions.push(format!(
        "select 'need' as row, class::bigint, object::bigint, part, other_class::bigint, other::bigint, other_part, same \
         from ({NEEDS}) one"
    ));
    // What is attached to a part is found by what the part is known as.
    questions.push(format!(
        "select 'attached' as row, kind, class::bigint, object::bigint, part, label, properties::text \
         from (with {COMMON} {ATTACHED}) one"
    ));
    let mut message = format!(
        "begin isolation level repeatable read read only; {THEIR_SCHEMAS} set local jit = off; set local \
         cursor_tuple_fraction = 1;"
    );
    for (number, question) in questions.iter().enumerate() {
        message += &format!("declare question_{number} no scroll cursor for {question};");
    }
    message += HOME_PATH;
    for number in 0..questions.len() {
        message += &format!("fetch all from question_{number};");
    }
    message += "commit";
    let mut reader = Reader::default();
    let mut answers = sqlx::raw_sql(AssertSqlSafe(message)).fetch_many(connection);
    while let Some(answer) = answers.try_next().await? {
        let Either::Right(row) = answer else { continue };
        match row.try_get("row")? {
            "object" => reader.object(&row)?,
            "attached" => reader.attached(&row)?,
            "need" => reader.need(&row)?,
            _ => {}
        }
    }
    Ok(reader.catalog())
}

/// Puts together what the answers say.
#[derive(Default)]
struct Reader {
    objects: BTreeMap<Key, Object>,
    known: HashMap<Reference, Key>,
    same: HashMap<Reference, Reference>,
    needs: Vec<(Reference, Reference)>,
}

impl Reader {
    fn object(&mut self, row: &PgRow) -> Result<(), sqlx::Error> {
        let kind: &str = row.try_get("kind")?;
        let parent_kind: Option<&str> = row.try_get("parent_kind")?;
        let parent: Option<String> = row.try_get("parent")?;
        let pretty = json(row, "pretty")?;
        let key = Key::new(Kind::from_word(kind), row.try_get::<String, _>("name")?);
        let mut object = Object {
            key: key.clone(),
            parent: parent_kind.zip(parent).map(|(kind, name)| Key::new(Kind::from_word(kind), name)),
            address: row.try_get("address")?,
            ident: row.try_get("ident")?,
            position: row.try_get("position")?,
            properties: json(row, "properties")?,
            pretty: pretty.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect(),
        };
        without_automatic_name(&mut object);
        self.known.insert(reference(row)?, key.clone());
        self.objects.insert(key, object);
        Ok(())
    }

    /// Of an object that is not modelled, nothing can be said.
    fn attached(&mut self, row: &PgRow) -> Result<(), sqlx::Error> {
        let reference = reference(row)?;
        let exactly = self.known.contains_key(&reference);
        let Some(subject) = self.key(reference).and_then(|key| self.objects.get(key)) else { return Ok(()) };
        let kind = Kind::from_word(row.try_get("kind")?);
        let label: &str = row.try_get("label")?;
        // What the server says of its own schema, and an extension of its members, is not ours.
        let of_server = kind == Kind::Comment && subject.key == Key::new(Kind::Schema, "public");
        if of_server || subject.kind() == Kind::Extension {
            return Ok(());
        }
        let to = if label.is_empty() { String::new() } else { format!(" to {label}") };
        let key = if exactly {
            Key::new(kind, format!("{}{to}", subject.key))
        } else {
            // Of the index of a constraint, or an array of a type.
            Key::new(Kind::Other, format!("{kind} of what belongs to the {}{to}", subject.key))
        };
        let object = Object {
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

    /// The object that a reference is to; a part that is no object by itself is the whole.
    fn key(&self, mut reference: Reference) -> Option<&Key> {
        // An array is its element, which is a row of a table.
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
        let mut needs: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
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
        let mut objects = self.objects;
        for object in objects.values_mut() {
            without_name(object);
        }
        Catalog { objects, needs }
    }
}

/// A definition that holds its own name would differ where only the name does.
fn without_name(object: &mut Object) {
    let phrase = match object.kind() {
        Kind::Index => format!("INDEX {} ON", object.ident),
        _ => return,
    };
    if let Some(Value::String(text)) = object.properties.get_mut("definition") {
        *text = text.replacen(&phrase, "INDEX ON", 1);
    }
}

/// The name of what makes a column required counts only if somebody chose it. What it is now has to be known in any case.
fn without_automatic_name(object: &mut Object) {
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

fn reference(row: &PgRow) -> Result<Reference, sqlx::Error> {
    Ok((row.try_get("class")?, row.try_get("object")?, row.try_get("part")?))
}

/// A document of properties, without those that are null.
fn json(row: &PgRow, column: &str) -> Result<BTreeMap<String, Value>, sqlx::Error> {
    let text: &str = row.try_get(column)?;
    let map: BTreeMap<String, Value> =
        serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let mut map: BTreeMap<String, Value> =
        map.into_iter().filter(|(_, value)| !value.is_null() && *value != Value::Bool(false)).collect();
    if column == "properties" {
        spelling::unify(&mut map);
    }
    Ok(map)
}

impl Catalog {
    /// What tells it from every one that differs. The same one has the same, within one release of the program.
    pub(in crate::migrate) fn fingerprint(&self) -> Vec<u8> {
        let mut digest = Sha256::new();
        for (key, object) in &self.objects {
            digest.update(format!("{key:?} {:?}\n", object.properties));
        }
        digest.finalize().to_vec()
    }

    /// The same without the privileges of a role, where they are a deployment's own and no migration's.
    pub(in crate::migrate) fn without_privileges_of(mut self, role: Option<&str>) -> Self {
        let Some(role) = role else { return self };
        let quoted = format!("\"{}\"", role.replace('"', "\"\""));
        let given =
            |object: &Object| object.kind() == Kind::Privileges && (object.ident == role || object.ident == quoted);
        self.needs.retain(|key, _| !self.objects.get(key).is_some_and(given));
        self.objects.retain(|_, object| !given(object));
        self
    }

    /// The tables, and whatever else a database that is not empty has: not what stands in no schema, and not a schema or an
    /// extension alone.
    pub(in crate::migrate) fn holdings(&self) -> Vec<String> {
        let holds = |key: &&Key| {
            matches!(
                key.kind,
                Kind::Table
                    | Kind::View
                    | Kind::MaterializedView
                    | Kind::Sequence
                    | Kind::Function
                    | Kind::Procedure
                    | Kind::Aggregate
                    | Kind::Enum
                    | Kind::Domain
                    | Kind::RangeType
                    | Kind::CompositeType
            )
        };
        let mut keys: Vec<&Key> = self.objects.keys().filter(holds).collect();
        keys.sort_by_key(|key| (key.kind != Kind::Table, key.kind, &key.name));
        keys.into_iter().map(ToString::to_string).collect()
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Object> {
        self.objects.get(key)
    }

    /// The parts of an object, in their order.
    pub(super) fn parts<'a>(&'a self, whole: &'a Key) -> impl Iterator<Item = &'a Object> {
        let mut parts: Vec<&Object> =
            self.objects.values().filter(|object| object.parent.as_ref() == Some(whole)).collect();
        parts.sort_by_key(|object| (object.kind(), object.position));
        parts.into_iter()
    }

    /// Who needs each object.
    pub(super) fn dependents(&self) -> BTreeMap<&Key, BTreeSet<&Key>> {
        let mut dependents: BTreeMap<&Key, BTreeSet<&Key>> = BTreeMap::new();
        for (one, needs) in &self.needs {
            for other in needs {
                dependents.entry(other).or_default().insert(one);
            }
        }
        dependents
    }

    /// What an object needs.
    pub(super) fn needs(&self, key: &Key) -> impl Iterator<Item = &Key> {
        self.needs.get(key).into_iter().flatten()
    }
}
