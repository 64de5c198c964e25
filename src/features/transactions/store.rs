//! The table `transactions`. Every statement names the owner.

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt as _;
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::model::{CategorySource, Days, Entry, Transaction, search_of};
use crate::domain::money::JsonDecimal;
use crate::domain::transaction_type::TransactionType;
use crate::features::users;
use crate::features::users::model::Settings;
use crate::http::walk::Batch;

/// A row with the names that it points at.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
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
            note: row.note,
            payee: row.payee,
            payee_id: row.payee_id,
            tags: row.tags,
            category_source: row.category_source,
            category_reason: row.category_reason,
        }
    }
}

/// The columns of a [`Row`], for statements that are put together as they are needed. Those run unnamed, so that they are
/// planned for what is asked; and looking up a type of our own in between would take an unnamed statement away, so these
/// columns have types that everybody knows.
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

/// What the columns come from, beside the table itself.
pub(super) const JOINS: &str = "
    join categories c on c.user_id = t.user_id and c.id = t.category_id
    left join payees p on p.user_id = t.user_id and p.id = t.payee_id
";

/// A statement whose rows are transactions `t` with everything that is shown of them: what stands before the columns, and
/// what stands behind the joins.
macro_rules! transactions {
    ($before:literal, $from:literal, $behind:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
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
    category: Option<&str>,
) -> Result<Option<Setting>, sqlx::Error> {
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
        user_id,
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
    .fetch_one(connection)
    .await
    .map(Transaction::from)
}

/// A user's transaction by id.
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<Option<Transaction>, sqlx::Error> {
    let row = transactions!("", "from transactions t", "where t.user_id = $1 and t.id = $2", user_id, id);
    Ok(row.fetch_optional(connection).await?.map(Transaction::from))
}

/// The same as [`find`], held against other changes until the database transaction ends.
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

/// Puts an entry in the place of a transaction.
///
/// # Errors
/// The database's.
pub async fn update(connection: &mut PgConnection, user_id: i64, id: i64, entry: &Entry) -> Result<(), sqlx::Error> {
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
        user_id,
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
    .execute(connection)
    .await?;
    Ok(())
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

/// Notes that a transaction is not what it was, where only its tags have changed.
///
/// # Errors
/// The database's.
pub async fn touch(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query!("update transactions set updated_at = now() where user_id = $1 and id = $2", user_id, id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Puts all transactions of a category into another one of its kind.
///
/// # Errors
/// The database's.
pub async fn move_category(connection: &mut PgConnection, user_id: i64, from: i64, to: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update transactions set category_id = $3, updated_at = now() where user_id = $1 and category_id = $2",
        user_id,
        from,
        to,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives all transactions of a payee another one.
///
/// # Errors
/// The database's.
pub async fn move_payee(connection: &mut PgConnection, user_id: i64, from: i64, to: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update transactions set payee_id = $3, updated_at = now() where user_id = $1 and payee_id = $2",
        user_id,
        from,
        to,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Folds what is to be found of transactions that came in by another way than the API, or that were put together anew, or
/// folded by older rules, or before there was all that is made of it: a thousand at most of a user's. Says how many there were.
///
/// # Errors
/// The database's.
pub async fn fold_pending(connection: &mut PgConnection, user_id: i64) -> Result<usize, sqlx::Error> {
    let rows = sqlx::query!(
        r"
        select id, title, title_en, note
        from transactions
        where user_id = $1 and (search is null or right(search, 2) <> E'\n2' or (short_search is null and char_length(search) <= 100))
        order by id
        limit 1000
        for update skip locked
        ",
        user_id,
    )
    .fetch_all(&mut *connection)
    .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let texts = rows.iter().map(|row| search_of(&row.title, row.title_en.as_deref(), row.note.as_deref()));
    sqlx::query!(
        r#"
        update transactions t
        set search = ($3::text[])[array_position($2::bigint[], t.id)]
        where t.user_id = $1 and t.id = any ($2)
        "#,
        user_id,
        &ids,
        &texts.collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    Ok(rows.len())
}

/// A user who has transactions to be folded.
///
/// # Errors
/// The database's.
pub async fn whose_to_fold(connection: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r"
        select user_id from transactions
        where search is null or right(search, 2) <> E'\n2' or (short_search is null and char_length(search) <= 100)
        limit 1
        "
    )
    .fetch_optional(connection)
    .await
}

/// Reads the first of a user's transactions of these days behind the one with this day and id, the newest day first, then the
/// newest id, into a batch.
///
/// # Errors
/// The database's.
pub(super) async fn read(
    connection: &mut PgConnection,
    user_id: i64,
    days: Days,
    behind: Option<(NaiveDate, i64)>,
    batch: &mut Batch<Transaction>,
) -> Result<(), sqlx::Error> {
    // Two statements: the planner takes a row comparison for much less selective than a range of days, and would look for a
    // day in each category.
    let Some((date, id)) = behind else {
        // A bound that is left out is the end of the calendar: one statement, one plan, one index.
        let rows = transactions!(
            "",
            "from transactions t",
            r#"
            where t.user_id = $1 and t.date between coalesce($2, '0001-01-01'::date) and coalesce($3, '9999-12-31'::date)
            order by t.date desc, t.id desc
            limit $4
            "#,
            user_id,
            days.start,
            days.end,
            batch.limit(),
        );
        return batch.fill(rows.fetch(connection).map_ok(Transaction::from), Transaction::bytes).await;
    };
    let rows = transactions!(
        "",
        "from transactions t",
        r#"
        where t.user_id = $1 and t.date >= coalesce($2, '0001-01-01'::date) and (t.date, t.id) < ($3::date, $4::bigint)
        order by t.date desc, t.id desc
        limit $5
        "#,
        user_id,
        days.start,
        date,
        id,
        batch.limit(),
    );
    batch.fill(rows.fetch(connection).map_ok(Transaction::from), Transaction::bytes).await
}
