//! The tables `operations` and `changes`. What was changed is recorded by triggers, for the operation that is named to the
//! session.

use sqlx::{AssertSqlSafe, PgConnection};

use super::entries::Operation;
use crate::config::QuotasConfig;
use crate::db::error::breaks;
use crate::http::page::Segment;
use crate::http::scope::Scope;
use crate::http::walk::{Batch, Keyed, SMALL_ROW};

/// An operation that has begun.
#[derive(Debug, Clone, Copy)]
pub struct StartedOperation {
    /// The id.
    pub id: i64,
    /// True if the user is so near a quota that a small operation could exceed it.
    pub near_quota: bool,
}

/// The most that an operation adds, unless it [changes many rows](crate::features::quotas::changes_many).
const SMALL_TEXT_BYTES: i64 = 64 * 1024;
const SMALL_ROWS: i64 = 50;

/// The usage up to which a small operation cannot exceed a quota.
#[derive(Debug, Clone, Copy)]
pub(super) struct RoomForSmall {
    pub(super) transactions: i64,
    pub(super) text_bytes: i64,
    pub(super) tags: i64,
    pub(super) payees: i64,
    pub(super) categories: i64,
}

impl RoomForSmall {
    pub(super) const fn within(quotas: &QuotasConfig) -> Self {
        Self {
            transactions: quotas.transactions - SMALL_ROWS,
            text_bytes: quotas.text_bytes - SMALL_TEXT_BYTES,
            tags: quotas.tags - SMALL_ROWS,
            payees: quotas.payees - SMALL_ROWS,
            categories: quotas.categories - SMALL_ROWS,
        }
    }
}

/// Locks all data of the user until the transaction ends: other changes wait, and this waits for those that are running.
///
/// # Errors
/// Only from the database.
pub async fn lock_alone(scope: &mut Scope<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(r#"select pg_advisory_xact_lock(hashtextextended('changes', $1)) as "locked!: ()""#, scope.user_id)
        .fetch_one(&mut *scope.connection)
        .await?;
    Ok(())
}

/// Plans the statements of this transaction for many rows. Statistics may not include the rows of a new user yet: the planner would
/// then expect a row or two, and join two tables by nested loops.
///
/// # Errors
/// Only from the database.
pub async fn plan_for_many(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // A statement that was prepared for few rows may have a generic plan.
    sqlx::query!(
        r#"
        select
            set_config('enable_nestloop', 'off', true) as joins,
            set_config('plan_cache_mode', 'force_custom_plan', true) as plans
        "#
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

/// Begins an operation, for which all further changes of this transaction are recorded; `None` if the user does not exist.
/// Waits for a change that has [locked all data](lock_alone) of the user, and lets such changes wait: a trigger does both.
///
/// # Errors
/// Only from the database.
pub async fn begin(
    scope: &mut Scope<'_>,
    kind: &str,
    quotas: &QuotasConfig,
) -> Result<Option<StartedOperation>, sqlx::Error> {
    let room = RoomForSmall::within(quotas);
    let begun = sqlx::query!(
        r#"
        insert into operations (user_id, kind)
        values ($1, $2)
        returning
            id,
            (
                select transactions > $3 or text_bytes > $4 or tags > $5 or payees > $6 or categories > $7
                from usage
                where user_id = $1
            ) as near_quota
        "#,
        scope.user_id,
        kind,
        room.transactions,
        room.text_bytes,
        room.tags,
        room.payees,
        room.categories,
    )
    .fetch_one(&mut *scope.connection)
    .await;
    match begun {
        // A new account has no usage yet, and is counted exactly.
        Ok(row) => Ok(Some(StartedOperation { id: row.id, near_quota: row.near_quota.unwrap_or(true) })),
        Err(error) if breaks(&error, "operations_user_id_fkey") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Deletes an operation of this transaction, which has changed nothing.
///
/// # Errors
/// Only from the database.
pub async fn forget(scope: &mut Scope<'_>, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from operations where user_id = $1 and id = $2", scope.user_id, id)
        .execute(&mut *scope.connection)
        .await?;
    Ok(())
}

/// An operation by id.
///
/// # Errors
/// Only from the database.
pub async fn find(scope: &mut Scope<'_>, id: i64) -> Result<Option<Operation>, sqlx::Error> {
    let found = sqlx::query_as!(
        Operation,
        r#"
        select
            o.id,
            o.kind,
            o.created_at,
            o.undoes,
            o.undone_by,
            (
                select count(*) from changes c
                where c.user_id = $1 and c.operation_id = o.id and c.entity <> 'default_categories'
            ) as change_count
        from operations o
        where o.user_id = $1 and o.id = $2
        "#,
        scope.user_id,
        id,
    );
    found.fetch_optional(&mut *scope.connection).await
}

/// The operations, the last first.
#[derive(Debug, Clone, Copy)]
pub struct OperationList;

impl Keyed for OperationList {
    type Row = Operation;
    type Key = i64;

    fn key(row: &Operation) -> i64 {
        row.id
    }

    async fn read(
        &self,
        scope: &mut Scope<'_>,
        segment: &Segment<i64>,
        batch: &mut Batch<Operation>,
    ) -> Result<(), sqlx::Error> {
        // Ids count up, so the newest has the largest.
        let (compare, order) = segment.largest_first();
        let sql = format!(
            r"
            select id, kind, created_at, undoes, undone_by, null::bigint as change_count
            from operations
            where user_id = $1 and id {compare} $2
            order by id {order}
            limit $3
            "
        );
        let rows = sqlx::query_as(AssertSqlSafe(sql))
            .bind(scope.user_id)
            .bind(segment.key().copied().unwrap_or(i64::MAX))
            .bind(segment.limit)
            .fetch(&mut *scope.connection);
        batch.fill(rows, |_| SMALL_ROW).await
    }
}

/// An operation, locked until the transaction ends, so that nobody else undoes it.
///
/// # Errors
/// Only from the database.
pub async fn find_for_update(scope: &mut Scope<'_>, id: i64) -> Result<Option<UndoableOperation>, sqlx::Error> {
    sqlx::query_as!(
        UndoableOperation,
        r#"
        select
            kind,
            undone_by,
            purged
        from operations
        where user_id = $1 and id = $2
        for update
        "#,
        scope.user_id,
        id,
    )
    .fetch_optional(&mut *scope.connection)
    .await
}

/// The state of an operation that is to be undone.
#[derive(Debug)]
pub struct UndoableOperation {
    /// The kind.
    pub kind: String,
    /// The operation that undid it.
    pub undone_by: Option<i64>,
    /// Set if its changes are deleted, or are being deleted.
    pub purged: bool,
}

/// Notes that an operation undoes another one. The operation that that one had undone is in force again, and so on along
/// the chain.
///
/// # Errors
/// Only from the database.
pub async fn note_undone(scope: &mut Scope<'_>, undone: i64, by: i64) -> Result<(), sqlx::Error> {
    sqlx::query!("update operations set undoes = $3 where user_id = $1 and id = $2", scope.user_id, by, undone)
        .execute(&mut *scope.connection)
        .await?;
    sqlx::query!(
        r#"
        with recursive chain as (
            select id, undoes, $3::bigint as taken_back_by, true as is_taken_back
            from operations
            where user_id = $1 and id = $2
            union all
            select
                c.undoes,
                (select o.undoes from operations o where o.user_id = $1 and o.id = c.undoes),
                c.id,
                not c.is_taken_back
            from chain c
            where c.undoes is not null
        )
        update operations o
        set undone_by = (select c.taken_back_by from chain c where c.id = o.id and c.is_taken_back)
        where o.user_id = $1 and o.id = any (array(select id from chain))
        "#,
        scope.user_id,
        undone,
        by,
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(())
}

/// The [weight](crate::http::weight) of undoing an operation; of at most `limit` of its changes.
///
/// # Errors
/// Only from the database.
pub async fn weight(scope: &mut Scope<'_>, operation_id: i64, limit: Option<i64>) -> Result<i64, sqlx::Error> {
    // Restored text is in the change, and the index entries of a row that only gets other columns are written again, too. 400 and 20 are
    // FREE_BYTES and BYTES_OF_A_ROW.
    sqlx::query_scalar!(
        r#"
        select coalesce(sum(1 + greatest(
            coalesce(pg_column_size(c.before), 0)
            + coalesce(pg_column_size(c.after), 0)
            + coalesce(octet_length((
                select t.search
                from transactions t
                where t.user_id = $1 and t.id = c.entity_id and c.entity = 'transactions'
            )), 0)
            - 2 * 400, 0) / 20), 0)::bigint as "weight!"
        from (
            select user_id, entity, entity_id, before, after
            from changes
            where user_id = $1 and operation_id = $2
            limit $3
        ) c
        "#,
        scope.user_id,
        operation_id,
        limit,
    )
    .fetch_one(&mut *scope.connection)
    .await
}

/// Deletes transactions that have been in the trash for so many seconds, with their recorded changes: at most `most` of them.
/// Returns the deleted bytes of history by user. A job calls it.
///
/// # Errors
/// Only from the database.
pub async fn purge(
    connection: &mut PgConnection,
    older_than_seconds: f64,
    most: i64,
) -> Result<Vec<(i64, i64)>, sqlx::Error> {
    let removed = sqlx::query!(
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
        ), gone as (
            delete from changes c
            using old
            where c.user_id = old.user_id and c.entity_id = old.transaction_id
                and c.entity in ('transactions', 'transaction_tags')
            returning
                c.user_id,
                c.bytes,
                case when c.bytes is null then c.before end as before,
                case when c.bytes is null then c.after end as after
        )
        select
            user_id,
            sum(coalesce(
                bytes, coalesce(pg_column_size(before), 0) + coalesce(pg_column_size(after), 0)
            ))::bigint as "bytes!"
        from gone
        group by user_id
        "#,
        older_than_seconds,
        most,
    )
    .fetch_all(connection)
    .await?;
    Ok(removed.into_iter().map(|row| (row.user_id, row.bytes)).collect())
}
