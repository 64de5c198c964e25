//! The routes of changes of many transactions: all of them or none, and undone at once.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bulk_delete::{count as count_deletion, delete_many};
use super::bulk_inputs::{BulkAnswer, BulkDelete, BulkEdit, Selection};
use super::bulk_update::{count as count_update, rows_of, update_many};
use super::weight_store::{WeighedRows, weight};
use crate::features::history::Mutation;
use crate::http::envelope::{Success, SuccessBody};
use crate::http::error::{ApiError, FailureBody};
use crate::http::extract::Body;
use crate::http::precondition::NoPrecondition;
use crate::http::scope::Scope;
use crate::state::AppState;

/// The routes.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(bulk_update, bulk_delete))
}

/// Updates many transactions at once: all of them, or none.
///
/// By a filter or by ids. With `dryRun` they are only counted. This is one operation, and can be undone as one.
#[utoipa::path(
    patch,
    path = "/api/transactions",
    tag = "transactions",
    security(("bearer" = [])),
    request_body(content = BulkEdit, example = json!({
        "filter": {"startDate": "2026-02-01", "endDate": "2026-02-28"}, "set": {"addTags": ["february"]}, "dryRun": true
    })),
    responses(
        (status = 200, description = "The number of transactions that were changed, or would be", body = SuccessBody<BulkAnswer>),
        (status = 403, description = "`QUOTA_EXCEEDED`: there would be too many, or too much text", body = FailureBody),
        (status = 404, description = "`CATEGORY_NOT_FOUND`, `PAYEE_NOT_FOUND`: the new values", body = FailureBody),
        (status = 422, description = "`TOO_MUCH_WORK`: more than an account may change at once", body = FailureBody),
    )
)]
async fn bulk_update(
    State(state): State<AppState>,
    mutation: Mutation,
    _: NoPrecondition,
    Body(edit): Body<BulkEdit>,
) -> Result<Response, ApiError> {
    let (selection, set) = (Selection::from(edit.selection), edit.set);
    if edit.dry_run {
        let (_turn, mut connection) = state.lanes.read(mutation.user_id()).await?;
        let mut scope = Scope::new(&mut connection, mutation.user_id());
        let answer = scope.read_together(async |scope| count_update(scope, selection, set).await).await?;
        connection.release();
        return Ok(Success::ok(answer).into_response());
    }
    let (few, text) = (selection.clone(), set.weight_of_text());
    let weigh = async |scope: &mut Scope<'_>, rows| {
        let Selection::Ids(ids) = few else { return Ok(i64::MAX) };
        Ok(weight(scope, WeighedRows::Ids(&ids), rows).await?.saturating_add(rows_of(&ids) * text))
    };
    mutation.run_weighed("transactions.update", weigh, async |tx| update_many(tx, selection, set).await).await
}

/// Deletes many transactions at once: all of them, or none. They go to the trash.
///
/// By a filter or by ids. With `dryRun` they are only counted. This is one operation, and can be undone as one.
#[utoipa::path(
    delete,
    path = "/api/transactions",
    tag = "transactions",
    security(("bearer" = [])),
    request_body(content = BulkDelete, example = json!({"filter": {"endDate": "2025-12-31"}, "dryRun": true})),
    responses(
        (status = 200, description = "The number of transactions that were deleted, or would be", body = SuccessBody<BulkAnswer>),
        (status = 422, description = "`TOO_MUCH_WORK`: more than an account may change at once", body = FailureBody),
    )
)]
async fn bulk_delete(
    State(state): State<AppState>,
    mutation: Mutation,
    _: NoPrecondition,
    Body(delete): Body<BulkDelete>,
) -> Result<Response, ApiError> {
    let selection = Selection::from(delete.selection);
    if delete.dry_run {
        let (_turn, mut connection) = state.lanes.read(mutation.user_id()).await?;
        let mut scope = Scope::new(&mut connection, mutation.user_id());
        let answer = scope.read_together(async |scope| count_deletion(scope, selection).await).await?;
        connection.release();
        return Ok(Success::ok(answer).into_response());
    }
    let few = selection.clone();
    let weigh = async |scope: &mut Scope<'_>, rows| {
        let Selection::Ids(ids) = few else { return Ok(i64::MAX) };
        weight(scope, WeighedRows::Ids(&ids), rows).await
    };
    mutation.run_weighed("transactions.delete", weigh, async |tx| delete_many(tx, selection).await).await
}
