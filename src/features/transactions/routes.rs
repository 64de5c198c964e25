//! The routes under `/api/transactions`.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use sqlx::{Connection as _, PgConnection};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{Days, Edit, Entry, NewTransaction, Transaction, too_fine};
use super::store::{self, Setting};
use crate::app::AppState;
use crate::domain::civil_date::today;
use crate::domain::clock::Clock;
use crate::domain::currency::Currency;
use crate::domain::money::Amount;
use crate::features::categories;
use crate::http::envelope::{FailureBody, Success, SuccessBody};
use crate::http::error::ApiError;
use crate::http::extract::{Body, Id, QueryString};
use crate::http::identity::CurrentUser;
use crate::http::input::Change;
use crate::http::stream;

/// A list of so many rows at most is short: about 30 kB.
const SHORT_LIST: usize = 100;

/// The routes.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(filter)).routes(routes!(read, put, patch, delete))
}

fn not_found(id: i64) -> ApiError {
    ApiError::NotFound { code: "TRANSACTION_NOT_FOUND", message: format!("Transaction not found: {id}") }
}

/// Lists all of the user's transactions, the newest day first, then the newest id.
///
/// The whole list, streamed. If it cannot be completed, the connection is cut.
#[utoipa::path(
    get,
    path = "/api/transactions",
    tag = "transactions",
    security(("bearer" = [])),
    responses((status = 200, description = "The transactions", body = SuccessBody<Vec<Transaction>>))
)]
async fn list(State(state): State<AppState>, user: CurrentUser) -> Result<Response, ApiError> {
    write_list(state, user, Days::default()).await
}

/// Lists the user's transactions of some days, both bounds counted in.
#[utoipa::path(
    get,
    path = "/api/transactions/filter",
    tag = "transactions",
    security(("bearer" = [])),
    params(
        ("startDate" = Option<String>, Query, description = "From this day on: `YYYY-MM-DD`, or a date-time of which the day counts", example = "2026-02-01"),
        ("endDate" = Option<String>, Query, description = "Up to and with this day", example = "2026-02-28"),
    ),
    responses((status = 200, description = "The transactions", body = SuccessBody<Vec<Transaction>>))
)]
async fn filter(
    State(state): State<AppState>,
    user: CurrentUser,
    QueryString(days): QueryString<Days>,
) -> Result<Response, ApiError> {
    write_list(state, user, days).await
}

/// A short list is answered whole, as any request is. A long one is read again from its beginning, on a connection that
/// it may keep for as long as its client reads.
async fn write_list(state: AppState, user: CurrentUser, days: Days) -> Result<Response, ApiError> {
    let mut connection = state.pools.requests.acquire().await?;
    let first = store::first(&mut connection, user.id, days, SHORT_LIST + 1).await?;
    connection.release();
    if first.len() <= SHORT_LIST {
        return Ok(Success::ok(first).into_response());
    }
    drop(first);
    let pool = state.pools.lists.clone();
    stream::list(state.stall_timeout, |writer| store::write_list(pool, user.id, days, writer)).await
}

/// Enters a transaction.
#[utoipa::path(
    post,
    path = "/api/transactions",
    tag = "transactions",
    security(("bearer" = [])),
    request_body = NewTransaction,
    responses((status = 201, description = "Entered", body = SuccessBody<Transaction>))
)]
async fn create(
    State(state): State<AppState>,
    user: CurrentUser,
    Body(input): Body<NewTransaction>,
) -> Result<Success<Transaction>, ApiError> {
    let mut connection = state.pools.requests.acquire().await?;
    let transaction = add(&mut connection, state.clock.as_ref(), user.id, input).await?;
    connection.release();
    Ok(Success::created(transaction))
}

/// Enters a transaction, with its category if that is new, or nothing at all.
///
/// # Errors
/// [`ApiError::Unauthorized`] if there is no such user; [`ApiError::Validation`] if the amount has more decimals than the
/// user's currency; the database's.
pub async fn add(
    connection: &mut PgConnection,
    clock: &dyn Clock,
    user_id: i64,
    input: NewTransaction,
) -> Result<Transaction, ApiError> {
    let setting = store::setting(connection, user_id, input.r#type, &input.category).await?;
    let Setting { owner, category_id } = setting.ok_or(ApiError::Unauthorized)?;
    let currency = input.currency.unwrap_or(owner.currency);
    check_decimals(input.amount, currency)?;
    let mut entry = Entry {
        title: input.title,
        title_en: input.title_en,
        amount: input.amount.value(),
        currency: currency.code().to_owned(),
        r#type: input.r#type,
        category_id: category_id.unwrap_or_default(),
        category: input.category,
        date: input.date.unwrap_or_else(|| today(clock.now(), owner.time_zone)),
    };
    if category_id.is_some() {
        return Ok(store::insert(connection, user_id, &entry).await?);
    }
    // A savepoint where the caller has begun a transaction already.
    let mut database = connection.begin().await?;
    entry.category_id =
        categories::store::find_or_create(&mut database, user_id, entry.r#type, &entry.category).await?;
    let transaction = store::insert(&mut database, user_id, &entry).await?;
    database.commit().await?;
    Ok(transaction)
}

fn check_decimals(amount: Amount, currency: Currency) -> Result<(), ApiError> {
    too_fine(amount, currency).map_or(Ok(()), |problem| Err(ApiError::Validation(vec![problem])))
}

/// Reads a transaction.
#[utoipa::path(
    get,
    path = "/api/transactions/{id}",
    tag = "transactions",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The transaction's id", example = 42)),
    responses(
        (status = 200, description = "The transaction", body = SuccessBody<Transaction>),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`", body = FailureBody),
    )
)]
async fn read(State(state): State<AppState>, user: CurrentUser, Id(id): Id) -> Result<Success<Transaction>, ApiError> {
    let mut connection = state.pools.requests.acquire().await?;
    let transaction = store::find(&mut connection, user.id, id).await?;
    connection.release();
    transaction.map(Success::ok).ok_or_else(|| not_found(id))
}

/// Changes a transaction: what is left out stays as it is.
#[utoipa::path(
    put,
    path = "/api/transactions/{id}",
    tag = "transactions",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The transaction's id", example = 42)),
    request_body = Edit,
    responses(
        (status = 200, description = "The transaction as it is now", body = SuccessBody<Transaction>),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`", body = FailureBody),
    )
)]
async fn put(
    State(state): State<AppState>,
    user: CurrentUser,
    Id(id): Id,
    Body(edit): Body<Edit>,
) -> Result<Success<Transaction>, ApiError> {
    let mut connection = state.pools.requests.acquire().await?;
    let mut database = connection.begin().await?;
    let current = store::find_for_update(&mut database, user.id, id).await?.ok_or_else(|| not_found(id))?;
    let entry = edited(&mut database, current, edit).await?;
    let transaction = store::update(&mut database, user.id, id, &entry).await?.ok_or_else(|| not_found(id))?;
    database.commit().await?;
    connection.release();
    Ok(Success::ok(transaction))
}

/// Changes a transaction: another name for PUT.
#[utoipa::path(
    patch,
    path = "/api/transactions/{id}",
    tag = "transactions",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The transaction's id", example = 42)),
    request_body = Edit,
    responses(
        (status = 200, description = "The transaction as it is now", body = SuccessBody<Transaction>),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`", body = FailureBody),
    )
)]
async fn patch(
    state: State<AppState>,
    user: CurrentUser,
    id: Id,
    edit: Body<Edit>,
) -> Result<Success<Transaction>, ApiError> {
    put(state, user, id, edit).await
}

/// What a transaction is after an edit.
async fn edited(connection: &mut PgConnection, current: Transaction, edit: Edit) -> Result<Entry, ApiError> {
    if edit.amount.is_some() || edit.currency.is_some() {
        let currency = match edit.currency {
            Some(currency) => currency,
            None => current.currency.parse().map_err(ApiError::internal)?,
        };
        let amount = match edit.amount {
            Some(amount) => amount,
            None => Amount::parse(&current.amount.0.to_string()).map_err(ApiError::internal)?,
        };
        check_decimals(amount, currency)?;
    }
    let r#type = edit.r#type.unwrap_or(current.r#type);
    let category = edit.category.unwrap_or_else(|| current.category.clone());
    // A category is of one kind, so a transaction that changes sides takes its category's name along.
    let category_id = if r#type == current.r#type && category == current.category {
        current.category_id
    } else {
        categories::store::find_or_create(connection, current.user_id, r#type, &category).await?
    };
    Ok(Entry {
        title: edit.title.unwrap_or(current.title),
        title_en: match edit.title_en {
            Change::Keep => current.title_en,
            Change::Clear => None,
            Change::Set(title_en) => Some(title_en),
        },
        amount: edit.amount.map_or(current.amount.0, Amount::value),
        currency: edit.currency.map_or(current.currency, |currency| currency.code().to_owned()),
        r#type,
        category_id,
        category,
        date: edit.date.unwrap_or(current.date),
    })
}

/// That something was deleted.
#[derive(Debug, Serialize, ToSchema)]
struct Deleted {
    #[schema(example = "Transaction deleted successfully")]
    message: &'static str,
}

/// Deletes a transaction.
#[utoipa::path(
    delete,
    path = "/api/transactions/{id}",
    tag = "transactions",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The transaction's id", example = 42)),
    responses(
        (status = 200, description = "Deleted", body = SuccessBody<Deleted>),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`", body = FailureBody),
    )
)]
async fn delete(State(state): State<AppState>, user: CurrentUser, Id(id): Id) -> Result<Success<Deleted>, ApiError> {
    let mut connection = state.pools.requests.acquire().await?;
    let deleted = store::delete(&mut connection, user.id, id).await?;
    connection.release();
    if deleted { Ok(Success::ok(Deleted { message: "Transaction deleted successfully" })) } else { Err(not_found(id)) }
}
