//! The view of the original's transactions that all later steps read.

use std::fmt;

use sqlx::{AssertSqlSafe, PgConnection};

use super::error::TakeOverError;
use super::format::grouped;
use super::options::{Amounts, DayRule, TakeOverRequest};
use super::sql::{literal, run, sqlstate};

/// Checks that the server knows the time zone, before any work is done.
pub(super) async fn check_zone(connection: &mut PgConnection, request: &TakeOverRequest) -> Result<(), TakeOverError> {
    let asked = format!("select now() at time zone {}", literal(request.zone.name()));
    match run(connection, asked).await {
        Err(error) if sqlstate(&error).as_deref() == Some("22023") => Err(TakeOverError::NotApplicable(format!(
            "the database's server does not know the time zone {}; nothing was changed. Name another one with --zone.",
            request.zone.name()
        ))),
        outcome => Ok(outcome.map(|_| ())?),
    }
}

/// Creates the view `take_over_rows` of the original's transactions.
pub(super) async fn make_rows(
    connection: &mut PgConnection,
    request: &TakeOverRequest,
    amounts: Amounts,
) -> Result<(), TakeOverError> {
    let scale = match amounts {
        Amounts::Baht => "",
        Amounts::Satang if request.currency.decimals() < 2 => {
            return Err(TakeOverError::NotApplicable(format!(
                "{} has no hundredths, so its amounts cannot be in hundredths; nothing was changed. Use --amounts baht, or another --currency.",
                request.currency
            )));
        }
        Amounts::Satang => " * 0.01",
    };
    let zone = format!("(date at time zone 'UTC' at time zone {})::date", literal(request.zone.name()));
    let day = match request.days {
        DayRule::Zone => "day_there",
        DayRule::Utc => "day_utc",
    };
    // With the other type, a negative amount leaves the balance as it is.
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

/// The median amounts by either reading.
#[derive(Debug, Clone, Copy)]
pub struct AmountReadings {
    expense: Option<i32>,
    income: Option<i32>,
}

impl AmountReadings {
    pub(super) async fn read(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let middle =
            |kind: &str| format!("percentile_disc(0.5) within group (order by amount) filter (where type = '{kind}')");
        let query = format!("select {}, {} from original_transactions", middle("EXPENSE"), middle("INCOME"));
        let (expense, income) = sqlx::query_as(AssertSqlSafe(query)).fetch_one(connection).await?;
        Ok(Self { expense, income })
    }
}

impl fmt::Display for AmountReadings {
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
            "what is the unit of the original's amounts? As baht: middle expense {}, middle income {}; as satang: {} and {}. Nothing was changed. Use --amounts baht (as the web client shows them), or --amounts satang.",
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
        let text = AmountReadings { expense: Some(120), income: Some(42_000) }.to_string();
        assert!(text.contains("As baht: middle expense 120.00, middle income 42,000.00; as satang: 1.20 and 420.00."));
        let text = AmountReadings { expense: Some(-5), income: None }.to_string();
        assert!(text.contains("expense -5.00, middle income none; as satang: -0.05 and none."), "{text}");
    }
}
