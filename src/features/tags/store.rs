//! The tables `tags` and `transaction_tags`.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, PgConnection};

use super::model::{NewTag, Tag, TagEdit};
use crate::features::named::{NameTaken, Place, unless_taken};
use crate::http::page::Segment;
use crate::http::walk::{Batch, Keyed, SMALL_ROW};

/// The constraint that keeps names apart.
const KEY: &str = "tags_name_key";

/// A user's tag by id.
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<Option<Tag>, sqlx::Error> {
    sqlx::query_as!(
        Tag,
        r#"
        select
            id,
            name,
            color,
            created_at,
            updated_at,
            null::bigint as transaction_count
        from tags
        where user_id = $1 and id = $2
        "#,
        user_id,
        id,
    )
    .fetch_optional(connection)
    .await
}

/// A user's tags by name.
#[derive(Debug, Clone, Copy)]
pub struct TagList {
    /// The owner's id.
    pub user_id: i64,
    /// With their use.
    pub counts: bool,
}

impl Keyed for TagList {
    type Row = Tag;
    type Key = Place;

    fn counts(&self) -> bool {
        self.counts
    }

    fn key(row: &Tag) -> Place {
        Place::from(row)
    }

    async fn read(
        &self,
        connection: &mut PgConnection,
        segment: &Segment<Place>,
        batch: &mut Batch<Tag>,
    ) -> Result<(), sqlx::Error> {
        let (compare, order) = segment.smallest_first();
        let sql = format!(
            r#"
            select
                id, name, color, created_at, updated_at,
                case when $5 then (
                    select count(*) from transaction_tags u where u.user_id = n.user_id and u.tag_id = n.id
                ) end as transaction_count
            from tags n
            where user_id = $1 and ($2::text is null or (name collate "und-x-icu", id) {compare} ($2, $3))
            order by name collate "und-x-icu" {order}, id {order}
            limit $4
            "#
        );
        let rows = sqlx::query_as(AssertSqlSafe(sql))
            .bind(self.user_id)
            .bind(segment.key().map(|key| key.0.as_str()))
            .bind(segment.key().map(|key| key.1))
            .bind(segment.limit)
            .bind(self.counts)
            .fetch(connection);
        batch.fill(rows, |row: &Tag| row.name.len() + SMALL_ROW).await
    }
}

/// Adds a tag.
///
/// # Errors
/// The database's; that the name is taken is the inner result.
pub async fn insert(
    connection: &mut PgConnection,
    user_id: i64,
    new: &NewTag,
) -> Result<Result<i64, NameTaken>, sqlx::Error> {
    let inserted = sqlx::query_scalar!(
        "insert into tags (user_id, name, color) values ($1, $2, $3) returning id",
        user_id,
        new.name,
        new.color,
    );
    unless_taken(inserted.fetch_one(connection).await, KEY)
}

/// Changes a tag.
///
/// # Errors
/// The database's; that the name is taken is the inner result.
pub async fn update(
    connection: &mut PgConnection,
    current: Tag,
    user_id: i64,
    edit: TagEdit,
) -> Result<Result<(), NameTaken>, sqlx::Error> {
    let name = edit.name.unwrap_or(current.name);
    let color = edit.color.applied_to(current.color);
    let updated = sqlx::query!(
        "update tags set name = $3, color = $4, updated_at = now() where user_id = $1 and id = $2",
        user_id,
        current.id,
        name,
        color,
    );
    Ok(unless_taken(updated.execute(connection).await, KEY)?.map(drop))
}

/// Deletes a tag; the transactions that have it go on without.
///
/// # Errors
/// The database's.
pub async fn delete(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from tags where user_id = $1 and id = $2", user_id, id).execute(connection).await?;
    Ok(())
}

/// The ids of a user's tags of these names; those that there are not are made.
///
/// # Errors
/// The database's.
pub async fn find_or_create(
    connection: &mut PgConnection,
    user_id: i64,
    names: &[String],
) -> Result<Vec<i64>, sqlx::Error> {
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
        user_id,
        names,
    );
    let missing = missing.fetch_all(&mut *connection).await?;
    if !missing.is_empty() {
        // In the order of their names, so that two that make the same ones do not wait for each other.
        sqlx::query!(
            "insert into tags (user_id, name) select $1, n.name from unnest($2::text[]) as n (name) on conflict do nothing",
            user_id,
            &missing,
        )
        .execute(&mut *connection)
        .await?;
    }
    ids(connection, user_id, names).await
}

/// The ids of a user's tags of these names; of those that there are.
///
/// # Errors
/// The database's.
pub async fn ids(connection: &mut PgConnection, user_id: i64, names: &[String]) -> Result<Vec<i64>, sqlx::Error> {
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
        user_id,
        names,
    )
    .fetch_all(connection)
    .await
}

/// Puts tags on transactions.
///
/// # Errors
/// The database's.
pub async fn put_on(
    connection: &mut PgConnection,
    user_id: i64,
    transactions: &[i64],
    tags: &[i64],
) -> Result<(), sqlx::Error> {
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
        user_id,
        transactions,
        tags,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes tags off transactions: all but some.
///
/// # Errors
/// The database's.
pub async fn take_off_but(
    connection: &mut PgConnection,
    user_id: i64,
    transactions: &[i64],
    stay: &[i64],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from transaction_tags where user_id = $1 and transaction_id = any ($2) and tag_id <> all ($3)",
        user_id,
        transactions,
        stay,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes tags off transactions.
///
/// # Errors
/// The database's.
pub async fn take_off(
    connection: &mut PgConnection,
    user_id: i64,
    transactions: &[i64],
    tags: &[i64],
) -> Result<(), sqlx::Error> {
    if tags.is_empty() || transactions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "delete from transaction_tags where user_id = $1 and transaction_id = any ($2) and tag_id = any ($3)",
        user_id,
        transactions,
        tags,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The [weight](crate::http::weight) of a change of all transactions that have a tag; of so many of them, if there is a
/// limit.
///
/// # Errors
/// The database's.
pub async fn weight(
    connection: &mut PgConnection,
    user_id: i64,
    id: i64,
    limit: Option<i64>,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select count(*) as "weight!"
        from (select from transaction_tags where user_id = $1 and tag_id = $2 limit $3) t
        "#,
        user_id,
        id,
        limit,
    )
    .fetch_one(connection)
    .await
}

/// Puts a tag on all transactions that have another one.
///
/// # Errors
/// The database's.
pub async fn put_beside(connection: &mut PgConnection, user_id: i64, from: i64, to: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        insert into transaction_tags (user_id, transaction_id, tag_id, date, amount)
        select user_id, transaction_id, $3, date, amount
        from transaction_tags
        where user_id = $1 and tag_id = $2
        on conflict do nothing
        "#,
        user_id,
        from,
        to,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The id of a user's tag by id and by name, whichever are given.
///
/// # Errors
/// The database's.
pub async fn look_up(
    connection: &mut PgConnection,
    user_id: i64,
    id: Option<i64>,
    name: Option<&str>,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select id from tags
        where user_id = $1 and ($2::bigint is null or id = $2) and ($3::text is null or name_key(name) = name_key($3))
        limit 1
        "#,
        user_id,
        id,
        name,
    )
    .fetch_optional(connection)
    .await
}

/// The names of a user's tags of these ids.
///
/// # Errors
/// The database's.
pub async fn names(
    connection: &mut PgConnection,
    user_id: i64,
    ids: &[i64],
) -> Result<HashMap<i64, String>, sqlx::Error> {
    let rows = sqlx::query!("select id, name from tags where user_id = $1 and id = any ($2)", user_id, ids);
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.id, row.name)).collect())
}
