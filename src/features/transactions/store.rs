//! The table `transactions`. Every statement names the owner.

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::model::{Days, Entry, Transaction};
use crate::db::pool::Pool;
use crate::domain::money::JsonDecimal;
use crate::domain::transaction_type::TransactionType;
use crate::features::users;
use crate::features::users::model::Settings;
use crate::http::error::ApiError;
use crate::http::stream::ListWriter;

/// A row with its category's name.
struct Row {
    id: i64,
    title: String,
    title_en: Option<String>,
    amount: Decimal,
    currency: String,
    kind: TransactionType,
    category: String,
    category_id: i64,
    date: NaiveDate,
    user_id: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Row> for Transaction {
    fn from(row: Row) -> Self {
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
        }
    }
}

/// What a new transaction is entered into.
#[derive(Debug)]
pub struct Setting {
    /// What the owner's money and days are counted in.
    pub owner: Settings,
    /// The owner's category of the name asked for, if there is one.
    pub category_id: Option<i64>,
}

/// What a new transaction is entered into, in one round trip; `None` if there is no such user.
///
/// # Errors
/// The database's; a currency or a zone that this binary does not know is one too.
pub async fn setting(
    connection: &mut PgConnection,
    user_id: i64,
    kind: TransactionType,
    category: &str,
) -> Result<Option<Setting>, sqlx::Error> {
    let row = sqlx::query!(
        r#"
        select u.currency, u.time_zone, c.id as category_id
        from users u
        left join categories c on c.user_id = u.id and c.kind = $2 and c.name = $3
        where u.id = $1
        "#,
        user_id,
        kind as TransactionType,
        category,
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let owner = users::store::settings_from(&row.currency, &row.time_zone)?;
        Ok(Setting { owner, category_id: row.category_id })
    })
    .transpose()
}

/// Adds a transaction.
///
/// # Errors
/// The database's.
pub async fn insert(connection: &mut PgConnection, user_id: i64, entry: &Entry) -> Result<Transaction, sqlx::Error> {
    sqlx::query_as!(
        Row,
        r#"
        insert into transactions (user_id, title, title_en, amount, currency, type, category_id, date)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        returning
            id,
            title,
            title_en,
            amount,
            currency,
            type as "kind: TransactionType",
            $9::text as "category!",
            category_id,
            date,
            user_id,
            created_at,
            updated_at
        "#,
        user_id,
        entry.title,
        entry.title_en,
        entry.amount,
        entry.currency,
        entry.r#type as TransactionType,
        entry.category_id,
        entry.date,
        entry.category,
    )
    .fetch_one(connection)
    .await
    .map(Transaction::from)
}

/// A user's transaction by id.
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<Option<Transaction>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select
            t.id,
            t.title,
            t.title_en,
            t.amount,
            t.currency,
            t.type as "kind: TransactionType",
            c.name as category,
            t.category_id,
            t.date,
            t.user_id,
            t.created_at,
            t.updated_at
        from transactions t
        join categories c on c.user_id = t.user_id and c.id = t.category_id
        where t.user_id = $1 and t.id = $2
        "#,
        user_id,
        id,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Transaction::from))
}

/// The same, held against other changes until the database transaction ends.
///
/// # Errors
/// The database's.
pub async fn find_for_update(
    connection: &mut PgConnection,
    user_id: i64,
    id: i64,
) -> Result<Option<Transaction>, sqlx::Error> {
    let held =
        sqlx::query_scalar!("select id from transactions where user_id = $1 and id = $2 for update", user_id, id)
            .fetch_optional(&mut *connection)
            .await?;
    match held {
        Some(id) => find(connection, user_id, id).await,
        None => Ok(None),
    }
}

/// Puts an entry in the place of a transaction; `None` if there is no such one.
///
/// # Errors
/// The database's.
pub async fn update(
    connection: &mut PgConnection,
    user_id: i64,
    id: i64,
    entry: &Entry,
) -> Result<Option<Transaction>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        r#"
        update transactions
        set title = $3,
            title_en = $4,
            amount = $5,
            currency = $6,
            type = $7,
            category_id = $8,
            date = $9,
            updated_at = now()
        where user_id = $1 and id = $2
        returning
            id,
            title,
            title_en,
            amount,
            currency,
            type as "kind: TransactionType",
            $10::text as "category!",
            category_id,
            date,
            user_id,
            created_at,
            updated_at
        "#,
        user_id,
        id,
        entry.title,
        entry.title_en,
        entry.amount,
        entry.currency,
        entry.r#type as TransactionType,
        entry.category_id,
        entry.date,
        entry.category,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Transaction::from))
}

/// Deletes a transaction; says whether there was one.
///
/// # Errors
/// The database's.
pub async fn delete(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("delete from transactions where user_id = $1 and id = $2", user_id, id)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The first of a user's transactions of these days, the newest day first, then the newest id: `limit` at most.
///
/// # Errors
/// The database's.
pub async fn first(
    connection: &mut PgConnection,
    user_id: i64,
    days: Days,
    limit: usize,
) -> Result<Vec<Transaction>, sqlx::Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    rows(connection, user_id, days, Some(limit)).map_ok(Transaction::from).try_collect().await
}

/// Writes all of a user's transactions of these days in the same order, one by one as they come.
///
/// # Errors
/// The database's, or that the client is gone.
pub async fn write_list(pool: Pool, user_id: i64, days: Days, mut writer: ListWriter) -> Result<(), ApiError> {
    let mut connection = pool.acquire().await?;
    let written = async {
        let mut rows = rows(&mut connection, user_id, days, None);
        while let Some(row) = rows.try_next().await? {
            writer.push(Transaction::from(row)).await?;
        }
        Ok(())
    };
    if let Err(error) = written.await {
        // Rows may still be on their way; reading them all off only to keep the connection would take as long.
        connection.discard();
        return Err(error);
    }
    // The last chunk may wait for a slow client; the connection does not.
    connection.release();
    writer.finish().await
}

fn rows(
    connection: &mut PgConnection,
    user_id: i64,
    days: Days,
    limit: Option<i64>,
) -> BoxStream<'_, Result<Row, sqlx::Error>> {
    // A bound that is left out is the end of the calendar, and no limit is all: one statement, one plan, one index.
    sqlx::query_as!(
        Row,
        r#"
        select
            t.id,
            t.title,
            t.title_en,
            t.amount,
            t.currency,
            t.type as "kind: TransactionType",
            c.name as category,
            t.category_id,
            t.date,
            t.user_id,
            t.created_at,
            t.updated_at
        from transactions t
        join categories c on c.user_id = t.user_id and c.id = t.category_id
        where t.user_id = $1 and t.date between coalesce($2, '0001-01-01'::date) and coalesce($3, '9999-12-31'::date)
        order by t.date desc, t.id desc
        limit $4
        "#,
        user_id,
        days.start,
        days.end,
        limit,
    )
    .fetch(connection)
}
