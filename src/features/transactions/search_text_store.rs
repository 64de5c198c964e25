//! The search columns of the table `transactions`.

use sqlx::PgConnection;

use super::entry::search_text;
use crate::http::scope::Scope;

/// Fills the search columns of rows that lack them: imported rows, rebuilt rows, rows from older releases. A thousand at most of
/// one user; returns how many there were.
pub async fn index_pending(scope: &mut Scope<'_>) -> Result<usize, sqlx::Error> {
    let rows = sqlx::query!(
        r"
        select id, title, title_en, note
        from transactions
        where user_id = $1 and (search is null or right(search, 2) <> E'\n2' or (short_search is null and char_length(search) <= 100))
        order by id
        limit 1000
        for update skip locked
        ",
        scope.user_id,
    )
    .fetch_all(&mut *scope.connection)
    .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let texts = rows.iter().map(|row| search_text(&row.title, row.title_en.as_deref(), row.note.as_deref()));
    sqlx::query!(
        r#"
        update transactions t
        set search = ($3::text[])[array_position($2::bigint[], t.id)]
        where t.user_id = $1 and t.id = any ($2)
        "#,
        scope.user_id,
        &ids,
        &texts.collect::<Vec<_>>(),
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(rows.len())
}

/// A user who has rows without search columns.
pub async fn next_user_to_index(connection: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r"
        select user_id from transactions
        where search is null or right(search, 2) <> E'\n2' or (short_search is null and char_length(search) <= 100)
        limit 1
        "
    )
    .fetch_optional(connection)
    .await
}
