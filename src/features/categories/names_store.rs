//! Categories by their names.

use super::default_store;
use super::defaults::{OTHER, is_other};
use crate::domain::transaction_type::TransactionType;
use crate::http::scope::Scope;

/// The id of the category of this kind and name, which is created on the top level if there is none: see [`find_by_name`].
pub async fn find_or_create(scope: &mut Scope<'_>, kind: TransactionType, name: &str) -> Result<i64, sqlx::Error> {
    // It nearly always exists. If another request creates it in between, the second attempt finds it.
    loop {
        if let Some(id) = find_by_name(scope, kind, name).await? {
            return Ok(id);
        }
        if let Some(id) = create(scope, kind, name).await? {
            return Ok(id);
        }
    }
}

/// The id of the category of this kind and name; of several, first one that is not archived, then the one on the top level, then
/// the oldest. If none has the name `Other`, it is the category that stands for it.
pub async fn find_by_name(
    scope: &mut Scope<'_>,
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
        scope.user_id,
        kind as TransactionType,
        name,
    );
    match found.fetch_optional(&mut *scope.connection).await? {
        None if is_other(name) => default_store::find_other(scope, kind).await,
        found => Ok(found),
    }
}

/// Creates a category; `None` if another transaction creates it at the same time, for which this waits.
async fn create(scope: &mut Scope<'_>, kind: TransactionType, name: &str) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        insert into categories (user_id, kind, name)
        values ($1, $2, $3)
        on conflict do nothing
        returning id
        "#,
        scope.user_id,
        kind as TransactionType,
        name,
    )
    .fetch_optional(&mut *scope.connection)
    .await
}

/// The id of the category that stands for a default one, which is created for a user who never had it; `None` if it is archived
/// or was deleted.
pub async fn find_or_create_default(
    scope: &mut Scope<'_>,
    kind: TransactionType,
    origin: &str,
) -> Result<Option<i64>, sqlx::Error> {
    let found = default_store::find(scope, kind, origin).await?;
    if found.is_known || (found.named && found.category_id.is_none()) {
        return Ok(found.category_id);
    }
    let id = find_or_create(scope, kind, origin).await?;
    default_store::set(scope, kind, origin, id).await?;
    Ok(Some(id))
}

/// The id of the category of transactions that fit no other one. There is always one: if it was deleted, it is created again, and if
/// it is archived, one with the next free name is created.
pub async fn other(scope: &mut Scope<'_>, kind: TransactionType) -> Result<i64, sqlx::Error> {
    if let Some(id) = default_store::find(scope, kind, OTHER).await?.category_id {
        return Ok(id);
    }
    let mut number = 1;
    loop {
        let name = if number == 1 { OTHER.to_owned() } else { format!("{OTHER} ({number})") };
        let id = find_or_create(scope, kind, &name).await?;
        if is_open(scope, id).await? {
            default_store::set(scope, kind, OTHER, id).await?;
            return Ok(id);
        }
        number += 1;
    }
}

/// Tells if a category exists and is not archived.
async fn is_open(scope: &mut Scope<'_>, id: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (select from categories where user_id = $1 and id = $2 and not archived) as "open!""#,
        scope.user_id,
        id,
    )
    .fetch_one(&mut *scope.connection)
    .await
}
