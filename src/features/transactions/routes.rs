//! The routes under `/api/transactions`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use sqlx::PgConnection;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bulk::{__path_bulk_delete, __path_bulk_update, BulkDelete, BulkEdit, BulkSet, bulk_delete, bulk_update};
use super::categorize::categorize;
use super::criteria;
use super::filter::{Filter, Listing, Sort};
use super::list_store::{self, Key};
use super::model::{CategorySource, Days, Edit, Entry, NewTransaction, Transaction, too_fine};
use super::store::{self, Setting};
use super::walk_store::{CriteriaWalk, DaysWalk};
use crate::app::AppState;
use crate::domain::civil_date::today;
use crate::domain::clock::Clock;
use crate::domain::currency::Currency;
use crate::domain::money::Amount;
use crate::domain::name::key;
use crate::domain::transaction_type::TransactionType;
use crate::features::categories::model::is_other;
use crate::features::history::Work;
use crate::features::{categories, payees, tags};
use crate::http::envelope::{Done, FailureBody, Success, SuccessBody};
use crate::http::error::ApiError;
use crate::http::etag::{NoPrecondition, Precondition};
use crate::http::extract::{Body, Id, QueryString, shown_id};
use crate::http::identity::CurrentUser;
use crate::http::input::Change;
use crate::http::openapi::Reads as _;
use crate::http::stream;

/// The routes.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create, bulk_update, bulk_delete))
        .routes(routes!(filter))
        .routes(routes!(read, update, delete))
        .reads_query::<Listing>("/api/transactions")
        .reads_query::<Days>("/api/transactions/filter")
        .reads::<NewTransaction>()
        .reads::<Edit>()
        .reads::<Filter>()
        .reads::<BulkSet>()
        .reads::<BulkEdit>()
        .reads::<BulkDelete>()
}

/// That there is no such transaction.
pub fn not_found(id: i64) -> ApiError {
    ApiError::NotFound { code: "TRANSACTION_NOT_FOUND", message: format!("Transaction not found: {}", shown_id(id)) }
}

/// Lists the user's transactions, the newest day first, then the newest id.
///
/// Without `limit` and `cursor`, all of them, streamed: if the list cannot be completed, the connection is cut. It is read
/// bit by bit while it is sent: a row that is there all the time and unchanged is in it exactly once; one that is entered,
/// changed or deleted meanwhile may be missed, or be met before and after. Of one account, two long lists are sent at once. With
/// `limit` or `cursor`, a page: it costs the same wherever it is, and a walk from page to page meets each row once that was
/// there all the time, whatever else comes and goes.
#[utoipa::path(
    get,
    path = "/api/transactions",
    tag = "transactions",
    security(("bearer" = [])),
    params(
        ("limit" = Option<u16>, Query, description = "Rows of a page, 1 to 500"),
        ("cursor" = Option<String>, Query, description = "Where a page begins: `nextCursor` or `prevCursor` of `meta.page`, with the same filters"),
        ("startDate" = Option<String>, Query, description = "From this day on"),
        ("endDate" = Option<String>, Query, description = "Up to and with this day"),
        ("type" = Option<TransactionType>, Query, description = "`INCOME` or `EXPENSE`"),
        ("categoryId" = Option<i64>, Query, description = "In this category, or in one below it"),
        ("category" = Option<String>, Query, description = "The same by name"),
        ("tagId" = Option<i64>, Query, description = "With this tag"),
        ("tag" = Option<String>, Query, description = "The same by name"),
        ("payeeId" = Option<i64>, Query, description = "With this payee"),
        ("payee" = Option<String>, Query, description = "The same by name"),
        ("currency" = Option<Currency>, Query, description = "ISO 4217"),
        ("minAmount" = Option<String>, Query, description = "Of this amount or more"),
        ("maxAmount" = Option<String>, Query, description = "Of this amount or less"),
        ("q" = Option<String>, Query, description = "Words in title, note or payee, all of them, 20 different ones at most: case, accents and \
            punctuation do not count, the order does not either, and a part of a word is enough. A single letter begins a word"),
        ("sort" = Option<String>, Query, description = "`date`, `-date`, `amount` or `-amount`; `-` has the largest first"),
    ),
    responses((status = 200, description = "The transactions", body = SuccessBody<Vec<Transaction>>))
)]
async fn list(
    State(state): State<AppState>,
    user: CurrentUser,
    QueryString(Listing { filter, sort, page }): QueryString<Listing>,
) -> Result<Response, ApiError> {
    let Some(page) = page else { return whole_list(state, user, filter, sort).await };
    let paging = state.cursors.begin(&page, format!("{} transactions {sort:?} {filter:?}", user.id))?;
    let mut connection = state.pools.requests.acquire().await?;
    let rows = match &criteria::look_up(&mut connection, user.id, &filter).await? {
        None => Vec::new(),
        Some(criteria) => list_store::page(&mut connection, user.id, criteria, sort, paging.segment()).await?,
    };
    connection.release();
    let (rows, page) = paging.finish(rows, |row| Key::of(row, sort))?;
    stream::page(rows, page).await
}

/// Lists the user's transactions of some days, both bounds counted in.
///
/// Bounds that are left out do not count. The list of `GET /api/transactions` takes these and more.
#[utoipa::path(
    get,
    path = "/api/transactions/filter",
    tag = "transactions",
    security(("bearer" = [])),
    params(
        ("startDate" = Option<String>, Query, description = "From this day on: `YYYY-MM-DD`, or a date-time of which the day counts"),
        ("endDate" = Option<String>, Query, description = "Up to and with this day"),
    ),
    responses((status = 200, description = "The transactions", body = SuccessBody<Vec<Transaction>>))
)]
async fn filter(
    State(state): State<AppState>,
    user: CurrentUser,
    QueryString(days): QueryString<Days>,
) -> Result<Response, ApiError> {
    state.lists.answer(user.id, DaysWalk::new(user.id, days)).await
}

async fn whole_list(state: AppState, user: CurrentUser, filter: Filter, sort: Sort) -> Result<Response, ApiError> {
    if filter.is_empty() && sort == Sort::default() {
        return state.lists.answer(user.id, DaysWalk::new(user.id, Days::default())).await;
    }
    let mut connection = state.pools.requests.acquire().await?;
    let criteria = criteria::look_up(&mut connection, user.id, &filter).await?;
    connection.release();
    match criteria {
        None => Ok(Success::ok(Vec::<Transaction>::new()).into_response()),
        Some(criteria) => state.lists.answer(user.id, CriteriaWalk::new(user.id, criteria, sort)).await,
    }
}

/// Enters a transaction.
///
/// What it names and is not there yet, category, payee or tags, is made. Without a category, one is found.
#[utoipa::path(
    post,
    path = "/api/transactions",
    tag = "transactions",
    security(("bearer" = [])),
    request_body(content = NewTransaction, example = json!({
        "title": "ข้าวมันไก่", "amount": 60.5, "type": "EXPENSE", "category": "Food & Dining", "tags": ["lunch"]
    })),
    responses(
        (status = 201, description = "Entered", body = SuccessBody<Transaction>),
        (status = 403, description = "`QUOTA_EXCEEDED`: there are too many, or too much text", body = FailureBody),
        (status = 404, description = "`CATEGORY_NOT_FOUND`, `PAYEE_NOT_FOUND`", body = FailureBody),
    )
)]
async fn create(work: Work, _: NoPrecondition, Body(input): Body<NewTransaction>) -> Result<Response, ApiError> {
    work.run("transaction.create", async |unit| {
        let (user_id, clock) = (unit.user_id, Arc::clone(&unit.clock));
        Ok(Success::created(add(unit, clock.as_ref(), user_id, input).await?).tagged())
    })
    .await
}

/// Enters a transaction, with its category, payee and tags if those are new.
///
/// # Errors
/// [`ApiError::Unauthorized`] if there is no such user; [`ApiError::Validation`] if the amount has more decimals than the
/// user's currency; [`ApiError::NotFound`] for a category or payee that is asked for by id; the database's.
pub async fn add(
    connection: &mut PgConnection,
    clock: &dyn Clock,
    user_id: i64,
    input: NewTransaction,
) -> Result<Transaction, ApiError> {
    let kind = input.r#type;
    let setting = store::setting(connection, user_id, kind, input.category.as_deref()).await?;
    let Setting { owner, category_id } = setting.ok_or(ApiError::Unauthorized)?;
    let currency = input.currency.unwrap_or(owner.currency);
    check_decimals(input.amount, currency)?;
    let chosen = match (input.category, input.category_id, category_id) {
        (_, Some(id), _) => Chosen::by_user(category_of(connection, user_id, kind, id).await?),
        (Some(name), None, Some(id)) if !is_other(&name) => Chosen::by_user(id),
        (Some(name), None, None) if !is_other(&name) => {
            Chosen::by_user(categories::store::find_or_create(connection, user_id, kind, &name).await?)
        }
        (asked, None, _) => {
            let found = categorize(connection, user_id, kind, &input.title, input.title_en.as_deref()).await?;
            if let Some(found) = found {
                Chosen { id: found.category_id, source: found.source, reason: Some(found.reason) }
            } else {
                let id = categories::default_store::other(connection, user_id, kind).await?;
                // Nothing told otherwise; `Other` may be what was asked for.
                let source = if asked.is_some() { CategorySource::User } else { CategorySource::Default };
                Chosen { id, source, reason: None }
            }
        }
    };
    let payee_id = match (input.payee_id, input.payee) {
        (Some(id), _) => Some(payee_of(connection, user_id, id).await?),
        (None, Some(name)) => Some(payees::store::find_or_create(connection, user_id, &name).await?),
        (None, None) => None,
    };
    let entry = Entry {
        title: input.title,
        title_en: input.title_en,
        amount: input.amount.value(),
        currency: currency.code().to_owned(),
        r#type: kind,
        category_id: chosen.id,
        category_source: chosen.source,
        category_reason: chosen.reason,
        date: input.date.unwrap_or_else(|| today(clock.now(), owner.time_zone)),
        note: input.note,
        payee_id,
    };
    let tags = tags::store::find_or_create(connection, user_id, &input.tags).await?;
    let transaction = store::insert(connection, user_id, &entry).await?;
    if tags.is_empty() {
        return Ok(transaction);
    }
    tags::store::put_on(connection, user_id, &[transaction.id], &tags).await?;
    let id = transaction.id;
    store::find(connection, user_id, id).await?.ok_or_else(|| not_found(id))
}

/// A category, and how a transaction came by it.
struct Chosen {
    id: i64,
    source: CategorySource,
    reason: Option<String>,
}

impl Chosen {
    const fn by_user(id: i64) -> Self {
        Self { id, source: CategorySource::User, reason: None }
    }
}

/// The id of a category that was asked for by it, if it is the user's and of the kind.
async fn category_of(
    connection: &mut PgConnection,
    user_id: i64,
    kind: TransactionType,
    id: i64,
) -> Result<i64, ApiError> {
    let category = categories::store::find(connection, user_id, id).await?;
    let category = category.ok_or_else(|| categories::not_found(id))?;
    if category.kind != kind {
        return Err(ApiError::Validation(vec!["categoryId must be of the transaction's type".to_owned()]));
    }
    Ok(id)
}

/// The id of a payee that was asked for by it, if it is the user's.
async fn payee_of(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<i64, ApiError> {
    let payee = payees::store::find(connection, user_id, id).await?;
    payee.map(|payee| payee.id).ok_or_else(|| payees::not_found(id))
}

fn check_decimals(amount: Amount, currency: Currency) -> Result<(), ApiError> {
    too_fine(amount, currency).map_or(Ok(()), |problem| Err(ApiError::Validation(vec![problem])))
}

/// Reads a transaction.
///
/// With its tags, and how it came by its category.
#[utoipa::path(
    get,
    path = "/api/transactions/{id}",
    tag = "transactions",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The transaction's id")),
    responses(
        (status = 200, description = "The transaction", body = SuccessBody<Transaction>),
        (status = 304, description = "It is what `If-None-Match` names"),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`", body = FailureBody),
    )
)]
async fn read(State(state): State<AppState>, user: CurrentUser, Id(id): Id) -> Result<Success<Transaction>, ApiError> {
    let mut connection = state.pools.requests.acquire().await?;
    let transaction = store::find(&mut connection, user.id, id).await?;
    connection.release();
    transaction.map(|transaction| Success::ok(transaction).tagged()).ok_or_else(|| not_found(id))
}

/// Changes a transaction: what is left out stays as it is. PUT and PATCH do the same.
///
/// With `If-Match`, only if it is still what was read. What it names and is not there yet is made.
#[utoipa::path(
    method(put, patch),
    path = "/api/transactions/{id}",
    tag = "transactions",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The transaction's id")),
    request_body(content = Edit, example = json!({"amount": 65.25, "note": "With extra chicken"})),
    responses(
        (status = 200, description = "The transaction as it is now", body = SuccessBody<Transaction>),
        (status = 403, description = "`QUOTA_EXCEEDED`: there would be too many of what it names, or too much text", body = FailureBody),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`, `CATEGORY_NOT_FOUND`, `PAYEE_NOT_FOUND`", body = FailureBody),
        (status = 412, description = "`PRECONDITION_FAILED`: it is not what `If-Match` names", body = FailureBody),
    )
)]
async fn update(
    work: Work,
    precondition: Precondition,
    Id(id): Id,
    Body(edit): Body<Edit>,
) -> Result<Response, ApiError> {
    work.run("transaction.update", async |unit| {
        let user_id = unit.user_id;
        let current = store::find_for_update(unit, user_id, id).await?.ok_or_else(|| not_found(id))?;
        precondition.check(&current)?;
        let tags = edit.tags.clone();
        let entry = edited(unit, current.clone(), edit).await?;
        let keeps_tags = tags.as_ref().is_none_or(|names| same_names(names, &current.tags));
        if keeps_tags && entry == Entry::from(current.clone()) {
            unit.note_nothing_changed();
            return Ok(Success::ok(current).tagged());
        }
        store::update(unit, user_id, id, &entry).await?;
        if let Some(names) = tags {
            let tags = tags::store::find_or_create(unit, user_id, &names).await?;
            tags::store::take_off_but(unit, user_id, &[id], &tags).await?;
            tags::store::put_on(unit, user_id, &[id], &tags).await?;
        }
        let transaction = store::find(unit, user_id, id).await?.ok_or_else(|| not_found(id))?;
        Ok(Success::ok(transaction).tagged())
    })
    .await
}

/// Tells if names are the same, whichever their order, and however often each is there.
fn same_names(some: &[String], others: &[String]) -> bool {
    let keys = |names: &[String]| names.iter().map(|name| key(name)).collect::<BTreeSet<_>>();
    keys(some) == keys(others)
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
    let user_id = current.user_id;
    let kind = edit.r#type.unwrap_or(current.r#type);
    // A category is of one kind, so a transaction that changes sides takes its category's name along.
    let chosen = match (edit.category_id, edit.category) {
        (Some(id), _) => Chosen::by_user(category_of(connection, user_id, kind, id).await?),
        (None, Some(name)) if kind == current.r#type && key(&name) == key(&current.category) => {
            Chosen::by_user(current.category_id)
        }
        (None, Some(name)) => {
            Chosen::by_user(categories::store::find_or_create(connection, user_id, kind, &name).await?)
        }
        (None, None) if kind == current.r#type => {
            Chosen { id: current.category_id, source: current.category_source, reason: current.category_reason }
        }
        (None, None) => {
            Chosen::by_user(categories::store::find_or_create(connection, user_id, kind, &current.category).await?)
        }
    };
    let payee_id = match (edit.payee_id, edit.payee) {
        (Change::Set(id), _) => Some(payee_of(connection, user_id, id).await?),
        (_, Change::Set(name)) => Some(payees::store::find_or_create(connection, user_id, &name).await?),
        (Change::Clear, _) | (_, Change::Clear) => None,
        (Change::Keep, Change::Keep) => current.payee_id,
    };
    let title = edit.title.unwrap_or_else(|| current.title.clone());
    let title_en = edit.title_en.applied_to(current.title_en.clone());
    // What spoke for the category was in the titles before; the category itself stays until another is chosen.
    let same_titles = title == current.title && title_en == current.title_en;
    Ok(Entry {
        title,
        title_en,
        amount: edit.amount.map_or(current.amount.0, Amount::value),
        currency: edit.currency.map_or(current.currency, |currency| currency.code().to_owned()),
        r#type: kind,
        category_id: chosen.id,
        category_source: chosen.source,
        category_reason: chosen.reason.filter(|_| same_titles),
        date: edit.date.unwrap_or(current.date),
        note: edit.note.applied_to(current.note),
        payee_id,
    })
}

/// Deletes a transaction. It goes to the trash, from where it can be restored.
///
/// `POST /api/trash/{id}/restore` brings it back, and so does undoing the operation.
#[utoipa::path(
    delete,
    path = "/api/transactions/{id}",
    tag = "transactions",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The transaction's id")),
    responses(
        (status = 200, description = "Deleted", body = SuccessBody<Done>),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`", body = FailureBody),
        (status = 412, description = "`PRECONDITION_FAILED`: it is not what `If-Match` names", body = FailureBody),
    )
)]
async fn delete(work: Work, precondition: Precondition, Id(id): Id) -> Result<Response, ApiError> {
    work.run("transaction.delete", async |unit| {
        let user_id = unit.user_id;
        let current = store::find_for_update(unit, user_id, id).await?.ok_or_else(|| not_found(id))?;
        precondition.check(&current)?;
        store::delete(unit, user_id, id).await?;
        Ok(Success::ok(Done { message: "Transaction deleted successfully" }))
    })
    .await
}
