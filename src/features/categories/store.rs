//! The table `categories`.

use sqlx::{AssertSqlSafe, PgConnection};

use super::default_store;
use super::model::{Category, CategoryEdit, NewCategory, Place, is_other};
use crate::db::error::breaks;
use crate::domain::transaction_type::TransactionType;
use crate::http::page::Segment;
use crate::http::walk::{Batch, Keyed, SMALL_ROW};

/// What stands in the way of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Another one on its level has the name.
    NameTaken,
    /// The one above it is not there, or not of its kind.
    NoParent,
}

fn refused<T>(result: Result<T, sqlx::Error>) -> Result<Result<T, Refused>, sqlx::Error> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) if breaks(&error, "categories_name_key") => Ok(Err(Refused::NameTaken)),
        Err(error) if breaks(&error, "categories_parent_fkey") => Ok(Err(Refused::NoParent)),
        Err(error) => Err(error),
    }
}

/// The id of a user's category of this kind and name, which is made on the top level if there is none: see [`find_by_name`].
///
/// # Errors
/// The database's.
pub async fn find_or_create(
    connection: &mut PgConnection,
    user_id: i64,
    kind: TransactionType,
    name: &str,
) -> Result<i64, sqlx::Error> {
    // Nearly always it is there. Made by somebody else in between, it is there the second time.
    loop {
        if let Some(id) = find_by_name(connection, user_id, kind, name).await? {
            return Ok(id);
        }
        if let Some(id) = create(connection, user_id, kind, name).await? {
            return Ok(id);
        }
    }
}

/// The id of a user's category of this kind and name: of several, one that is not archived, then the one on the top level, then
/// the oldest. `Other` is what stands for it, if no other has the name.
///
/// # Errors
/// The database's.
pub async fn find_by_name(
    connection: &mut PgConnection,
    user_id: i64,
    kind: TransactionType,
    name: &str,
) -> Result<Option<i64>, sqlx::Error> {
    let found = sqlx::query_scalar!(
        r#"
        select id from categories
        where user_id = $1 and kind = $2 and name_key(name) = name_key($3)
        order by archived, parent_id is not null, id
        limit 1
        "#,
        user_id,
        kind as TransactionType,
        name,
    );
    match found.fetch_optional(&mut *connection).await? {
        None if is_other(name) => default_store::find_other(connection, user_id, kind).await,
        found => Ok(found),
    }
}

/// `None` if another transaction made it at the same time; this waits until that one has ended.
async fn create(
    connection: &mut PgConnection,
    user_id: i64,
    kind: TransactionType,
    name: &str,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        insert into categories (user_id, kind, name)
        values ($1, $2, $3)
        on conflict do nothing
        returning id
        "#,
        user_id,
        kind as TransactionType,
        name,
    )
    .fetch_optional(connection)
    .await
}

/// A user's category by id.
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<Option<Category>, sqlx::Error> {
    sqlx::query_as!(
        Category,
        r#"
        select
            id,
            name,
            kind as "kind: TransactionType",
            parent_id,
            icon,
            color,
            position,
            archived,
            created_at,
            updated_at,
            null::bigint as transaction_count
        from categories
        where user_id = $1 and id = $2
        "#,
        user_id,
        id,
    )
    .fetch_optional(connection)
    .await
}

/// A user's categories: incomes before expenses, then by position and name.
#[derive(Debug, Clone, Copy)]
pub struct CategoryList {
    /// The owner's id.
    pub user_id: i64,
    /// Of this kind only.
    pub kind: Option<TransactionType>,
    /// Archived ones only, or none.
    pub archived: Option<bool>,
    /// With their use.
    pub counts: bool,
}

impl Keyed for CategoryList {
    type Row = Category;
    type Key = Place;

    fn counts(&self) -> bool {
        self.counts
    }

    fn key(row: &Category) -> Place {
        Place::from(row)
    }

    async fn read(
        &self,
        connection: &mut PgConnection,
        segment: &Segment<Place>,
        batch: &mut Batch<Category>,
    ) -> Result<(), sqlx::Error> {
        let (compare, order) = segment.smallest_first();
        let sql = format!(
            r#"
            select
                id, name, kind, parent_id, icon, color, position, archived, created_at, updated_at,
                case when $9 then (
                    select count(*) from transactions u where u.user_id = n.user_id and u.category_id = n.id
                ) end as transaction_count
            from categories n
            where user_id = $1 and ($2::transaction_type is null or kind = $2) and ($3::boolean is null or archived = $3)
                and ($4::boolean is null or (kind = 'EXPENSE', position, name collate "und-x-icu", id) {compare} ($4, $5, $6, $7))
            order by kind = 'EXPENSE' {order}, position {order}, name collate "und-x-icu" {order}, id {order}
            limit $8
            "#
        );
        let rows = sqlx::query_as(AssertSqlSafe(sql))
            .bind(self.user_id)
            .bind(self.kind)
            .bind(self.archived)
            .bind(segment.key().map(|key| key.0))
            .bind(segment.key().map(|key| key.1))
            .bind(segment.key().map(|key| key.2.as_str()))
            .bind(segment.key().map(|key| key.3))
            .bind(segment.limit)
            .bind(self.counts)
            .fetch(connection);
        batch.fill(rows, |row: &Category| row.name.len() + SMALL_ROW).await
    }
}

/// Adds a category.
///
/// # Errors
/// The database's; what stands in the way is the inner result.
pub async fn insert(
    connection: &mut PgConnection,
    user_id: i64,
    new: &NewCategory,
) -> Result<Result<i64, Refused>, sqlx::Error> {
    let inserted = sqlx::query_scalar!(
        r#"
        insert into categories (user_id, kind, name, parent_id, icon, color, position)
        values ($1, $2, $3, $4, $5, $6, $7)
        returning id
        "#,
        user_id,
        new.kind as TransactionType,
        new.name,
        new.parent_id,
        new.icon,
        new.color,
        new.position.unwrap_or(0),
    );
    refused(inserted.fetch_one(connection).await)
}

/// Changes a category.
///
/// # Errors
/// The database's; what stands in the way is the inner result.
pub async fn update(
    connection: &mut PgConnection,
    current: &Category,
    user_id: i64,
    edit: CategoryEdit,
) -> Result<Result<(), Refused>, sqlx::Error> {
    let current = current.clone();
    let updated = sqlx::query!(
        r#"
        update categories
        set name = $3,
            parent_id = $4,
            icon = $5,
            color = $6,
            position = $7,
            archived = $8,
            updated_at = now()
        where user_id = $1 and id = $2
        "#,
        user_id,
        current.id,
        edit.name.unwrap_or(current.name),
        edit.parent_id.applied_to(current.parent_id),
        edit.icon.applied_to(current.icon),
        edit.color.applied_to(current.color),
        edit.position.unwrap_or(current.position),
        edit.archived.unwrap_or(current.archived),
    );
    Ok(refused(updated.execute(connection).await)?.map(drop))
}

/// The ids of these of a user's categories, and of all below them: each once, so that even a circle has an end.
///
/// # Errors
/// The database's.
pub async fn with_those_below(
    connection: &mut PgConnection,
    user_id: i64,
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
        user_id,
        ids,
        name,
        kind as Option<TransactionType>,
    )
    .fetch_all(connection)
    .await
}

/// Puts what is below a category below another one, or on the top level.
///
/// # Errors
/// The database's; what stands in the way is the inner result.
pub async fn move_children(
    connection: &mut PgConnection,
    user_id: i64,
    from: i64,
    to: i64,
) -> Result<Result<(), Refused>, sqlx::Error> {
    let moved = sqlx::query!(
        "update categories set parent_id = $3, updated_at = now() where user_id = $1 and parent_id = $2",
        user_id,
        from,
        to,
    );
    Ok(refused(moved.execute(connection).await)?.map(drop))
}

/// Gives categories the positions 0, 1, 2 and so on; says how many there are of the user's.
///
/// # Errors
/// The database's.
pub async fn reorder(connection: &mut PgConnection, user_id: i64, ids: &[i64]) -> Result<i64, sqlx::Error> {
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
        user_id,
        ids,
    )
    .fetch_one(connection)
    .await
}

/// What a category is needed by.
#[derive(Debug, Clone, Copy)]
pub struct Needed {
    /// Whether transactions are in it.
    pub by_transactions: bool,
    /// Whether categories are below it.
    pub by_categories: bool,
}

/// What a category is needed by.
///
/// # Errors
/// The database's.
pub async fn needed(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<Needed, sqlx::Error> {
    sqlx::query_as!(
        Needed,
        r#"
        select
            exists (select from transactions where user_id = $1 and category_id = $2) as "by_transactions!",
            exists (select from categories where user_id = $1 and parent_id = $2) as "by_categories!"
        "#,
        user_id,
        id,
    )
    .fetch_one(connection)
    .await
}

/// Deletes a category that nothing needs.
///
/// # Errors
/// The database's; that something needs it is one.
pub async fn delete(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from categories where user_id = $1 and id = $2", user_id, id).execute(connection).await?;
    Ok(())
}
