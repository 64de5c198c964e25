//! Recognizes the original's tables in a database.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::error::TakeOverError;
use super::sql::{identifier, literal};
use super::tables::{NextIds, OriginalTable};

/// The numbers of users and transactions of an original in this database.
pub(super) async fn count_rows(connection: &mut PgConnection, schema: &str) -> Result<(i64, i64), TakeOverError> {
    let found = recognize_tables(connection, schema).await?;
    let count = |table: &OriginalTable| format!("(select count(*) from {})", found.name(*table));
    let query = format!("select {}, {}", count(&OriginalTable::User), count(&OriginalTable::Transaction));
    Ok(sqlx::query_as(AssertSqlSafe(query)).fetch_one(connection).await?)
}

/// The original's tables in a schema, after the check.
pub(super) struct RecognizedTables {
    schema: String,
    columns: Vec<(String, String)>,
}

impl RecognizedTables {
    pub(super) fn name(&self, table: OriginalTable) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(table.name()))
    }

    fn has(&self, table: OriginalTable, column: &str) -> bool {
        self.columns.iter().any(|(of, name)| of == table.name() && name == column)
    }

    /// A select of all columns under their own names, with the type cast to `kind`; missing columns are null.
    pub(super) fn select(&self, table: OriginalTable, kind: &str) -> String {
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

/// Checks that a schema contains the original's tables, and reports all differences.
pub(super) async fn recognize_tables(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<RecognizedTables, TakeOverError> {
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
    for table in OriginalTable::BOTH {
        if !columns.iter().any(|(of, _)| of == table.name()) {
            let _ = write!(lacking, "\n  there is no table {}", identifier(table.name()));
            continue;
        }
        for (column, right, optional) in table.columns() {
            let place = columns.iter().position(|(of, name)| of == table.name() && name == column);
            let told = match place.map(|place| &types[place]) {
                None if *optional => continue,
                None => "is not there".to_owned(),
                Some((kind, _)) if !right.contains(&kind.as_str()) => {
                    format!("is of the type {kind}, not {}", right[0])
                }
                Some((_, false)) if !optional => "may be null".to_owned(),
                Some(_) => continue,
            };
            let _ = write!(lacking, "\n  the column {column} of {} {told}", identifier(table.name()));
        }
    }
    if lacking.is_empty() {
        return Ok(RecognizedTables { schema: schema.to_owned(), columns });
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
    Err(TakeOverError::NotApplicable(format!(
        "the schema {} does not have the original's tables; nothing was changed:{lacking}{hint}",
        identifier(schema)
    )))
}

/// The next values of the sequences.
pub(super) async fn next_ids(
    connection: &mut PgConnection,
    found: &RecognizedTables,
) -> Result<NextIds, TakeOverError> {
    let mut next = [None, None];
    for (next, table) in next.iter_mut().zip(OriginalTable::BOTH) {
        let asked = format!("select pg_get_serial_sequence({}, 'id')", literal(&found.name(table)));
        let sequence: Option<String> = sqlx::query_scalar(AssertSqlSafe(asked)).fetch_one(&mut *connection).await?;
        if let Some(sequence) = sequence {
            let asked = format!("select last_value + case when is_called then 1 else 0 end from {sequence}");
            *next = Some(sqlx::query_scalar(AssertSqlSafe(asked)).fetch_one(&mut *connection).await?);
        }
    }
    Ok(NextIds { users: next[0], transactions: next[1] })
}
