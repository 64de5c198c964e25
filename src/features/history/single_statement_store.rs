//! Changes that one statement reads everything for, and one statement writes: two round trips instead of five and more.
//!
//! Between the two nothing is locked. The statement that writes waits for changes that have locked all data of the user, and
//! if what it refers to has gone meanwhile, a foreign key refuses it: then the change runs in a transaction, as others do.

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::store::RoomForSmall;
use crate::config::QuotasConfig;
use crate::domain::clock::Clock;
use crate::features::resource::Arguments;
use crate::http::envelope::Serialized;
use crate::http::error::ApiError;
use crate::http::idempotency::{Claim, StoredAnswer};
use crate::http::scope::Scope;

/// A change that a single statement may be able to write.
pub trait SingleStatement {
    /// The change, once everything it refers to has been found.
    type Ready: ReadyStatement;

    /// The statement that [`select`] made.
    fn select(&self) -> &'static str;

    /// Adds the arguments after those of [`select`].
    fn bind_select(&self, arguments: &mut Arguments);

    /// Prepares the change from the row that was found at this time.
    ///
    /// # Errors
    /// The reason for which the change is refused, such as an amount with more decimals than its currency.
    fn prepare(&self, row: &PgRow, at: DateTime<Utc>, clock: &dyn Clock) -> Result<Self::Ready, ApiError>;
}

/// A change that a single statement writes.
pub trait ReadyStatement {
    /// The statement that [`insert`] made, for a request with an `Idempotency-Key` or without.
    fn insert(&self, keyed: bool) -> &'static str;

    /// Adds the arguments after those of [`insert`].
    fn bind_insert(&self, arguments: &mut Arguments);

    /// The answer.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    fn answer(&self) -> Result<Serialized, ApiError>;
}

/// The SQLSTATE of a statement that the role may not run.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// The number of the first argument of the feature in a statement that [`select`] makes.
pub const FIRST_OF_SELECT: usize = 9;

/// A statement that reads what a change needs: columns of the user `u`, and of the tables that it is joined with. Where `found` holds,
/// it also takes the next `id` of the table.
#[must_use]
pub fn select(table: &str, columns: &str, joins: &str, found: &str) -> String {
    // Without the offset, PostgreSQL would compute `is_ready` for each column that depends on it.
    format!(
        "select r.*,
            case when r.is_ready then nextval('operations_id_seq') end as operation_id,
            case when r.is_ready then nextval('{table}_id_seq') end as id
        from (
            select u.id as user_id, now() as at, k.fingerprint, k.status, k.data, k.tagged,
                k.operation_id as stored_operation_id, {columns},
                {found} and k.status is null and coalesce(
                    (
                        select s.transactions <= $2 and s.text_bytes <= $3 and s.tags <= $4 and s.payees <= $5
                            and s.categories <= $6 and ($7::text is null or s.idempotency_keys < $8)
                        from usage s
                        where s.user_id = $1
                    ),
                    -- A new account.
                    0 <= least($2, $3, $4, $5, $6) and ($7::text is null or 0 < $8)
                ) as is_ready
            from users u
            left join idempotency_keys k
                on k.user_id = $1 and k.key = $7 and k.status is not null and k.created_at >= now() - interval '24 hours'
            {joins}
            where u.id = $1
            offset 0
        ) r"
    )
}

/// The number of the first argument of the feature in a statement that [`insert`] makes.
#[must_use]
pub const fn first_of_insert(keyed: bool) -> usize {
    if keyed { 9 } else { 4 }
}

/// A statement that writes a change together with its operation, and with the answer that is stored for its key. `writes` are
/// data-modifying common table expressions that select from the operation `o`.
#[must_use]
pub fn insert(keyed: bool, writes: &str) -> String {
    // The key comes first: requests with the same key wait here, before they hold the lock that the operation takes.
    let (key, from) = if keyed {
        (
            "k as (
            insert into idempotency_keys (user_id, key, fingerprint, status, data, tagged, operation_id)
            values ($1, $4, $5, $6, $7, $8, $2)
            returning user_id
        ), ",
            " from k",
        )
    } else {
        ("", "")
    };
    format!(
        "with {key}o as (
            insert into operations (user_id, id, kind) overriding system value
            select $1, $2, $3{from}
            returning user_id
        ), {writes}
        select from o"
    )
}

/// Runs a change by single statements; `None` if it has to run in a transaction.
pub(super) async fn run<S: SingleStatement>(
    scope: &mut Scope<'_>,
    kind: &str,
    claim: Option<&Claim>,
    quotas: &QuotasConfig,
    clock: &dyn Clock,
    change: &S,
) -> Result<Option<Serialized>, ApiError> {
    let mut arguments = Arguments::default();
    arguments.add(scope.user_id);
    let room = RoomForSmall::within(quotas);
    for most in [room.transactions, room.text_bytes, room.tags, room.payees, room.categories] {
        arguments.add(most);
    }
    arguments.add(claim.map(|claim| &*claim.key));
    arguments.add(quotas.idempotency_keys);
    change.bind_select(&mut arguments);
    let found = sqlx::query_with(change.select(), arguments.finish()?).fetch_optional(&mut *scope.connection).await;
    let row = match found {
        Ok(Some(row)) => row,
        Ok(None) => return Ok(None),
        // The role may write rows, but not take their numbers beforehand: `app migrate deploy` grants that.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(claim) = claim
        && let Some(answer) = stored_answer(&row)?
    {
        return answer.replay(claim).map(Some);
    }
    let Some(operation_id) = row.try_get("operation_id")? else { return Ok(None) };
    let ready = change.prepare(&row, row.try_get("at")?, clock)?;
    write(scope, kind, claim, operation_id, &ready).await
}

/// Writes a change; `None` if what it refers to has gone, or its key was used, since it was read.
async fn write<R: ReadyStatement>(
    scope: &mut Scope<'_>,
    kind: &str,
    claim: Option<&Claim>,
    operation_id: i64,
    ready: &R,
) -> Result<Option<Serialized>, ApiError> {
    let answer = ready.answer()?.with_operation(operation_id);
    let mut arguments = Arguments::default();
    arguments.add(scope.user_id);
    arguments.add(operation_id);
    arguments.add(kind);
    if let Some(claim) = claim {
        arguments.add(&claim.key);
        arguments.add(&claim.fingerprint);
        arguments.add(i64::from(answer.status().as_u16()));
        arguments.add(answer.text());
        arguments.add(answer.is_tagged());
    }
    ready.bind_insert(&mut arguments);
    let statement = ready.insert(claim.is_some());
    match sqlx::query_with(statement, arguments.finish()?).execute(&mut *scope.connection).await {
        Ok(_) => Ok(Some(answer)),
        Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() || error.is_unique_violation() => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn stored_answer(row: &PgRow) -> Result<Option<StoredAnswer>, sqlx::Error> {
    let Some(status) = row.try_get("status")? else { return Ok(None) };
    Ok(Some(StoredAnswer {
        fingerprint: row.try_get("fingerprint")?,
        status,
        data: row.try_get("data")?,
        tagged: row.try_get("tagged")?,
        operation_id: row.try_get("stored_operation_id")?,
    }))
}
