//! All transactions that meet criteria, on the way from the first to the last.
//!
//! Rows that an index has in the order of the list are read off it, batch by batch. Others are looked for in
//! larger portions, of which the ids are kept: to find the rows of each batch anew would cost more with each.

use std::collections::VecDeque;

use chrono::NaiveDate;
use futures_util::TryStreamExt as _;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::criteria::{Criteria, Driven};
use super::filter::Sort;
use super::list_store::{Key, Reading};
use super::model::{Days, Transaction};
use super::store::{self, COLUMNS, JOINS, Row};
use crate::http::page::Segment;
use crate::http::walk::{Batch, Walk};

/// Transactions that are looked for at once: 800 kB of ids.
const PORTION: i64 = 100_000;

/// A user's transactions of some days.
#[derive(Debug)]
pub(super) struct DaysWalk {
    user_id: i64,
    days: Days,
    behind: Option<(NaiveDate, i64)>,
}

impl DaysWalk {
    pub(super) const fn new(user_id: i64, days: Days) -> Self {
        Self { user_id, days, behind: None }
    }
}

impl Walk for DaysWalk {
    type Row = Transaction;

    async fn next(&mut self, connection: &mut PgConnection, batch: &mut Batch<Transaction>) -> Result<(), sqlx::Error> {
        store::read(connection, self.user_id, self.days, self.behind, batch).await?;
        self.behind = batch.last().map(|row| (row.date, row.id));
        Ok(())
    }
}

/// A user's transactions that meet criteria, in an order.
#[derive(Debug)]
pub(super) struct CriteriaWalk {
    user_id: i64,
    criteria: Criteria,
    sort: Sort,
    /// The last row that was found.
    behind: Option<Key>,
    /// The ids that were found and are to be read yet, in their order.
    found: VecDeque<i64>,
    exhausted: bool,
    /// True if so many rows have the words that their index would only be a detour.
    common: Option<bool>,
}

impl CriteriaWalk {
    pub(super) const fn new(user_id: i64, criteria: Criteria, sort: Sort) -> Self {
        Self { user_id, criteria, sort, behind: None, found: VecDeque::new(), exhausted: false, common: None }
    }

    /// Looks for the next portion.
    async fn find(&mut self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let Self { user_id, criteria, sort, .. } = self;
        let segment = Segment::behind(self.behind.take(), PORTION);
        let reading = Reading::new(*user_id, criteria, *sort, &segment)?;
        let common = match self.common {
            Some(common) => common,
            None => reading.has_common_words(connection).await?,
        };
        self.common = Some(common);
        let mut query = reading.keys(PORTION, common);
        let mut rows = query.build_query_as::<(i64, String)>().persistent(false).fetch(connection);
        let mut last = None;
        while let Some((id, place)) = rows.try_next().await? {
            self.found.push_back(id);
            last = Some(Key::new(place, id));
        }
        drop(rows);
        self.exhausted = i64::try_from(self.found.len()).is_ok_and(|found| found < PORTION);
        self.behind = last;
        Ok(())
    }

    /// Reads what was found. What has changed meanwhile and does not meet the criteria any more is left out.
    async fn read(&mut self, connection: &mut PgConnection, batch: &mut Batch<Transaction>) -> Result<(), sqlx::Error> {
        let wanted = usize::try_from(batch.limit()).unwrap_or(usize::MAX).min(self.found.len());
        let ids: Vec<i64> = self.found.iter().take(wanted).copied().collect();
        let mut query = QueryBuilder::<Postgres>::new(format!("select {COLUMNS} from unnest("));
        query.push_bind(ids);
        query.push(") with ordinality as s (id, place) join transactions t on t.id = s.id and t.user_id = ");
        query.push_bind(self.user_id).push(JOINS).push("where true");
        self.criteria.push(&mut query, Driven::default());
        self.criteria.push_words(&mut query, self.user_id, false);
        query.push(" order by s.place");
        let rows = query.build_query_as::<Row>().persistent(false).fetch(connection);
        batch.fill(rows.map_ok(Transaction::from), Transaction::bytes).await?;
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

    async fn next(&mut self, connection: &mut PgConnection, batch: &mut Batch<Transaction>) -> Result<(), sqlx::Error> {
        let segment = Segment::behind(self.behind.clone(), batch.limit());
        let reading = Reading::new(self.user_id, &self.criteria, self.sort, &segment)?;
        if !reading.leaves_out() {
            let mut query = reading.select(batch.limit());
            let rows = query.build_query_as::<Row>().persistent(false).fetch(connection);
            batch.fill(rows.map_ok(Transaction::from), Transaction::bytes).await?;
            self.behind = batch.last().map(|row| Key::of(row, self.sort));
            return Ok(());
        }
        if self.found.is_empty() && !self.exhausted {
            self.find(connection).await?;
        }
        self.read(connection, batch).await?;
        batch.goes_on(!self.found.is_empty() || !self.exhausted);
        Ok(())
    }
}
