//! The table `idempotency_keys`.

use serde_json::value::RawValue;
use sqlx::PgConnection;

use crate::db::error::breaks;
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::http::idempotency::{Claim, StoredAnswer};
use crate::http::scope::Scope;

/// The state of a key.
#[derive(Debug)]
pub enum Claimed {
    /// No answer is stored: the request runs now.
    Now,
    /// A stored answer.
    Before(StoredAnswer),
}

/// Claims a key for the current transaction, or finds the answer that was stored under it within the last day. Waits for another
/// transaction that has claimed it. A user who has `quota` keys gets no new one: if the oldest were deleted instead, a request
/// that is sent again under it would be done twice.
///
/// # Errors
/// [`ApiError::QuotaExceeded`]; [`ApiError::Unauthorized`] if there is no such user.
pub async fn claim(scope: &mut Scope<'_>, claim: &Claim, quota: i64) -> Result<Claimed, ApiError> {
    // The time is the new row's, because a cluster can have no `now()` in `on conflict`.
    let taken = sqlx::query_scalar!(
        r#"
        insert into idempotency_keys as k (user_id, key, fingerprint)
        select $1, $2, $3
        where coalesce((select u.idempotency_keys < $4 from usage u where u.user_id = $1), true)
        on conflict (user_id, key) do update
        set fingerprint = excluded.fingerprint,
            status = null,
            operation_id = null,
            data = null,
            tagged = false,
            created_at = excluded.created_at
        where excluded.created_at - k.created_at > interval '24 hours'
        returning true as "taken!"
        "#,
        scope.user_id,
        claim.key,
        claim.fingerprint,
        quota,
    )
    .fetch_optional(&mut *scope.connection)
    .await;
    match taken {
        Ok(Some(_)) => return Ok(Claimed::Now),
        Ok(None) => {}
        Err(error) if breaks(&error, "idempotency_keys_user_id_fkey") => return Err(ApiError::Unauthorized),
        Err(error) => return Err(error.into()),
    }
    let stored = find(scope, &claim.key).await?;
    stored.map(Claimed::Before).ok_or_else(|| ApiError::QuotaExceeded {
        message: format!(
            "There can be {quota} Idempotency-Keys within 24 hours, and all are used; nothing was done. Send the request \
             without one, or later, or ask who runs the service to raise quotas.idempotency_keys"
        ),
    })
}

/// The answer that is stored under a key.
///
/// # Errors
/// Only from the database.
pub async fn find(scope: &mut Scope<'_>, key: &str) -> Result<Option<StoredAnswer>, sqlx::Error> {
    sqlx::query_as!(
        StoredAnswer,
        r#"
        select
            fingerprint,
            status as "status!",
            data,
            tagged,
            operation_id
        from idempotency_keys
        where user_id = $1 and key = $2 and status is not null and created_at >= now() - interval '24 hours'
        "#,
        scope.user_id,
        key,
    )
    .fetch_optional(&mut *scope.connection)
    .await
}

/// Stores the answer to a request whose key was claimed in this transaction.
///
/// # Errors
/// Only from the database.
pub async fn answer(
    scope: &mut Scope<'_>,
    claim: &Claim,
    answer: &Success<Box<RawValue>>,
    operation_id: Option<i64>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        update idempotency_keys
        set status = $3,
            data = $4,
            operation_id = $5,
            tagged = $6
        where user_id = $1 and key = $2
        "#,
        scope.user_id,
        claim.key,
        i64::from(answer.status().as_u16()),
        answer.text(),
        operation_id,
        answer.is_tagged(),
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(())
}

/// The size above which an answer is large, in bytes.
const LARGE: i32 = 8 * 1024;

/// Deletes the data of large answers that are over ten minutes old: clients send a request again soon. The key itself is kept
/// for the whole day. A job calls it every minute.
///
/// # Errors
/// Only from the database.
pub async fn forget_large(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        r#"
        update idempotency_keys
        set data = null
        where created_at between now() - interval '1 hour' and now() - interval '10 minutes'
            and octet_length(data) > $1
        "#,
        LARGE,
    );
    Ok(done.execute(connection).await?.rows_affected())
}

/// Deletes the answers that are over a day old; a job calls it.
///
/// # Errors
/// Only from the database.
pub async fn forget_old(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!("delete from idempotency_keys where created_at < now() - interval '24 hours'")
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
