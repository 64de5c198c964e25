//! What is decided before a row is written: what a number means, which day a moment is, and what is done with rows that the
//! original's API never let in.

use std::collections::HashMap;
use std::fmt;

use chrono_tz::Tz;
use sqlx::{AssertSqlSafe, PgConnection};

use super::error::{TakeOverError, sqlstate};
use super::report::grouped;
use super::{literal, run};
use crate::domain::currency::Currency;

/// What the original's whole numbers count. Its sources say satang, its client shows baht: nobody but its users knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amounts {
    /// Major units.
    Baht,
    /// Hundredths.
    Satang,
}

/// Which day a moment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Days {
    /// The day in the time zone; midnight of UTC is the day as it is written.
    Zone,
    /// The day in UTC.
    Utc,
}

/// How it is to be done.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// The schema of the original's tables.
    pub schema: String,
    /// What the numbers count; without it both readings are told, and nothing is done.
    pub amounts: Option<Amounts>,
    /// Which day a moment is.
    pub days: Days,
    /// Where the users are.
    pub zone: Tz,
    /// What the amounts are in.
    pub currency: Currency,
    /// Other addresses, by the id of the user.
    pub addresses: HashMap<i32, String>,
    /// What is done with rows that cannot be taken as they are.
    pub mending: Mending,
    /// Does all of it, and keeps nothing.
    pub dry_run: bool,
}

/// What is done with rows that cannot be taken as they are; where nothing is, they are refused.
#[derive(Debug, Clone, Copy)]
pub struct Mending {
    /// Cuts what is too long, and keeps the whole text in the note.
    pub cut_long: bool,
    /// Leaves out rows of nothing.
    pub skip_zero: bool,
    /// Makes a row of less than nothing one of the other type.
    pub flip_negative: bool,
}

/// White space at the ends of a text, as `str::trim` knows it.
pub(super) const BLANKS: &str = r"E'\t\n\u000b\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000'";

/// Refuses a zone that the server does not know, before any work is done.
pub(super) async fn check_zone(connection: &mut PgConnection, wishes: &Wishes) -> Result<(), TakeOverError> {
    let asked = format!("select now() at time zone {}", literal(wishes.zone.name()));
    match run(connection, asked).await {
        Err(error) if sqlstate(&error).as_deref() == Some("22023") => Err(TakeOverError::Senseless(format!(
            "the database's server does not know the time zone {}; nothing was changed. Name another one with --zone.",
            wishes.zone.name()
        ))),
        outcome => Ok(outcome.map(|_| ())?),
    }
}

/// The original's rows as they are read: `take_over_rows`.
pub(super) async fn make_rows(
    connection: &mut PgConnection,
    wishes: &Wishes,
    amounts: Amounts,
) -> Result<(), TakeOverError> {
    let scale = match amounts {
        Amounts::Baht => "",
        Amounts::Satang if wishes.currency.decimals() < 2 => {
            return Err(TakeOverError::Senseless(format!(
                "{} has no hundredths, so that its amounts cannot be counted in them; nothing was changed. Say --amounts baht, \
                 or another --currency.",
                wishes.currency
            )));
        }
        Amounts::Satang => " * 0.01",
    };
    let zone = format!("(date at time zone 'UTC' at time zone {})::date", literal(wishes.zone.name()));
    let day = match wishes.days {
        Days::Zone => "day_there",
        Days::Utc => "day_utc",
    };
    // Of a row of less than nothing the other type makes the same balance.
    let view = format!(
        "
        create temp view take_over_rows as
        select r.*, {day} as day
        from (
            select
                id,
                \"userId\"::bigint as user_id,
                title,
                \"titleEn\" as title_en,
                abs(amount::bigint)::numeric{scale} as amount,
                case when amount >= 0 then type when type = 'INCOME' then 'EXPENSE' else 'INCOME' end::transaction_type
                    as kind,
                category,
                date as moment,
                date::date as day_utc,
                case when date = date_trunc('day', date) then date::date else {zone} end as day_there
            from original_transactions
            where amount <> 0
        ) r
        "
    );
    run(connection, view).await?;
    Ok(())
}

/// What the amounts would be in either reading.
#[derive(Debug, Clone, Copy)]
pub struct Readings {
    expense: Option<i32>,
    income: Option<i32>,
}

impl Readings {
    pub(super) async fn read(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let middle =
            |kind: &str| format!("percentile_disc(0.5) within group (order by amount) filter (where type = '{kind}')");
        let query = format!("select {}, {} from original_transactions", middle("EXPENSE"), middle("INCOME"));
        let (expense, income) = sqlx::query_as(AssertSqlSafe(query)).fetch_one(connection).await?;
        Ok(Self { expense, income })
    }
}

impl fmt::Display for Readings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let baht = |amount: Option<i32>| amount.map_or("none".to_owned(), |amount| grouped(&format!("{amount}.00")));
        let satang = |amount: Option<i32>| {
            amount.map_or("none".to_owned(), |amount| {
                let (sign, amount) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
                format!("{sign}{}", grouped(&format!("{}.{:02}", amount / 100, amount % 100)))
            })
        };
        write!(
            formatter,
            "what do the original's amounts count? As baht: middle expense {}, middle income {}; as satang: {} and {}. Nothing \
             was changed. Say --amounts baht (what the web client showed), or --amounts satang.",
            baht(self.expense),
            baht(self.income),
            satang(self.expense),
            satang(self.income)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_readings_of_the_amounts_are_told() {
        let told = Readings { expense: Some(120), income: Some(42_000) }.to_string();
        assert!(told.contains("As baht: middle expense 120.00, middle income 42,000.00; as satang: 1.20 and 420.00."));
        let told = Readings { expense: Some(-5), income: None }.to_string();
        assert!(told.contains("expense -5.00, middle income none; as satang: -0.05 and none."), "{told}");
    }
}
