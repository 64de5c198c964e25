//! Deletes old operations with their changes.
//!
//! An operation is marked first, so that nobody undoes a part of it; then its changes are deleted, some thousand at a time, and the
//! operation last. A round that is interrupted is continued by the next one.

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, PgConnection};

use crate::http::scope::Scope;

/// The users of one query.
const USERS: i64 = 1_000;

/// The operations, and the changes, that are deleted at once.
const OPERATIONS: i64 = 500;
const CHANGES: i64 = 5_000;

/// A user with operations that may have to be deleted.
#[derive(Debug, Clone)]
pub struct RetentionCandidate {
    /// The user's id.
    pub user_id: i64,
    /// True if the oldest operation is too old.
    pub has_old: bool,
    /// True if there may be too many operations.
    pub may_have_many: bool,
    /// True if they take too many bytes.
    pub has_large: bool,
}

/// Limits of the history.
#[derive(Debug, Clone, Copy)]
pub struct HistoryLimits {
    /// The age, in seconds.
    pub seconds: f64,
    /// The operations of each user.
    pub operations: i64,
    /// The bytes of history of each user.
    pub bytes: i64,
}

/// The next users with operations after this one, in the order of their ids; empty after the last one.
///
/// # Errors
/// Only from the database.
pub async fn candidates(
    connection: &mut PgConnection,
    behind: i64,
    kept: &HistoryLimits,
) -> Result<Vec<RetentionCandidate>, sqlx::Error> {
    // Ids count up for all users together: the first and the last one show the most operations between them.
    sqlx::query_as!(
        RetentionCandidate,
        r#"
        select
            u.id as user_id,
            coalesce(o.created_at < now() - make_interval(secs => $2), false) as "has_old!",
            coalesce(n.id - o.id >= $3, false) as "may_have_many!",
            coalesce(s.history_bytes > $4, false) as "has_large!"
        from (select id from users where id > $1 order by id limit $5) u
        left join lateral (
            select id, created_at from operations where user_id = u.id order by id limit 1
        ) o on true
        left join lateral (
            select id from operations where user_id = u.id order by id desc limit 1
        ) n on true
        left join usage s on s.user_id = u.id
        order by u.id
        "#,
        behind,
        kept.seconds,
        kept.operations,
        kept.bytes,
        USERS,
    )
    .fetch_all(connection)
    .await
}

/// The last operation that has to be deleted, of those that are deleted at once. `None` if none has to be.
///
/// # Errors
/// Only from the database.
pub async fn last_to_go(
    connection: &mut PgConnection,
    candidate: &RetentionCandidate,
    kept: &HistoryLimits,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select max(id)
        from (select id, created_at from operations where user_id = $1 order by id limit $6) o
        where created_at < now() - make_interval(secs => $2)
            or ($3 and id <= (select id from operations where user_id = $1 order by id desc offset $4 limit 1))
            or ($5 and (
                select history_bytes from usage where user_id = $1
            ) + (
                select coalesce(sum(history_bytes), 0) from usage_deltas where user_id = $1
            ) > $7::bigint)
        "#,
        candidate.user_id,
        kept.seconds,
        candidate.may_have_many,
        kept.operations,
        candidate.has_large,
        OPERATIONS,
        kept.bytes,
    )
    .fetch_one(connection)
    .await
}

/// The outcome of one step.
#[derive(Debug, Clone, Copy)]
pub struct Removed {
    /// The deleted bytes of history.
    pub bytes: i64,
    /// True if there is more to do for these operations.
    pub more: bool,
}

/// Deletes some operations up to this one, with their changes. Operations that another process is deleting are left to it.
///
/// # Errors
/// Only from the database.
pub async fn remove(scope: &mut Scope<'_>, last: i64) -> Result<Removed, sqlx::Error> {
    let mut database = scope.connection.begin().await?;
    let held = sqlx::query_scalar!(
        r#"
        with held as (
            select id
            from operations
            where user_id = $1 and id <= $2
            order by id
            limit $3
            for update skip locked
        )
        update operations o
        set purged = true
        from held
        where o.user_id = $1 and o.id = held.id
        returning o.id
        "#,
        scope.user_id,
        last,
        OPERATIONS,
    )
    .fetch_all(&mut *database)
    .await?;
    // Not measured in `returning`: a cluster can have immutable functions only there.
    let gone = sqlx::query!(
        r#"
        with gone as (
            delete from changes
            where user_id = $1 and (operation_id, id) in (
                select operation_id, id
                from changes
                where user_id = $1 and operation_id = any ($2)
                order by operation_id, id
                limit $3
            )
            returning
                bytes,
                case when bytes is null then before end as before,
                case when bytes is null then after end as after
        )
        select
            count(*) as "changes!",
            coalesce(sum(coalesce(
                bytes, coalesce(pg_column_size(before), 0) + coalesce(pg_column_size(after), 0)
            )), 0)::bigint as "bytes!"
        from gone
        "#,
        scope.user_id,
        &held,
        CHANGES,
    )
    .fetch_one(&mut *database)
    .await?;
    let empty = sqlx::query_scalar!(
        r#"
        select o.id
        from operations o
        where o.user_id = $1 and o.id = any ($2)
            and not exists (select from changes c where c.user_id = $1 and c.operation_id = o.id)
        "#,
        scope.user_id,
        &held,
    )
    .fetch_all(&mut *database)
    .await?;
    delete(&mut Scope::new(&mut database, scope.user_id), &empty).await?;
    database.commit().await?;
    Ok(Removed { bytes: gone.bytes, more: gone.changes == CHANGES || !empty.is_empty() })
}

/// Deletes operations without changes. Those that undid them, or that they undid, do not refer to them any more.
async fn delete(scope: &mut Scope<'_>, ids: &[i64]) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        update operations
        set undoes = case when undoes <> all ($2) then undoes end,
            undone_by = case when undone_by <> all ($2) then undone_by end
        where user_id = $1 and (undoes = any ($2) or undone_by = any ($2))
        "#,
        scope.user_id,
        ids,
    )
    .execute(&mut *scope.connection)
    .await?;
    sqlx::query!("delete from operations where user_id = $1 and id = any ($2)", scope.user_id, ids)
        .execute(&mut *scope.connection)
        .await?;
    Ok(())
}

/// The oldest operation that is kept: its id and its time.
///
/// # Errors
/// Only from the database.
pub(super) async fn oldest(scope: &mut Scope<'_>) -> Result<Option<(i64, DateTime<Utc>)>, sqlx::Error> {
    let oldest =
        sqlx::query!("select id, created_at from operations where user_id = $1 order by id limit 1", scope.user_id);
    Ok(oldest.fetch_optional(&mut *scope.connection).await?.map(|row| (row.id, row.created_at)))
}
