//! The tables `operations` and `changes`. What was changed is recorded by triggers, for the operation that is named to the
//! session.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::model::{Change, Operation};
use crate::db::error::breaks;

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

/// A user's operations behind or before one, in the direction of reading.
///
/// # Errors
/// The database's.
pub async fn list(
    connection: &mut PgConnection,
    user_id: i64,
    after: Option<i64>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Operation>, sqlx::Error> {
    // Ids count up, so the newest has the largest. Two statements in one: only one of them has a limit above 0.
    sqlx::query_as!(
        Operation,
        r#"
        select
            o.id as "id!",
            o.kind as "kind!",
            o.created_at as "created_at!",
            o.undoes,
            o.undone_by,
            null::bigint as change_count
        from (
            (
                select id, kind, created_at, undoes, undone_by
                from operations
                where user_id = $1 and id < coalesce($2, 9223372036854775807)
                order by id desc
                limit case when $3::bigint is null then $4::bigint else 0 end
            )
            union all
            (
                select id, kind, created_at, undoes, undone_by
                from operations
                where user_id = $1 and id > $3
                order by id
                limit case when $3::bigint is null then 0 else $4::bigint end
            )
        ) o
        order by case when $3::bigint is null then -o.id else o.id end
        "#,
        user_id,
        after,
        before,
        limit,
    )
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
#[derive(Debug)]
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

/// What is in a user's trash behind or before a change, in the direction of reading: what was deleted and is not there. Row by
/// row, so that a page of a large trash does not begin with all that was ever changed.
///
/// # Errors
/// The database's.
pub async fn trash(
    connection: &mut PgConnection,
    user_id: i64,
    after: Option<i64>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Deleted>, sqlx::Error> {
    sqlx::query_as!(
        Deleted,
        r#"
        select
            c.id as "change_id!",
            c.entity_id as "transaction_id!",
            c.operation_id as "operation_id!",
            o.created_at as "deleted_at!",
            c.before as "row!",
            array(
                select t.name
                from changes l
                join tags t on t.user_id = l.user_id and t.id = l.tag_id
                where l.user_id = c.user_id and l.entity = 'transaction_tags' and l.entity_id = c.entity_id
                    and l.operation_id = c.operation_id and l.after is null
                order by t.name collate "C"
            ) as "tags!",
            (select g.name from categories g where g.user_id = c.user_id and g.id = (c.before ->> 'category_id')::bigint)
                as category,
            (select p.name from payees p where p.user_id = c.user_id and p.id = (c.before ->> 'payee_id')::bigint)
                as payee
        from (
            (
                select * from changes d
                where user_id = $1 and entity = 'transactions' and after is null
                    and id < coalesce($2, 9223372036854775807)
                    and (select t.id from transactions t where t.user_id = $1 and t.id = d.entity_id) is null
                    and d.id = (
                        select max(l.id) from changes l
                        where l.user_id = $1 and l.entity = 'transactions' and l.entity_id = d.entity_id
                    )
                order by id desc
                limit case when $3::bigint is null then $4::bigint else 0 end
            )
            union all
            (
                select * from changes d
                where user_id = $1 and entity = 'transactions' and after is null and id > $3
                    and (select t.id from transactions t where t.user_id = $1 and t.id = d.entity_id) is null
                    and d.id = (
                        select max(l.id) from changes l
                        where l.user_id = $1 and l.entity = 'transactions' and l.entity_id = d.entity_id
                    )
                order by id
                limit case when $3::bigint is null then 0 else $4::bigint end
            )
        ) c
        join operations o on o.user_id = $1 and o.id = c.operation_id
        order by case when $3::bigint is null then -c.id else c.id end
        "#,
        user_id,
        after,
        before,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// The change that deleted a transaction, if it is in the trash.
///
/// # Errors
/// The database's.
pub async fn deletion_of(
    connection: &mut PgConnection,
    user_id: i64,
    transaction_id: i64,
) -> Result<Option<i64>, sqlx::Error> {
    let last = sqlx::query!(
        r#"
        select
            operation_id,
            after is null as "deleted!"
        from changes
        where user_id = $1 and entity = 'transactions' and entity_id = $2
        order by id desc
        limit 1
        "#,
        user_id,
        transaction_id,
    );
    let last = last.fetch_optional(connection).await?;
    Ok(last.filter(|last| last.deleted).map(|last| last.operation_id))
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
            select d.user_id, d.entity_id
            from changes d
            join operations o on o.user_id = d.user_id and o.id = d.operation_id
            where d.entity = 'transactions' and d.after is null
                and o.created_at < now() - make_interval(secs => $1)
                and (select t.id from transactions t where t.user_id = d.user_id and t.id = d.entity_id) is null
                and d.id = (
                    select max(l.id) from changes l
                    where l.user_id = d.user_id and l.entity = 'transactions' and l.entity_id = d.entity_id
                )
            limit $2
        ), told as (
            update operations o
            set purged = true
            from changes d
            join old on old.user_id = d.user_id and old.entity_id = d.entity_id
            where o.user_id = d.user_id and o.id = d.operation_id and d.entity = 'transactions' and d.after is null
        )
        delete from changes c
        using old
        where c.user_id = old.user_id and c.entity_id = old.entity_id
            and c.entity in ('transactions', 'transaction_tags')
        "#,
        older_than_seconds,
        most,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
