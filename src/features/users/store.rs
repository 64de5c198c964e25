//! The table `users`.

use sqlx::PgConnection;

use super::model::{User, UserSettings};
use crate::config::secret::Secret;
use crate::db::error::breaks;
use crate::http::scope::Scope;

/// Another user has this address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmailTaken;

/// A user with the hash of the password.
#[derive(Debug)]
pub struct UserAccount {
    /// The user.
    pub user: User,
    /// The hash of the password.
    pub password_hash: Secret<String>,
}

/// Adds a user. The address is in lower case already.
///
/// # Errors
/// Only from the database; that the address is taken is the inner result.
pub async fn insert(
    connection: &mut PgConnection,
    email: &str,
    name: Option<&str>,
    password_hash: &Secret<String>,
) -> Result<Result<User, EmailTaken>, sqlx::Error> {
    let inserted = sqlx::query_as!(
        User,
        r#"
        insert into users (email, name, password_hash)
        values ($1, $2, $3)
        returning
            id,
            email,
            name,
            created_at,
            updated_at
        "#,
        email,
        name,
        password_hash.expose(),
    )
    .fetch_one(connection)
    .await;
    match inserted {
        Ok(user) => Ok(Ok(user)),
        Err(error) if breaks(&error, "users_email_key") => Ok(Err(EmailTaken)),
        Err(error) => Err(error),
    }
}

/// Tells if there is any user.
///
/// # Errors
/// Only from the database.
pub async fn any(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select exists (select from users) as "any!""#).fetch_one(connection).await
}

/// Waits until no other transaction is about to add the first user, and keeps others from it until this one ends.
///
/// # Errors
/// Only from the database.
pub async fn lock_first(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // An advisory lock and not one of the table, which signing in writes.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('first user of ' || current_schema(), 0))")
        .execute(connection)
        .await?;
    Ok(())
}

/// A user by id.
///
/// # Errors
/// Only from the database.
pub async fn find(connection: &mut PgConnection, id: i64) -> Result<Option<User>, sqlx::Error> {
    sqlx::query_as!(
        User,
        r#"
        select
            id,
            email,
            name,
            created_at,
            updated_at
        from users
        where id = $1
        "#,
        id,
    )
    .fetch_optional(connection)
    .await
}

/// A user with the hash of the password, by address in lower case.
///
/// # Errors
/// Only from the database.
pub async fn find_account(connection: &mut PgConnection, email: &str) -> Result<Option<UserAccount>, sqlx::Error> {
    let row = sqlx::query!(
        r#"
        select
            id,
            email,
            name,
            password_hash,
            created_at,
            updated_at
        from users
        where email = $1
        "#,
        email,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| UserAccount {
        user: User {
            id: row.id,
            email: row.email,
            name: row.name,
            created_at: row.created_at,
            updated_at: row.updated_at,
        },
        password_hash: Secret::new(row.password_hash),
    }))
}

/// Replaces a hash, if it is still the stored one.
///
/// # Errors
/// Only from the database.
pub async fn replace_hash(
    connection: &mut PgConnection,
    id: i64,
    old: &Secret<String>,
    new: &Secret<String>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update users set password_hash = $3 where id = $1 and password_hash = $2",
        id,
        old.expose(),
        new.expose(),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The currency and the time zone of a user; `None` if the user does not exist.
///
/// # Errors
/// From the database; a currency or a zone that this binary does not know is one too.
pub async fn settings(connection: &mut PgConnection, id: i64) -> Result<Option<UserSettings>, sqlx::Error> {
    let row =
        sqlx::query!(r#"select currency, time_zone from users where id = $1"#, id).fetch_optional(connection).await?;
    row.map(|row| settings_from(&row.currency, &row.time_zone)).transpose()
}

/// The settings of a user with the ids of the user's last operations; `None` if the user does not exist.
///
/// # Errors
/// As [`settings`].
pub async fn settings_and_changes(
    scope: &mut Scope<'_>,
    changes: i64,
) -> Result<Option<(UserSettings, Vec<i64>)>, sqlx::Error> {
    let row = sqlx::query!(
        r#"
        select
            currency,
            time_zone,
            array(select o.id from operations o where o.user_id = $1 order by o.id desc limit $2) as "changes!"
        from users
        where id = $1
        "#,
        scope.user_id,
        changes,
    )
    .fetch_optional(&mut *scope.connection)
    .await?;
    row.map(|row| Ok((settings_from(&row.currency, &row.time_zone)?, row.changes))).transpose()
}

/// The settings from the columns of the table.
///
/// # Errors
/// A currency or a zone that this binary does not know.
pub fn settings_from(currency: &str, time_zone: &str) -> Result<UserSettings, sqlx::Error> {
    let currency = currency.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let time_zone = time_zone.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(UserSettings { currency, time_zone })
}
