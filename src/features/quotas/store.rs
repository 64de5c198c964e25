//! The tables `usage` and `usage_deltas`.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::features::history::recorded::RecordedTables;
use crate::http::scope::Scope;

/// The usage of one quota.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Counted {
    /// The name of the quota.
    pub name: String,
    /// The current usage.
    pub total: i64,
    /// The part that the current operation has added.
    pub grown: i64,
}

/// The exact usage of a user, including the current operation: of the row quotas of `tables`, and of the other quotas.
pub async fn count(scope: &mut Scope<'_>, operation_id: i64, tables: &[String]) -> Result<Vec<Counted>, sqlx::Error> {
    sqlx::query_as!(
        Counted,
        r#"
        with pending as (
            select operation_id, entity, rows, text_bytes from usage_deltas where user_id = $1
        ), used as (
            select text_bytes, to_jsonb(u) as columns from usage u where user_id = $1
        )
        select
            q.name as "name!",
            (coalesce((select (columns ->> q.name)::bigint from used), 0) + coalesce((select sum(p.rows) from pending p where p.entity = q.name), 0))::bigint
                as "total!",
            coalesce((select sum(p.rows) from pending p where p.entity = q.name and p.operation_id = $2), 0)::bigint
                as "grown!"
        from unnest($3::text[]) as q (name)
        union all
        select
            'text_bytes',
            (coalesce((select text_bytes from used), 0) + coalesce((select sum(text_bytes) from pending), 0))::bigint,
            coalesce((select sum(text_bytes) from pending where operation_id = $2), 0)::bigint
        union all
        select 'tags_per_transaction', coalesce(max(l.tags), 0), 1
        from (
            select count(*) as tags
            from transaction_tags l
            where l.user_id = $1 and l.transaction_id in (
                select c.entity_id
                from changes c
                where c.user_id = $1 and c.operation_id = $2 and c.entity = 'transaction_tags' and c.before is null
            )
            group by l.transaction_id
        ) l
        "#,
        scope.user_id,
        operation_id,
        tables,
    )
    .fetch_all(&mut *scope.connection)
    .await
}

/// The rows of a user in a table, including the current operation.
pub async fn count_rows(scope: &mut Scope<'_>, operation_id: i64, table: &'static str) -> Result<Counted, sqlx::Error> {
    let sql = format!(
        "select '{table}' as name, (select count(*) from {table} where user_id = $1) as total,
            (
                select count(*) filter (where before is null) - count(*) filter (where after is null)
                from changes
                where user_id = $1 and operation_id = $2 and entity = '{table}'
            ) as grown"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(scope.user_id).bind(operation_id);
    query.fetch_one(&mut *scope.connection).await
}

/// Adds the deltas to the usage of all users, and returns the number of deltas; 0 if another process is doing that. A job calls it.
pub async fn settle(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let mut database = connection.begin().await?;
    if !is_alone(&mut database).await? {
        return Ok(0);
    }
    let settled = sqlx::query_scalar!(
        r#"
        with gone as (
            delete from usage_deltas
            returning user_id, entity, rows, text_bytes, history_bytes
        ), sums as (
            select
                user_id,
                coalesce(sum(rows) filter (where entity = 'transactions'), 0) as transactions,
                coalesce(sum(rows) filter (where entity = 'tags'), 0) as tags,
                coalesce(sum(rows) filter (where entity = 'payees'), 0) as payees,
                coalesce(sum(rows) filter (where entity = 'categories'), 0) as categories,
                sum(text_bytes) as text_bytes,
                sum(history_bytes) as history_bytes
            from gone
            group by user_id
        ), added as (
            insert into usage as u (user_id, transactions, tags, payees, categories, text_bytes, history_bytes)
            select s.*
            from sums s
            join users o on o.id = s.user_id
            on conflict (user_id) do update
            set transactions = u.transactions + excluded.transactions,
                tags = u.tags + excluded.tags,
                payees = u.payees + excluded.payees,
                categories = u.categories + excluded.categories,
                text_bytes = u.text_bytes + excluded.text_bytes,
                history_bytes = u.history_bytes + excluded.history_bytes
        )
        select count(*) as "settled!" from gone
        "#,
    )
    .fetch_one(&mut *database)
    .await?;
    database.commit().await?;
    Ok(u64::try_from(settled).unwrap_or(0))
}

/// Users whose last recount is over a week old, or who never had one. Rows that were not written through the API are counted then.
pub async fn whose_to_count(connection: &mut PgConnection) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select u.id
        from users u
        left join usage s on s.user_id = u.id
        where s.counted_at is null or s.counted_at < now() - interval '7 days'
        order by s.counted_at nulls first
        limit 100
        "#,
    )
    .fetch_all(connection)
    .await
}

/// Recounts the usage of a user: the text in all recorded tables, and the rows of those with a quota.
pub async fn recount(scope: &mut Scope<'_>, tables: &RecordedTables) -> Result<(), sqlx::Error> {
    let mut database = scope.connection.begin().await?;
    if !is_alone(&mut database).await? {
        return Ok(());
    }
    let text = text_columns(&mut database, tables).await?;
    sqlx::query(AssertSqlSafe(recount_statement(tables, &text))).bind(scope.user_id).execute(&mut *database).await?;
    database.commit().await
}

/// A column whose text counts for the quota of text.
struct TextColumn {
    table: String,
    column: String,
}

/// The columns that the function `text_bytes` counts. Calling it for each row would take thirty times as long as their lengths.
async fn text_columns(connection: &mut PgConnection, tables: &RecordedTables) -> Result<Vec<TextColumn>, sqlx::Error> {
    let names: Vec<String> = tables.iter().map(|table| table.name.to_owned()).collect();
    sqlx::query_as!(
        TextColumn,
        r#"
        select t.name as "table!", a.attname::text as "column!"
        from unnest($1::text[]) as t (name)
        join pg_attribute a on a.attrelid = t.name::regclass
        where a.atttypid = 'text'::regtype and a.attnum > 0 and not a.attisdropped
            and text_bytes(jsonb_build_object(a.attname, 'x')) > 0
        "#,
        &names,
    )
    .fetch_all(connection)
    .await
}

/// A single statement, because its parts see the same state: the rows, and the deltas that they include.
fn recount_statement(tables: &RecordedTables, text: &[TextColumn]) -> String {
    let counted = tables.iter().map(|table| {
        let name = table.name;
        let columns = text.iter().filter(|text| text.table == name);
        let bytes: String = columns.map(|text| format!(" + coalesce(sum(octet_length({})), 0)", text.column)).collect();
        format!("select '{name}' as name, count(*) as rows, 0{bytes} as text_bytes from {name} where user_id = $1")
    });
    let quotas: Vec<&str> = tables.with_quotas().map(|(name, _)| name).collect();
    let rows = quotas.iter().map(|name| format!(", (select rows from counted where name = '{name}')"));
    let set = quotas.iter().map(|name| format!(", {name} = excluded.{name}"));
    format!(
        "
        with gone as (
            delete from usage_deltas where user_id = $1
        ), counted as (
            {counted}
        ), recorded as (
            select coalesce(sum(coalesce(
                bytes, coalesce(pg_column_size(before), 0) + coalesce(pg_column_size(after), 0)
            )), 0) as history_bytes
            from changes
            where user_id = $1
        )
        insert into usage (user_id, text_bytes, history_bytes, counted_at, {columns})
        select o.id, (select sum(text_bytes) from counted), r.history_bytes, now(){rows}
        from users o, recorded r
        where o.id = $1
        on conflict (user_id) do update
        set text_bytes = excluded.text_bytes,
            history_bytes = excluded.history_bytes,
            counted_at = excluded.counted_at{set}
        ",
        counted = counted.collect::<Vec<_>>().join(" union all "),
        columns = quotas.join(", "),
        rows = rows.collect::<String>(),
        set = set.collect::<String>(),
    )
}

/// Locks the deltas until the transaction ends, because two processes would count the same deltas twice. False if they are locked.
async fn is_alone(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock(hashtextextended('usage', 0)) as "alone!""#)
        .fetch_one(connection)
        .await
}

/// Subtracts removed bytes from the history of users.
pub async fn note_removed(connection: &mut PgConnection, removed: &[(i64, i64)]) -> Result<(), sqlx::Error> {
    let (users, bytes): (Vec<i64>, Vec<i64>) = removed.iter().copied().unzip();
    sqlx::query!(
        r#"
        insert into usage_deltas (user_id, entity, rows, text_bytes, history_bytes)
        select r.user_id, 'changes', 0, 0, -r.bytes
        from unnest($1::bigint[], $2::bigint[]) as r (user_id, bytes)
        where r.bytes > 0
        "#,
        &users,
        &bytes,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Counts the stored answers of users who have many.
pub async fn count_keys(connection: &mut PgConnection, quota: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        update usage u
        set idempotency_keys = k.kept
        from (
            select s.user_id, coalesce(k.kept, 0) as kept
            from usage s
            left join (select user_id, count(*) as kept from idempotency_keys group by user_id) k
                on k.user_id = s.user_id
            where s.idempotency_keys > 0 or k.kept >= $1::bigint / 2
        ) k
        where u.user_id = k.user_id and u.idempotency_keys <> k.kept
        "#,
        quota,
    )
    .execute(connection)
    .await?;
    Ok(())
}
