//! The table `transactions`.

use std::sync::LazyLock;

use super::entry::TransactionColumns;
use super::model::Transaction;
use crate::domain::transaction_type::TransactionType;
use crate::features::resource::Arguments;
use crate::features::users;
use crate::features::users::model::UserSettings;
use crate::http::error::ApiError;
use crate::http::extract::shown_id;
use crate::http::scope::Scope;

/// The columns of a [`Transaction`], where the user is `$1`.
///
/// They have built-in types: looking up a type of our own would discard an unnamed statement, as lists with filters are. Each
/// sub-select names the user itself: tables that are spread over servers by user are found by it.
macro_rules! columns {
    () => {
        r#"
            t.id, t.title, t.title_en, t.amount, t.currency, t.type::text as kind, c.name as category, t.category_id, t.date,
            t.user_id, t.created_at, t.updated_at, t.note, p.name as payee, t.payee_id,
            array(
                select g.name from transaction_tags l join tags g on g.user_id = $1 and g.id = l.tag_id
                where l.user_id = $1 and l.transaction_id = t.id
                order by g.name collate "C"
            ) as tags,
            t.category_source::text as category_source, t.category_reason
        "#
    };
}

/// The joins that the columns need, where the user is `$1`.
macro_rules! joins {
    () => {
        "
            join categories c on c.user_id = $1 and c.id = t.category_id
            left join payees p on p.user_id = $1 and p.id = t.payee_id
        "
    };
}

/// The columns of a [`Transaction`], for lists with filters.
pub(super) const COLUMNS: &str = columns!();

/// The joins that [`COLUMNS`] need.
pub(super) const JOINS: &str = joins!();

/// A statement that returns transactions `t`, of the text after the joins.
macro_rules! select {
    ($behind:literal) => {
        concat!("select ", columns!(), " from transactions t ", joins!(), $behind)
    };
}

const FIND: &str = select!("where t.user_id = $1 and t.id = $2");

static INSERT: LazyLock<String> = LazyLock::new(|| {
    let placeholders: Vec<String> =
        (2..TransactionColumns::COLUMNS.len() + 2).map(|number| format!("${number}")).collect();
    format!(
        "with t as (insert into transactions (user_id, {}) values ($1, {}) returning *) select {COLUMNS} from t {JOINS}",
        TransactionColumns::COLUMNS.join(", "),
        placeholders.join(", ")
    )
});

static UPDATE: LazyLock<String> = LazyLock::new(|| {
    let set: Vec<String> =
        TransactionColumns::COLUMNS.iter().zip(3..).map(|(column, number)| format!("{column} = ${number}")).collect();
    format!("update transactions set {}, updated_at = now() where user_id = $1 and id = $2", set.join(", "))
});

/// 404 `TRANSACTION_NOT_FOUND`.
pub fn not_found(id: i64) -> ApiError {
    ApiError::NotFound { code: "TRANSACTION_NOT_FOUND", message: format!("Transaction not found: {}", shown_id(id)) }
}

/// The values that a new transaction takes from its owner.
#[derive(Debug)]
pub struct EntryDefaults {
    /// The owner's currency and time zone.
    pub owner: UserSettings,
    /// The category of the given name, if it exists.
    pub category_id: Option<i64>,
}

/// The values that a new transaction takes from its owner, in one round trip; `None` if the user does not exist.
///
/// # Errors
/// From the database; a currency or a zone that this binary does not know is one too.
pub async fn defaults(
    scope: &mut Scope<'_>,
    kind: TransactionType,
    category: Option<&str>,
) -> Result<Option<EntryDefaults>, sqlx::Error> {
    let row = sqlx::query!(
        r#"
        select
            u.currency,
            u.time_zone,
            (
                select c.id
                from categories c
                where c.user_id = $1 and c.kind = $2 and name_key(c.name) = name_key($3)
                order by c.archived, c.parent_id is not null, c.id
                limit 1
            ) as category_id
        from users u
        where u.id = $1
        "#,
        scope.user_id,
        kind as TransactionType,
        category,
    )
    .fetch_optional(&mut *scope.connection)
    .await?;
    row.map(|row| {
        let owner = users::store::settings_from(&row.currency, &row.time_zone)?;
        Ok(EntryDefaults { owner, category_id: row.category_id })
    })
    .transpose()
}

/// Adds a transaction.
///
/// # Errors
/// Only from the database.
pub async fn insert(scope: &mut Scope<'_>, entry: &TransactionColumns) -> Result<Transaction, sqlx::Error> {
    let mut arguments = Arguments::default();
    arguments.add(scope.user_id);
    entry.bind(&mut arguments);
    sqlx::query_as_with(INSERT.as_str(), arguments.finish()?).fetch_one(&mut *scope.connection).await
}

/// A transaction by id.
///
/// # Errors
/// Only from the database.
pub async fn find(scope: &mut Scope<'_>, id: i64) -> Result<Option<Transaction>, sqlx::Error> {
    sqlx::query_as(FIND).bind(scope.user_id).bind(id).fetch_optional(&mut *scope.connection).await
}

/// Like [`find`], and locks the row until the database transaction ends.
///
/// # Errors
/// Only from the database.
pub async fn find_for_update(scope: &mut Scope<'_>, id: i64) -> Result<Option<Transaction>, sqlx::Error> {
    let held =
        sqlx::query_scalar!("select id from transactions where user_id = $1 and id = $2 for update", scope.user_id, id)
            .fetch_optional(&mut *scope.connection)
            .await?;
    match held {
        Some(id) => find(scope, id).await,
        None => Ok(None),
    }
}

/// Updates a transaction.
///
/// # Errors
/// Only from the database.
pub async fn update(scope: &mut Scope<'_>, id: i64, entry: &TransactionColumns) -> Result<(), sqlx::Error> {
    let mut arguments = Arguments::default();
    arguments.add(scope.user_id);
    arguments.add(id);
    entry.bind(&mut arguments);
    sqlx::query_with(UPDATE.as_str(), arguments.finish()?).execute(&mut *scope.connection).await?;
    Ok(())
}

/// Deletes a transaction; returns if it existed.
///
/// # Errors
/// Only from the database.
pub async fn delete(scope: &mut Scope<'_>, id: i64) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("delete from transactions where user_id = $1 and id = $2", scope.user_id, id)
        .execute(&mut *scope.connection)
        .await?;
    Ok(done.rows_affected() == 1)
}
