//! The routes under `/api/transactions`.

use std::borrow::Cow;
use std::sync::Arc;

use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::create_store::TransactionCreation;
use super::criteria::Criteria;
use super::filter::{OrderQuery, TransactionFilter, TransactionOrder, TransactionQuery};
use super::inputs::{DayRange, NewTransaction, TransactionEdit};
use super::model::Transaction;
use super::store::not_found;
use super::table::TABLE;
use super::walk_store::CriteriaWalk;
use super::{bulk, create, list, store, update};
use crate::features::feature::Feature;
use crate::features::history::Mutation;
use crate::features::reader::UserReader;
use crate::http::envelope::{Done, Success, SuccessBody};
use crate::http::error::{ApiError, FailureBody};
use crate::http::extract::{Body, PathId, QueryString};
use crate::http::page::PageQuery;
use crate::http::precondition::{NoPrecondition, Precondition};
use crate::state::AppState;

/// The feature.
pub const FEATURE: Feature = Feature {
    tag: "transactions",
    about: "Income and expenses: create, list, search, update one or many.",
    router,
    recorded: &[&TABLE],
    ..Feature::EMPTY
};

fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_transactions, create_transaction))
        .merge(bulk::router())
        .routes(routes!(filter))
        .routes(routes!(read, update_transaction, delete))
}

/// Lists transactions, the newest day first, then the newest id.
///
/// Without `limit` and `cursor`, all of them, streamed: if the list cannot be completed, the connection is cut. It is read
/// piece by piece while it is sent: a row that exists all the time and is not changed is in it exactly once; one that is created,
/// changed or deleted meanwhile may be missing, or appear as before and as after. An account can read two long lists at once.
/// With `limit` or `cursor`, a page, which takes the same time wherever it is; a client that reads page after page
/// meets each row once that existed all the time, whatever else is created and deleted.
#[utoipa::path(
    get,
    path = "/api/transactions",
    operation_id = "list",
    tag = "transactions",
    security(("bearer" = [])),
    params(PageQuery, TransactionFilter, OrderQuery),
    responses((status = 200, description = "The transactions", body = SuccessBody<Vec<Transaction>>))
)]
async fn list_transactions(
    reader: UserReader,
    QueryString(query): QueryString<TransactionQuery>,
) -> Result<Response, ApiError> {
    list::list(reader, query).await
}

/// Lists the transactions of some days, both bounds included.
///
/// Bounds that are left out do not count. `GET /api/transactions` has these filters and more.
#[utoipa::path(
    get,
    path = "/api/transactions/filter",
    tag = "transactions",
    security(("bearer" = [])),
    params(DayRange),
    responses((status = 200, description = "The transactions", body = SuccessBody<Vec<Transaction>>))
)]
async fn filter(reader: UserReader, QueryString(days): QueryString<DayRange>) -> Result<Response, ApiError> {
    reader.list(CriteriaWalk::new(Criteria::of_days(days), TransactionOrder::default())).await
}

/// Creates a transaction.
///
/// A category, payee or tags that it names and that do not exist are created. Without a category, one is found.
#[utoipa::path(
    post,
    path = "/api/transactions",
    operation_id = "create",
    tag = "transactions",
    security(("bearer" = [])),
    request_body(content = NewTransaction, example = json!({
        "title": "ข้าวมันไก่", "amount": 60.5, "type": "EXPENSE", "category": "Food & Dining", "tags": ["lunch"]
    })),
    responses(
        (status = 201, description = "The new transaction", body = SuccessBody<Transaction>),
        (status = 403, description = "`QUOTA_EXCEEDED`: there are too many, or too much text", body = FailureBody),
        (status = 404, description = "`CATEGORY_NOT_FOUND`, `PAYEE_NOT_FOUND`", body = FailureBody),
    )
)]
async fn create_transaction(
    mutation: Mutation,
    _: NoPrecondition,
    Body(new): Body<NewTransaction>,
) -> Result<Response, ApiError> {
    mutation
        .run_single("transaction.create", TransactionCreation(new), async |tx, TransactionCreation(new)| {
            let clock = Arc::clone(&tx.clock);
            Ok(Success::created(create::create(tx, clock.as_ref(), new).await?).with_etag())
        })
        .await
}

/// Reads a transaction.
///
/// With its tags, and with the reason for its category.
#[utoipa::path(
    get,
    path = "/api/transactions/{id}",
    tag = "transactions",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The id of the transaction")),
    responses(
        (status = 200, description = "The transaction", body = SuccessBody<Transaction>),
        (status = 304, description = "It still has the `ETag` that `If-None-Match` names"),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`", body = FailureBody),
    )
)]
async fn read(reader: UserReader, PathId(id): PathId) -> Result<Success<Transaction>, ApiError> {
    let transaction = reader.run(async |scope| store::find(scope, id).await).await?;
    transaction.map(|transaction| Success::ok(transaction).with_etag()).ok_or_else(|| not_found(id))
}

/// Updates a transaction. PUT and PATCH do the same: fields that are left out stay as they are.
///
/// With `If-Match`, only if nobody changed it meanwhile. A category, payee or tags that do not exist are created.
#[utoipa::path(
    method(put, patch),
    path = "/api/transactions/{id}",
    operation_id = "update",
    tag = "transactions",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The id of the transaction")),
    request_body(content = TransactionEdit, example = json!({"amount": 65.25, "note": "With extra chicken"})),
    responses(
        (status = 200, description = "The transaction after the update", body = SuccessBody<Transaction>),
        (status = 403, description = "`QUOTA_EXCEEDED`: there would be too many names, or too much text", body = FailureBody),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`, `CATEGORY_NOT_FOUND`, `PAYEE_NOT_FOUND`", body = FailureBody),
        (status = 412, description = "`PRECONDITION_FAILED`: it is not what `If-Match` names", body = FailureBody),
    )
)]
async fn update_transaction(
    mutation: Mutation,
    precondition: Precondition,
    PathId(id): PathId,
    Body(edit): Body<TransactionEdit>,
) -> Result<Response, ApiError> {
    mutation.run("transaction.update", async |tx| update::update(tx, precondition, id, edit).await).await
}

/// Deletes a transaction. It goes to the trash, from where it can be restored.
///
/// `POST /api/trash/{id}/restore` restores it, and so does undoing the operation.
#[utoipa::path(
    delete,
    path = "/api/transactions/{id}",
    tag = "transactions",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The id of the transaction")),
    responses(
        (status = 200, description = "Deleted", body = SuccessBody<Done>),
        (status = 404, description = "`TRANSACTION_NOT_FOUND`", body = FailureBody),
        (status = 412, description = "`PRECONDITION_FAILED`: it is not what `If-Match` names", body = FailureBody),
    )
)]
async fn delete(mutation: Mutation, precondition: Precondition, PathId(id): PathId) -> Result<Response, ApiError> {
    mutation
        .run("transaction.delete", async |tx| {
            let current = store::find_for_update(tx, id).await?.ok_or_else(|| not_found(id))?;
            precondition.check(&current)?;
            store::delete(tx, id).await?;
            Ok(Success::ok(Done { message: Cow::Borrowed("Transaction deleted successfully") }))
        })
        .await
}
