//! The table `categories`.

use sqlx::PgConnection;

use crate::domain::transaction_type::TransactionType;

/// The id of a user's category of this kind and name, which is made if there is none.
///
/// # Errors
/// The database's.
pub async fn find_or_create(
    connection: &mut PgConnection,
    user_id: i64,
    kind: TransactionType,
    name: &str,
) -> Result<i64, sqlx::Error> {
    // Nearly always it is there. Made by somebody else in between, it is there the second time.
    loop {
        if let Some(id) = find(connection, user_id, kind, name).await? {
            return Ok(id);
        }
        if let Some(id) = create(connection, user_id, kind, name).await? {
            return Ok(id);
        }
    }
}

async fn find(
    connection: &mut PgConnection,
    user_id: i64,
    kind: TransactionType,
    name: &str,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "select id from categories where user_id = $1 and kind = $2 and name = $3",
        user_id,
        kind as TransactionType,
        name,
    )
    .fetch_optional(connection)
    .await
}

/// `None` if another transaction made it at the same time; this waits until that one has ended.
async fn create(
    connection: &mut PgConnection,
    user_id: i64,
    kind: TransactionType,
    name: &str,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        insert into categories (user_id, kind, name)
        values ($1, $2, $3)
        on conflict on constraint categories_name_key do nothing
        returning id
        "#,
        user_id,
        kind as TransactionType,
        name,
    )
    .fetch_optional(connection)
    .await
}
