//! `GET /api/transactions/dashboard`: this month, and how it differs from the one before.

use chrono::{Datelike as _, Months, NaiveDate};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::civil_date::today;
use crate::domain::currency::Currency;
use crate::domain::money::{JsonDecimal, percent};
use crate::features::feature::Feature;
use crate::features::reader::UserReader;
use crate::features::users;
use crate::http::envelope::{Success, SuccessBody};
use crate::http::error::{ApiError, FailureBody};
use crate::http::extract::{NoParameters, QueryString};
use crate::http::openapi::schemas;
use crate::http::scope::Scope;
use crate::state::AppState;

/// The feature.
pub const FEATURE: Feature =
    Feature { tag: "reports", about: "Sums of this month and of the one before.", router, ..Feature::EMPTY };

fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(dashboard))
}

/// The current month in the user's time zone and in the user's currency, against the month before.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Dashboard {
    #[schema(schema_with = schemas::amount)]
    total_income: JsonDecimal,
    #[schema(schema_with = schemas::amount)]
    total_expense: JsonDecimal,
    #[schema(schema_with = schemas::amount)]
    balance: JsonDecimal,
    /// The number of transactions of this month.
    #[schema(example = 42)]
    transaction_count: i64,
    #[schema(schema_with = schemas::amount)]
    previous_month_income: JsonDecimal,
    #[schema(schema_with = schemas::amount)]
    previous_month_expense: JsonDecimal,
    #[schema(schema_with = schemas::amount)]
    income_change: JsonDecimal,
    /// In percent, with two decimals; 0 if there was none in the month before.
    #[schema(schema_with = schemas::amount)]
    income_change_percent: JsonDecimal,
    #[schema(schema_with = schemas::amount)]
    expense_change: JsonDecimal,
    /// In percent, with two decimals; 0 if there was none in the month before.
    #[schema(schema_with = schemas::amount)]
    expense_change_percent: JsonDecimal,
    /// The user's own currency, in which all of the above is.
    #[schema(value_type = Currency, example = "THB")]
    currency: String,
    /// This month in each other currency, which the sums above leave out: money of two kinds does not add up.
    other_currencies: Vec<InCurrency>,
}

/// This month in one currency.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InCurrency {
    #[schema(value_type = Currency, example = "JPY")]
    currency: String,
    #[schema(schema_with = schemas::amount)]
    total_income: JsonDecimal,
    #[schema(schema_with = schemas::amount)]
    total_expense: JsonDecimal,
    #[schema(schema_with = schemas::amount)]
    balance: JsonDecimal,
    /// The number of transactions of this month.
    #[schema(example = 3)]
    transaction_count: i64,
}

/// Two months in one currency.
#[derive(Debug, Default)]
struct Sums {
    currency: String,
    income: Decimal,
    expense: Decimal,
    count: i64,
    previous_income: Decimal,
    previous_expense: Decimal,
}

/// Sums up this month, and compares it with the one before.
///
/// In the user's own currency and time zone; other currencies are listed apart.
#[utoipa::path(
    get,
    path = "/api/transactions/dashboard",
    tag = "reports",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The sums", body = SuccessBody<Dashboard>),
        (status = 400, description = "`BAD_REQUEST`: it takes no parameters", body = FailureBody),
    )
)]
async fn dashboard(
    reader: UserReader,
    QueryString(NoParameters): QueryString<NoParameters>,
) -> Result<Success<Dashboard>, ApiError> {
    // From the primary database: a replica may not have a user who has just registered.
    let settings = reader.run(async |scope| users::store::settings(scope.connection, scope.user_id).await).await?;
    let settings = settings.ok_or(ApiError::Unauthorized)?;
    let mut connection = reader.state.pools.reports.acquire().await?;
    let today = today(reader.state.clock.now(), settings.time_zone);
    let sums = sums_of_two_months(&mut Scope::new(&mut connection, reader.user_id), today).await?;
    connection.release();
    let (own, others): (Vec<Sums>, Vec<Sums>) =
        sums.into_iter().partition(|sums| sums.currency == settings.currency.code());
    let own = own.into_iter().next().unwrap_or_default();
    let others = others.into_iter().filter(|sums| sums.count > 0).map(InCurrency::from).collect();
    Ok(Success::ok(Dashboard::new(&own, settings.currency.code(), others)))
}

impl Dashboard {
    fn new(sums: &Sums, currency: &str, other_currencies: Vec<InCurrency>) -> Self {
        let income_change = sums.income - sums.previous_income;
        let expense_change = sums.expense - sums.previous_expense;
        Self {
            total_income: JsonDecimal(sums.income),
            total_expense: JsonDecimal(sums.expense),
            balance: JsonDecimal(sums.income - sums.expense),
            transaction_count: sums.count,
            previous_month_income: JsonDecimal(sums.previous_income),
            previous_month_expense: JsonDecimal(sums.previous_expense),
            income_change: JsonDecimal(income_change),
            income_change_percent: JsonDecimal(percent(income_change, sums.previous_income)),
            expense_change: JsonDecimal(expense_change),
            expense_change_percent: JsonDecimal(percent(expense_change, sums.previous_expense)),
            currency: currency.to_owned(),
            other_currencies,
        }
    }
}

impl From<Sums> for InCurrency {
    fn from(sums: Sums) -> Self {
        Self {
            currency: sums.currency,
            total_income: JsonDecimal(sums.income),
            total_expense: JsonDecimal(sums.expense),
            balance: JsonDecimal(sums.income - sums.expense),
            transaction_count: sums.count,
        }
    }
}

/// The sums of the month that `today` is in and of the one before, by currency.
async fn sums_of_two_months(scope: &mut Scope<'_>, today: NaiveDate) -> Result<Vec<Sums>, ApiError> {
    let first = today.with_day(1).unwrap_or(today);
    let (previous, next) = (first.checked_sub_months(Months::new(1)), first.checked_add_months(Months::new(1)));
    let (Some(previous), Some(next)) = (previous, next) else {
        return Err(ApiError::internal("the clock is at an end of the calendar"));
    };
    let sums = sqlx::query_as!(
        Sums,
        r#"
        select
            currency,
            coalesce(sum(amount) filter (where date >= $3 and type = 'INCOME'), 0) as "income!",
            coalesce(sum(amount) filter (where date >= $3 and type = 'EXPENSE'), 0) as "expense!",
            count(*) filter (where date >= $3) as "count!",
            coalesce(sum(amount) filter (where date < $3 and type = 'INCOME'), 0) as "previous_income!",
            coalesce(sum(amount) filter (where date < $3 and type = 'EXPENSE'), 0) as "previous_expense!"
        from transactions
        where user_id = $1 and date >= $2 and date < $4
        group by currency
        order by currency
        "#,
        scope.user_id,
        previous,
        first,
        next,
    )
    .fetch_all(&mut *scope.connection)
    .await?;
    Ok(sums)
}
