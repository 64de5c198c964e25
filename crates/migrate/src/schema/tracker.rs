//! Follows the changes of a schema from one migration to the next. Only the objects that changed are read again, so that a step
//! costs the same after a thousand migrations as after ten.

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::schema::catalog::{COMMON, TRACKED, UNTRACKED, json, object_tables, reference, schema_object};
use crate::schema::object::{ObjectKey, ObjectKind};
use crate::search_path::{LOCAL_CATALOG_PATH, READ_DEFAULT_SCHEMAS};

const CENSUS: &str = include_str!("catalog/census.sql");
const CHANGED: &str = include_str!("catalog/changed.sql");

/// The source of a census that has no single objects: after a change of it, everything is read again.
const OTHERS: &str = "others";

/// The source of comments.
const COMMENTS: &str = "pg_description";

/// PostgreSQL's code for a prepared statement that does not exist, because a migration has discarded it.
const NOT_PREPARED: &str = "26000";

/// The class and the id of an object in the catalogs.
type CatalogObject = (i64, i64);

/// A checksum of the descriptions of some objects, in any order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SchemaFingerprint([u64; 4]);

impl SchemaFingerprint {
    fn of(text: &str) -> Self {
        let digest = Sha256::digest(text);
        let mut parts = [0; 4];
        for (part, bytes) in parts.iter_mut().zip(digest.chunks_exact(8)) {
            *part = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        }
        Self(parts)
    }

    fn add(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(one, other)| *one = one.wrapping_add(other));
    }

    fn remove(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(one, other)| *one = one.wrapping_sub(other));
    }
}

/// The state of a schema at the last reading.
#[derive(Default)]
pub(crate) struct SchemaTracker {
    /// Reads everything each time.
    is_thorough: bool,
    /// The rows of each catalog, for each class of objects.
    census: HashMap<(String, i64), String>,
    /// The fingerprints of whole objects, with their parts: a table with its columns, constraints and indexes.
    wholes: HashMap<CatalogObject, SchemaFingerprint>,
    /// The objects that are read, parts included.
    known: HashSet<CatalogObject>,
    total: SchemaFingerprint,
}

/// The rows of a census that differ from those of the census before.
#[derive(Default)]
struct CensusChanges {
    /// Objects whose names or types may have changed: classes and ids.
    named: HashSet<CatalogObject>,
    /// Objects of which something else has changed.
    other: HashSet<CatalogObject>,
    /// Objects whose comments have changed.
    commented: HashSet<CatalogObject>,
    everything: bool,
}

impl SchemaTracker {
    /// A tracker that reads everything each time.
    pub(crate) fn thorough() -> Self {
        Self { is_thorough: true, ..Self::default() }
    }

    /// Reads what has changed since the last time. The fingerprint of the whole schema is comparable with those of this tracker.
    pub(crate) async fn read(&mut self, connection: &mut PgConnection) -> Result<SchemaFingerprint, sqlx::Error> {
        let total = self.read_changes(connection).await?;
        // The tests of everything that reads with a tracker are tests of the tracker.
        if cfg!(debug_assertions) && self.wholes.len() < 100 {
            let mut other = Self::default();
            debug_assert_eq!(total, other.read_all(connection).await?, "the tracker has missed a change");
        }
        Ok(total)
    }

    async fn read_changes(&mut self, connection: &mut PgConnection) -> Result<SchemaFingerprint, sqlx::Error> {
        let rows = run(connection, "execute migrate_census").await?;
        let changes = self.count(&rows)?;
        if self.is_thorough || changes.everything {
            return self.read_all(connection).await;
        }
        if !changes.named.is_empty() || !changes.other.is_empty() {
            let (classes, objects) = arrays(&changes.named);
            let (other_classes, others) = arrays(&changes.other);
            let query = format!("execute migrate_changed ('{classes}', '{objects}', '{other_classes}', '{others}')");
            let rows = run(connection, &query).await?;
            for gone in changes.named.iter().chain(&changes.other) {
                self.forget(*gone);
            }
            let is_complete = self.describe(&rows)?;
            // A comment may be on something that is no object of its own, such as the index of a constraint.
            if !is_complete || !changes.commented.is_subset(&self.known) {
                return self.read_all(connection).await;
            }
        }
        Ok(self.total)
    }

    /// Reads everything.
    pub(crate) async fn read_all(&mut self, connection: &mut PgConnection) -> Result<SchemaFingerprint, sqlx::Error> {
        self.wholes.clear();
        self.known.clear();
        self.total = SchemaFingerprint::default();
        let rows = run(connection, "execute migrate_everything").await?;
        self.describe(&rows)?;
        Ok(self.total)
    }

    /// Compares a census with the one before, and keeps it.
    fn count(&mut self, rows: &[PgRow]) -> Result<CensusChanges, sqlx::Error> {
        let mut changes = CensusChanges::default();
        let mut before = std::mem::take(&mut self.census);
        for row in rows {
            let key = (row.try_get::<String, _>("source")?, row.try_get::<i64, _>("class")?);
            let now: String = row.try_get::<Option<String>, _>("rows")?.unwrap_or_default();
            let then = before.remove(&key).unwrap_or_default();
            Self::note(&key, (&then, &now), row.try_get("is_named")?, &mut changes);
            self.census.insert(key, now);
        }
        for (key, then) in before {
            Self::note(&key, (&then, ""), false, &mut changes);
        }
        Ok(changes)
    }

    fn note((source, class): &(String, i64), (then, now): (&str, &str), is_named: bool, changes: &mut CensusChanges) {
        if source == OTHERS {
            changes.everything |= then != now;
            return;
        }
        for row in differing_rows(then, now) {
            let Some(id) = row.split(' ').next().and_then(|id| id.parse().ok()) else { continue };
            let object = (*class, id);
            if source == COMMENTS {
                changes.commented.insert(object);
            }
            if is_named { &mut changes.named } else { &mut changes.other }.insert(object);
        }
    }

    /// Removes an object that may be gone.
    fn forget(&mut self, object: CatalogObject) {
        if let Some(before) = self.wholes.remove(&object) {
            self.total.remove(before);
        }
    }

    /// Adds the descriptions of objects, in place of those from before. False if a part belongs to nothing that was read.
    fn describe(&mut self, rows: &[PgRow]) -> Result<bool, sqlx::Error> {
        let mut roots: HashMap<ObjectKey, CatalogObject> = HashMap::new();
        let mut descriptions = Vec::new();
        let mut is_complete = true;
        for row in rows {
            let (class, object, part) = reference(row)?;
            match row.try_get("row")? {
                "object" => {
                    let described = schema_object(row)?;
                    self.known.insert((class, object));
                    let text = format!("{:?} {:?}", described.key, described.properties);
                    if described.parent.is_none() && part == 0 {
                        roots.insert(described.key.clone(), (class, object));
                    }
                    descriptions.push((described.parent.unwrap_or(described.key), text));
                }
                "attached" => {
                    let (kind, label): (&str, &str) = (row.try_get("kind")?, row.try_get("ident")?);
                    let identity: Option<&str> = row.try_get("identity")?;
                    let text = format!("{kind} {label} {identity:?} {:?}", json(row, "properties")?);
                    let root: (Option<&str>, Option<String>) = (row.try_get("parent_kind")?, row.try_get("parent")?);
                    let (Some(kind), Some(name)) = root else {
                        self.total.add(SchemaFingerprint::of(&text));
                        is_complete = false;
                        continue;
                    };
                    descriptions.push((ObjectKey::new(ObjectKind::from_word(kind), name), text));
                }
                _ => self.forget((class, object)),
            }
        }
        for (root, text) in descriptions {
            let fingerprint = SchemaFingerprint::of(&text);
            self.total.add(fingerprint);
            match roots.get(&root) {
                Some(object) => self.wholes.entry(*object).or_default().add(fingerprint),
                None => is_complete = false,
            }
        }
        Ok(is_complete)
    }
}

/// The rows of two censuses of a catalog that are in one only. Most rows are in both, and in the same place.
fn differing_rows<'a>(then: &'a str, now: &'a str) -> HashSet<&'a str> {
    if then == now {
        return HashSet::new();
    }
    let common = then.bytes().zip(now.bytes()).take_while(|(one, other)| one == other).count();
    let start = then[..common].rfind(',').map_or(0, |comma| comma + 1);
    let rows = |text: &'a str| text[start..].split(',').filter(|row| !row.is_empty()).collect::<HashSet<_>>();
    let (then, now) = (rows(then), rows(now));
    then.symmetric_difference(&now).copied().collect()
}

/// The classes and the ids of objects, as array literals.
fn arrays(objects: &HashSet<CatalogObject>) -> (String, String) {
    let list = |ids: &mut dyn Iterator<Item = i64>| {
        let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        format!("{{{}}}", ids.join(","))
    };
    let objects: Vec<&CatalogObject> = objects.iter().collect();
    (list(&mut objects.iter().map(|(class, _)| *class)), list(&mut objects.iter().map(|(_, id)| *id)))
}

/// Runs a prepared query in a transaction of its own. Names are looked up in `pg_catalog` only, when the queries are prepared
/// and when they are run; PostgreSQL would parse them anew with another search path.
async fn run(connection: &mut PgConnection, query: &str) -> Result<Vec<PgRow>, sqlx::Error> {
    let message = format!(
        "begin isolation level repeatable read read only; {READ_DEFAULT_SCHEMAS} set local jit = off; \
         set local plan_cache_mode = force_generic_plan; {query}; commit"
    );
    let mut rows = match sqlx::raw_sql(AssertSqlSafe(message.clone())).fetch_all(&mut *connection).await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(NOT_PREPARED) => {
            let prepare = format!("rollback; {LOCAL_CATALOG_PATH} {}", prepare_statements());
            sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await?;
            sqlx::raw_sql(AssertSqlSafe(message)).fetch_all(connection).await?
        }
        outcome => outcome?,
    };
    // The first row is the answer of the search path.
    rows.remove(0);
    Ok(rows)
}

fn prepare_statements() -> String {
    let everything = object_tables(&[TRACKED, UNTRACKED].concat());
    let changed = format!("{COMMON}, {}", object_tables(TRACKED)).replace("-- changed: ", "");
    format!(
        "deallocate all;
        prepare migrate_census as select source, class::bigint, is_named, rows from ({CENSUS}) one;
        prepare migrate_everything as with {COMMON}, {everything} {DESCRIPTIONS};
        prepare migrate_changed (oid[], oid[], oid[], oid[]) as with recursive {CHANGED}, {changed} {DESCRIPTIONS}
        union all
        select
            'candidate', null, null, null, null, null, null, 0, null, '{{}}', null,
            class::bigint, object::bigint, 0
        from candidate;"
    )
}

/// Objects, and what is attached to them with the whole that it belongs to.
const DESCRIPTIONS: &str = "
select
    'object' as row, kind, name, parent_kind, parent, address, ident, position, properties, '{}' as pretty,
    null as identity, class::bigint as class, object::bigint as object, part
from object

union all

select
    'attached', a.kind, null, coalesce(o.parent_kind, o.kind), coalesce(o.parent, o.name), null, a.label, 0, a.properties::text, '{}',
    (pg_identify_object(a.class, a.object, a.part)).identity, a.class::bigint, a.object::bigint, a.part
from attachment a
left join object o on o.class = a.class and o.object = a.object and o.part = 0
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_came_went_or_were_written_anew_differ() {
        let rows = |then, now| {
            let mut rows: Vec<&str> = differing_rows(then, now).into_iter().collect();
            rows.sort_unstable();
            rows
        };
        assert!(rows("1 7,2 7", "1 7,2 7").is_empty());
        assert_eq!(rows("", "1 7"), ["1 7"]);
        assert_eq!(rows("1 7,2 7", "1 7"), ["2 7"]);
        // The row of 12 begins like that of 1, and a row may move.
        assert_eq!(rows("1 7", "12 7"), ["1 7", "12 7"]);
        assert_eq!(rows("1 7,2 7,3 7", "1 7,3 7,2 9"), ["2 7", "2 9"]);
    }

    #[test]
    fn a_fingerprint_is_one_of_what_is_there_in_any_order() {
        let [one, other] = ["one", "other"].map(SchemaFingerprint::of);
        let sum = |parts: &[SchemaFingerprint]| {
            parts.iter().fold(SchemaFingerprint::default(), |mut sum, part| {
                sum.add(*part);
                sum
            })
        };
        let mut both = sum(&[one, other]);
        assert_eq!(both, sum(&[other, one]));
        both.remove(one);
        assert_eq!(both, other);
        assert_ne!(sum(&[one, one]), SchemaFingerprint::default());
    }
}
