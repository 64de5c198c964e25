//! What a database has on record: the table `_sqlx_migrations`, shared with sqlx's command-line tool, and beside it our
//! own, with a row for each attempt.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{PgConnection, Row as _};

use super::MigrateError;
use super::attempt::{Action, Attempt, Outcome};
use super::looks::LOOKS;
use super::session::{OUR_PATH_HERE, Session, THEIR_SCHEMAS};
use super::settings::Settings;
use super::source::Migration;

/// Sqlx's table.
pub(super) const TABLE: &str = "_sqlx_migrations";

/// Ours.
pub(super) const ATTEMPTS: &str = "_app_migration_attempts";

/// A migration on record.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub version: i64,
    pub name: String,
    pub installed_on: DateTime<Utc>,
    pub success: bool,
    pub checksum: Vec<u8>,
    /// `None` if the process ended before it could be noted.
    pub took: Option<Duration>,
}

/// Everything that a database has on record.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub tables: Tables,
    /// In order of their versions.
    pub records: Vec<Record>,
    /// In the order in which they were made.
    pub attempts: Vec<Attempt>,
}

/// The table of the looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Looks {
    /// It is not there.
    #[default]
    Missing,
    /// It is there.
    Ours,
    /// Somebody else made it, who could have hung anything on it.
    Strange,
}

/// Where the two tables are. They are always named with their schema: a migration may set another `search_path`.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    /// The schema that they are in, or are to be made in; quoted. `None` if there is no schema to make them in.
    pub schema: Option<String>,
    pub has_records: bool,
    pub has_attempts: bool,
    /// The table of the looks.
    pub looks: Looks,
    /// Who owns them, if it is nobody whom this role could trust: what he hung on them would be run with its rights.
    pub stranger: Option<String>,
}

impl Tables {
    /// The schema that they are in, quoted.
    pub(super) fn schema(&self) -> &str {
        self.schema.as_deref().unwrap_or("public")
    }

    pub(super) fn records(&self) -> String {
        format!("{}.{TABLE}", self.schema())
    }

    pub(super) fn attempts(&self) -> String {
        format!("{}.{ATTEMPTS}", self.schema())
    }
}

/// What a database has on record, read in a session of its own.
pub(super) async fn of(
    options: &PgConnectOptions,
    migrations: &[Migration],
    settings: &Settings,
) -> Result<History, MigrateError> {
    Session::with(options, settings, async |session| Ok(read(&mut session.connection, migrations).await?)).await
}

/// Reads it all. A database without the tables has nothing.
pub(super) async fn read(connection: &mut PgConnection, migrations: &[Migration]) -> Result<History, sqlx::Error> {
    let tables = tables(connection).await?;
    let records = if tables.has_records { records(connection, &tables).await? } else { Vec::new() };
    let mut attempts = Vec::new();
    if tables.has_attempts {
        attempts = read_attempts(connection, &tables, &differing(migrations, &records)).await?;
    }
    Ok(History { tables, records, attempts })
}

// Simple queries all: one round trip each, and nothing that a pooler would have to keep. Each looks up what is PostgreSQL's
// where nobody else can make anything, on a server's connection as well.

/// Where the tables are, on the database's own search path.
pub(super) async fn tables(connection: &mut PgConnection) -> Result<Tables, sqlx::Error> {
    let query = format!(
        r"{THEIR_SCHEMAS}
        with found as (
            select
                place,
                name,
                c.relname = '{TABLE}' as has_records,
                c.relname = '{ATTEMPTS}' as has_attempts,
                c.relname = '{LOOKS}' as has_looks,
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
                        or c.relowner in (n.nspowner, (select datdba from pg_database where datname = current_database()))
                    )
                    then o.rolname
                end as stranger
            from unnest(current_setting('app.schemas')::name[]) with ordinality schemas (name, place)
            join pg_namespace n on n.nspname = name
            join pg_class c on c.relnamespace = n.oid
            join pg_roles o on o.oid = c.relowner
            join pg_roles me on me.rolname = current_user
            where c.relname in ('{TABLE}', '{ATTEMPTS}', '{LOOKS}')
        ),
        home as (
            select name
            from found
            where has_records or has_attempts
            order by has_records desc, place
            limit 1
        )
        select
            quote_ident(coalesce((select name from home), (current_setting('app.schemas')::name[])[1])) as schema,
            coalesce(bool_or(has_records), false) as has_records,
            coalesce(bool_or(has_attempts), false) as has_attempts,
            coalesce(bool_or(has_looks), false) as has_looks,
            coalesce(bool_or(strange) filter (where not has_looks), false) as strange,
            coalesce(bool_or(strange or stranger is not null) filter (where has_looks), false) as strange_looks,
            max(stranger::text) filter (where not has_looks) as stranger
        from found
        join home using (name)
        ",
    );
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(query)).fetch_all(connection).await?;
    let row = rows.last().ok_or(sqlx::Error::RowNotFound)?;
    if row.try_get("strange")? {
        return Err(not_ours());
    }
    Ok(Tables {
        schema: row.try_get("schema")?,
        has_records: row.try_get("has_records")?,
        has_attempts: row.try_get("has_attempts")?,
        looks: match (row.try_get("has_looks")?, row.try_get("strange_looks")?) {
            (_, true) => Looks::Strange,
            (true, false) => Looks::Ours,
            (false, false) => Looks::Missing,
        },
        stranger: row.try_get("stranger")?,
    })
}

/// A view, or a column of a type of somebody's own, would run what he likes when it is read.
fn not_ours() -> sqlx::Error {
    sqlx::Error::Protocol(format!(
        "{TABLE} or {ATTEMPTS} is no plain table, or has columns of types that are not PostgreSQL's, so that nobody here made \
         it; it was not read. Look who did, and drop it"
    ))
}

async fn records(connection: &mut PgConnection, tables: &Tables) -> Result<Vec<Record>, sqlx::Error> {
    let query = format!(
        r"{OUR_PATH_HERE}
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

fn record(row: &PgRow) -> Result<Record, sqlx::Error> {
    let nanoseconds: i64 = row.try_get("execution_time")?;
    Ok(Record {
        version: row.try_get("version")?,
        name: row.try_get("description")?,
        installed_on: row.try_get("installed_on")?,
        success: row.try_get("success")?,
        checksum: row.try_get("checksum")?,
        took: u64::try_from(nanoseconds).ok().map(Duration::from_nanos),
    })
}

/// Those whose file is not, to the letter, what is on record. Only of them is more asked: there may be a thousand.
fn differing(migrations: &[Migration], records: &[Record]) -> Vec<i64> {
    let files: HashMap<i64, &[u8]> = migrations.iter().map(|one| (one.version, one.up.checksum())).collect();
    let differs = |record: &&Record| files.get(&record.version).is_some_and(|checksum| *checksum != record.checksum);
    records.iter().filter(differs).map(|record| record.version).collect()
}

async fn read_attempts(
    connection: &mut PgConnection,
    tables: &Tables,
    differing: &[i64],
) -> Result<Vec<Attempt>, sqlx::Error> {
    let differing: Vec<String> = differing.iter().map(ToString::to_string).collect();
    // Who is not allowed to see when another's session began sees that there is one, and has to believe it is that one.
    let query = format!(
        r"{OUR_PATH_HERE}
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

fn attempt(row: &PgRow) -> Result<Attempt, sqlx::Error> {
    let (action, outcome): (&str, &str) = (row.try_get("action")?, row.try_get("outcome")?);
    Ok(Attempt {
        id: row.try_get("id")?,
        version: row.try_get("version")?,
        name: row.try_get("name")?,
        action: Action::from_word(action),
        outcome: Outcome::from_word(outcome),
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
