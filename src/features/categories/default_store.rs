//! The table `default_categories`: the category that stands for each of those that every account begins with. It may have been
//! renamed, merged, archived or deleted since; a deleted one does not come back by itself.

use sqlx::PgConnection;

use super::defaults::{DEFAULTS, OTHER};
use crate::domain::transaction_type::TransactionType;
use crate::http::scope::Scope;

/// Creates the categories that every account begins with.
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

/// The id of the category that stands for `Other`, if there is one that is not archived.
pub(super) async fn find_other(scope: &mut Scope<'_>, kind: TransactionType) -> Result<Option<i64>, sqlx::Error> {
    Ok(find(scope, kind, OTHER).await?.category_id)
}

/// The state of a default category.
pub(super) struct DefaultCategory {
    /// The user has, or had, it.
    pub(super) is_known: bool,
    /// A category has its name, archived or not.
    pub(super) named: bool,
    /// The category that stands for it and is not archived. If it was deleted, one that was given its name since.
    pub(super) category_id: Option<i64>,
}

/// The state of a default category.
pub(super) async fn find(
    scope: &mut Scope<'_>,
    kind: TransactionType,
    origin: &str,
) -> Result<DefaultCategory, sqlx::Error> {
    sqlx::query_as!(
        DefaultCategory,
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
        scope.user_id,
        kind as TransactionType,
        origin,
    )
    .fetch_one(&mut *scope.connection)
    .await
}

/// Sets the category that stands for a default one.
pub(super) async fn set(
    scope: &mut Scope<'_>,
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
        scope.user_id,
        kind as TransactionType,
        origin,
        category_id,
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(())
}

/// Lets a category stand for all default ones that another one stands for.
pub(super) async fn merge(scope: &mut Scope<'_>, from: i64, to: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update default_categories set category_id = $3 where user_id = $1 and category_id = $2",
        scope.user_id,
        from,
        to,
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(())
}
