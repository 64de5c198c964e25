//! The table `default_categories`: what stands for the categories that everybody begins with. They may have other names by now,
//! be merged into others, be archived or deleted; what nobody wants any more does not come back by itself.

use sqlx::PgConnection;

use super::model::{DEFAULTS, OTHER};
use super::store;
use crate::domain::transaction_type::TransactionType;

/// Gives new users the categories that everybody begins with.
///
/// # Errors
/// The database's.
pub async fn insert_all(connection: &mut PgConnection, user_ids: &[i64]) -> Result<(), sqlx::Error> {
    let kinds: Vec<TransactionType> = DEFAULTS.iter().map(|(kind, ..)| *kind).collect();
    let names: Vec<String> = DEFAULTS.iter().map(|(_, name, ..)| (*name).to_owned()).collect();
    let icons: Vec<String> = DEFAULTS.iter().map(|(.., icon, _)| (*icon).to_owned()).collect();
    let colors: Vec<String> = DEFAULTS.iter().map(|(.., color)| (*color).to_owned()).collect();
    sqlx::query!(
        r#"
        with made as (
            insert into categories (user_id, kind, name, icon, color, position)
            select u.id, d.kind, d.name, d.icon, d.color, d.position
            from unnest($1::bigint[]) as u (id)
            cross join unnest($2::transaction_type[], $3::text[], $4::text[], $5::text[])
                with ordinality as d (kind, name, icon, color, position)
            returning user_id, kind, name, id
        )
        insert into default_categories (user_id, kind, origin, category_id)
        select user_id, kind, name, id from made
        "#,
        user_ids,
        kinds as Vec<TransactionType>,
        &names,
        &icons,
        &colors,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The id of the user's category that stands for a default one, which is made for a user who never had it; `None` if it is
/// archived or was deleted.
///
/// # Errors
/// The database's.
pub async fn find_or_create(
    connection: &mut PgConnection,
    user_id: i64,
    kind: TransactionType,
    origin: &str,
) -> Result<Option<i64>, sqlx::Error> {
    let found = find(connection, user_id, kind, origin).await?;
    if found.is_known || (found.named && found.category_id.is_none()) {
        return Ok(found.category_id);
    }
    let id = store::find_or_create(connection, user_id, kind, origin).await?;
    set(connection, user_id, kind, origin, id).await?;
    Ok(Some(id))
}

/// The id of the user's category of what belongs nowhere else. There has to be one: where it was deleted it is made, and where it
/// is archived, one of the next name that is free.
///
/// # Errors
/// The database's.
pub async fn other(connection: &mut PgConnection, user_id: i64, kind: TransactionType) -> Result<i64, sqlx::Error> {
    if let Some(id) = find(connection, user_id, kind, OTHER).await?.category_id {
        return Ok(id);
    }
    let mut number = 1;
    loop {
        let name = if number == 1 { OTHER.to_owned() } else { format!("{OTHER} ({number})") };
        let id = store::find_or_create(connection, user_id, kind, &name).await?;
        if store::find(connection, user_id, id).await?.is_some_and(|category| !category.archived) {
            set(connection, user_id, kind, OTHER, id).await?;
            return Ok(id);
        }
        number += 1;
    }
}

/// The id of the category that stands for `Other`, if there is one that is not archived.
///
/// # Errors
/// The database's.
pub async fn find_other(
    connection: &mut PgConnection,
    user_id: i64,
    kind: TransactionType,
) -> Result<Option<i64>, sqlx::Error> {
    Ok(find(connection, user_id, kind, OTHER).await?.category_id)
}

/// What there is of a default category.
struct Found {
    /// The user has, or had, one.
    is_known: bool,
    /// There is a category of its name, archived or not.
    named: bool,
    /// What stands for it and is not archived. For one that was deleted, one that somebody has given its name since.
    category_id: Option<i64>,
}

async fn find(
    connection: &mut PgConnection,
    user_id: i64,
    kind: TransactionType,
    origin: &str,
) -> Result<Found, sqlx::Error> {
    sqlx::query_as!(
        Found,
        r#"
        select
            d.id is not null as "is_known!",
            n.id is not null as "named!",
            case when d.category_id is null then n.unarchived else s.id end as category_id
        from (select) one
        left join default_categories d on d.user_id = $1 and d.kind = $2 and d.origin = $3
        left join categories s on s.user_id = $1 and s.id = d.category_id and not s.archived
        left join lateral (
            select c.id, case when not c.archived then c.id end as unarchived
            from categories c
            where c.user_id = $1 and c.kind = $2 and name_key(c.name) = name_key($3)
            order by c.archived, c.parent_id is not null, c.id
            limit 1
        ) n on true
        "#,
        user_id,
        kind as TransactionType,
        origin,
    )
    .fetch_one(connection)
    .await
}

async fn set(
    connection: &mut PgConnection,
    user_id: i64,
    kind: TransactionType,
    origin: &str,
    category_id: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        insert into default_categories (user_id, kind, origin, category_id)
        values ($1, $2, $3, $4)
        on conflict on constraint default_categories_origin_key do update set category_id = excluded.category_id
        "#,
        user_id,
        kind as TransactionType,
        origin,
        category_id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Has a category stand for all that another one does.
///
/// # Errors
/// The database's.
pub async fn merge(connection: &mut PgConnection, user_id: i64, from: i64, to: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update default_categories set category_id = $3 where user_id = $1 and category_id = $2",
        user_id,
        from,
        to,
    )
    .execute(connection)
    .await?;
    Ok(())
}
