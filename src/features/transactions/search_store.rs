//! Looks for a page of what no index has in its order.

use sqlx::{FromRow as _, PgConnection, Postgres, QueryBuilder, Row as _};

use super::criteria::{Criteria, push_range};
use super::list_store::{Extent, Reading, fetch};
use super::model::Transaction;
use super::store::{COLUMNS, Row};

/// Rows that are looked at in their order before the other criteria's own indexes are asked. Those have all rows that meet
/// them, in no order: quick for what is rare and slow for what is common, of which a few rows in their order hold a page.
/// So many that chance hardly decides what they promise of the rest.
const FIRST_LOOK: i64 = 6_000;

/// The most that are looked at where the first look found some and not enough. The index has what is looked at.
const LONGEST_LOOK: i64 = 36_000;

/// So many that a look takes less time.
const MANY: i64 = LONGEST_LOOK / 3;

/// What one row in so many has is looked for last, if other criteria are rarer.
const COMMON: i64 = 200;

/// Words that one row in so many has are common.
const COMMON_WORDS: i64 = 10;

impl Reading<'_> {
    /// Tells if so many of the first rows have the words that looking at all rows takes less time than their index, which has
    /// them in no order.
    pub(super) async fn has_common_words(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        if self.criteria.words.is_empty() {
            return Ok(false);
        }
        let mut query = QueryBuilder::new("select count(*), count(*) filter (where true");
        self.criteria.push_words(&mut query, self.user_id, false);
        query.push(") from (");
        self.source(&mut query, Extent::Look(FIRST_LOOK));
        query.push(") t");
        let (seen, worded): (i64, i64) = query.build_query_as().persistent(false).fetch_one(connection).await?;
        Ok(worded * COMMON_WORDS > seen)
    }

    /// A select of id and place of the first rows that meet everything, whatever index has them.
    pub(super) fn keys(&self, limit: i64, common_words: bool) -> QueryBuilder<Postgres> {
        let column = self.sort.column();
        let mut query = QueryBuilder::new(format!("select m.id, m.{column}::text from ("));
        let columns = "t.id, t.date, t.amount";
        if common_words {
            self.criteria.push_select_from("transactions", &mut query, self.user_id, columns);
            self.criteria.push_words(&mut query, self.user_id, false);
        } else {
            self.criteria.push_select(&mut query, self.user_id, columns);
        }
        self.behind_edge(&mut query, "t", "id");
        query.push(") m");
        self.first(&mut query, "m", "id", limit);
        query
    }
}

/// A page of what no index has in its order.
pub(super) struct Search<'a> {
    pub(super) reading: Reading<'a>,
    pub(super) limit: i64,
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
    pub(super) async fn page(self, connection: &mut PgConnection) -> Result<Vec<Transaction>, sqlx::Error> {
        // Of a tag's rows, each is looked up.
        let share = if self.reading.criteria.tag.is_some() { 3 } else { 1 };
        let (first, most) = (FIRST_LOOK / share, LONGEST_LOOK / share);
        let Look { seen, worded, others, rows } = self.first_look(connection, first).await?;
        if self.is_page(&rows) || seen < first {
            return Ok(rows);
        }
        // Two thirds hold a page if it goes on like this.
        let found = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let looks_like_a_page = found * most * 2 / 3 / first >= self.limit;
        let many_days = !looks_like_a_page && self.has_many_days(connection).await?;
        if looks_like_a_page || many_days {
            let rows = self.longer_look(connection, most).await?;
            if self.is_page(&rows) {
                return Ok(rows);
            }
        }
        self.by_other_indexes(connection, worded > others && worded * COMMON >= seen && !many_days).await
    }

    fn is_page(&self, rows: &[Transaction]) -> bool {
        i64::try_from(rows.len()).is_ok_and(|rows| rows >= self.limit)
    }

    async fn first_look(&self, connection: &mut PgConnection, first: i64) -> Result<Look, sqlx::Error> {
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
        reading.source(&mut query, Extent::Look(first));
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

    /// Whether many rows are of the days that are asked for, where the order is that of amounts. Those of one amount stand as
    /// they came in, so that of many days none may be among the first, and yet fetching all would take longer than a look.
    async fn has_many_days(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let Reading { user_id, criteria: Criteria { start, end, .. }, driven, .. } = self.reading;
        if driven.date || (start.is_none() && end.is_none()) {
            return Ok(false);
        }
        let mut query = QueryBuilder::new("select count(*) from (select from transactions t where t.user_id = ");
        query.push_bind(user_id);
        push_range(&mut query, "t", "date", *start, *end);
        query.push(" limit (select ").push_bind(MANY).push("::bigint)) t");
        let days: i64 = query.build_query_scalar().persistent(false).fetch_one(connection).await?;
        Ok(days >= MANY)
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
