//! The original's tables: recognised by what they are made of, read here or elsewhere, and put aside.

use std::fmt::Write as _;

use futures_util::TryStreamExt as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use super::error::{TakeOverError, sqlstate};
use super::plan::Wishes;
use super::session::Progress;
use super::{From, PUT_ASIDE, Tell, dump, identifier, literal, run, session};
use crate::db::explain::{Cause, QueryFailure};

/// A table of the original's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    User,
    Transaction,
}

/// Bytes of rows that are sent together.
pub(super) const SENT_AT_ONCE: usize = 64 * 1024;

/// A column: its name, its types, and whether it may be missing, as before the second migration.
pub(super) type Column = (&'static str, &'static [&'static str], bool);

const MOMENT: &[&str] = &["timestamp without time zone"];

impl Table {
    pub(super) const BOTH: [Self; 2] = [Self::User, Self::Transaction];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Transaction => "Transaction",
        }
    }

    pub(super) const fn sequence(self) -> &'static str {
        match self {
            Self::User => "User_id_seq",
            Self::Transaction => "Transaction_id_seq",
        }
    }

    /// The name that it has for all that comes behind.
    pub(super) const fn read_as(self) -> &'static str {
        match self {
            Self::User => "original_users",
            Self::Transaction => "original_transactions",
        }
    }

    pub(super) const fn columns(self) -> &'static [Column] {
        match self {
            Self::User => &[
                ("id", &["integer"], false),
                ("email", &["text"], false),
                ("password", &["text"], false),
                ("name", &["text"], true),
                ("createdAt", MOMENT, false),
                ("updatedAt", MOMENT, false),
            ],
            Self::Transaction => &[
                ("id", &["integer"], false),
                ("title", &["text"], false),
                ("amount", &["integer"], false),
                ("type", &["TransactionType"], false),
                ("category", &["text"], false),
                ("date", MOMENT, false),
                ("userId", &["integer"], false),
                ("titleEn", &["text"], true),
            ],
        }
    }
}

/// The ids that the original would give next, as far as is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NextIds {
    pub users: Option<i64>,
    pub transactions: Option<i64>,
}

/// What was found, and is there now as `original_users` and `original_transactions`.
pub(super) struct Source {
    pub next_ids: NextIds,
    /// Of the original's objects in this database, the statements' beginnings that name them.
    pub objects: Vec<String>,
    pub notes: Vec<String>,
}

impl Source {
    pub(super) async fn open(
        connection: &mut PgConnection,
        from: &From,
        wishes: &Wishes,
        tell: Tell<'_>,
    ) -> Result<Self, TakeOverError> {
        let schema = &wishes.schema;
        match from {
            From::Here { .. } => here(connection, wishes, from.moves(schema)).await,
            From::Url(options) => elsewhere(connection, options, schema, tell).await,
            From::Dump(path) => {
                connection.execute(COPIES).await?;
                let read = dump::read(connection, path, schema, tell).await?;
                Ok(Self { next_ids: read.next_ids, objects: Vec::new(), notes: read.notes })
            }
        }
    }
}

/// How many users and transactions there are in this database.
pub(super) async fn look(connection: &mut PgConnection, schema: &str) -> Result<(i64, i64), TakeOverError> {
    let found = recognise(connection, schema).await?;
    let count = |table: &Table| format!("(select count(*) from {})", found.name(*table));
    let query = format!("select {}, {}", count(&Table::User), count(&Table::Transaction));
    Ok(sqlx::query_as(AssertSqlSafe(query)).fetch_one(connection).await?)
}

/// The original's tables in a database.
struct Found {
    schema: String,
    columns: Vec<(String, String)>,
}

impl Found {
    fn name(&self, table: Table) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(table.name()))
    }

    fn has(&self, table: Table, column: &str) -> bool {
        self.columns.iter().any(|(of, name)| of == table.name() && name == column)
    }

    /// A select of all columns under their own names, the type as `kind`; what is not there yet is null.
    fn select(&self, table: Table, kind: &str) -> String {
        let columns: Vec<String> = table
            .columns()
            .iter()
            .map(|(column, types, _)| match (self.has(table, column), types) {
                (false, _) => format!("null::text as {}", identifier(column)),
                (true, ["TransactionType"]) => format!("{0}::{kind} as {0}", identifier(column)),
                (true, _) => identifier(column),
            })
            .collect();
        format!("select {} from {}", columns.join(", "), self.name(table))
    }
}

/// Refuses what is not the original's, saying what is lacking.
async fn recognise(connection: &mut PgConnection, schema: &str) -> Result<Found, TakeOverError> {
    let query = format!(
        "
        select
            c.relname::text as of,
            a.attname::text as name,
            case when t.typtype = 'e' then t.typname::text else format_type(a.atttypid, null) end as type,
            a.attnotnull as filled
        from pg_catalog.pg_class c
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        join pg_catalog.pg_type t on t.oid = a.atttypid
        where c.relnamespace = to_regnamespace({}) and c.relname in ('User', 'Transaction') and c.relkind in ('r', 'p')
        ",
        literal(&identifier(schema))
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(&mut *connection).await?;
    let mut columns = Vec::new();
    let mut types = Vec::new();
    for row in &rows {
        columns.push((row.try_get::<String, _>("of")?, row.try_get::<String, _>("name")?));
        types.push((row.try_get::<String, _>("type")?, row.try_get::<bool, _>("filled")?));
    }
    let mut lacking = String::new();
    for table in Table::BOTH {
        if !columns.iter().any(|(of, _)| of == table.name()) {
            let _ = write!(lacking, "\n  there is no table {}", identifier(table.name()));
            continue;
        }
        for (column, right, may_lack) in table.columns() {
            let place = columns.iter().position(|(of, name)| of == table.name() && name == column);
            let told = match place.map(|place| &types[place]) {
                None if *may_lack => continue,
                None => "is not there".to_owned(),
                Some((kind, _)) if !right.contains(&kind.as_str()) => {
                    format!("is of the type {kind}, not {}", right[0])
                }
                Some((_, false)) if !may_lack => "may be null".to_owned(),
                Some(_) => continue,
            };
            let _ = write!(lacking, "\n  the column {column} of {} {told}", identifier(table.name()));
        }
    }
    if lacking.is_empty() {
        return Ok(Found { schema: schema.to_owned(), columns });
    }
    let elsewhere = sqlx::query_scalar::<_, String>(
        "select n.nspname::text from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where \
         c.relname = 'Transaction' and c.relkind in ('r', 'p') and n.nspname <> $1 order by 1 limit 1",
    )
    .bind(schema)
    .fetch_optional(connection)
    .await?;
    let hint = elsewhere.map_or_else(String::new, |schema| {
        format!("\nThe schema {0} has such a table: --schema {0}.", identifier(&schema))
    });
    Err(TakeOverError::Senseless(format!(
        "the schema {} does not have the original's tables; nothing was changed:{lacking}{hint}",
        identifier(schema)
    )))
}

/// Reads the tables of this database, which nobody changes meanwhile; of a dry run one moment is read.
async fn here(connection: &mut PgConnection, wishes: &Wishes, moves: bool) -> Result<Source, TakeOverError> {
    let schema = &wishes.schema;
    let found = recognise(connection, schema).await?;
    if moves {
        check_move(connection, schema, PUT_ASIDE).await?;
    }
    if !wishes.dry_run && wishes.amounts.is_some() {
        let (users, transactions) = (found.name(Table::User), found.name(Table::Transaction));
        let locked = run(connection, format!("lock table {users}, {transactions} in share mode")).await;
        locked.map_err(|error| match sqlstate(&error).as_deref() {
            Some("42501") => forbidden(&Cause(&error).to_string()),
            _ => error.into(),
        })?;
    }
    for table in Table::BOTH {
        let select = found.select(table, "text::transaction_type");
        run(connection, format!("create temp view {} as {select}", table.read_as())).await?;
    }
    let next_ids = next_ids(connection, &found).await?;
    let objects = objects(connection, schema).await?;
    Ok(Source { next_ids, objects, notes: Vec::new() })
}

/// What the role may not do is told as such.
fn forbidden(problem: &str) -> TakeOverError {
    TakeOverError::Senseless(format!(
        "{problem}; nothing was changed. It has to own the original's tables, or be a member of the role that does, and to be \
         allowed to make a schema: name one in DATABASE_DIRECT_URL. With --keep-in-place it only has to read and to lock them."
    ))
}

/// The next values of the sequences.
async fn next_ids(connection: &mut PgConnection, found: &Found) -> Result<NextIds, TakeOverError> {
    let mut next = [None, None];
    for (next, table) in next.iter_mut().zip(Table::BOTH) {
        let asked = format!("select pg_get_serial_sequence({}, 'id')", literal(&found.name(table)));
        let sequence: Option<String> = sqlx::query_scalar(AssertSqlSafe(asked)).fetch_one(&mut *connection).await?;
        if let Some(sequence) = sequence {
            let asked = format!("select last_value + case when is_called then 1 else 0 end from {sequence}");
            *next = Some(sqlx::query_scalar(AssertSqlSafe(asked)).fetch_one(&mut *connection).await?);
        }
    }
    Ok(NextIds { users: next[0], transactions: next[1] })
}

/// The temporary tables that rows from elsewhere are put into.
const COPIES: &str = r#"
create temp table original_users (
    id integer primary key,
    email text not null,
    password text not null,
    name text,
    "createdAt" timestamp(3) not null,
    "updatedAt" timestamp(3) not null
) on commit drop;
create temp table original_transactions (
    id integer primary key,
    title text not null,
    amount integer not null,
    type transaction_type not null,
    category text not null,
    date timestamp(3) not null,
    "userId" integer not null,
    "titleEn" text
) on commit drop;
"#;

/// Copies the rows of another database, as they were at one moment.
async fn elsewhere(
    connection: &mut PgConnection,
    options: &PgConnectOptions,
    schema: &str,
    tell: Tell<'_>,
) -> Result<Source, TakeOverError> {
    connection.execute(COPIES).await?;
    let mut there = session::connect(options).await?;
    let copied = copy_from(connection, &mut there, schema, tell).await;
    let _ = there.close().await;
    // Errors of this database are told of by who asked.
    let failed = |error| TakeOverError::Failure(QueryFailure::new(options, error));
    let next_ids = copied.map_err(|failure| match failure {
        Failed::There(TakeOverError::Database(error)) => failed(error),
        Failed::There(error) => error,
        Failed::Here(error) => error.into(),
    })?;
    Ok(Source { next_ids, objects: Vec::new(), notes: Vec::new() })
}

/// Which of the two databases failed.
enum Failed {
    There(TakeOverError),
    Here(sqlx::Error),
}

async fn copy_from(
    connection: &mut PgConnection,
    there: &mut PgConnection,
    schema: &str,
    tell: Tell<'_>,
) -> Result<NextIds, Failed> {
    let there_failed = |error: sqlx::Error| Failed::There(error.into());
    let begin = "begin transaction isolation level repeatable read read only; set local statement_timeout = 0; \
                 set local idle_in_transaction_session_timeout = 0";
    there.execute(begin).await.map_err(there_failed)?;
    let found = recognise(there, schema).await.map_err(Failed::There)?;
    for (table, what) in [(Table::User, "users read"), (Table::Transaction, "transactions read")] {
        let mut progress = Progress::new(what);
        let columns: Vec<String> = table.columns().iter().map(|(column, ..)| identifier(column)).collect();
        let into = format!("copy {} ({}) from stdin", table.read_as(), columns.join(", "));
        let out = format!("copy ({}) to stdout", found.select(table, "text"));
        let mut rows = there.copy_out_raw(&out).await.map_err(there_failed)?;
        let mut copy = connection.copy_in_raw(&into).await.map_err(Failed::Here)?;
        let mut some = Vec::with_capacity(SENT_AT_ONCE);
        while let Some(row) = rows.try_next().await.map_err(there_failed)? {
            some.extend_from_slice(&row);
            if some.len() >= SENT_AT_ONCE {
                copy.send(some.as_slice()).await.map_err(Failed::Here)?;
                some.clear();
            }
            progress.add(1, tell);
        }
        copy.send(some.as_slice()).await.map_err(Failed::Here)?;
        copy.finish().await.map_err(Failed::Here)?;
    }
    // Behind the rows: it never goes back.
    next_ids(there, &found).await.map_err(Failed::There)
}

/// The original's objects in a schema, as `alter` names them.
pub(super) async fn objects(connection: &mut PgConnection, schema: &str) -> Result<Vec<String>, sqlx::Error> {
    let query = format!(
        "
        select 'table ' || quote_ident(c.relname) as object
        from pg_catalog.pg_class c
        where c.relnamespace = to_regnamespace({schema}) and c.relkind in ('r', 'p')
            and c.relname in ('User', 'Transaction', '_prisma_migrations')
        union all
        select 'type ' || quote_ident(t.typname)
        from pg_catalog.pg_type t
        where t.typnamespace = to_regnamespace({schema}) and t.typname = 'TransactionType' and t.typtype = 'e'
        ",
        schema = literal(&identifier(schema))
    );
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(connection).await
}

/// Refuses what could not be put aside in the end, before any work is done.
pub(super) async fn check_move(connection: &mut PgConnection, from: &str, to: &str) -> Result<(), TakeOverError> {
    let there = objects(connection, to).await?;
    if !there.is_empty() {
        return Err(TakeOverError::Senseless(format!(
            "the schema {} has such objects already ({}); nothing was changed. Rename that schema, or say --keep-in-place.",
            identifier(to),
            there.join(", ")
        )));
    }
    let query = format!(
        "
        select 'does not own the table ' || oid::regclass
        from pg_catalog.pg_class
        where relnamespace = to_regnamespace({from}) and relkind in ('r', 'p')
            and relname in ('User', 'Transaction', '_prisma_migrations') and not pg_has_role(relowner, 'usage')
        union all
        select 'does not own the type ' || oid::regtype
        from pg_catalog.pg_type
        where typnamespace = to_regnamespace({from}) and typname = 'TransactionType' and not pg_has_role(typowner, 'usage')
        union all
        select 'may not make a schema'
        where to_regnamespace({to}) is null and not has_database_privilege(current_database(), 'create')
        union all
        select 'may not make objects in the schema ' || {to}
        where not has_schema_privilege(to_regnamespace({to}), 'create')
        limit 1
        ",
        from = literal(&identifier(from)),
        to = literal(&identifier(to)),
    );
    match sqlx::query_scalar::<_, String>(AssertSqlSafe(query)).fetch_optional(connection).await? {
        None => Ok(()),
        Some(lacking) => Err(forbidden(&format!("the role {lacking}"))),
    }
}

/// Moves the original's objects from one schema to another; indexes and sequences go with their tables.
pub(super) async fn put_aside(
    connection: &mut PgConnection,
    objects: &[String],
    from: &str,
    to: &str,
) -> Result<(), sqlx::Error> {
    let mut sql = format!("create schema if not exists {};", identifier(to));
    for object in objects {
        let (kind, name) = object.split_once(' ').unwrap_or(("table", object));
        let _ = write!(sql, "alter {kind} {}.{name} set schema {};", identifier(from), identifier(to));
    }
    run(connection, sql).await?;
    Ok(())
}
