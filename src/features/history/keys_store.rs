//! The table `idempotency_keys`.

use serde_json::value::RawValue;
use sqlx::PgConnection;

use crate::db::error::breaks;
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::http::idempotency::{Claim, Stored};

/// Whose turn a key is.
#[derive(Debug)]
pub enum Claimed {
    /// Nobody has answered under it.
    Now,
    /// It was answered.
    Before(Stored),
}

/// Takes a key for the transaction under way, or finds what was answered under it within the last day. Waits for another
/// transaction that has taken it.
///
/// # Errors
/// [`ApiError::Unauthorized`] if there is no such user; the database's.
pub async fn claim(connection: &mut PgConnection, user_id: i64, claim: &Claim) -> Result<Claimed, ApiError> {
    let taken = sqlx::query_scalar!(
        r#"
        insert into idempotency_keys as k (user_id, key, fingerprint)
        values ($1, $2, $3)
        on conflict (user_id, key) do update
        set fingerprint = excluded.fingerprint,
            status = null,
            operation_id = null,
            data = null,
            tagged = false,
            created_at = now()
        where k.created_at < now() - interval '24 hours'
        returning true as "taken!"
        "#,
        user_id,
        claim.key,
        claim.fingerprint,
    )
    .fetch_optional(&mut *connection)
    .await;
    match taken {
        Ok(Some(_)) => return Ok(Claimed::Now),
        Ok(None) => {}
        Err(error) if breaks(&error, "idempotency_keys_user_id_fkey") => return Err(ApiError::Unauthorized),
        Err(error) => return Err(error.into()),
    }
    let stored = find(connection, user_id, &claim.key).await?;
    stored.map(Claimed::Before).ok_or_else(|| ApiError::internal("an idempotency key was taken and is not there"))
}

/// What was answered under a key.
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut PgConnection, user_id: i64, key: &str) -> Result<Option<Stored>, sqlx::Error> {
    sqlx::query_as!(
        Stored,
        r#"
        select
            fingerprint,
            status as "status!",
            data as "data!",
            tagged,
            operation_id
        from idempotency_keys
        where user_id = $1 and key = $2 and status is not null and created_at >= now() - interval '24 hours'
        "#,
        user_id,
        key,
    )
    .fetch_optional(connection)
    .await
}

/// Keeps the answer to a request whose key was claimed in this transaction.
///
/// # Errors
/// The database's.
pub async fn answer(
    connection: &mut PgConnection,
    user_id: i64,
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
        user_id,
        claim.key,
        i64::from(answer.status().as_u16()),
        answer.text(),
        operation_id,
        answer.is_tagged(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the answers that are over a day old; a job calls it.
///
/// # Errors
/// The database's.
pub async fn forget_old(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!("delete from idempotency_keys where created_at < now() - interval '24 hours'")
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
