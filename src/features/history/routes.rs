//! The routes under `/api/operations` and `/api/trash`, and the history of a transaction.

use axum::extract::State;
use axum::response::Response;
use sqlx::PgConnection;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::changes_store::{self, HistoryList};
use super::model::{HistoryEntry, Operation, Trashed};
use super::retention_store;
use super::store::{self, OperationList};
use super::trash_store::TrashList;
use super::undo::{self, UndoAnswer};
use super::work::Work;
use crate::app::AppState;
use crate::features::transactions::{self, Transaction};
use crate::http::envelope::{FailureBody, Success, SuccessBody};
use crate::http::error::ApiError;
use crate::http::etag::NoPrecondition;
use crate::http::extract::{Id, QueryString};
use crate::http::identity::CurrentUser;
use crate::http::input::{FromInput, Input};
use crate::http::openapi::Reads as _;
use crate::http::page::PageRequest;

/// The routes.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(operations))
        .routes(routes!(operation))
        .routes(routes!(undo_operation))
        .routes(routes!(trash))
        .routes(routes!(restore))
        .routes(routes!(of_transaction))
        .reads_query::<Listing>("/api/operations")
        .reads_query::<Listing>("/api/trash")
        .reads_query::<Listing>("/api/transactions/{id}/history")
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
///
/// Without `limit` and `cursor` all that are kept, otherwise a page.
#[utoipa::path(
    get,
    path = "/api/operations",
    tag = "history",
    security(("bearer" = [])),
    params(
        ("limit" = Option<u16>, Query, description = "Rows of a page, 1 to 500; all of them without"),
        ("cursor" = Option<String>, Query, description = "Where a page begins: `nextCursor` or `prevCursor` of `meta.page`"),
    ),
    responses((status = 200, description = "The operations", body = SuccessBody<Vec<Operation>>))
)]
async fn operations(
    State(state): State<AppState>,
    user: CurrentUser,
    QueryString(listing): QueryString<Listing>,
) -> Result<Response, ApiError> {
    let scope = format!("{} operations", user.id);
    let list = OperationList { user_id: user.id };
    state.lists.answer_keyed(user.id, list, listing.0.as_ref(), (&state.cursors, scope)).await
}

/// Reads an operation.
///
/// With the number of rows that it changed.
#[utoipa::path(
    get,
    path = "/api/operations/{id}",
    tag = "history",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The operation's id: `meta.operationId` of what did it")),
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
    let oldest = match operation {
        Some(_) => None,
        None => retention_store::oldest(&mut connection, user.id).await?,
    };
    connection.release();
    operation.map(Success::ok).ok_or_else(|| undo::not_kept(id, oldest, state.retention))
}

/// Undoes an operation: everything that it changed, or nothing.
///
/// Operations are kept for `history.retention` (a year), and no more of them than `quotas.operations` and
/// `quotas.history_bytes` allow, the oldest going first; one that is gone cannot be undone.
///
/// It need not be the last one. What was changed since stands in the way and is named, with the operation that did it; what
/// was not is as it was. Undoing is an operation, too: undo that, and the first is done again.
#[utoipa::path(
    post,
    path = "/api/operations/{id}/undo",
    tag = "history",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The operation's id: `meta.operationId` of what did it")),
    responses(
        (status = 200, description = "Undone", body = SuccessBody<UndoAnswer>),
        (status = 403, description = "`QUOTA_EXCEEDED`: there would be too many", body = FailureBody),
        (status = 404, description = "`OPERATION_NOT_FOUND`: also of one that is not kept any more", body = FailureBody),
        (status = 409, description = "`UNDO_CONFLICT`: what stands in the way is in `details`; `ALREADY_UNDONE`", body = FailureBody),
        (status = 422, description = "`TOO_MUCH_WORK`: more than an account may change at once", body = FailureBody),
    )
)]
async fn undo_operation(work: Work, _: NoPrecondition, Id(id): Id) -> Result<Response, ApiError> {
    let user_id = work.user_id();
    let weigh = async |database: &mut PgConnection, rows| store::weight(database, user_id, id, rows).await;
    work.run_weighed(undo::UNDO, weigh, async |unit| Ok(Success::ok(undo::undo(unit, id).await?))).await
}

/// Lists what is in the trash, the last deleted first.
///
/// Without `limit` and `cursor` all of it, otherwise a page. What lies there for `history.trash_retention` is deleted for good.
#[utoipa::path(
    get,
    path = "/api/trash",
    tag = "history",
    security(("bearer" = [])),
    params(
        ("limit" = Option<u16>, Query, description = "Rows of a page, 1 to 500; all of them without"),
        ("cursor" = Option<String>, Query, description = "Where a page begins: `nextCursor` or `prevCursor` of `meta.page`"),
    ),
    responses((status = 200, description = "The deleted transactions", body = SuccessBody<Vec<Trashed>>))
)]
async fn trash(
    State(state): State<AppState>,
    user: CurrentUser,
    QueryString(listing): QueryString<Listing>,
) -> Result<Response, ApiError> {
    let scope = format!("{} trash", user.id);
    let list = TrashList { user_id: user.id };
    state.lists.answer_keyed(user.id, list, listing.0.as_ref(), (&state.cursors, scope)).await
}

/// Restores a transaction from the trash, as it was.
///
/// With its tags, and under the id that it had.
#[utoipa::path(
    post,
    path = "/api/trash/{id}/restore",
    tag = "history",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The transaction's id")),
    responses(
        (status = 200, description = "The transaction", body = SuccessBody<Transaction>,
            headers(("ETag" = String, description = "What stands here, for `If-Match` and `If-None-Match`"))),
        (status = 403, description = "`QUOTA_EXCEEDED`: there would be too many", body = FailureBody),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`: it is not in the trash", body = FailureBody),
        (status = 409, description = "`UNDO_CONFLICT`: what stands in the way is in `details`", body = FailureBody),
    )
)]
async fn restore(work: Work, _: NoPrecondition, Id(id): Id) -> Result<Response, ApiError> {
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
///
/// Without `limit` and `cursor` all that is kept, otherwise a page.
#[utoipa::path(
    get,
    path = "/api/transactions/{id}/history",
    tag = "history",
    security(("bearer" = [])),
    params(
        ("id" = i64, Path, description = "The transaction's id"),
        ("limit" = Option<u16>, Query, description = "Rows of a page, 1 to 500; all of them without"),
        ("cursor" = Option<String>, Query, description = "Where a page begins: `nextCursor` or `prevCursor` of `meta.page`"),
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
) -> Result<Response, ApiError> {
    let mut connection = state.pools.requests.acquire().await?;
    let known = changes_store::is_recorded(&mut connection, user.id, id).await?
        || transactions::store::find(&mut connection, user.id, id).await?.is_some();
    connection.release();
    if !known {
        return Err(transactions::not_found(id));
    }
    let scope = format!("{} changes of {id}", user.id);
    let list = HistoryList { user_id: user.id, transaction_id: id };
    state.lists.answer_keyed(user.id, list, listing.0.as_ref(), (&state.cursors, scope)).await
}
