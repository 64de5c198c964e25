//! The tree in the table `categories`.

use crate::http::scope::Scope;

/// The position of a category in the tree, and the height of the tree below it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TreePosition {
    /// The level: 1 at the top.
    pub(super) depth: i64,
    /// The levels of it and of those below it: 1 if nothing is below it. At most one more than the quota is counted.
    pub(super) height: i64,
    /// True if the other category is above it, or is the same.
    pub(super) is_below: bool,
}

/// Finds the position of a category, and if `other` is above it. Each row is read once, so that it ends even in a circle.
pub(super) async fn position(
    scope: &mut Scope<'_>,
    id: i64,
    other: Option<i64>,
    most: i64,
) -> Result<TreePosition, sqlx::Error> {
    sqlx::query_as!(
        TreePosition,
        r#"
        with recursive above as (
            select id, parent_id from categories where user_id = $1 and id = $2
            union
            select c.id, c.parent_id
            from above a
            join categories c on c.user_id = $1 and c.id = a.parent_id
        ), below as (
            select $2::bigint as id, 1::bigint as level
            union
            select c.id, b.level + 1
            from below b
            join categories c on c.user_id = $1 and c.parent_id = b.id
            where b.level <= $4
        )
        select
            (select count(*) from above) as "depth!",
            (select max(level) from below) as "height!",
            exists (select from above where id = $3) as "is_below!"
        "#,
        scope.user_id,
        id,
        other,
        most,
    )
    .fetch_one(&mut *scope.connection)
    .await
}

/// Faults of the tree after an undo.
#[derive(Debug, Clone, Copy)]
pub struct TreeFaults {
    /// A category stands below itself.
    pub is_circular: bool,
    /// A category stands deeper than it may.
    pub is_too_deep: bool,
}

/// Looks for faults of the tree after an undo, from the categories that were restored or moved, no further up or down than a tree
/// may be deep.
pub async fn faults_after_undo(scope: &mut Scope<'_>, operation_id: i64, most: i64) -> Result<TreeFaults, sqlx::Error> {
    sqlx::query_as!(
        TreeFaults,
        r#"
        with recursive moved as materialized (
            select distinct c.entity_id as id
            from changes c
            where c.user_id = $1 and c.operation_id = $2 and c.entity = 'categories' and c.before ? 'parent_id'
        ), above as (
            select m.id as origin, c.id, c.parent_id, 1::bigint as level
            from moved m
            join categories c on c.user_id = $1 and c.id = m.id
            union all
            select a.origin, c.id, c.parent_id, a.level + 1
            from above a
            join categories c on c.user_id = $1 and c.id = a.parent_id
            where a.level <= $3 and (a.level = 1 or a.id <> a.origin)
        ), below as (
            select m.id as origin, m.id, 1::bigint as level
            from moved m
            union
            select b.origin, c.id, b.level + 1
            from below b
            join categories c on c.user_id = $1 and c.parent_id = b.id
            where b.level <= $3
        )
        select
            exists (select from above where level > 1 and id = origin) as "is_circular!",
            exists (
                select
                from (select origin, max(level) as depth from above group by origin) a
                join (select origin, max(level) as height from below group by origin) b using (origin)
                where a.depth + b.height - 1 > $3
            ) as "is_too_deep!"
        "#,
        scope.user_id,
        operation_id,
        most,
    )
    .fetch_one(&mut *scope.connection)
    .await
}
