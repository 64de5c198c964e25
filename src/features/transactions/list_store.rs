//! Lists of transactions with any filter, page by page at the same speed.
//!
//! A page is read off an index that has the rows in their order, from the row behind which it begins. What no index has in
//! order is looked for: see [`Search`].

use std::slice::from_ref;

use chrono::NaiveDate;
use futures_util::TryStreamExt as _;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow as _, PgConnection, Postgres, QueryBuilder, Row as _};

use super::filter::{Filter, Sort};
use super::model::Transaction;
use super::store::{COLUMNS, JOINS, Row};
use crate::db::pool::Pool;
use crate::domain::search::{Word, index_query};
use crate::domain::transaction_type::TransactionType;
use crate::features::{categories, payees, tags};
use crate::http::error::ApiError;
use crate::http::page::Paging;
use crate::http::stream::ListWriter;

/// A filter with its names looked up.
#[derive(Debug, Clone, Default)]
pub(super) struct Criteria {
    start: Option<NaiveDate>,
    end: Option<NaiveDate>,
    r#type: Option<TransactionType>,
    categories: Option<Vec<i64>>,
    tag: Option<i64>,
    payee: Option<i64>,
    currency: Option<&'static str>,
    min: Option<Decimal>,
    max: Option<Decimal>,
    words: Vec<Looked>,
    /// These only.
    ids: Option<Vec<i64>>,
}

/// A word, and the payees whose names have it.
#[derive(Debug, Clone)]
struct Looked {
    word: Word,
    payees: Vec<i64>,
}

/// What a list is sorted by, of one row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Key(String, i64);

impl Key {
    /// The key of a row in this order.
    #[must_use]
    pub(super) fn of(row: &Transaction, sort: Sort) -> Self {
        match sort {
            Sort::DateUp | Sort::DateDown => Self(row.date.to_string(), row.id),
            Sort::AmountUp | Sort::AmountDown => Self(row.amount.0.to_string(), row.id),
        }
    }
}

/// Looks up what a filter names; `None` if nothing can match it, such as another user's category.
///
/// # Errors
/// The database's.
pub(super) async fn look_up(
    connection: &mut PgConnection,
    user_id: i64,
    filter: &Filter,
) -> Result<Option<Criteria>, sqlx::Error> {
    let mut criteria = Criteria {
        start: filter.start,
        end: filter.end,
        r#type: filter.r#type,
        currency: filter.currency.map(crate::domain::currency::Currency::code),
        min: filter.min,
        max: filter.max,
        ..Criteria::default()
    };
    for (id, name) in [(filter.category_id, None), (None, filter.category.as_deref())] {
        if id.is_none() && name.is_none() {
            continue;
        }
        let ids: Vec<i64> = id.into_iter().collect();
        let mut found = categories::store::with_those_below(connection, user_id, &ids, name, filter.r#type).await?;
        if let Some(before) = &criteria.categories {
            found.retain(|id| before.contains(id));
        }
        if found.is_empty() {
            return Ok(None);
        }
        criteria.categories = Some(found);
    }
    if filter.tag_id.is_some() || filter.tag.is_some() {
        criteria.tag = tags::store::look_up(connection, user_id, filter.tag_id, filter.tag.as_deref()).await?;
        if criteria.tag.is_none() {
            return Ok(None);
        }
    }
    if filter.payee_id.is_some() || filter.payee.is_some() {
        criteria.payee = payees::store::look_up(connection, user_id, filter.payee_id, filter.payee.as_deref()).await?;
        if criteria.payee.is_none() {
            return Ok(None);
        }
    }
    if !filter.words.is_empty() {
        let patterns: Vec<String> = filter.words.iter().map(Word::pattern).collect();
        let found = payees::store::matching(connection, user_id, &patterns).await?;
        let looked = filter.words.iter().cloned().zip(found);
        criteria.words = looked.map(|(word, payees)| Looked { word, payees }).collect();
    }
    Ok(Some(criteria))
}

/// The rows of a page, in the direction of reading.
///
/// # Errors
/// The database's.
pub(super) async fn page(
    connection: &mut PgConnection,
    user_id: i64,
    criteria: &Criteria,
    sort: Sort,
    paging: &Paging<'_, Key>,
) -> Result<Vec<Transaction>, sqlx::Error> {
    let reading = Reading::new(user_id, criteria, sort, paging)?;
    let limit = paging.fetch().unwrap_or(i64::MAX);
    if reading.leaves_out() {
        return Search { reading, limit }.page(connection).await;
    }
    let mut query = QueryBuilder::new(format!("select {COLUMNS} from ("));
    reading.source(&mut query, Extent::Page(limit));
    reading.rows_of(&mut query, ") s", limit);
    fetch(query, connection).await
}

async fn fetch(
    mut query: QueryBuilder<Postgres>,
    connection: &mut PgConnection,
) -> Result<Vec<Transaction>, sqlx::Error> {
    let rows: Vec<Row> = query.build_query_as().persistent(false).fetch_all(connection).await?;
    Ok(rows.into_iter().map(Transaction::from).collect())
}

/// The columns that criteria look at.
const LOOKED_AT: &str = "t.user_id, t.id, t.type, t.category_id, t.payee_id, t.currency, t.date, t.amount, t.search";

/// How many rows are read.
#[derive(Clone, Copy)]
enum Extent {
    /// Those of a page, which are put together then.
    Page(i64),
    /// More, to be looked at. How many is not for the planner to see: it takes every user for the average one, and would
    /// rather sort all rows of one who has many than read some in their order.
    Look(i64),
}

impl Extent {
    fn push(self, query: &mut QueryBuilder<Postgres>) {
        query.push(" limit ");
        match self {
            Self::Page(rows) => drop(query.push_bind(rows)),
            Self::Look(rows) => drop(query.push("(select ").push_bind(rows).push(")")),
        }
    }
}

/// In which order, and from where on, rows are read.
#[derive(Clone, Copy)]
struct Reading<'a> {
    user_id: i64,
    criteria: &'a Criteria,
    sort: Sort,
    /// Against the order of the list, for the page before a row.
    descends: bool,
    from: Option<(Edge, i64)>,
    /// What the index that has the rows in their order sees to.
    driven: Driven,
}

/// What the first row behind an edge is compared with.
#[derive(Debug, Clone, Copy)]
enum Edge {
    Date(NaiveDate),
    Amount(Decimal),
}

impl<'a> Reading<'a> {
    fn new(user_id: i64, criteria: &'a Criteria, sort: Sort, paging: &Paging<'_, Key>) -> Result<Self, sqlx::Error> {
        let edge = |Key(text, id): &Key| {
            let edge = match sort {
                Sort::DateUp | Sort::DateDown => text.parse().map(Edge::Date).ok(),
                Sort::AmountUp | Sort::AmountDown => text.parse().map(Edge::Amount).ok(),
            };
            // It is signed, so it is what was written.
            edge.map(|edge| (edge, *id)).ok_or_else(|| sqlx::Error::Decode("a key of another kind".into()))
        };
        let from = paging.key().map(edge).transpose()?;
        let descends = sort.descends() != paging.is_backwards();
        Ok(Self { user_id, criteria, sort, descends, from, driven: Driven::of(criteria, sort) })
    }

    fn in_order(&self, query: &mut QueryBuilder<Postgres>, table: &str, id: &str) {
        let (column, direction) = (self.sort.column(), if self.descends { "desc" } else { "asc" });
        query.push(format_args!(" order by {table}.{column} {direction}, {table}.{id} {direction}"));
    }

    fn first(&self, query: &mut QueryBuilder<Postgres>, table: &str, id: &str, limit: i64) {
        self.in_order(query, table, id);
        query.push(" limit ").push_bind(limit);
    }

    fn behind_edge(&self, query: &mut QueryBuilder<Postgres>, table: &str, id: &str) {
        let Some((edge, edge_id)) = self.from else { return };
        let (column, compare) = (self.sort.column(), if self.descends { "<" } else { ">" });
        query.push(format_args!(" and ({table}.{column}, {table}.{id}) {compare} ("));
        match edge {
            Edge::Date(date) => query.push_bind(date),
            Edge::Amount(amount) => query.push_bind(amount),
        };
        query.push(", ").push_bind(edge_id).push(")");
    }

    /// From here on the rows of what was found so far, in their order.
    fn rows_of(&self, query: &mut QueryBuilder<Postgres>, found: &str, limit: i64) {
        query.push(format_args!("{found} join transactions t on t.id = s.id and t.user_id = ")).push_bind(self.user_id);
        query.push(JOINS);
        self.first(query, "t", "id", limit);
    }

    /// Whether the index leaves some criteria to be looked at row by row.
    fn leaves_out(&self) -> bool {
        !self.criteria.words.is_empty() || self.criteria.has_more_than(self.driven)
    }

    /// The first rows in their order, by the criteria that the index sees to, with what the others look at.
    fn source(&self, query: &mut QueryBuilder<Postgres>, extent: Extent) {
        let Self { user_id, criteria, .. } = *self;
        if let Some(tag) = criteria.tag {
            query.push(format_args!(
                "select l.user_id, l.transaction_id as id, t.type, t.category_id, t.payee_id, t.currency, l.date, l.amount, t.search \
                 from transaction_tags l join transactions t on t.user_id = l.user_id and t.id = l.transaction_id where l.user_id = "
            ));
            query.push_bind(user_id).push(" and l.tag_id = ").push_bind(tag);
            self.within_range(query, "l");
            self.behind_edge(query, "l", "transaction_id");
            self.in_order(query, "l", "transaction_id");
            extent.push(query);
            return;
        }
        let driven = self.driven;
        let categories = criteria.categories.as_deref().filter(|_| driven.category);
        // The index has the rows of one category in their order; of several, the first of each are put together.
        let several = categories.filter(|ids| ids.len() > 1);
        if let Some(ids) = several {
            query.push(format_args!("select {LOOKED_AT} from unnest(")).push_bind(ids.to_vec());
            query.push(") as e (category_id) cross join lateral (");
        }
        query.push(format_args!("select {LOOKED_AT} from transactions t where t.user_id = ")).push_bind(user_id);
        match categories {
            Some([id]) => drop(query.push(" and t.category_id = ").push_bind(*id)),
            Some(_) => drop(query.push(" and t.category_id = e.category_id")),
            None => {}
        }
        if let Some(payee) = criteria.payee.filter(|_| driven.payee) {
            query.push(" and t.payee_id = ").push_bind(payee);
        }
        if let Some(currency) = criteria.currency.filter(|_| driven.currency) {
            query.push(" and t.currency = ").push_bind(currency);
        }
        self.within_range(query, "t");
        self.behind_edge(query, "t", "id");
        self.in_order(query, "t", "id");
        extent.push(query);
        if several.is_some() {
            query.push(") t");
            self.in_order(query, "t", "id");
            extent.push(query);
        }
    }

    /// The bounds of what the rows are sorted by.
    fn within_range(&self, query: &mut QueryBuilder<Postgres>, table: &str) {
        let Criteria { start, end, min, max, .. } = self.criteria;
        match self.sort {
            Sort::DateUp | Sort::DateDown => push_range(query, table, "date", *start, *end),
            Sort::AmountUp | Sort::AmountDown => push_range(query, table, "amount", *min, *max),
        }
    }
}

fn push_range<'q, T>(query: &mut QueryBuilder<Postgres>, table: &str, column: &str, least: Option<T>, most: Option<T>)
where
    T: 'q + sqlx::Encode<'q, Postgres> + sqlx::Type<Postgres>,
{
    for (bound, compare) in [(least, ">="), (most, "<=")] {
        if let Some(bound) = bound {
            query.push(format_args!(" and {table}.{column} {compare} ")).push_bind(bound);
        }
    }
}

/// Criteria that have been seen to already.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of the criteria, and says no more")]
struct Driven {
    tag: bool,
    category: bool,
    payee: bool,
    currency: bool,
    date: bool,
    amount: bool,
}

impl Driven {
    fn of(criteria: &Criteria, sort: Sort) -> Self {
        let Criteria { tag, categories, payee, currency, .. } = criteria;
        let tag = tag.is_some();
        let by_date = matches!(sort, Sort::DateUp | Sort::DateDown);
        let by = |category: bool| {
            let payee = by_date && !tag && !category && payee.is_some();
            let currency = by_date && !tag && !category && !payee && currency.is_some();
            Self { tag, category, payee, currency, date: by_date, amount: !by_date }
        };
        let by_category = by(!tag && categories.is_some());
        // The first rows of each of several categories have to be put together: of a page only, not of all that is looked at.
        let several = categories.as_ref().is_some_and(|ids| ids.len() > 1);
        let looks = !criteria.words.is_empty() || criteria.has_more_than(by_category);
        if several && looks { by(false) } else { by_category }
    }
}

impl Criteria {
    /// Those of these ids.
    pub(super) fn of_ids(ids: Vec<i64>) -> Self {
        Self { ids: Some(ids), ..Self::default() }
    }

    /// Writes all criteria but the words and those that are seen to as conditions on `t`, each after an `and`.
    fn push(&self, query: &mut QueryBuilder<Postgres>, driven: Driven) {
        if !driven.date {
            push_range(query, "t", "date", self.start, self.end);
        }
        if !driven.amount {
            push_range(query, "t", "amount", self.min, self.max);
        }
        if let Some(kind) = self.r#type {
            query.push(" and t.type = ").push_bind(kind);
        }
        match self.categories.as_deref().filter(|_| !driven.category) {
            Some([id]) => drop(query.push(" and t.category_id = ").push_bind(*id)),
            Some(ids) => drop(query.push(" and t.category_id = any (").push_bind(ids.to_vec()).push(")")),
            None => {}
        }
        if let Some(payee) = self.payee.filter(|_| !driven.payee) {
            query.push(" and t.payee_id = ").push_bind(payee);
        }
        if let Some(currency) = self.currency.filter(|_| !driven.currency) {
            query.push(" and t.currency = ").push_bind(currency);
        }
        if let Some(ids) = &self.ids {
            query.push(" and t.id = any (").push_bind(ids.clone()).push(")");
        }
        if let Some(tag) = self.tag.filter(|_| !driven.tag) {
            query.push(
                " and exists (select from transaction_tags l where l.user_id = t.user_id and l.transaction_id = t.id \
                 and l.tag_id = ",
            );
            query.push_bind(tag).push(")");
        }
    }

    /// Whether there are others than the words and those that are seen to.
    fn has_more_than(&self, driven: Driven) -> bool {
        let mut others = QueryBuilder::new("");
        self.push(&mut others, driven);
        !others.sql().as_str().is_empty()
    }

    /// Writes the words as conditions on `t`, each after an `and`; such that their index can find the rows, or only to look
    /// at them.
    fn push_words(&self, query: &mut QueryBuilder<Postgres>, user_id: i64, by_index: bool) {
        for Looked { word, payees } in &self.words {
            query.push(" and (t.search like ").push_bind(word.pattern());
            if by_index {
                query
                    .push(" and search_grams(t.user_id, t.search) @@ ")
                    .push_bind(index_query(user_id, from_ref(word)));
                query.push("::text::tsquery");
            }
            if !payees.is_empty() {
                query.push(" or t.user_id = ").push_bind(user_id);
                query.push(" and t.payee_id = any (").push_bind(payees.clone()).push(")");
            }
            query.push(")");
        }
    }

    /// Writes the rows `h` that have the words, found by the index of words. Nothing but words is asked of them here: the
    /// database would put the index of all that is the user's beside that of the words.
    fn push_hits(&self, query: &mut QueryBuilder<Postgres>, user_id: i64) {
        query.push(format_args!("h as materialized (select {LOOKED_AT} from transactions t where true"));
        self.push_words(query, user_id, true);
        query.push(")");
    }

    /// Writes `with` and a select of the columns of the rows `t` that meet everything.
    pub(super) fn push_select(&self, query: &mut QueryBuilder<Postgres>, user_id: i64, columns: &str) {
        if self.words.is_empty() {
            return self.push_select_from("transactions", query, user_id, columns);
        }
        query.push("with ");
        self.push_hits(query, user_id);
        query.push(" ");
        self.push_select_from("h", query, user_id, columns);
    }

    /// Writes a select of the columns of the rows `t` that meet everything but the words.
    fn push_select_from(&self, table: &str, query: &mut QueryBuilder<Postgres>, user_id: i64, columns: &str) {
        query.push(format_args!("select {columns} from {table} t where t.user_id = ")).push_bind(user_id);
        self.push(query, Driven::default());
        if let Some(kind) = self.r#type {
            // A category is of one kind, and the index of categories finds a rare kind.
            query.push(" and t.category_id = any (array(select c.id from categories c where c.user_id = ");
            query.push_bind(user_id).push(" and c.kind = ").push_bind(kind).push("))");
        }
    }
}

/// Rows that are looked at in their order before the other criteria's own indexes are asked. Those have all rows that meet
/// them, in no order: quick for what is rare and slow for what is common, of which a few rows in their order hold a page.
const FIRST_LOOK: i64 = 2_000;

/// The most that are looked at where the first look found some and not enough. Rows of one day lie side by side as a rule, and
/// take a third of the time.
const LONGEST_LOOK_BY_DATE: i64 = 36_000;
const LONGEST_LOOK_BY_AMOUNT: i64 = 24_000;

/// What so many of the first look have is looked for last, if other criteria are rarer.
const COMMON: i64 = FIRST_LOOK / 200;

/// A page of what no index has in its order.
struct Search<'a> {
    reading: Reading<'a>,
    limit: i64,
}

/// What the first look found.
struct Look {
    /// How many rows there were to look at.
    seen: i64,
    /// Those that have the words.
    worded: i64,
    /// Those that meet everything but the words.
    others: i64,
    /// The first of those that meet everything.
    rows: Vec<Transaction>,
}

impl Search<'_> {
    async fn page(self, connection: &mut PgConnection) -> Result<Vec<Transaction>, sqlx::Error> {
        let Look { seen, worded, others, rows } = self.first_look(connection).await?;
        if self.is_page(&rows) || seen < FIRST_LOOK {
            return Ok(rows);
        }
        let most = match (self.reading.sort, self.reading.criteria.words.is_empty()) {
            (Sort::DateUp | Sort::DateDown, _) => LONGEST_LOOK_BY_DATE,
            (Sort::AmountUp | Sort::AmountDown, false) => LONGEST_LOOK_BY_AMOUNT,
            // By the others' indexes it takes no longer.
            (Sort::AmountUp | Sort::AmountDown, true) => LONGEST_LOOK_BY_AMOUNT / 2,
        };
        // Of a tag's rows, each is looked up.
        let most = if self.reading.criteria.tag.is_some() { most / 3 } else { most };
        // Two thirds hold a page if it goes on like this.
        let found = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        if found * most * 2 / 3 / FIRST_LOOK >= self.limit {
            let rows = self.longer_look(connection, most).await?;
            if self.is_page(&rows) || self.count(connection, most).await? < most {
                return Ok(rows);
            }
        }
        self.by_other_indexes(connection, worded > others && worded >= COMMON).await
    }

    fn is_page(&self, rows: &[Transaction]) -> bool {
        i64::try_from(rows.len()).is_ok_and(|rows| rows >= self.limit)
    }

    async fn first_look(&self, connection: &mut PgConnection) -> Result<Look, sqlx::Error> {
        let Self { reading, limit } = self;
        // In one pass: the rows come in their order, and are put together in it.
        let mut query = QueryBuilder::new("with w as (select count(*) as seen, count(*) filter (where true");
        if !reading.criteria.words.is_empty() && reading.criteria.has_more_than(reading.driven) {
            self.push_words(&mut query);
            query.push(") as worded, count(*) filter (where true");
            self.push_others(&mut query);
            query.push(") as others");
        } else {
            // There is nothing to weigh.
            query.push(" and false) as worded, 0::bigint as others");
        }
        query.push(", (array_agg(t.id) filter (where true");
        self.push_others(&mut query);
        self.push_words(&mut query);
        query.push("))[1:").push_bind(*limit).push("] as ids from (");
        reading.source(&mut query, Extent::Look(FIRST_LOOK));
        query.push(format_args!(
            ") t) select seen.seen, seen.worded, seen.others, found.* \
             from w seen left join lateral (select {COLUMNS} from unnest(seen.ids) as s (id)"
        ));
        reading.rows_of(&mut query, "", *limit);
        query.push(") found on true");
        let found = query.build().persistent(false).fetch_all(connection).await?;
        let first = found.first().ok_or(sqlx::Error::RowNotFound)?;
        let there = found.iter().filter(|row| row.try_get::<Option<i64>, _>("id").is_ok_and(|id| id.is_some()));
        let rows: Result<Vec<Transaction>, sqlx::Error> =
            there.map(|row| Row::from_row(row).map(Transaction::from)).collect();
        let (seen, worded, others) = (first.try_get("seen")?, first.try_get("worded")?, first.try_get("others")?);
        Ok(Look { seen, worded, others, rows: rows? })
    }

    /// Those of the first `most` rows that meet everything; it ends where there are enough.
    async fn longer_look(&self, connection: &mut PgConnection, most: i64) -> Result<Vec<Transaction>, sqlx::Error> {
        let Self { reading, limit } = self;
        let mut query = QueryBuilder::new(format!("select {COLUMNS} from unnest(array(select t.id from ("));
        reading.source(&mut query, Extent::Look(most));
        query.push(") t where true");
        self.push_words(&mut query);
        self.push_others(&mut query);
        reading.first(&mut query, "t", "id", *limit);
        reading.rows_of(&mut query, ")) as s (id)", *limit);
        fetch(query, connection).await
    }

    /// How many rows there are to look at, of the first `most`.
    async fn count(&self, connection: &mut PgConnection, most: i64) -> Result<i64, sqlx::Error> {
        let mut query = QueryBuilder::new("select count(*) from (");
        self.reading.source(&mut query, Extent::Look(most));
        query.push(") t");
        query.build_query_scalar().persistent(false).fetch_one(connection).await
    }

    /// By the index of words, or by those of the other criteria.
    async fn by_other_indexes(
        &self,
        connection: &mut PgConnection,
        words_last: bool,
    ) -> Result<Vec<Transaction>, sqlx::Error> {
        let Self { reading: reading @ Reading { user_id, criteria, .. }, limit } = self;
        let columns = "t.id, t.date, t.amount";
        // Materialized: by the order of the rows it would be slow, as was just seen.
        let mut query = QueryBuilder::new("with m as materialized (");
        if words_last {
            criteria.push_select_from("transactions", &mut query, *user_id, columns);
            self.push_words(&mut query);
        } else {
            criteria.push_select(&mut query, *user_id, columns);
        }
        reading.behind_edge(&mut query, "t", "id");
        query.push(format_args!(") select {COLUMNS} from (select m.id from m"));
        reading.first(&mut query, "m", "id", *limit);
        reading.rows_of(&mut query, ") s", *limit);
        fetch(query, connection).await
    }

    /// Writes the words as conditions on the rows of the source.
    fn push_words(&self, query: &mut QueryBuilder<Postgres>) {
        self.reading.criteria.push_words(query, self.reading.user_id, false);
    }

    /// Writes the other criteria that the source does not see to, as conditions on its rows.
    fn push_others(&self, query: &mut QueryBuilder<Postgres>) {
        self.reading.criteria.push(query, self.reading.driven);
    }
}

/// Writes all transactions that meet the criteria, in their order, one by one as they come.
///
/// # Errors
/// The database's, or that the client is gone.
pub(super) async fn write_list(
    pool: Pool,
    user_id: i64,
    criteria: Criteria,
    sort: Sort,
    mut writer: ListWriter,
) -> Result<(), ApiError> {
    let mut connection = pool.acquire().await?;
    let mut query = QueryBuilder::new(format!("select {COLUMNS} from ("));
    criteria.push_select(&mut query, user_id, "t.user_id, t.id");
    query.push(format_args!(") s join transactions t on t.user_id = s.user_id and t.id = s.id {JOINS}"));
    let (column, direction) = (sort.column(), if sort.descends() { "desc" } else { "asc" });
    query.push(format_args!(" order by t.{column} {direction}, t.id {direction}"));
    let rows = query.build_query_as::<Row>().persistent(false).fetch(&mut *connection);
    let written = writer.push_all(rows.map_ok(Transaction::from)).await;
    connection.give_back(written)?;
    writer.finish().await
}
