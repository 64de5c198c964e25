//! The table `payees`.

use sqlx::PgConnection;

use crate::domain::search::{FOLDED, Word, fold};
use crate::http::scope::Scope;

/// The id of the payee with this name, who is created if there is none.
///
/// # Errors
/// Only from the database.
pub async fn find_or_create(scope: &mut Scope<'_>, name: &str) -> Result<i64, sqlx::Error> {
    // It nearly always exists. If another request creates it in between, the second attempt finds it.
    loop {
        let found = sqlx::query_scalar!(
            "select id from payees where user_id = $1 and name_key(name) = name_key($2)",
            scope.user_id,
            name,
        );
        if let Some(id) = found.fetch_optional(&mut *scope.connection).await? {
            return Ok(id);
        }
        let made = sqlx::query_scalar!(
            "insert into payees (user_id, name, search) values ($1, $2, $3) on conflict do nothing returning id",
            scope.user_id,
            name,
            search_text(name),
        );
        if let Some(id) = made.fetch_optional(&mut *scope.connection).await? {
            return Ok(id);
        }
    }
}

/// For each of these words, the ids of the payees whose names have it.
///
/// # Errors
/// Only from the database.
pub async fn matching(scope: &mut Scope<'_>, words: &[Word]) -> Result<Vec<Vec<i64>>, sqlx::Error> {
    let patterns =
        words.iter().zip(1_i64..).flat_map(|(word, number)| word.patterns().map(move |pattern| (pattern, number)));
    let (patterns, numbers): (Vec<String>, Vec<i64>) = patterns.unzip();
    let rows = sqlx::query!(
        r#"
        select distinct
            p.id,
            w.number as "number!"
        from unnest($2::text[], $3::bigint[]) as w (pattern, number)
        join payees p on p.user_id = $1 and p.search like w.pattern
        "#,
        scope.user_id,
        &patterns,
        &numbers,
    );
    let mut ids = vec![Vec::new(); words.len()];
    for row in rows.fetch_all(&mut *scope.connection).await? {
        if let Some(ids) = usize::try_from(row.number - 1).ok().and_then(|number| ids.get_mut(number)) {
            ids.push(row.id);
        }
    }
    Ok(ids)
}

/// The id of the payee with this id and this name, as far as they are given.
///
/// # Errors
/// Only from the database.
pub async fn look_up(scope: &mut Scope<'_>, id: Option<i64>, name: Option<&str>) -> Result<Option<i64>, sqlx::Error> {
    // Two statements: one for both would not use the index of either.
    let Some(name) = name else {
        return sqlx::query_scalar!("select id from payees where user_id = $1 and id = $2", scope.user_id, id)
            .fetch_optional(&mut *scope.connection)
            .await;
    };
    let found = sqlx::query_scalar!(
        "select id from payees where user_id = $1 and name_key(name) = name_key($2)",
        scope.user_id,
        name,
    )
    .fetch_optional(&mut *scope.connection)
    .await?;
    Ok(found.filter(|found| id.is_none_or(|id| id == *found)))
}

/// The text by which a payee is found: the folded name.
pub(super) fn search_text(name: &str) -> String {
    fold(name) + FOLDED
}

/// A user who has payees that lack the search column.
///
/// # Errors
/// Only from the database.
pub async fn next_user_to_index(connection: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(r"select user_id from payees where right(search, 2) <> E'\n2' limit 1")
        .fetch_optional(connection)
        .await
}

/// Fills the search column of payees that lack it: imported rows, and rows from older releases. A thousand at most of one user;
/// returns how many there were.
///
/// # Errors
/// Only from the database.
pub async fn index_pending(scope: &mut Scope<'_>) -> Result<usize, sqlx::Error> {
    let rows = sqlx::query!(
        r"
        select id, name
        from payees
        where user_id = $1 and right(search, 2) <> E'\n2'
        order by id
        limit 1000
        for update skip locked
        ",
        scope.user_id,
    );
    let rows = rows.fetch_all(&mut *scope.connection).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let texts: Vec<String> = rows.iter().map(|row| search_text(&row.name)).collect();
    sqlx::query!(
        r"
        update payees p
        set search = f.search
        from unnest($2::bigint[], $3::text[]) as f (id, search)
        where p.user_id = $1 and p.id = f.id
        ",
        scope.user_id,
        &ids,
        &texts,
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(rows.len())
}
