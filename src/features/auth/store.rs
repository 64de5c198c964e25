//! The tables `sign_in_failures` and `known_networks`, and the kinds of hashes in `users`.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::PgConnection;

use super::keys::LimitKey;

/// Networks that are remembered of one user; the one that was used the longest ago gives way.
const MAX_KNOWN: i64 = 20;

/// Rows of failures that are kept at most. Each cost the hashing of a password, so that more take hours to come.
const MAX_FAILURES: i64 = 200_000;

/// The time for which each key's failures go on counting; a key without failures is left out.
///
/// # Errors
/// Only from the database.
pub async fn counted(
    connection: &mut PgConnection,
    keys: &[LimitKey],
) -> Result<HashMap<LimitKey, Duration>, sqlx::Error> {
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.to_vec()).collect();
    let rows = sqlx::query!(
        r#"
        select
            key,
            extract(epoch from forgotten_at - now())::float8 as "seconds!"
        from sign_in_failures
        where key = any($1) and forgotten_at > now()
        "#,
        &keys,
    )
    .fetch_all(connection)
    .await?;
    let read = |key: Vec<u8>, seconds: f64| {
        Some((LimitKey::try_from(key).ok()?, Duration::try_from_secs_f64(seconds).unwrap_or_default()))
    };
    Ok(rows.into_iter().filter_map(|row| read(row.key, row.seconds)).collect())
}

/// Counts a failure under each key. Each is given with its share of the period; none counts for longer than the period.
///
/// # Errors
/// Only from the database.
pub async fn count(
    connection: &mut PgConnection,
    shares: &[(LimitKey, Duration)],
    period: Duration,
) -> Result<(), sqlx::Error> {
    let keys: Vec<Vec<u8>> = shares.iter().map(|(key, _)| key.to_vec()).collect();
    let seconds: Vec<f64> = shares.iter().map(|(_, share)| share.as_secs_f64()).collect();
    // In the order of the keys, so that two statements never wait for each other's rows.
    sqlx::query!(
        r#"
        insert into sign_in_failures as f (key, forgotten_at)
        select s.key, now() + make_interval(secs => s.seconds)
        from unnest($1::bytea[], $2::float8[]) as s (key, seconds)
        order by s.key
        on conflict (key) do update
        set forgotten_at = least(
            greatest(f.forgotten_at, now()) + (excluded.forgotten_at - now()),
            now() + make_interval(secs => $3)
        )
        "#,
        &keys,
        &seconds,
        period.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes the failures that no longer count, and the oldest where there are too many; a job calls it.
///
/// # Errors
/// Only from the database.
pub async fn forget_failures(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    forget_failures_beyond(connection, MAX_FAILURES).await
}

/// Like the above, with another limit.
///
/// # Errors
/// Only from the database.
pub async fn forget_failures_beyond(connection: &mut PgConnection, most: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        r#"
        delete from sign_in_failures
        where key in (
            select key
            from sign_in_failures
            where forgotten_at <= greatest(
                now(),
                (select forgotten_at from sign_in_failures order by forgotten_at desc offset $1 limit 1)
            )
            for update skip locked
        )
        "#,
        most,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Looks whether a user has signed in from a network, and if so whether that was within the last day. An id that no user has is asked for an address without an account, so
/// that both take the same time.
///
/// # Errors
/// Only from the database.
pub async fn known(
    connection: &mut PgConnection,
    user_id: i64,
    network: &LimitKey,
) -> Result<Option<bool>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select last_used_at > now() - interval '1 day' as "today!"
        from known_networks
        where user_id = $1 and network = $2
        "#,
        user_id,
        &network[..],
    )
    .fetch_optional(connection)
    .await
}

/// Remembers that a user signed in from a network, to the day.
///
/// # Errors
/// Only from the database.
pub async fn remember(connection: &mut PgConnection, user_id: i64, network: &LimitKey) -> Result<(), sqlx::Error> {
    // The time is the new row's, because a cluster can have no `now()` in `on conflict`.
    let written = sqlx::query_scalar!(
        r#"
        insert into known_networks as k (user_id, network)
        select id, $2 from users where id = $1 for key share
        on conflict (user_id, network) do update
        set last_used_at = excluded.last_used_at
        where excluded.last_used_at - k.last_used_at > interval '1 day'
        returning true as "written!"
        "#,
        user_id,
        &network[..],
    )
    .fetch_optional(&mut *connection)
    .await?;
    if written.is_some() {
        sqlx::query!(
            r#"
            delete from known_networks
            where user_id = $1 and network in (
                select network
                from known_networks
                where user_id = $1
                order by last_used_at desc, network
                offset $2
            )
            "#,
            user_id,
            MAX_KNOWN,
        )
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Forgets the networks that nobody signed in from for half a year; a job calls it.
///
/// # Errors
/// Only from the database.
pub async fn forget_networks(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!("delete from known_networks where last_used_at < now() - interval '180 days'")
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// The kinds of hashes that users have, such as `$2a$10`, so many at most. Goes from one to the next in the index, whatever
/// the number of users.
///
/// # Errors
/// Only from the database.
pub async fn hash_kinds(connection: &mut PgConnection, most: i64) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        with recursive kinds as (
            (select hash_kind(password_hash) as kind from users order by hash_kind(password_hash) limit 1)
            union all
            select (
                select hash_kind(u.password_hash)
                from users u
                where hash_kind(u.password_hash) > k.kind
                order by hash_kind(u.password_hash)
                limit 1
            )
            from kinds k
            where k.kind is not null
        )
        select kind as "kind!" from kinds where kind is not null limit $1
        "#,
        most,
    )
    .fetch_all(connection)
    .await
}
