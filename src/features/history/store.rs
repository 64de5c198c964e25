//! The tables `operations` and `changes`. What was changed is recorded by triggers, for the operation that is named to the
//! session.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};

use super::model::{Change, Operation};
use crate::db::error::breaks;
use crate::http::page::Paging;

/// Begins an operation, for which all further changes of this transaction are recorded; `None` if there is no such user.
///
/// # Errors
/// The database's.
pub async fn begin(connection: &mut PgConnection, user_id: i64, kind: &str) -> Result<Option<i64>, sqlx::Error> {
    let begun = sqlx::query!(
        r#"
        insert into operations (user_id, kind)
        values ($1, $2)
        returning
            id,
            set_config('app.operation', id::text, true) as named
        "#,
        user_id,
        kind,
    )
    .fetch_one(connection)
    .await;
    match begun {
        Ok(row) => Ok(Some(row.id)),
        Err(error) if breaks(&error, "operations_user_id_fkey") => Ok(None),
        Err(error) => Err(error),
    }
}

/// A user's operation.
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<Option<Operation>, sqlx::Error> {
    let found = sqlx::query_as!(
        Operation,
        r#"
        select
            o.id,
            o.kind,
            o.created_at,
            o.undoes,
            o.undone_by,
            (select count(*) from changes c where c.user_id = o.user_id and c.operation_id = o.id) as change_count
        from operations o
        where o.user_id = $1 and o.id = $2
        "#,
        user_id,
        id,
    );
    found.fetch_optional(connection).await
}

/// A user's operations, the last first; in the direction of reading.
///
/// # Errors
/// The database's.
pub async fn list(
    connection: &mut PgConnection,
    user_id: i64,
    paging: &Paging<'_, i64>,
) -> Result<Vec<Operation>, sqlx::Error> {
    // Ids count up, so the newest has the largest.
    let (compare, order) = paging.largest_first();
    let sql = format!(
        r"
        select id, kind, created_at, undoes, undone_by, null::bigint as change_count
        from operations
        where user_id = $1 and id {compare} $2
        order by id {order}
        limit $3
        "
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(user_id)
        .bind(paging.key().copied().unwrap_or(i64::MAX))
        .bind(paging.fetch())
        .fetch_all(connection)
        .await
}

/// Holds an operation against others that would undo it, until the transaction ends; `None` if there is no such one.
///
/// # Errors
/// The database's.
pub async fn hold(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<Option<Held>, sqlx::Error> {
    sqlx::query_as!(
        Held,
        r#"
        select
            kind,
            undoes,
            undone_by,
            purged
        from operations
        where user_id = $1 and id = $2
        for update
        "#,
        user_id,
        id,
    )
    .fetch_optional(connection)
    .await
}

/// What undoing has to know of an operation.
#[derive(Debug)]
pub struct Held {
    /// What it was.
    pub kind: String,
    /// The operation that it took back.
    pub undoes: Option<i64>,
    /// The operation that took it back.
    pub undone_by: Option<i64>,
    /// What it deleted is gone from the trash.
    pub purged: bool,
}

/// Notes that an operation takes another one back; what that one had taken back is in force again.
///
/// # Errors
/// The database's.
pub async fn note_undone(
    connection: &mut PgConnection,
    user_id: i64,
    undone: i64,
    by: i64,
    in_force_again: Option<i64>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        update operations
        set undoes = case when id = $3 then $2 else undoes end,
            undone_by = case when id = $2 then $3 when id = $4 then null else undone_by end
        where user_id = $1 and id in ($2, $3, $4)
        "#,
        user_id,
        undone,
        by,
        in_force_again,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The changes of a transaction and of its tags, the newest first.
///
/// # Errors
/// The database's.
pub async fn changes_of(
    connection: &mut PgConnection,
    user_id: i64,
    transaction_id: i64,
) -> Result<Vec<Change>, sqlx::Error> {
    sqlx::query_as!(
        Change,
        r#"
        select
            c.id,
            c.operation_id,
            o.kind as operation,
            o.created_at,
            c.entity,
            c.tag_id,
            c.before,
            c.after
        from changes c
        join operations o on o.user_id = c.user_id and o.id = c.operation_id
        where c.user_id = $1 and c.entity in ('transactions', 'transaction_tags') and c.entity_id = $2
        order by c.id desc
        "#,
        user_id,
        transaction_id,
    )
    .fetch_all(connection)
    .await
}

/// A deleted transaction.
#[derive(Debug, sqlx::FromRow)]
pub struct Deleted {
    /// The change that it was.
    pub change_id: i64,
    /// The transaction's id.
    pub transaction_id: i64,
    /// The operation that deleted it.
    pub operation_id: i64,
    /// When.
    pub deleted_at: DateTime<Utc>,
    /// What it was.
    pub row: Value,
    /// The names of the tags it had, of those that are left.
    pub tags: Vec<String>,
    /// Its category's name, if that is left.
    pub category: Option<String>,
    /// Its payee's name, if that is left.
    pub payee: Option<String>,
}

/// What is in a user's trash, the last deleted first; in the direction of reading.
///
/// # Errors
/// The database's.
pub async fn trash(
    connection: &mut PgConnection,
    user_id: i64,
    paging: &Paging<'_, i64>,
) -> Result<Vec<Deleted>, sqlx::Error> {
    let (compare, order) = paging.largest_first();
    let sql = format!(
        r#"
        select
            d.id as change_id,
            d.transaction_id,
            d.operation_id,
            o.created_at as deleted_at,
            d.row,
            array(
                select t.name
                from changes l
                join tags t on t.user_id = l.user_id and t.id = l.tag_id
                where l.user_id = d.user_id and l.operation_id = d.operation_id and l.entity = 'transaction_tags'
                    and l.entity_id = d.transaction_id and l.after is null
                order by t.name collate "C"
            ) as tags,
            (select c.name from categories c where c.user_id = d.user_id and c.id = (d.row ->> 'category_id')::bigint)
                as category,
            (select p.name from payees p where p.user_id = d.user_id and p.id = (d.row ->> 'payee_id')::bigint) as payee
        from trash d
        join operations o on o.user_id = d.user_id and o.id = d.operation_id
        where d.user_id = $1 and d.id {compare} $2
        order by d.id {order}
        limit $3
        "#
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(user_id)
        .bind(paging.key().copied().unwrap_or(i64::MAX))
        .bind(paging.fetch())
        .fetch_all(connection)
        .await
}

/// The operation that deleted a transaction, if it is in the trash.
///
/// # Errors
/// The database's.
pub async fn deletion_of(
    connection: &mut PgConnection,
    user_id: i64,
    transaction_id: i64,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select operation_id as "operation_id!" from trash where user_id = $1 and transaction_id = $2"#,
        user_id,
        transaction_id,
    )
    .fetch_optional(connection)
    .await
}

/// Deletes what has been in the trash for so many seconds, with all that is recorded of it, of at most so many
/// transactions; says of how many. A job calls it.
///
/// # Errors
/// The database's.
pub async fn purge(connection: &mut PgConnection, older_than_seconds: f64, most: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        r#"
        with old as (
            select d.user_id, d.transaction_id
            from trash d
            join operations o on o.user_id = d.user_id and o.id = d.operation_id
            where o.created_at < now() - make_interval(secs => $1)
            limit $2
        ), told as (
            update operations o
            set purged = true
            from changes d
            join old on old.user_id = d.user_id and old.transaction_id = d.entity_id
            where o.user_id = d.user_id and o.id = d.operation_id and d.entity = 'transactions' and d.after is null
        )
        delete from changes c
        using old
        where c.user_id = old.user_id and c.entity_id = old.transaction_id
            and c.entity in ('transactions', 'transaction_tags')
        "#,
        older_than_seconds,
        most,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
