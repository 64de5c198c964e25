//! The tables `usage` and `usage_deltas`.

use sqlx::{Connection as _, PgConnection};

use crate::http::scope::Scope;

/// A user's usage of one quota.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The quota that it counts for.
    pub name: String,
    /// All that there is now.
    pub total: i64,
    /// By how much the operation has made it more.
    pub grown: i64,
}

/// Counts a user's usage of all quotas to the row, with the changes of the operation under way.
///
/// # Errors
/// Only from the database.
pub async fn count(scope: &mut Scope<'_>, operation_id: i64) -> Result<Vec<Counted>, sqlx::Error> {
    sqlx::query_as!(
        Counted,
        r#"
        with pending as (
            select operation_id, entity, rows, text_bytes from usage_deltas where user_id = $1
        ), used as (
            select transactions, tags, payees, categories, text_bytes from usage where user_id = $1
        )
        select
            q.name as "name!",
            (coalesce(q.used, 0) + coalesce((select sum(p.rows) from pending p where p.entity = q.name), 0))::bigint
                as "total!",
            coalesce((select sum(p.rows) from pending p where p.entity = q.name and p.operation_id = $2), 0)::bigint
                as "grown!"
        from (
            values
                ('transactions', (select transactions from used)),
                ('tags', (select tags from used)),
                ('payees', (select payees from used)),
                ('categories', (select categories from used))
        ) as q (name, used)
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
    )
    .fetch_all(&mut *scope.connection)
    .await
}

/// Brings what users have up to date with what was added since, and says how many additions there were. One process at a time
/// does so; for the others there is nothing to do. A job calls it.
///
/// # Errors
/// Only from the database.
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

/// Users whose rows were not counted for a week, or never: those that came in by another way than the API are missing.
///
/// # Errors
/// Only from the database.
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

/// Counts all that a user has.
///
/// # Errors
/// Only from the database.
pub async fn recount(scope: &mut Scope<'_>) -> Result<(), sqlx::Error> {
    let mut database = scope.connection.begin().await?;
    if !is_alone(&mut database).await? {
        return Ok(());
    }
    // One statement sees one state: what it counts, and what has been added to that so far.
    sqlx::query!(
        r#"
        with gone as (
            delete from usage_deltas where user_id = $1
        ), rows as (
            select
                count(*) as transactions,
                coalesce(sum(
                    octet_length(title) + coalesce(octet_length(title_en), 0) + coalesce(octet_length(note), 0)
                ), 0) as text_bytes
            from transactions
            where user_id = $1
        ), named as (
            select
                count(*) filter (where entity = 'tags') as tags,
                count(*) filter (where entity = 'payees') as payees,
                count(*) filter (where entity = 'categories') as categories,
                coalesce(sum(octet_length(name)), 0) as text_bytes
            from (
                select 'tags' as entity, name from tags where user_id = $1
                union all
                select 'payees', name from payees where user_id = $1
                union all
                select 'categories', name from categories where user_id = $1
            ) n
        ), recorded as (
            select coalesce(sum(coalesce(
                bytes, coalesce(pg_column_size(before), 0) + coalesce(pg_column_size(after), 0)
            )), 0) as history_bytes
            from changes
            where user_id = $1
        )
        insert into usage (user_id, transactions, tags, payees, categories, text_bytes, history_bytes, counted_at)
        select o.id, r.transactions, n.tags, n.payees, n.categories, r.text_bytes + n.text_bytes, c.history_bytes, now()
        from users o, rows r, named n, recorded c
        where o.id = $1
        on conflict (user_id) do update
        set transactions = excluded.transactions,
            tags = excluded.tags,
            payees = excluded.payees,
            categories = excluded.categories,
            text_bytes = excluded.text_bytes,
            history_bytes = excluded.history_bytes,
            counted_at = excluded.counted_at
        "#,
        scope.user_id,
    )
    .execute(&mut *database)
    .await?;
    database.commit().await
}

/// Adds up for one process at a time: two that count the same deltas would count them twice.
async fn is_alone(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock(hashtextextended('usage', 0)) as "alone!""#)
        .fetch_one(connection)
        .await
}

/// Notes that the history of users has so many bytes less.
///
/// # Errors
/// Only from the database.
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

/// Notes how many answers are kept for users who have many.
///
/// # Errors
/// Only from the database.
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
