//! The weight of a change of many rows of the table `transactions`: see [`crate::http::weight`].

use crate::http::scope::Scope;

/// The transactions of a change.
#[derive(Debug, Clone, Copy)]
pub enum WeighedRows<'a> {
    /// With these ids.
    Ids(&'a [i64]),
    /// In this category.
    InCategory(i64),
    /// With this payee.
    WithPayee(i64),
}

macro_rules! weight {
    ($condition:literal, $($argument:expr),+) => {
        // Each change of a row writes the index entries of all its words again, even if they stay the same. 400 and 20 are
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

/// The weight of a change of transactions; of at most `limit` of them.
pub async fn weight(scope: &mut Scope<'_>, those: WeighedRows<'_>, limit: Option<i64>) -> Result<i64, sqlx::Error> {
    match those {
        WeighedRows::Ids(ids) => {
            weight!("id = any ($2)", scope.user_id, ids, limit).fetch_one(&mut *scope.connection).await
        }
        WeighedRows::InCategory(id) => {
            weight!("category_id = $2", scope.user_id, id, limit).fetch_one(&mut *scope.connection).await
        }
        WeighedRows::WithPayee(id) => {
            weight!("payee_id = $2", scope.user_id, id, limit).fetch_one(&mut *scope.connection).await
        }
    }
}
