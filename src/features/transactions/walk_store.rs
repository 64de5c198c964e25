//! Whole lists of transactions, read in batches.
//!
//! Rows that an index has in the order of the list are read from it. Others are searched for in larger portions, of which the ids
//! are kept: searching again for each batch would take longer with each.

use std::collections::VecDeque;

use chrono::NaiveDate;
use futures_util::TryStreamExt as _;
use sqlx::{Postgres, QueryBuilder};

use super::criteria::{CoveredByIndex, Criteria};
use super::filter::TransactionOrder;
use super::inputs::DayRange;
use super::keyset_store::{KeysetScan, ListKey};
use super::model::Transaction;
use super::store::{self, COLUMNS, JOINS};
use crate::http::page::Segment;
use crate::http::scope::Scope;
use crate::http::walk::{Batch, Walk};

/// The transactions of one search: 800 kB of ids.
const PORTION: i64 = 100_000;

/// The transactions of some days.
#[derive(Debug)]
pub(super) struct DaysWalk {
    days: DayRange,
    after: Option<(NaiveDate, i64)>,
}

impl DaysWalk {
    pub(super) const fn new(days: DayRange) -> Self {
        Self { days, after: None }
    }
}

impl Walk for DaysWalk {
    type Row = Transaction;

    async fn next(&mut self, scope: &mut Scope<'_>, batch: &mut Batch<Transaction>) -> Result<(), sqlx::Error> {
        store::read(scope, self.days, self.after, batch).await?;
        self.after = batch.last().map(|row| (row.date, row.id));
        Ok(())
    }
}

/// The transactions that meet criteria, in an order.
#[derive(Debug)]
pub(super) struct CriteriaWalk {
    criteria: Criteria,
    order: TransactionOrder,
    /// The last row that was found.
    after: Option<ListKey>,
    /// The ids that were found and not read yet, in their order.
    found: VecDeque<i64>,
    exhausted: bool,
    /// True if so many rows have the words that their index would only slow the search down.
    common: Option<bool>,
}

impl CriteriaWalk {
    pub(super) const fn new(criteria: Criteria, order: TransactionOrder) -> Self {
        Self { criteria, order, after: None, found: VecDeque::new(), exhausted: false, common: None }
    }

    /// Searches for the next portion.
    async fn find(&mut self, scope: &mut Scope<'_>) -> Result<(), sqlx::Error> {
        let Self { criteria, order, .. } = self;
        let segment = Segment::behind(self.after.take(), PORTION);
        let scan = KeysetScan::new(scope.user_id, criteria, *order, &segment)?;
        let common = match self.common {
            Some(common) => common,
            None => scan.has_common_words(scope).await?,
        };
        self.common = Some(common);
        let mut query = scan.keys(PORTION, common);
        let mut rows = query.build_query_as::<(i64, String)>().persistent(false).fetch(&mut *scope.connection);
        let mut last = None;
        while let Some((id, place)) = rows.try_next().await? {
            self.found.push_back(id);
            last = Some(ListKey::new(place, id));
        }
        drop(rows);
        self.exhausted = i64::try_from(self.found.len()).is_ok_and(|found| found < PORTION);
        self.after = last;
        Ok(())
    }

    /// Reads the rows that were found. Rows that no longer meet the criteria are left out.
    async fn read(&mut self, scope: &mut Scope<'_>, batch: &mut Batch<Transaction>) -> Result<(), sqlx::Error> {
        let wanted = usize::try_from(batch.limit()).unwrap_or(usize::MAX).min(self.found.len());
        let ids: Vec<i64> = self.found.iter().take(wanted).copied().collect();
        let mut query = QueryBuilder::<Postgres>::new(format!("select {COLUMNS} from unnest("));
        query.push_bind(ids);
        query.push(") with ordinality as s (id, place) join transactions t on t.id = s.id and t.user_id = ");
        query.push_bind(scope.user_id).push(JOINS).push("where true");
        self.criteria.push(&mut query, CoveredByIndex::default());
        self.criteria.push_words(&mut query, scope.user_id, false);
        query.push(" order by s.place");
        let rows = query.build_query_as::<Transaction>().persistent(false).fetch(&mut *scope.connection);
        batch.fill(rows, Transaction::bytes).await?;
        let read = match batch.last().filter(|_| batch.has_dropped()) {
            Some(last) => self.found.iter().position(|id| *id == last.id).map_or(wanted, |place| place + 1),
            None => wanted,
        };
        self.found.drain(..read);
        Ok(())
    }
}

impl Walk for CriteriaWalk {
    type Row = Transaction;

    async fn next(&mut self, scope: &mut Scope<'_>, batch: &mut Batch<Transaction>) -> Result<(), sqlx::Error> {
        let segment = Segment::behind(self.after.clone(), batch.limit());
        let scan = KeysetScan::new(scope.user_id, &self.criteria, self.order, &segment)?;
        if !scan.has_more_conditions() {
            let mut query = scan.select(batch.limit());
            // Batches differ in their limit, so that a name for each would be used once.
            let read = async |scope: &mut Scope<'_>| {
                let rows = query.build_query_as::<Transaction>().persistent(false).fetch(&mut *scope.connection);
                batch.fill(rows, Transaction::bytes).await
            };
            scope.read_together(read).await?;
            self.after = batch.last().map(|row| ListKey::of(row, self.order));
            return Ok(());
        }
        let search = async |scope: &mut Scope<'_>| {
            if self.found.is_empty() && !self.exhausted {
                self.find(scope).await?;
            }
            self.read(scope, batch).await
        };
        scope.read_together(search).await?;
        batch.goes_on(!self.found.is_empty() || !self.exhausted);
        Ok(())
    }
}
