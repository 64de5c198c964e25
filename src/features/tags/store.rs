//! Tags by their names, and the table `transaction_tags`.

use std::collections::HashMap;

use crate::http::scope::Scope;

/// The ids of the tags with these names. Tags that do not exist are created.
///
/// # Errors
/// Only from the database.
pub async fn find_or_create(scope: &mut Scope<'_>, names: &[String]) -> Result<Vec<i64>, sqlx::Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let missing = sqlx::query_scalar!(
        r#"
        select distinct on (n.key) n.name as "name!"
        from (
            select name, place, name_key(name) as key from unnest($2::text[]) with ordinality as n (name, place)
        ) n
        -- One name at a time, in the index: a join would take the keys of all tags.
        left join lateral (
            select t.id from tags t where t.user_id = $1 and name_key(t.name) = n.key limit 1
        ) t on true
        where t.id is null
        order by n.key, n.place
        "#,
        scope.user_id,
        names,
    );
    let missing = missing.fetch_all(&mut *scope.connection).await?;
    if !missing.is_empty() {
        // In the order of their names, so that two requests that create the same tags do not deadlock.
        sqlx::query!(
            "insert into tags (user_id, name) select $1, n.name from unnest($2::text[]) as n (name) on conflict do nothing",
            scope.user_id,
            &missing,
        )
        .execute(&mut *scope.connection)
        .await?;
    }
    ids(scope, names).await
}

/// The ids of the tags with these names, as far as they exist.
///
/// # Errors
/// Only from the database.
pub async fn ids(scope: &mut Scope<'_>, names: &[String]) -> Result<Vec<i64>, sqlx::Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_scalar!(
        r#"
        select distinct t.id
        from unnest($2::text[]) as n (name)
        -- One name at a time, in the index: a join would take the keys of all tags.
        cross join lateral (
            select t.id from tags t where t.user_id = $1 and name_key(t.name) = name_key(n.name) limit 1
        ) t
        order by t.id
        "#,
        scope.user_id,
        names,
    )
    .fetch_all(&mut *scope.connection)
    .await
}

/// Puts tags on transactions.
///
/// # Errors
/// Only from the database.
pub async fn put_on(scope: &mut Scope<'_>, transactions: &[i64], tags: &[i64]) -> Result<(), sqlx::Error> {
    if tags.is_empty() || transactions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        insert into transaction_tags (user_id, transaction_id, tag_id, date, amount)
        select t.user_id, t.id, g.id, t.date, t.amount
        from transactions t
        cross join unnest($3::bigint[]) as g (id)
        where t.user_id = $1 and t.id = any ($2)
        order by t.id, g.id
        on conflict do nothing
        "#,
        scope.user_id,
        transactions,
        tags,
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(())
}

/// A data-modifying common table expression that puts tags on a new transaction of the operation `o`. The texts stand for its id, day
/// and amount; `tags` is the number of the argument with the ids of the tags.
#[must_use]
pub fn put_on_new(id: &str, date: &str, amount: &str, tags: usize) -> String {
    format!(
        "g as (
            insert into transaction_tags (user_id, transaction_id, tag_id, date, amount)
            select o.user_id, {id}, tag_id, {date}, {amount}
            from o
            cross join unnest(${tags}::bigint[]) as n (tag_id)
        )"
    )
}

/// Removes all tags but some from transactions.
///
/// # Errors
/// Only from the database.
pub async fn keep_only(scope: &mut Scope<'_>, transactions: &[i64], stay: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from transaction_tags where user_id = $1 and transaction_id = any ($2) and tag_id <> all ($3)",
        scope.user_id,
        transactions,
        stay,
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(())
}

/// Removes tags from transactions.
///
/// # Errors
/// Only from the database.
pub async fn take_off(scope: &mut Scope<'_>, transactions: &[i64], tags: &[i64]) -> Result<(), sqlx::Error> {
    if tags.is_empty() || transactions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "delete from transaction_tags where user_id = $1 and transaction_id = any ($2) and tag_id = any ($3)",
        scope.user_id,
        transactions,
        tags,
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(())
}

/// The [weight](crate::http::weight) of a change of all transactions that have a tag; of at most `limit` of them.
///
/// # Errors
/// Only from the database.
pub async fn weight(scope: &mut Scope<'_>, id: i64, limit: Option<i64>) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select count(*) as "weight!"
        from (select from transaction_tags where user_id = $1 and tag_id = $2 limit $3) t
        "#,
        scope.user_id,
        id,
        limit,
    )
    .fetch_one(&mut *scope.connection)
    .await
}

/// Puts a tag on all transactions that have another one.
///
/// # Errors
/// Only from the database.
pub async fn copy_to(scope: &mut Scope<'_>, from: i64, to: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        insert into transaction_tags (user_id, transaction_id, tag_id, date, amount)
        select user_id, transaction_id, $3, date, amount
        from transaction_tags
        where user_id = $1 and tag_id = $2
        on conflict do nothing
        "#,
        scope.user_id,
        from,
        to,
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(())
}

/// The id of the tag with this id and this name, as far as they are given.
///
/// # Errors
/// Only from the database.
pub async fn look_up(scope: &mut Scope<'_>, id: Option<i64>, name: Option<&str>) -> Result<Option<i64>, sqlx::Error> {
    // Two statements: one for both would not use the index of either.
    let Some(name) = name else {
        return sqlx::query_scalar!("select id from tags where user_id = $1 and id = $2", scope.user_id, id)
            .fetch_optional(&mut *scope.connection)
            .await;
    };
    let found = sqlx::query_scalar!(
        "select id from tags where user_id = $1 and name_key(name) = name_key($2)",
        scope.user_id,
        name,
    )
    .fetch_optional(&mut *scope.connection)
    .await?;
    Ok(found.filter(|found| id.is_none_or(|id| id == *found)))
}

/// The names of the tags with these ids.
///
/// # Errors
/// Only from the database.
pub async fn names(scope: &mut Scope<'_>, ids: &[i64]) -> Result<HashMap<i64, String>, sqlx::Error> {
    let rows = sqlx::query!("select id, name from tags where user_id = $1 and id = any ($2)", scope.user_id, ids);
    Ok(rows.fetch_all(&mut *scope.connection).await?.into_iter().map(|row| (row.id, row.name)).collect())
}
