//! Search for a page of rows that no index has in their order.

use sqlx::{FromRow as _, Postgres, QueryBuilder, Row as _};

use super::criteria::{Criteria, push_range};
use super::keyset_store::{KeysetScan, ScanLimit};
use super::model::Transaction;
use super::store::COLUMNS;
use crate::http::scope::Scope;

/// The rows that are filtered in their order before the indexes of the other criteria are used. Those return all rows, in no
/// order: fast for rare criteria and slow for common ones, of which a few rows in their order make a page. Large enough a sample
/// to estimate how common the criteria are.
const SAMPLE_ROWS: i64 = 6_000;

/// The most rows that are filtered where the sample found some, but not enough. The index contains all columns for that.
const MOST_ROWS: i64 = 36_000;

/// A number of rows from which on a scan takes less time.
const MANY: i64 = MOST_ROWS / 3;

/// Words that one row in this many has are checked last, if other criteria are rarer.
const COMMON: i64 = 200;

/// Words that one row in this many has are common.
const COMMON_WORDS: i64 = 10;

impl KeysetScan<'_> {
    /// Tells if so many of the first rows have the words that scanning all rows takes less time than the index of words, which
    /// returns them in no order.
    pub(super) async fn has_common_words(&self, scope: &mut Scope<'_>) -> Result<bool, sqlx::Error> {
        if self.criteria.words.is_empty() {
            return Ok(false);
        }
        let mut query = QueryBuilder::new("select count(*), count(*) filter (where true");
        self.criteria.push_words(&mut query, self.user_id, false);
        query.push(") from (");
        self.source(&mut query, ScanLimit::Filter(SAMPLE_ROWS));
        query.push(") t");
        let (seen, worded): (i64, i64) =
            query.build_query_as().persistent(false).fetch_one(&mut *scope.connection).await?;
        Ok(worded * COMMON_WORDS > seen)
    }

    /// A select of id and sort key of the first rows that meet all criteria, by any index.
    pub(super) fn keys(&self, limit: i64, common_words: bool) -> QueryBuilder<Postgres> {
        let column = self.order.column();
        let mut query = QueryBuilder::new(format!("select m.id, m.{column}::text from ("));
        let columns = "t.id, t.date, t.amount";
        if common_words {
            self.criteria.push_select_from("transactions", &mut query, self.user_id, columns);
            self.criteria.push_words(&mut query, self.user_id, false);
        } else {
            self.criteria.push_select(&mut query, self.user_id, columns);
        }
        self.after_boundary(&mut query, "t", "id");
        query.push(") m");
        self.first(&mut query, "m", "id", limit);
        query
    }
}

async fn fetch(mut query: QueryBuilder<Postgres>, scope: &mut Scope<'_>) -> Result<Vec<Transaction>, sqlx::Error> {
    query.build_query_as().persistent(false).fetch_all(&mut *scope.connection).await
}

/// The search for a page of rows that no index has in their order.
pub(super) struct PageSearch<'a> {
    pub(super) scan: KeysetScan<'a>,
    pub(super) limit: i64,
}

/// The result of filtering the first rows.
struct ScanSample {
    /// The number of rows.
    seen: i64,
    /// The number of rows that have the words.
    worded: i64,
    /// The number of rows that meet all criteria but the words.
    others: i64,
    /// The first rows that meet all criteria.
    rows: Vec<Transaction>,
}

impl PageSearch<'_> {
    pub(super) async fn page(self, scope: &mut Scope<'_>) -> Result<Vec<Transaction>, sqlx::Error> {
        // Each row of a tag has to be fetched.
        let share = if self.scan.criteria.tag.is_some() { 3 } else { 1 };
        let (first, most) = (SAMPLE_ROWS / share, MOST_ROWS / share);
        let ScanSample { seen, worded, others, rows } = self.sample(scope, first).await?;
        if self.is_page(&rows) || seen < first {
            return Ok(rows);
        }
        // Two thirds of the most rows would make a page at this rate.
        let found = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let promises_a_page = found * most * 2 / 3 / first >= self.limit;
        let many_days = !promises_a_page && self.has_many_days(scope).await?;
        if promises_a_page || many_days {
            let rows = self.scan_more(scope, most).await?;
            if self.is_page(&rows) {
                return Ok(rows);
            }
        }
        self.by_other_indexes(scope, worded > others && worded * COMMON >= seen && !many_days).await
    }

    fn is_page(&self, rows: &[Transaction]) -> bool {
        i64::try_from(rows.len()).is_ok_and(|rows| rows >= self.limit)
    }

    async fn sample(&self, scope: &mut Scope<'_>, first: i64) -> Result<ScanSample, sqlx::Error> {
        let Self { scan, limit } = self;
        // In one pass: the rows arrive in their order, and their ids are collected in it.
        let mut query = QueryBuilder::new("with w as (select count(*) as seen, count(*) filter (where true");
        if !scan.criteria.words.is_empty() && scan.criteria.has_more_than(scan.covered) {
            self.push_words(&mut query);
            query.push(") as worded, count(*) filter (where true");
            self.push_others(&mut query);
            query.push(") as others");
        } else {
            // There is no choice to make.
            query.push(" and false) as worded, 0::bigint as others");
        }
        query.push(", (array_agg(t.id) filter (where true");
        self.push_others(&mut query);
        self.push_words(&mut query);
        query.push("))[1:").push_bind(*limit).push("] as ids from (");
        scan.source(&mut query, ScanLimit::Filter(first));
        query.push(format_args!(
            ") t) select found.*, seen.seen, seen.worded, seen.others \
             from w seen left join lateral (select {COLUMNS} from unnest(seen.ids) as s (id)"
        ));
        scan.rows_of(&mut query, "", *limit);
        query.push(") found on true");
        let found = query.build().persistent(false).fetch_all(&mut *scope.connection).await?;
        let first = found.first().ok_or(sqlx::Error::RowNotFound)?;
        let there = found.iter().filter(|row| row.try_get::<Option<i64>, _>("id").is_ok_and(|id| id.is_some()));
        let rows: Result<Vec<Transaction>, sqlx::Error> = there.map(Transaction::from_row).collect();
        let (seen, worded, others) = (first.try_get("seen")?, first.try_get("worded")?, first.try_get("others")?);
        Ok(ScanSample { seen, worded, others, rows: rows? })
    }

    /// The rows among the first `most` that meet all criteria; it stops at a full page.
    async fn scan_more(&self, scope: &mut Scope<'_>, most: i64) -> Result<Vec<Transaction>, sqlx::Error> {
        let Self { scan, limit } = self;
        let mut query = QueryBuilder::new(format!("select {COLUMNS} from unnest(array(select t.id from ("));
        scan.source(&mut query, ScanLimit::Filter(most));
        query.push(") t where true");
        self.push_words(&mut query);
        self.push_others(&mut query);
        scan.first(&mut query, "t", "id", *limit);
        scan.rows_of(&mut query, ")) as s (id)", *limit);
        fetch(query, scope).await
    }

    /// Tells if many rows are of the requested days, where the order is by amount. Rows of one amount are in the order of their
    /// creation, so that none of many days may be among the first, and yet fetching all would take longer than a scan.
    async fn has_many_days(&self, scope: &mut Scope<'_>) -> Result<bool, sqlx::Error> {
        let KeysetScan { user_id, criteria: Criteria { start, end, .. }, covered, .. } = self.scan;
        if covered.date || (start.is_none() && end.is_none()) {
            return Ok(false);
        }
        let mut query = QueryBuilder::new("select count(*) from (select from transactions t where t.user_id = ");
        query.push_bind(user_id);
        push_range(&mut query, "t", "date", *start, *end);
        query.push(" limit (select ").push_bind(MANY).push("::bigint)) t");
        let days: i64 = query.build_query_scalar().persistent(false).fetch_one(&mut *scope.connection).await?;
        Ok(days >= MANY)
    }

    /// Searches by the index of words, or by those of the other criteria.
    async fn by_other_indexes(&self, scope: &mut Scope<'_>, words_last: bool) -> Result<Vec<Transaction>, sqlx::Error> {
        let Self { scan: scan @ KeysetScan { user_id, criteria, .. }, limit } = self;
        let columns = "t.id, t.date, t.amount";
        // Materialized: in the order of the rows it would be slow, as the sample has shown.
        let mut query = QueryBuilder::new("with m as materialized (");
        if words_last {
            criteria.push_select_from("transactions", &mut query, *user_id, columns);
            self.push_words(&mut query);
        } else {
            criteria.push_select(&mut query, *user_id, columns);
        }
        scan.after_boundary(&mut query, "t", "id");
        query.push(format_args!(") select {COLUMNS} from (select m.id from m"));
        scan.first(&mut query, "m", "id", *limit);
        scan.rows_of(&mut query, ") s", *limit);
        fetch(query, scope).await
    }

    /// Writes the words as conditions on the rows of the source.
    fn push_words(&self, query: &mut QueryBuilder<Postgres>) {
        self.scan.criteria.push_words(query, self.scan.user_id, false);
    }

    /// Writes the other criteria that the source does not apply, as conditions on its rows.
    fn push_others(&self, query: &mut QueryBuilder<Postgres>) {
        self.scan.criteria.push(query, self.scan.covered);
    }
}
