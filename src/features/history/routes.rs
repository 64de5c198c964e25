//! The routes under `/api/operations` and `/api/trash`, and the history of a transaction.

use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{HistoryEntry, Operation, Trashed, history, shown};
use super::store::{self, Deleted};
use super::undo::{self, UndoAnswer};
use super::work::Work;
use crate::app::AppState;
use crate::features::tags;
use crate::features::transactions::{self, Transaction};
use crate::http::envelope::{FailureBody, Success, SuccessBody};
use crate::http::error::ApiError;
use crate::http::extract::{Id, QueryString};
use crate::http::identity::CurrentUser;
use crate::http::input::{FromInput, Input};
use crate::http::page::{PageRequest, Paging};

/// The routes.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(operations))
        .routes(routes!(operation))
        .routes(routes!(undo_operation))
        .routes(routes!(trash))
        .routes(routes!(restore))
        .routes(routes!(of_transaction))
}

/// What is asked of a list here: a page; all of it without.
#[derive(Debug, Clone)]
struct Listing(Option<PageRequest>);

impl FromInput for Listing {
    fn from_input(input: &mut Input) -> Option<Self> {
        PageRequest::from_input(input).map(Self)
    }
}

/// Lists what the user did, the last first.
#[utoipa::path(
    get,
    path = "/api/operations",
    tag = "history",
    security(("bearer" = [])),
    params(
        ("limit" = Option<u16>, Query, description = "Rows of a page, 1 to 500; all of them without", example = 50),
        ("cursor" = Option<String>, Query, description = "Where a page begins: a cursor of `meta.page`", example = "eyJkIjoibiIsImsiOlsiMTIwLjAwMDAiLDJdfYCvJ3bVSxnbhGZvC0WdZrs"),
    ),
    responses((status = 200, description = "The operations", body = SuccessBody<Vec<Operation>>))
)]
async fn operations(
    State(state): State<AppState>,
    user: CurrentUser,
    QueryString(listing): QueryString<Listing>,
) -> Result<Success<Vec<Operation>>, ApiError> {
    let paging = state.cursors.begin(listing.0.as_ref(), format!("{} operations", user.id))?;
    let mut connection = state.pools.requests.acquire().await?;
    let rows = store::list(&mut connection, user.id, &paging).await?;
    connection.release();
    let (rows, page) = paging.finish(rows, |row| row.id)?;
    Ok(Success::ok(rows).on(page))
}

/// Reads an operation.
#[utoipa::path(
    get,
    path = "/api/operations/{id}",
    tag = "history",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The operation's id: `meta.operationId` of what did it", example = 17)),
    responses(
        (status = 200, description = "The operation", body = SuccessBody<Operation>),
        (status = 404, description = "`OPERATION_NOT_FOUND`", body = FailureBody),
    )
)]
async fn operation(
    State(state): State<AppState>,
    user: CurrentUser,
    Id(id): Id,
) -> Result<Success<Operation>, ApiError> {
    let mut connection = state.pools.requests.acquire().await?;
    let operation = store::find(&mut connection, user.id, id).await?;
    connection.release();
    operation.map(Success::ok).ok_or_else(|| undo::not_found(id))
}

/// Undoes an operation: everything that it changed, or nothing.
///
/// It need not be the last one. What was changed since stands in the way and is named, with the operation that did it; what
/// was not is as it was. Undoing is an operation, too: undo that, and the first is done again.
#[utoipa::path(
    post,
    path = "/api/operations/{id}/undo",
    tag = "history",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The operation's id: `meta.operationId` of what did it", example = 17)),
    responses(
        (status = 200, description = "Undone", body = SuccessBody<UndoAnswer>),
        (status = 404, description = "`OPERATION_NOT_FOUND`", body = FailureBody),
        (status = 409, description = "`UNDO_CONFLICT`: what stands in the way is in `details`; `ALREADY_UNDONE`", body = FailureBody),
    )
)]
async fn undo_operation(work: Work, Id(id): Id) -> Result<Response, ApiError> {
    work.run(undo::UNDO, async |unit| Ok(Success::ok(undo::undo(unit, id).await?))).await
}

/// Lists what is in the trash, the last deleted first.
#[utoipa::path(
    get,
    path = "/api/trash",
    tag = "history",
    security(("bearer" = [])),
    params(
        ("limit" = Option<u16>, Query, description = "Rows of a page, 1 to 500; all of them without", example = 50),
        ("cursor" = Option<String>, Query, description = "Where a page begins: a cursor of `meta.page`", example = "eyJkIjoibiIsImsiOlsiMTIwLjAwMDAiLDJdfYCvJ3bVSxnbhGZvC0WdZrs"),
    ),
    responses((status = 200, description = "The deleted transactions", body = SuccessBody<Vec<Trashed>>))
)]
async fn trash(
    State(state): State<AppState>,
    user: CurrentUser,
    QueryString(listing): QueryString<Listing>,
) -> Result<Success<Vec<Trashed>>, ApiError> {
    let paging = state.cursors.begin(listing.0.as_ref(), format!("{} trash", user.id))?;
    let mut connection = state.pools.requests.acquire().await?;
    let rows = store::trash(&mut connection, user.id, &paging).await?;
    connection.release();
    let (rows, page) = paging.finish(rows, |row| row.change_id)?;
    Ok(Success::ok(rows.into_iter().map(trashed).collect()).on(page))
}

fn trashed(deleted: Deleted) -> Trashed {
    Trashed {
        id: deleted.transaction_id,
        deleted_at: deleted.deleted_at,
        operation_id: deleted.operation_id,
        transaction: shown(&deleted.row),
        category: deleted.category,
        payee: deleted.payee,
        tags: deleted.tags,
    }
}

/// Restores a transaction from the trash, as it was.
#[utoipa::path(
    post,
    path = "/api/trash/{id}/restore",
    tag = "history",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The transaction's id", example = 42)),
    responses(
        (status = 200, description = "The transaction", body = SuccessBody<Transaction>,
            headers(("ETag" = String, description = "What stands here, for `If-Match` and `If-None-Match`"))),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`: it is not in the trash", body = FailureBody),
        (status = 409, description = "`UNDO_CONFLICT`: what stands in the way is in `details`", body = FailureBody),
    )
)]
async fn restore(work: Work, Id(id): Id) -> Result<Response, ApiError> {
    work.run("transaction.restore", async |unit| {
        let user_id = unit.user_id;
        undo::restore(unit, id).await?;
        let transaction = transactions::store::find(unit, user_id, id).await?;
        let transaction = transaction.ok_or_else(|| ApiError::internal("a restored transaction is not there"))?;
        Ok(Success::ok(transaction).tagged())
    })
    .await
}

/// Lists what was done to a transaction, the last first; to a deleted one, too, as long as it is in the trash.
#[utoipa::path(
    get,
    path = "/api/transactions/{id}/history",
    tag = "history",
    security(("bearer" = [])),
    params(
        ("id" = i64, Path, description = "The transaction's id", example = 42),
        ("limit" = Option<u16>, Query, description = "Rows of a page, 1 to 500; all of them without", example = 50),
        ("cursor" = Option<String>, Query, description = "Where a page begins: a cursor of `meta.page`", example = "eyJkIjoibiIsImsiOlsiMTIwLjAwMDAiLDJdfYCvJ3bVSxnbhGZvC0WdZrs"),
    ),
    responses(
        (status = 200, description = "What was done to it", body = SuccessBody<Vec<HistoryEntry>>),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`", body = FailureBody),
    )
)]
async fn of_transaction(
    State(state): State<AppState>,
    user: CurrentUser,
    Id(id): Id,
    QueryString(listing): QueryString<Listing>,
) -> Result<Success<Vec<HistoryEntry>>, ApiError> {
    let paging = state.cursors.begin(listing.0.as_ref(), format!("{} history {id}", user.id))?;
    let mut connection = state.pools.requests.acquire().await?;
    let changes = store::changes_of(&mut connection, user.id, id).await?;
    if changes.is_empty() && transactions::store::find(&mut connection, user.id, id).await?.is_none() {
        connection.release();
        return Err(transactions::not_found(id));
    }
    let tag_ids: Vec<i64> = changes.iter().filter_map(|change| change.tag_id).collect();
    let names = tags::store::names(&mut connection, user.id, &tag_ids).await?;
    connection.release();
    let entries = part(history(changes, user.id, &names), &paging);
    let (entries, page) = paging.finish(entries, |entry| entry.operation_id)?;
    Ok(Success::ok(entries).on(page))
}

/// What a page is made of, of all entries, the last first.
fn part(mut entries: Vec<HistoryEntry>, paging: &Paging<'_, i64>) -> Vec<HistoryEntry> {
    if paging.is_backwards() {
        entries.reverse();
    }
    let ahead = |entry: &HistoryEntry, key| {
        if paging.is_backwards() { entry.operation_id > key } else { entry.operation_id < key }
    };
    entries.retain(|entry| paging.key().is_none_or(|key| ahead(entry, *key)));
    entries.truncate(paging.fetch().and_then(|rows| usize::try_from(rows).ok()).unwrap_or(usize::MAX));
    entries
}
