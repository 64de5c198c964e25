//! The days of transactions, compared with the original's dashboard, which used UTC.

use sqlx::{AssertSqlSafe, PgConnection};

use super::format::grouped;
use super::options::{DayRule, TakeOverRequest};
use super::sql::literal;

/// The maximum number of months that are reported.
const MAX_MONTHS: i64 = 240;

/// The rows and sums of a month by either rule.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MonthDifference {
    /// The month, such as `2025-02`.
    pub month: String,
    /// Income or expense.
    pub kind: String,
    /// The number of rows by days in the users' time zone.
    pub rows_there: i64,
    /// Their sum.
    pub sum_there: String,
    /// The number of rows by days in UTC.
    pub rows_utc: i64,
    /// Their sum.
    pub sum_utc: String,
}

/// A comparison of days in the users' time zone and in UTC.
#[derive(Debug, Clone)]
pub struct DayReport {
    /// The rule that was used.
    pub days: DayRule,
    /// The users' time zone.
    pub zone: String,
    /// The first day, as `YYYY-MM-DD`.
    pub first: Option<String>,
    /// The last day.
    pub last: Option<String>,
    /// The number of rows whose day differs.
    pub other_day: i64,
    /// The number of rows whose month differs.
    pub other_month: i64,
    /// The number of those with a time of day other than midnight, for which the intended day is unknown.
    pub not_known: i64,
    /// The months whose rows or sums differ.
    pub months: Vec<MonthDifference>,
}

impl DayReport {
    pub(super) async fn read(connection: &mut PgConnection, request: &TakeOverRequest) -> Result<Self, sqlx::Error> {
        let zone = literal(request.zone.name());
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
        let decimals = request.currency.decimals();
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
            limit {MAX_MONTHS}
            ",
            of("day_there"),
            of("day_utc"),
        );
        let months = sqlx::query_as(AssertSqlSafe(query)).fetch_all(connection).await?;
        let zone = request.zone.name().to_owned();
        Ok(Self { days: request.days, zone, first, last, other_day, other_month, not_known, months })
    }

    /// The report, line by line.
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
            DayRule::Zone => lines.push(format!(
                "{other_day} rows are on another day than on the old dashboard, {other_month} in another month"
            )),
            DayRule::Utc => lines.push(format!(
                "every row is on the same day as on the old dashboard; in {} {other_day} rows would be on another \
                 day, {other_month} in \
                 another month",
                self.zone
            )),
        }
        if self.not_known > 0 {
            lines.push(format!(
                "of these, the intended day of {} is unknown, because they have a time of day",
                number(self.not_known)
            ));
        }
        if !self.months.is_empty() {
            lines
                .push(format!("months that differ: rows and sum in {}, and in UTC as on the old dashboard", self.zone));
        }
        for MonthDifference { month, kind, rows_there, sum_there, rows_utc, sum_utc } in &self.months {
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
