//! The order of a list, and the row after which a part of it begins, in SQL.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sqlx::{Encode, Postgres, Type};

use super::criteria::Criteria;
use super::filter::TransactionOrder;
use super::model::Transaction;
use super::statement::Statement;
use crate::http::page::Segment;

/// The sort key of a row: its day or its amount, as text, and its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ListKey(String, i64);

impl ListKey {
    /// The key of a row in this order.
    #[must_use]
    pub(super) fn of(row: &Transaction, order: TransactionOrder) -> Self {
        match order {
            TransactionOrder::DateUp | TransactionOrder::DateDown => Self(row.date.to_string(), row.id),
            TransactionOrder::AmountUp | TransactionOrder::AmountDown => Self(row.amount.0.to_string(), row.id),
        }
    }
}

/// The place of a segment in the order of a list. The first segment begins after a place where no row is, so that it has the
/// statement of all others.
pub(super) struct Keyset {
    column: &'static str,
    descends: bool,
    /// The names of the values of the row before.
    key: [String; 2],
    /// The name of the last day or amount.
    last: String,
}

impl Keyset {
    /// Adds the values to a statement.
    ///
    /// # Errors
    /// A key of another order.
    pub(super) fn new(
        statement: &mut Statement,
        criteria: &Criteria,
        order: TransactionOrder,
        segment: &Segment<ListKey>,
    ) -> Result<Self, sqlx::Error> {
        match order {
            TransactionOrder::DateUp | TransactionOrder::DateDown => {
                Self::within(criteria.days(), statement, order, segment)
            }
            TransactionOrder::AmountUp | TransactionOrder::AmountDown => {
                Self::within(criteria.amounts(), statement, order, segment)
            }
        }
    }

    fn within<T>(
        (least, most): (T, T),
        statement: &mut Statement,
        order: TransactionOrder,
        segment: &Segment<ListKey>,
    ) -> Result<Self, sqlx::Error>
    where
        T: Copy + Ord + FromStr + for<'q> Encode<'q, Postgres> + Type<Postgres>,
    {
        let descends = order.descends() != segment.is_backwards();
        // Ids are positive.
        let (begin, end) = if descends { ((most, i64::MAX), least) } else { ((least, 0), most) };
        let key = match segment.key() {
            None => begin,
            Some(ListKey(text, id)) => {
                // A cursor is signed, so this is a key that we wrote.
                let place = text.parse().map_err(|_| sqlx::Error::Decode("a key of another kind".into()))?;
                if descends { begin.min((place, *id)) } else { begin.max((place, *id)) }
            }
        };
        let key = [statement.value(key.0), statement.value(key.1)];
        Ok(Self { column: order.column(), descends, key, last: statement.value(end) })
    }

    /// The condition on rows of a table.
    pub(super) fn condition(&self, table: &str, id: &str) -> String {
        let Self { column, key: [place, row], last, .. } = self;
        let (compare, to) = if self.descends { ("<", ">=") } else { (">", "<=") };
        format!("({table}.{column}, {table}.{id}) {compare} ({place}, {row}) and {table}.{column} {to} {last}")
    }

    /// The order of rows of a table.
    pub(super) fn order(&self, table: &str, id: &str) -> String {
        let (column, direction) = (self.column, if self.descends { "desc" } else { "asc" });
        format!("order by {table}.{column} {direction}, {table}.{id} {direction}")
    }
}
