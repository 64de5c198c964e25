//! Lists of transactions with any filter, page by page at the same speed.
//!
//! A page is read off an index that has the rows in their order, from the row behind which it begins. What no index has in
//! order is looked for: see [`Search`].

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::criteria::{Criteria, Driven, LOOKED_AT, push_range};
use super::filter::Sort;
use super::model::Transaction;
use super::search_store::Search;
use super::store::{COLUMNS, JOINS, Row};
use crate::http::page::Segment;

/// What a list is sorted by, of one row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Key(String, i64);

impl Key {
    /// The key of a row with this day or amount, as text.
    #[must_use]
    pub(super) const fn new(place: String, id: i64) -> Self {
        Self(place, id)
    }

    /// The key of a row in this order.
    #[must_use]
    pub(super) fn of(row: &Transaction, sort: Sort) -> Self {
        match sort {
            Sort::DateUp | Sort::DateDown => Self(row.date.to_string(), row.id),
            Sort::AmountUp | Sort::AmountDown => Self(row.amount.0.to_string(), row.id),
        }
    }
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
    segment: &Segment<Key>,
) -> Result<Vec<Transaction>, sqlx::Error> {
    let reading = Reading::new(user_id, criteria, sort, segment)?;
    let limit = segment.limit;
    if reading.leaves_out() {
        return Search { reading, limit }.page(connection).await;
    }
    fetch(reading.select(limit), connection).await
}

pub(super) async fn fetch(
    mut query: QueryBuilder<Postgres>,
    connection: &mut PgConnection,
) -> Result<Vec<Transaction>, sqlx::Error> {
    let rows: Vec<Row> = query.build_query_as().persistent(false).fetch_all(connection).await?;
    Ok(rows.into_iter().map(Transaction::from).collect())
}

/// How many rows are read.
#[derive(Clone, Copy)]
pub(super) enum Extent {
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
pub(super) struct Reading<'a> {
    pub(super) user_id: i64,
    pub(super) criteria: &'a Criteria,
    pub(super) sort: Sort,
    /// Against the order of the list, for the page before a row.
    descends: bool,
    from: Option<(Edge, i64)>,
    /// What the index that has the rows in their order sees to.
    pub(super) driven: Driven,
}

/// What the first row behind an edge is compared with.
#[derive(Debug, Clone, Copy)]
enum Edge {
    Date(NaiveDate),
    Amount(Decimal),
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        user_id: i64,
        criteria: &'a Criteria,
        sort: Sort,
        segment: &Segment<Key>,
    ) -> Result<Self, sqlx::Error> {
        let edge = |Key(text, id): &Key| {
            let edge = match sort {
                Sort::DateUp | Sort::DateDown => text.parse().map(Edge::Date).ok(),
                Sort::AmountUp | Sort::AmountDown => text.parse().map(Edge::Amount).ok(),
            };
            // It is signed, so it is what was written.
            edge.map(|edge| (edge, *id)).ok_or_else(|| sqlx::Error::Decode("a key of another kind".into()))
        };
        let from = segment.key().map(edge).transpose()?;
        let descends = sort.descends() != segment.is_backwards();
        Ok(Self { user_id, criteria, sort, descends, from, driven: Driven::of(criteria, sort) })
    }

    fn in_order(&self, query: &mut QueryBuilder<Postgres>, table: &str, id: &str) {
        let (column, direction) = (self.sort.column(), if self.descends { "desc" } else { "asc" });
        query.push(format_args!(" order by {table}.{column} {direction}, {table}.{id} {direction}"));
    }

    pub(super) fn first(&self, query: &mut QueryBuilder<Postgres>, table: &str, id: &str, limit: i64) {
        self.in_order(query, table, id);
        query.push(" limit ").push_bind(limit);
    }

    pub(super) fn behind_edge(&self, query: &mut QueryBuilder<Postgres>, table: &str, id: &str) {
        let Some((edge, edge_id)) = self.from else { return };
        let (column, compare) = (self.sort.column(), if self.descends { "<" } else { ">" });
        query.push(format_args!(" and ({table}.{column}, {table}.{id}) {compare} ("));
        match edge {
            Edge::Date(date) => query.push_bind(date),
            Edge::Amount(amount) => query.push_bind(amount),
        };
        query.push(", ").push_bind(edge_id).push(")");
    }

    /// A select of the first rows, where the index sees to all criteria.
    pub(super) fn select(&self, limit: i64) -> QueryBuilder<Postgres> {
        let mut query = QueryBuilder::new(format!("select {COLUMNS} from ("));
        self.source(&mut query, Extent::Page(limit));
        self.rows_of(&mut query, ") s", limit);
        query
    }

    /// From here on the rows of what was found so far, in their order.
    pub(super) fn rows_of(&self, query: &mut QueryBuilder<Postgres>, found: &str, limit: i64) {
        query.push(format_args!("{found} join transactions t on t.id = s.id and t.user_id = ")).push_bind(self.user_id);
        query.push(JOINS);
        self.first(query, "t", "id", limit);
    }

    /// Whether the index leaves some criteria to be looked at row by row.
    pub(super) fn leaves_out(&self) -> bool {
        !self.criteria.words.is_empty() || self.criteria.has_more_than(self.driven)
    }

    /// The first rows in their order, by the criteria that the index sees to, with what the others look at.
    pub(super) fn source(&self, query: &mut QueryBuilder<Postgres>, extent: Extent) {
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
            query.push("select t.* from unnest(").push_bind(ids.to_vec());
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
