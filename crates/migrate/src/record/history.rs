//! Reads the record of a database: the table `_sqlx_migrations`, shared with sqlx's command-line tool, and a table of our own
//! with a row for each attempt. The names of the tables are part of the format of existing databases.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use crate::file::source::Migration;
use crate::record::attempt::{AttemptAction, AttemptOutcome, MigrationAttempt};
use crate::search_path::{LOCAL_CATALOG_PATH, READ_DEFAULT_SCHEMAS};

/// The table of sqlx.
pub(crate) const RECORDS_TABLE: &str = "_sqlx_migrations";

/// The table of attempts.
pub(crate) const ATTEMPTS_TABLE: &str = "_app_migration_attempts";

/// The table that remembers the latest comparison without drift. It has one row.
pub(crate) const DRIFT_CACHE: &str = "_app_schema_looks";

/// A migration on record.
#[derive(Debug, Clone)]
pub(crate) struct MigrationRecord {
    pub version: i64,
    pub name: String,
    pub installed_on: DateTime<Utc>,
    pub success: bool,
    pub checksum: Vec<u8>,
    /// `None` if the process ended before it could be recorded.
    pub took: Option<Duration>,
}

/// The record of a database.
#[derive(Debug, Clone, Default)]
pub(crate) struct MigrationHistory {
    pub tables: RecordTables,
    /// In the order of their versions.
    pub records: Vec<MigrationRecord>,
    /// In the order of their ids.
    pub attempts: Vec<MigrationAttempt>,
}

/// The state of the table that remembers the latest comparison.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum DriftCacheTable {
    /// It does not exist.
    #[default]
    Missing,
    /// It exists.
    Present,
    /// Somebody else created it, and its triggers could run anything.
    Untrusted,
}

/// The location of the tables. They are always named with their schema, because a migration may set another `search_path`.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordTables {
    /// The schema that they are in, or are to be created in; quoted. `None` if no schema of the search path exists.
    pub schema: Option<String>,
    pub has_records: bool,
    pub has_attempts: bool,
    pub drift_cache: DriftCacheTable,
    /// The owner, if this role cannot trust it: triggers on the tables would run with the privileges of this role.
    pub untrusted_owner: Option<String>,
}

impl RecordTables {
    /// The schema of the tables, quoted.
    pub(crate) fn schema(&self) -> &str {
        self.schema.as_deref().unwrap_or("public")
    }

    pub(crate) fn records(&self) -> String {
        format!("{}.{RECORDS_TABLE}", self.schema())
    }

    pub(crate) fn attempts(&self) -> String {
        format!("{}.{ATTEMPTS_TABLE}", self.schema())
    }
}

/// Reads the record. A database without the tables has an empty one.
pub(crate) async fn read_history(
    connection: &mut PgConnection,
    migrations: &[Migration],
) -> Result<MigrationHistory, sqlx::Error> {
    let tables = find_tables(connection).await?;
    let records = if tables.has_records { records(connection, &tables).await? } else { Vec::new() };
    let mut attempts = Vec::new();
    if tables.has_attempts {
        attempts = read_attempts(connection, &tables, &differing(migrations, &records)).await?;
    }
    Ok(MigrationHistory { tables, records, attempts })
}

// All of these are simple queries: one round trip each, and no state that a pooler would have to keep. Each looks names up in
// `pg_catalog` only, also on a connection of a serving program.

/// Finds the tables on the default search path of the database.
pub(crate) async fn find_tables(connection: &mut PgConnection) -> Result<RecordTables, sqlx::Error> {
    let query = find_tables_query();
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(query)).fetch_all(connection).await?;
    let row = rows.last().ok_or(sqlx::Error::RowNotFound)?;
    if row.try_get("strange")? {
        return Err(not_a_plain_table());
    }
    Ok(RecordTables {
        schema: row.try_get("schema")?,
        has_records: row.try_get("has_records")?,
        has_attempts: row.try_get("has_attempts")?,
        drift_cache: match (row.try_get("has_looks")?, row.try_get("strange_looks")?) {
            (_, true) => DriftCacheTable::Untrusted,
            (true, false) => DriftCacheTable::Present,
            (false, false) => DriftCacheTable::Missing,
        },
        untrusted_owner: row.try_get("stranger")?,
    })
}

fn find_tables_query() -> String {
    format!(
        r"{READ_DEFAULT_SCHEMAS}
        with found as (
            select
                place,
                name,
                c.relname = '{RECORDS_TABLE}' as has_records,
                c.relname = '{ATTEMPTS_TABLE}' as has_attempts,
                c.relname = '{DRIFT_CACHE}' as has_looks,
                c.relkind <> 'r'
                    or c.relrowsecurity
                    or exists (
                        select
                        from pg_attribute a
                        join pg_type t on t.oid = a.atttypid
                        where a.attrelid = c.oid
                            and a.attnum > 0
                            and t.typnamespace <> 'pg_catalog'::regnamespace
                    ) as strange,
                case
                    when not (
                        o.rolsuper
                        or c.relowner = me.oid
                        -- A superuser has every role, and trusts only those that it was given.
                        or (not me.rolsuper and pg_has_role(c.relowner, 'member'))
                        or exists (select from pg_auth_members where roleid = c.relowner and member = me.oid)
                        or c.relowner = (select datdba from pg_database where datname = current_database())
                        -- A schema that is called like this role is on its search path, whoever created it.
                        or (c.relowner = n.nspowner and n.nspname <> me.rolname)
                    )
                    then o.rolname
                end as stranger
            from unnest(current_setting('migrate.schemas')::name[]) with ordinality schemas (name, place)
            join pg_namespace n on n.nspname = name
            join pg_class c on c.relnamespace = n.oid
            join pg_roles o on o.oid = c.relowner
            join pg_roles me on me.rolname = current_user
            where c.relname in ('{RECORDS_TABLE}', '{ATTEMPTS_TABLE}', '{DRIFT_CACHE}')
        ),
        home as (
            select name
            from found
            where has_records or has_attempts
            order by has_records desc, place
            limit 1
        )
        select
            quote_ident(coalesce((select name from home), (current_setting('migrate.schemas')::name[])[1])) as schema,
            coalesce(bool_or(has_records), false) as has_records,
            coalesce(bool_or(has_attempts), false) as has_attempts,
            coalesce(bool_or(has_looks), false) as has_looks,
            coalesce(bool_or(strange) filter (where not has_looks), false) as strange,
            coalesce(bool_or(strange or stranger is not null) filter (where has_looks), false) as strange_looks,
            max(stranger::text) filter (where not has_looks) as stranger
        from found
        join home using (name)
        ",
    )
}

/// The error for a view, or a column of a type that is not PostgreSQL's: reading it could run code of its owner.
fn not_a_plain_table() -> sqlx::Error {
    sqlx::Error::Protocol(format!(
        "{RECORDS_TABLE} or {ATTEMPTS_TABLE} is no plain table, or has columns of types that are not PostgreSQL's, so this \
         toolkit did not create it; it was not read. Find out who did, and drop it"
    ))
}

async fn records(connection: &mut PgConnection, tables: &RecordTables) -> Result<Vec<MigrationRecord>, sqlx::Error> {
    let query = format!(
        r"{LOCAL_CATALOG_PATH}
        select
            version,
            description,
            installed_on,
            success,
            checksum,
            execution_time
        from {}
        order by version
        ",
        tables.records()
    );
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(query)).fetch_all(connection).await?;
    rows.iter().map(record).collect()
}

fn record(row: &PgRow) -> Result<MigrationRecord, sqlx::Error> {
    let nanoseconds: i64 = row.try_get("execution_time")?;
    Ok(MigrationRecord {
        version: row.try_get("version")?,
        name: row.try_get("description")?,
        installed_on: row.try_get("installed_on")?,
        success: row.try_get("success")?,
        checksum: row.try_get("checksum")?,
        took: u64::try_from(nanoseconds).ok().map(Duration::from_nanos),
    })
}

/// The versions whose file differs from the record. Only for them more is read: there may be a thousand migrations.
fn differing(migrations: &[Migration], records: &[MigrationRecord]) -> Vec<i64> {
    let files: HashMap<i64, &[u8]> = migrations.iter().map(|one| (one.version, one.up.checksum())).collect();
    let differs =
        |record: &&MigrationRecord| files.get(&record.version).is_some_and(|checksum| *checksum != record.checksum);
    records.iter().filter(differs).map(|record| record.version).collect()
}

async fn read_attempts(
    connection: &mut PgConnection,
    tables: &RecordTables,
    differing: &[i64],
) -> Result<Vec<MigrationAttempt>, sqlx::Error> {
    let differing: Vec<String> = differing.iter().map(ToString::to_string).collect();
    // A role that may not see the start of another session has to assume that the session is the one of the attempt.
    let query = format!(
        r"{LOCAL_CATALOG_PATH}
        select
            id,
            version,
            name,
            action,
            outcome,
            started_at,
            ended_at,
            statement,
            line,
            sqlstate,
            message,
            left_behind,
            role,
            app_version,
            case when version = any ('{{{differing}}}') then checksum end as checksum,
            case when version = any ('{{{differing}}}') then normalized_checksum end as normalized_checksum,
            outcome = 'running' and exists (
                select
                from pg_stat_activity a
                where a.pid = t.backend_pid
                    and (a.backend_start is null or a.backend_start = t.backend_start)
            ) as alive
        from {} t
        order by id
        ",
        tables.attempts(),
        differing = differing.join(",")
    );
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(query)).fetch_all(connection).await?;
    rows.iter().map(attempt).collect()
}

fn attempt(row: &PgRow) -> Result<MigrationAttempt, sqlx::Error> {
    let (action, outcome): (&str, &str) = (row.try_get("action")?, row.try_get("outcome")?);
    Ok(MigrationAttempt {
        id: row.try_get("id")?,
        version: row.try_get("version")?,
        name: row.try_get("name")?,
        action: AttemptAction::from_word(action),
        outcome: AttemptOutcome::from_word(outcome),
        started_at: row.try_get("started_at")?,
        ended_at: row.try_get("ended_at")?,
        statement: row.try_get("statement")?,
        line: row.try_get("line")?,
        sqlstate: row.try_get("sqlstate")?,
        message: row.try_get("message")?,
        left_behind: row.try_get("left_behind")?,
        role: row.try_get("role")?,
        app_version: row.try_get("app_version")?,
        checksum: row.try_get("checksum")?,
        normalized_checksum: row.try_get("normalized_checksum")?,
        alive: row.try_get("alive")?,
    })
}
