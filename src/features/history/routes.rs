//! The routes under `/api/operations` and `/api/trash`, and the history of a transaction.

use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::changes_store::{self, HistoryList};
use super::entries::{HistoryEntry, Operation, Trashed};
use super::mutation::Mutation;
use super::retention_store;
use super::store::{self, OperationList};
use super::trash_store::TrashList;
use super::undo::{self, UndoAnswer};
use crate::features::feature::Feature;
use crate::features::reader::UserReader;
use crate::features::transactions::{self, Transaction};
use crate::http::envelope::{Success, SuccessBody};
use crate::http::error::{ApiError, FailureBody};
use crate::http::extract::{PathId, QueryString};
use crate::http::page::PageQuery;
use crate::http::precondition::NoPrecondition;
use crate::http::scope::Scope;
use crate::state::AppState;

pub const FEATURE: Feature = Feature {
    tag: "history",
    about: "What was done, undoing it, and the trash.",
    router,
    tables: &["operations", "changes", "merged", "idempotency_keys"],
    ..Feature::EMPTY
};

fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(operations))
        .routes(routes!(operation))
        .routes(routes!(undo_operation))
        .routes(routes!(trash))
        .routes(routes!(restore))
        .routes(routes!(of_transaction))
}

/// Lists operations, the last first.
///
/// Without `limit` and `cursor` all that are kept, otherwise a page.
#[utoipa::path(
    get,
    path = "/api/operations",
    tag = "history",
    security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, description = "The operations", body = SuccessBody<Vec<Operation>>))
)]
async fn operations(reader: UserReader, QueryString(query): QueryString<PageQuery>) -> Result<Response, ApiError> {
    reader.page(OperationList, query.page.as_ref(), "operations").await
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
async fn operation(reader: UserReader, PathId(id): PathId) -> Result<Success<Operation>, ApiError> {
    let (operation, oldest) = reader
        .run(async |scope| {
            let operation = store::find(scope, id).await?;
            let oldest = if operation.is_none() { retention_store::oldest(scope).await? } else { None };
            Ok::<_, sqlx::Error>((operation, oldest))
        })
        .await?;
    operation.map(Success::ok).ok_or_else(|| undo::not_kept(id, oldest, reader.state.retention))
}

/// Undoes an operation: everything that it changed, or nothing.
///
/// Operations are kept for `history.retention` (a year), and no more of them than `quotas.operations` and
/// `quotas.history_bytes` allow, the oldest going first; one that is gone cannot be undone.
///
/// It need not be the last one. Rows that were changed since stand in the way, and are named with the operation that changed them.
/// Undo is an operation, too: undo that to redo the first one.
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
async fn undo_operation(mutation: Mutation, _: NoPrecondition, PathId(id): PathId) -> Result<Response, ApiError> {
    let weigh = async |scope: &mut Scope<'_>, rows| store::weight(scope, id, rows).await;
    mutation.run_weighed(undo::UNDO, weigh, async |tx| Ok(Success::ok(undo::undo(tx, id).await?))).await
}

/// Lists the trash, the last deleted first.
///
/// Without `limit` and `cursor` all of it, otherwise a page. Transactions that have been there for `history.trash_retention` are deleted for good.
#[utoipa::path(
    get,
    path = "/api/trash",
    tag = "history",
    security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, description = "The deleted transactions", body = SuccessBody<Vec<Trashed>>))
)]
async fn trash(reader: UserReader, QueryString(query): QueryString<PageQuery>) -> Result<Response, ApiError> {
    reader.page(TrashList, query.page.as_ref(), "trash").await
}

/// Restores a transaction from the trash.
///
/// As it was, with its tags and its id.
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
async fn restore(mutation: Mutation, _: NoPrecondition, PathId(id): PathId) -> Result<Response, ApiError> {
    mutation
        .run("transaction.restore", async |tx| {
            undo::restore(tx, id).await?;
            let transaction = transactions::store::find(tx, id).await?;
            let transaction = transaction.ok_or_else(|| ApiError::internal("a restored transaction does not exist"))?;
            Ok(Success::ok(transaction).with_etag())
        })
        .await
}

/// Lists the changes of a transaction, the last first; of a deleted one, too, as long as it is in the trash.
///
/// Without `limit` and `cursor` all that is kept, otherwise a page.
#[utoipa::path(
    get,
    path = "/api/transactions/{id}/history",
    tag = "history",
    security(("bearer" = [])),
    params(
        ("id" = i64, Path, description = "The transaction's id"),
        PageQuery,
    ),
    responses(
        (status = 200, description = "The changes", body = SuccessBody<Vec<HistoryEntry>>),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`", body = FailureBody),
    )
)]
async fn of_transaction(
    reader: UserReader,
    PathId(id): PathId,
    QueryString(query): QueryString<PageQuery>,
) -> Result<Response, ApiError> {
    let known = reader
        .run(async |scope| {
            Ok::<_, sqlx::Error>(
                changes_store::is_recorded(scope, id).await? || transactions::store::find(scope, id).await?.is_some(),
            )
        })
        .await?;
    if !known {
        return Err(transactions::store::not_found(id));
    }
    let list = HistoryList { transaction_id: id };
    reader.page(list, query.page.as_ref(), &format!("changes of {id}")).await
}
