//! Which days the original's moments are, held against its old dashboard, which counted in UTC.

use sqlx::{AssertSqlSafe, PgConnection};

use super::literal;
use super::plan::{Days, Wishes};
use super::report::grouped;

/// So many months are told.
const MOST_MONTHS: i64 = 240;

/// Rows and sum of a month in either reading.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Month {
    /// `2025-02`.
    pub month: String,
    /// Income or expense.
    pub kind: String,
    /// Rows in the users' zone.
    pub rows_there: i64,
    /// Their sum.
    pub sum_there: String,
    /// Rows in UTC.
    pub rows_utc: i64,
    /// Their sum.
    pub sum_utc: String,
}

/// Which days the moments are.
#[derive(Debug, Clone)]
pub struct DayReading {
    /// The reading that was taken.
    pub days: Days,
    /// The zone.
    pub zone: String,
    /// The first day, as `YYYY-MM-DD`.
    pub first: Option<String>,
    /// The last day.
    pub last: Option<String>,
    /// Rows that have another day in the zone than in UTC.
    pub other_day: i64,
    /// Rows that lie in another month.
    pub other_month: i64,
    /// Rows of these that were stamped at some time of the day, of which nobody knows which day was meant.
    pub not_known: i64,
    /// The months whose rows or sums are others.
    pub months: Vec<Month>,
}

impl DayReading {
    pub(super) async fn read(connection: &mut PgConnection, wishes: &Wishes) -> Result<Self, sqlx::Error> {
        let zone = literal(wishes.zone.name());
        let query = format!(
            "
            select
                min(day)::text,
                max(day)::text,
                count(*) filter (where day_there <> day_utc),
                count(*) filter (where date_trunc('month', day_there) <> date_trunc('month', day_utc)),
                count(*) filter (
                    where day_there <> day_utc and (moment at time zone 'UTC' at time zone {zone})::time <> '00:00'
                )
            from take_over_rows
            "
        );
        let (first, last, other_day, other_month, not_known) =
            sqlx::query_as(AssertSqlSafe(query)).fetch_one(&mut *connection).await?;
        let of = |day: &str| {
            format!(
                "select date_trunc('month', {day}) as month, kind, count(*) as rows, sum(amount) as sum from take_over_rows \
                 group by 1, 2"
            )
        };
        let decimals = wishes.currency.decimals();
        let query = format!(
            "
            with there as ({}), utc as ({})
            select
                to_char(month, 'YYYY-MM') as month,
                kind::text as kind,
                coalesce(there.rows, 0) as rows_there,
                round(coalesce(there.sum, 0), {decimals})::text as sum_there,
                coalesce(utc.rows, 0) as rows_utc,
                round(coalesce(utc.sum, 0), {decimals})::text as sum_utc
            from there
            full join utc using (month, kind)
            where there.rows is distinct from utc.rows or there.sum is distinct from utc.sum
            order by month, kind
            limit {MOST_MONTHS}
            ",
            of("day_there"),
            of("day_utc"),
        );
        let months = sqlx::query_as(AssertSqlSafe(query)).fetch_all(connection).await?;
        let zone = wishes.zone.name().to_owned();
        Ok(Self { days: wishes.days, zone, first, last, other_day, other_month, not_known, months })
    }

    /// What there is to say of them, line by line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let number = |number: i64| grouped(&number.to_string());
        let mut lines = Vec::new();
        if let (Some(first), Some(last)) = (&self.first, &self.last) {
            lines.push(format!("first day {first}, last {last}"));
        }
        let (other_day, other_month) = (number(self.other_day), number(self.other_month));
        if self.other_day == 0 {
            lines.push("every row is on the same day as on the old dashboard".to_owned());
            return lines;
        }
        match self.days {
            Days::Zone => lines.push(format!(
                "{other_day} rows on another day than the old dashboard's, {other_month} in another month"
            )),
            Days::Utc => lines.push(format!(
                "every row is on the old dashboard's day; in {} {other_day} rows would be on another one, {other_month} in \
                 another month",
                self.zone
            )),
        }
        if self.not_known > 0 {
            lines.push(format!(
                "of {} of them nobody can tell which day was meant: they were stamped with a time of day",
                number(self.not_known)
            ));
        }
        if !self.months.is_empty() {
            lines.push(format!(
                "months that differ: rows and sum in {}, and in UTC as the old dashboard had them",
                self.zone
            ));
        }
        for Month { month, kind, rows_there, sum_there, rows_utc, sum_utc } in &self.months {
            lines.push(format!(
                "  {month} {kind:<7} {:>9} {:>18}   {:>9} {:>18}",
                number(*rows_there),
                grouped(sum_there),
                number(*rows_utc),
                grouped(sum_utc)
            ));
        }
        lines
    }
}
