//! The table `transactions`.

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt as _;
use rust_decimal::Decimal;

use super::entry::Entry;
use super::inputs::DayRange;
use super::model::{CategorySource, Transaction};
use crate::domain::money::JsonDecimal;
use crate::domain::transaction_type::TransactionType;
use crate::features::users;
use crate::features::users::model::Settings;
use crate::http::error::ApiError;
use crate::http::extract::shown_id;
use crate::http::scope::Scope;
use crate::http::walk::Batch;

/// A row with the names that it refers to.
#[derive(sqlx::FromRow)]
pub(super) struct TransactionRow {
    id: i64,
    title: String,
    title_en: Option<String>,
    amount: Decimal,
    currency: String,
    #[sqlx(try_from = "String")]
    kind: TransactionType,
    category: String,
    category_id: i64,
    date: NaiveDate,
    user_id: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    note: Option<String>,
    payee: Option<String>,
    payee_id: Option<i64>,
    tags: Vec<String>,
    #[sqlx(try_from = "String")]
    category_source: CategorySource,
    category_reason: Option<String>,
}

impl From<TransactionRow> for Transaction {
    fn from(row: TransactionRow) -> Self {
        Self {
            id: row.id,
            title: row.title,
            title_en: row.title_en,
            amount: JsonDecimal(row.amount),
            currency: row.currency,
            r#type: row.kind,
            category: row.category,
            category_id: row.category_id,
            date: row.date,
            user_id: row.user_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
            note: row.note,
            payee: row.payee,
            payee_id: row.payee_id,
            tags: row.tags,
            category_source: row.category_source,
            category_reason: row.category_reason,
        }
    }
}

/// The columns of a [`TransactionRow`], for statements that are assembled for each request. These are not named, so that they are planned
/// for their arguments. Looking up one of our own types would discard an unnamed statement, so these columns have built-in
/// types.
pub(super) const COLUMNS: &str = r#"
    t.id, t.title, t.title_en, t.amount, t.currency, t.type::text as kind, c.name as category, t.category_id, t.date, t.user_id,
    t.created_at, t.updated_at, t.note, p.name as payee, t.payee_id,
    array(
        select g.name from transaction_tags l join tags g on g.user_id = l.user_id and g.id = l.tag_id
        where l.user_id = t.user_id and l.transaction_id = t.id
        order by g.name collate "C"
    ) as tags,
    t.category_source::text as category_source, t.category_reason
"#;

/// The joins that the columns need.
pub(super) const JOINS: &str = "
    join categories c on c.user_id = t.user_id and c.id = t.category_id
    left join payees p on p.user_id = t.user_id and p.id = t.payee_id
";

/// A statement that returns transactions `t` as they are answered: the text before the columns, the source of the rows, and the text
/// after the joins.
macro_rules! transactions {
    ($before:literal, $from:literal, $behind:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            TransactionRow,
            $before + r#"
            select
                t.id as "id!",
                t.title as "title!",
                t.title_en,
                t.amount as "amount!",
                t.currency as "currency!",
                t.type as "kind!: TransactionType",
                c.name as "category!",
                t.category_id as "category_id!",
                t.date as "date!",
                t.user_id as "user_id!",
                t.created_at as "created_at!",
                t.updated_at as "updated_at!",
                t.note,
                p.name as "payee?",
                t.payee_id,
                array(
                    select g.name
                    from transaction_tags l
                    join tags g on g.user_id = l.user_id and g.id = l.tag_id
                    where l.user_id = t.user_id and l.transaction_id = t.id
                    order by g.name collate "C"
                ) as "tags!",
                t.category_source as "category_source!: CategorySource",
                t.category_reason
            "# + $from + r#"
            join categories c on c.user_id = t.user_id and c.id = t.category_id
            left join payees p on p.user_id = t.user_id and p.id = t.payee_id
            "# + $behind
            $(, $argument)*
        )
    };
}

/// 404 `TRANSACTION_NOT_FOUND`.
pub fn not_found(id: i64) -> ApiError {
    ApiError::NotFound { code: "TRANSACTION_NOT_FOUND", message: format!("Transaction not found: {}", shown_id(id)) }
}

/// The values that a new transaction takes from its owner.
#[derive(Debug)]
pub struct EntryDefaults {
    /// The owner's currency and time zone.
    pub owner: Settings,
    /// The category of the given name, if it exists.
    pub category_id: Option<i64>,
}

/// The values that a new transaction takes from its owner, in one round trip; `None` if the user does not exist.
///
/// # Errors
/// The database's; a currency or a zone that this binary does not know is one too.
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
                where c.user_id = u.id and c.kind = $2 and name_key(c.name) = name_key($3)
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
/// The database's.
pub async fn insert(scope: &mut Scope<'_>, entry: &Entry) -> Result<Transaction, sqlx::Error> {
    transactions!(
        r#"
        with t as (
            insert into transactions (
                user_id, title, title_en, amount, currency, type, category_id, date, note, payee_id, category_source,
                category_reason, search
            )
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            returning *
        )
        "#,
        "from t",
        "",
        scope.user_id,
        entry.title,
        entry.title_en,
        entry.amount,
        entry.currency,
        entry.r#type as TransactionType,
        entry.category_id,
        entry.date,
        entry.note,
        entry.payee_id,
        entry.category_source as CategorySource,
        entry.category_reason,
        entry.search(),
    )
    .fetch_one(&mut *scope.connection)
    .await
    .map(Transaction::from)
}

/// A user's transaction by id.
///
/// # Errors
/// The database's.
pub async fn find(scope: &mut Scope<'_>, id: i64) -> Result<Option<Transaction>, sqlx::Error> {
    let row = transactions!("", "from transactions t", "where t.user_id = $1 and t.id = $2", scope.user_id, id);
    Ok(row.fetch_optional(&mut *scope.connection).await?.map(Transaction::from))
}

/// Like [`find`], and locks the row until the database transaction ends.
///
/// # Errors
/// The database's.
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
/// The database's.
pub async fn update(scope: &mut Scope<'_>, id: i64, entry: &Entry) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        update transactions
        set title = $3,
            title_en = $4,
            amount = $5,
            currency = $6,
            type = $7,
            category_id = $8,
            date = $9,
            note = $10,
            payee_id = $11,
            category_source = $12,
            category_reason = $13,
            search = $14,
            updated_at = now()
        where user_id = $1 and id = $2
        "#,
        scope.user_id,
        id,
        entry.title,
        entry.title_en,
        entry.amount,
        entry.currency,
        entry.r#type as TransactionType,
        entry.category_id,
        entry.date,
        entry.note,
        entry.payee_id,
        entry.category_source as CategorySource,
        entry.category_reason,
        entry.search(),
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(())
}

/// Deletes a transaction; returns if it existed.
///
/// # Errors
/// The database's.
pub async fn delete(scope: &mut Scope<'_>, id: i64) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("delete from transactions where user_id = $1 and id = $2", scope.user_id, id)
        .execute(&mut *scope.connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Reads transactions of these days into a batch, the newest day first, then the newest id; `behind` is the row after which to begin.
///
/// # Errors
/// The database's.
pub(super) async fn read(
    scope: &mut Scope<'_>,
    days: DayRange,
    behind: Option<(NaiveDate, i64)>,
    batch: &mut Batch<Transaction>,
) -> Result<(), sqlx::Error> {
    // Two statements: the planner estimates a row comparison as much less selective than a range of days, and would look for a
    // day in each category.
    let Some((date, id)) = behind else {
        // A bound that is left out is an end of the calendar, so that one statement has one plan and one index.
        let rows = transactions!(
            "",
            "from transactions t",
            r#"
            where t.user_id = $1 and t.date between coalesce($2, '0001-01-01'::date) and coalesce($3, '9999-12-31'::date)
            order by t.date desc, t.id desc
            limit $4
            "#,
            scope.user_id,
            days.start,
            days.end,
            batch.limit(),
        );
        return batch.fill(rows.fetch(&mut *scope.connection).map_ok(Transaction::from), Transaction::bytes).await;
    };
    let rows = transactions!(
        "",
        "from transactions t",
        r#"
        where t.user_id = $1 and t.date >= coalesce($2, '0001-01-01'::date) and (t.date, t.id) < ($3::date, $4::bigint)
        order by t.date desc, t.id desc
        limit $5
        "#,
        scope.user_id,
        days.start,
        date,
        id,
        batch.limit(),
    );
    batch.fill(rows.fetch(&mut *scope.connection).map_ok(Transaction::from), Transaction::bytes).await
}
