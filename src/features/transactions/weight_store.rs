//! The weight of a change of many rows of the table `transactions`: see [`crate::http::weight`].

use sqlx::PgConnection;

/// The transactions that are changed.
#[derive(Debug, Clone, Copy)]
pub enum Those<'a> {
    /// With these ids.
    Ids(&'a [i64]),
    /// In this category.
    InCategory(i64),
    /// With this payee.
    WithPayee(i64),
}

macro_rules! weight {
    ($condition:literal, $($argument:expr),+) => {
        // Each change of a row makes new entries of all of its words, whether it changes them or not. 400 and 20 are
        // FREE_BYTES and BYTES_OF_A_ROW.
        sqlx::query_scalar!(
            r#"
            select coalesce(sum(1 + greatest(octet_length(search) - 400, 0) / 20), 0)::bigint as "weight!"
            from (select search from transactions where user_id = $1 and "# + $condition + r#" limit $3) t
            "#,
            $($argument),+
        )
    };
}

/// The weight of a change of transactions of a user; of so many of them, if there is a limit.
///
/// # Errors
/// The database's.
pub async fn weight(
    connection: &mut PgConnection,
    user_id: i64,
    those: Those<'_>,
    limit: Option<i64>,
) -> Result<i64, sqlx::Error> {
    match those {
        Those::Ids(ids) => weight!("id = any ($2)", user_id, ids, limit).fetch_one(connection).await,
        Those::InCategory(id) => weight!("category_id = $2", user_id, id, limit).fetch_one(connection).await,
        Those::WithPayee(id) => weight!("payee_id = $2", user_id, id, limit).fetch_one(connection).await,
    }
}
