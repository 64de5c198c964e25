//! Scans of transactions in the order of a list, from the row after which a page begins.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder};

use super::criteria::{CoveredByIndex, Criteria, FILTER_COLUMNS, push_range};
use super::filter::TransactionOrder;
use super::model::Transaction;
use super::store::{COLUMNS, JOINS};
use crate::http::page::Segment;

/// The sort key of a row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ListKey(String, i64);

impl ListKey {
    /// The key of a row with this day or amount, as text.
    #[must_use]
    pub(super) const fn new(place: String, id: i64) -> Self {
        Self(place, id)
    }

    /// The key of a row in this order.
    #[must_use]
    pub(super) fn of(row: &Transaction, order: TransactionOrder) -> Self {
        match order {
            TransactionOrder::DateUp | TransactionOrder::DateDown => Self(row.date.to_string(), row.id),
            TransactionOrder::AmountUp | TransactionOrder::AmountDown => Self(row.amount.0.to_string(), row.id),
        }
    }
}

/// The limit of the rows that are read.
#[derive(Clone, Copy)]
pub(super) enum ScanLimit {
    /// The rows of a page, which are answered.
    Page(i64),
    /// More rows, which are filtered. The planner does not see the limit: it expects an average user, and would
    /// sort all rows of a user who has many instead of reading some in their order.
    Filter(i64),
}

impl ScanLimit {
    fn push(self, query: &mut QueryBuilder<Postgres>) {
        query.push(" limit ");
        match self {
            Self::Page(rows) => drop(query.push(rows)),
            Self::Filter(rows) => drop(query.push("(select ").push_bind(rows).push(")")),
        }
    }
}

/// A scan of rows in their order, from a boundary on.
#[derive(Clone, Copy)]
pub(super) struct KeysetScan<'a> {
    pub(super) user_id: i64,
    pub(super) criteria: &'a Criteria,
    pub(super) order: TransactionOrder,
    /// Against the order of the list, for the page before a row.
    descends: bool,
    from: Option<(Boundary, i64)>,
    /// The criteria that the index applies which has the rows in their order.
    pub(super) covered: CoveredByIndex,
}

/// The value that rows after the boundary are compared with.
#[derive(Debug, Clone, Copy)]
enum Boundary {
    Date(NaiveDate),
    Amount(Decimal),
}

impl<'a> KeysetScan<'a> {
    pub(super) fn new(
        user_id: i64,
        criteria: &'a Criteria,
        order: TransactionOrder,
        segment: &Segment<ListKey>,
    ) -> Result<Self, sqlx::Error> {
        let boundary = |ListKey(text, id): &ListKey| {
            let boundary = match order {
                TransactionOrder::DateUp | TransactionOrder::DateDown => text.parse().map(Boundary::Date).ok(),
                TransactionOrder::AmountUp | TransactionOrder::AmountDown => text.parse().map(Boundary::Amount).ok(),
            };
            // A cursor is signed, so this is a key that we wrote.
            boundary.map(|boundary| (boundary, *id)).ok_or_else(|| sqlx::Error::Decode("a key of another kind".into()))
        };
        let from = segment.key().map(boundary).transpose()?;
        let descends = order.descends() != segment.is_backwards();
        Ok(Self { user_id, criteria, order, descends, from, covered: CoveredByIndex::of(criteria, order) })
    }

    fn in_order(&self, query: &mut QueryBuilder<Postgres>, table: &str, id: &str) {
        let (column, direction) = (self.order.column(), if self.descends { "desc" } else { "asc" });
        query.push(format_args!(" order by {table}.{column} {direction}, {table}.{id} {direction}"));
    }

    pub(super) fn first(&self, query: &mut QueryBuilder<Postgres>, table: &str, id: &str, limit: i64) {
        self.in_order(query, table, id);
        // Not as a parameter: a plan that is kept is made for this number of rows, and so reads them in their order.
        query.push(" limit ").push(limit);
    }

    pub(super) fn after_boundary(&self, query: &mut QueryBuilder<Postgres>, table: &str, id: &str) {
        let Some((boundary, boundary_id)) = self.from else { return };
        let (column, compare) = (self.order.column(), if self.descends { "<" } else { ">" });
        query.push(format_args!(" and ({table}.{column}, {table}.{id}) {compare} ("));
        match boundary {
            Boundary::Date(date) => query.push_bind(date),
            Boundary::Amount(amount) => query.push_bind(amount),
        };
        query.push(", ").push_bind(boundary_id).push(")");
    }

    /// A select of the first rows, where the index applies all criteria.
    pub(super) fn select(&self, limit: i64) -> QueryBuilder<Postgres> {
        let mut query = QueryBuilder::new(format!("select {COLUMNS} from ("));
        self.source(&mut query, ScanLimit::Page(limit));
        self.rows_of(&mut query, ") s", limit);
        query
    }

    /// Continues with the rows of the ids that were found, in their order.
    pub(super) fn rows_of(&self, query: &mut QueryBuilder<Postgres>, found: &str, limit: i64) {
        query.push(format_args!("{found} join transactions t on t.id = s.id and t.user_id = ")).push_bind(self.user_id);
        query.push(JOINS);
        self.first(query, "t", "id", limit);
    }

    /// Tells if some criteria have to be checked row by row.
    pub(super) fn has_more_conditions(&self) -> bool {
        !self.criteria.words.is_empty() || self.criteria.has_more_than(self.covered)
    }

    /// The first rows in their order, by the criteria that the index applies, with the columns that the others need.
    pub(super) fn source(&self, query: &mut QueryBuilder<Postgres>, extent: ScanLimit) {
        let Self { user_id, criteria, .. } = *self;
        if let Some(tag) = criteria.tag {
            query.push(format_args!(
                "select l.user_id, l.transaction_id as id, t.type, t.category_id, t.payee_id, t.currency, l.date, l.amount, t.search \
                 from transaction_tags l join transactions t on t.user_id = l.user_id and t.id = l.transaction_id where l.user_id = "
            ));
            query.push_bind(user_id).push(" and l.tag_id = ").push_bind(tag);
            self.within_range(query, "l");
            self.after_boundary(query, "l", "transaction_id");
            self.in_order(query, "l", "transaction_id");
            extent.push(query);
            return;
        }
        let covered = self.covered;
        let categories = criteria.categories.as_deref().filter(|_| covered.category);
        // The index has the rows of one category in their order; of several, the first of each are merged.
        let several = categories.filter(|ids| ids.len() > 1);
        if let Some(ids) = several {
            query.push("select t.* from unnest(").push_bind(ids.to_vec());
            query.push(") as e (category_id) cross join lateral (");
        }
        query.push(format_args!("select {FILTER_COLUMNS} from transactions t where t.user_id = ")).push_bind(user_id);
        match categories {
            Some([id]) => drop(query.push(" and t.category_id = ").push_bind(*id)),
            Some(_) => drop(query.push(" and t.category_id = e.category_id")),
            None => {}
        }
        if let Some(payee) = criteria.payee.filter(|_| covered.payee) {
            query.push(" and t.payee_id = ").push_bind(payee);
        }
        if let Some(currency) = criteria.currency.filter(|_| covered.currency) {
            query.push(" and t.currency = ").push_bind(currency);
        }
        self.within_range(query, "t");
        self.after_boundary(query, "t", "id");
        self.in_order(query, "t", "id");
        extent.push(query);
        if several.is_some() {
            query.push(") t");
            self.in_order(query, "t", "id");
            extent.push(query);
        }
    }

    /// The bounds of the column that rows are sorted by.
    fn within_range(&self, query: &mut QueryBuilder<Postgres>, table: &str) {
        let Criteria { start, end, min, max, .. } = self.criteria;
        match self.order {
            TransactionOrder::DateUp | TransactionOrder::DateDown => push_range(query, table, "date", *start, *end),
            TransactionOrder::AmountUp | TransactionOrder::AmountDown => push_range(query, table, "amount", *min, *max),
        }
    }
}
