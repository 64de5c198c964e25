//! Past choices of categories, in the table `transactions`.

use chrono::NaiveDate;

use crate::domain::search::{Word, index_query};
use crate::domain::transaction_type::TransactionType;
use crate::features::transactions::entry::SEARCH_SEPARATOR;
use crate::http::scope::Scope;

/// A transaction whose category the user chose.
#[derive(Debug, Clone)]
pub(crate) struct PastChoice {
    pub title: String,
    /// The part of its search text that is the title; the note may be long.
    pub search: String,
    pub category_id: i64,
    /// The day.
    pub date: NaiveDate,
}

impl PastChoice {
    pub(super) fn title_folded(&self) -> &str {
        self.search.split(SEARCH_SEPARATOR).next().unwrap_or_default()
    }
}

/// The number of recent transactions that are searched.
const LAST: i64 = 1_000;

/// The most transactions from the index of words that are compared.
const MOST: i64 = 200;

/// The user's choices among the last transactions, the newest first.
pub(crate) async fn recent(scope: &mut Scope<'_>, kind: TransactionType) -> Result<Vec<PastChoice>, sqlx::Error> {
    sqlx::query_as!(
        PastChoice,
        r#"
        with last as materialized (
            select id, title, search, category_id, category_source, date, type
            from transactions
            where user_id = $1
            order by date desc, id desc
            limit $3
        )
        select
            l.title as "title!",
            split_part(l.search, chr(10), 1) as "search!",
            l.category_id as "category_id!",
            l.date as "date!"
        from last l
        join categories c on c.user_id = $1 and c.id = l.category_id and not c.archived
        where l.type = $2 and l.category_source = 'USER' and l.search is not null
        order by l.date desc, l.id desc
        "#,
        scope.user_id,
        kind as TransactionType,
        LAST,
    )
    .fetch_all(&mut *scope.connection)
    .await
}

/// The user's choices for titles with all these words, the newest first.
pub(crate) async fn with_words(
    scope: &mut Scope<'_>,
    kind: TransactionType,
    words: &[Word],
) -> Result<Vec<PastChoice>, sqlx::Error> {
    sqlx::query_as!(
        PastChoice,
        r#"
        with found as materialized (
            select title, search, category_id, date, id
            from transactions
            where user_id = $1 and type = $2 and category_source = 'USER'
                and search_grams(user_id, search) @@ $3::text::tsquery
            limit $4
        )
        select
            f.title as "title!",
            split_part(f.search, chr(10), 1) as "search!",
            f.category_id as "category_id!",
            f.date as "date!"
        from found f
        join categories c on c.user_id = $1 and c.id = f.category_id and not c.archived
        order by f.date desc, f.id desc
        "#,
        scope.user_id,
        kind as TransactionType,
        index_query(scope.user_id, words),
        MOST,
    )
    .fetch_all(&mut *scope.connection)
    .await
}
