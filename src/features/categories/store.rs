//! The table `categories`.

use crate::domain::transaction_type::TransactionType;
use crate::http::scope::Scope;

/// The ids of these categories and of all below them: each once, so that it ends even in a circle.
pub async fn with_descendants(
    scope: &mut Scope<'_>,
    ids: &[i64],
    name: Option<&str>,
    kind: Option<TransactionType>,
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        with recursive found as (
            (
                select id from categories
                where user_id = $1 and id = any ($2) and ($4::transaction_type is null or kind = $4)
                union all
                -- One kind at a time, in the index, which has the names of each kind.
                select c.id
                from unnest(enum_range(null::transaction_type)) as k (kind)
                cross join lateral (
                    select c.id from categories c
                    where c.user_id = $1 and c.kind = k.kind and name_key(c.name) = name_key($3)
                    offset 0
                ) c
                where $4::transaction_type is null or k.kind = $4
            )
            union
            select c.id
            from found f
            join categories c on c.user_id = $1 and c.parent_id = f.id
        )
        select id as "id!" from found order by id
        "#,
        scope.user_id,
        ids,
        name,
        kind as Option<TransactionType>,
    )
    .fetch_all(&mut *scope.connection)
    .await
}

/// Moves the categories below one category below another one.
///
/// # Errors
/// From the database, with the name of a constraint: a name is taken there.
pub(super) async fn move_children(scope: &mut Scope<'_>, from: i64, to: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update categories set parent_id = $3, updated_at = now() where user_id = $1 and parent_id = $2",
        scope.user_id,
        from,
        to,
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(())
}

/// Gives categories the positions 0, 1, 2 and so on; returns how many of them exist.
pub(super) async fn reorder(scope: &mut Scope<'_>, ids: &[i64]) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        with wanted as (
            select id, position - 1 as position from unnest($2::bigint[]) with ordinality as w (id, position)
        ), moved as (
            update categories c
            set position = w.position,
                updated_at = now()
            from wanted w
            where c.user_id = $1 and c.id = w.id and c.position <> w.position
        )
        select count(*) as "count!"
        from categories c
        join wanted w on w.id = c.id
        where c.user_id = $1
        "#,
        scope.user_id,
        ids,
    )
    .fetch_one(&mut *scope.connection)
    .await
}

#[derive(Debug, Clone, Copy)]
pub(super) struct CategoryUses {
    /// Transactions are in it.
    pub(super) by_transactions: bool,
    /// Categories are below it.
    pub(super) by_categories: bool,
}

/// The uses of a category.
pub(super) async fn uses(scope: &mut Scope<'_>, id: i64) -> Result<CategoryUses, sqlx::Error> {
    sqlx::query_as!(
        CategoryUses,
        r#"
        select
            exists (select from transactions where user_id = $1 and category_id = $2) as "by_transactions!",
            exists (select from categories where user_id = $1 and parent_id = $2) as "by_categories!"
        "#,
        scope.user_id,
        id,
    )
    .fetch_one(&mut *scope.connection)
    .await
}
