//! The trash of a user, row by row.
//!
//! The view `trash` has the same rows for all users. It is not used here: a cluster sends a statement to one server only if each table in a
//! sub-select is compared with the user's id, and a view does not know it.

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use super::entries::{Trashed, shown};
use crate::http::page::Segment;
use crate::http::scope::Scope;
use crate::http::walk::{Batch, Keyed, SMALL_ROW};

/// The conditions of the view `trash` on the deletions `d` of the user `$1`.
macro_rules! in_trash {
    () => {
        "
            d.user_id = $1 and d.entity = 'transactions' and d.after is null
            and (select t.id from transactions t where t.user_id = $1 and t.id = d.entity_id) is null
            and d.id = (
                select max(l.id) from changes l
                where l.user_id = $1 and l.entity = 'transactions' and l.entity_id = d.entity_id
            )
        "
    };
}

/// The operation that deleted a transaction, if it is in the trash.
///
/// # Errors
/// Only from the database.
pub(super) async fn deletion_of(scope: &mut Scope<'_>, transaction_id: i64) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(concat!("select d.operation_id from changes d where d.entity_id = $2 and ", in_trash!()))
        .bind(scope.user_id)
        .bind(transaction_id)
        .fetch_optional(&mut *scope.connection)
        .await
}

/// The trash of a user, the last deleted first.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrashList;

/// A deleted transaction.
#[derive(Debug, sqlx::FromRow)]
struct Deleted {
    change_id: i64,
    transaction_id: i64,
    operation_id: i64,
    deleted_at: DateTime<Utc>,
    row: Value,
    tags: Vec<String>,
    category: Option<String>,
    payee: Option<String>,
}

impl From<Deleted> for Trashed {
    fn from(deleted: Deleted) -> Self {
        Self {
            change_id: deleted.change_id,
            id: deleted.transaction_id,
            deleted_at: deleted.deleted_at,
            operation_id: deleted.operation_id,
            transaction: shown(&deleted.row),
            category: deleted.category,
            payee: deleted.payee,
            tags: deleted.tags,
        }
    }
}

impl Keyed for TrashList {
    type Row = Trashed;
    type Key = i64;

    fn key(row: &Trashed) -> i64 {
        row.change_id
    }

    async fn read(
        &self,
        scope: &mut Scope<'_>,
        segment: &Segment<i64>,
        batch: &mut Batch<Trashed>,
    ) -> Result<(), sqlx::Error> {
        let (compare, order) = segment.largest_first();
        let sql = format!(
            r#"
            select
                d.id as change_id,
                d.entity_id as transaction_id,
                d.operation_id,
                o.created_at as deleted_at,
                d.before - 'search' as row,
                array(
                    select t.name
                    from changes l
                    join tags t on t.user_id = l.user_id and t.id = l.tag_id
                    where l.user_id = $1 and l.operation_id = d.operation_id and l.entity = 'transaction_tags'
                        and l.entity_id = d.entity_id and l.after is null
                    order by t.name collate "C"
                ) as tags,
                (select c.name from categories c where c.user_id = $1 and c.id = (d.before ->> 'category_id')::bigint)
                    as category,
                (select p.name from payees p where p.user_id = $1 and p.id = (d.before ->> 'payee_id')::bigint) as payee
            from changes d
            join operations o on o.user_id = d.user_id and o.id = d.operation_id
            where {in_trash} and d.id {compare} $2
            order by d.id {order}
            limit $3
            "#,
            in_trash = in_trash!(),
        );
        let rows = sqlx::query_as::<_, Deleted>(AssertSqlSafe(sql))
            .bind(scope.user_id)
            .bind(segment.key().copied().unwrap_or(i64::MAX))
            .bind(segment.limit)
            .fetch(&mut *scope.connection);
        batch.fill(rows.map_ok(Trashed::from), bytes).await
    }
}

/// About the bytes that it has as JSON.
fn bytes(row: &Trashed) -> usize {
    let texts = row.transaction.values().filter_map(Value::as_str).map(str::len);
    texts.chain(row.tags.iter().map(String::len)).sum::<usize>() + 2 * SMALL_ROW
}
