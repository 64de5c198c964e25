//! The table `invites`.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// An invitation, without its code.
#[derive(Debug, Clone)]
pub struct Invite {
    /// The id, to revoke it by.
    pub id: i64,
    /// Registrations it is still good for.
    pub uses_left: i64,
    /// The time of its creation.
    pub created_at: DateTime<Utc>,
    /// The end of its time.
    pub expires_at: DateTime<Utc>,
    /// True once that has come.
    pub expired: bool,
}

/// Keeps an invitation for so many seconds; what is known of it.
pub async fn insert(
    connection: &mut PgConnection,
    code_hash: &[u8],
    uses: i64,
    seconds: f64,
) -> Result<Invite, sqlx::Error> {
    sqlx::query_as!(
        Invite,
        r#"
        insert into invites (code_hash, uses_left, expires_at)
        values ($1, $2, now() + make_interval(secs => $3))
        returning
            id,
            uses_left,
            created_at,
            expires_at,
            false as "expired!"
        "#,
        code_hash,
        uses,
        seconds,
    )
    .fetch_one(connection)
    .await
}

/// All invitations, the newest first.
pub async fn all(connection: &mut PgConnection) -> Result<Vec<Invite>, sqlx::Error> {
    sqlx::query_as!(
        Invite,
        r#"
        select
            id,
            uses_left,
            created_at,
            expires_at,
            expires_at <= now() as "expired!"
        from invites
        order by id desc
        "#,
    )
    .fetch_all(connection)
    .await
}

/// Takes an invitation back; whether there was one.
pub async fn delete(connection: &mut PgConnection, id: i64) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("delete from invites where id = $1", id).execute(connection).await?;
    Ok(done.rows_affected() == 1)
}

/// Looks whether a code could be used now.
pub async fn is_good(connection: &mut PgConnection, code_hash: &[u8]) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select exists (
            select from invites where code_hash = $1 and uses_left > 0 and expires_at > now()
        ) as "good!"
        "#,
        code_hash,
    )
    .fetch_one(connection)
    .await
}

/// Uses a code once, in the transaction under way; whether it was good. Whoever comes meanwhile with the same code waits for
/// the end of the transaction.
pub async fn take(connection: &mut PgConnection, code_hash: &[u8]) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update invites set uses_left = uses_left - 1 where code_hash = $1 and uses_left > 0 and expires_at > now()",
        code_hash,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets the invitations that ended a month ago; a job calls it.
pub async fn forget_old(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let done =
        sqlx::query!("delete from invites where expires_at < now() - interval '30 days'").execute(connection).await?;
    Ok(done.rows_affected())
}
