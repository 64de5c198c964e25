//! The routes under `/api/payees`.

use axum::extract::State;
use axum::response::Response;
use sqlx::PgConnection;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{NewPayee, Payee, PayeeEdit};
use super::store;
use crate::app::AppState;

use crate::features::history::{Unit, Work};
use crate::features::named::{Listing, Merge, NameTaken};
use crate::features::transactions;
use crate::features::transactions::weight_store::{Those, weight};
use crate::http::envelope::{Done, FailureBody, Success, SuccessBody};
use crate::http::error::ApiError;
use crate::http::etag::{NoPrecondition, Precondition};
use crate::http::extract::{Body, Id, QueryString, shown_id};
use crate::http::identity::CurrentUser;
use crate::http::openapi::Reads as _;

/// The routes.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .routes(routes!(merge))
        .reads_query::<Listing>("/api/payees")
        .reads::<NewPayee>()
        .reads::<PayeeEdit>()
}

/// That there is no such payee.
pub fn not_found(id: i64) -> ApiError {
    ApiError::NotFound { code: "PAYEE_NOT_FOUND", message: format!("Payee not found: {}", shown_id(id)) }
}

fn name_taken(name: &str) -> ApiError {
    ApiError::Conflict { code: "PAYEE_ALREADY_EXISTS", message: format!("There is a payee of this name: {name}") }
}

/// Lists the user's payees by name.
///
/// Without `limit` and `cursor` all of them, otherwise a page.
#[utoipa::path(
    get,
    path = "/api/payees",
    tag = "payees",
    security(("bearer" = [])),
    params(
        ("counts" = Option<bool>, Query, description = "With `transactionCount`"),
        ("limit" = Option<u16>, Query, description = "Rows of a page, 1 to 500; all of them without"),
        ("cursor" = Option<String>, Query, description = "Where a page begins: `nextCursor` or `prevCursor` of `meta.page`"),
    ),
    responses((status = 200, description = "The payees", body = SuccessBody<Vec<Payee>>))
)]
async fn list(
    State(state): State<AppState>,
    user: CurrentUser,
    QueryString(listing): QueryString<Listing>,
) -> Result<Response, ApiError> {
    let list = store::PayeeList { user_id: user.id, counts: listing.counts };
    let scope = format!("{} payees", user.id);
    state.lists.answer_keyed(user.id, list, listing.page.as_ref(), (&state.cursors, scope)).await
}

async fn found(unit: &mut Unit<'_>, id: i64) -> Result<Payee, ApiError> {
    let user_id = unit.user_id;
    store::find(unit, user_id, id).await?.ok_or_else(|| not_found(id))
}

/// Makes a payee.
///
/// Entering a transaction makes the payee that it names, too.
#[utoipa::path(
    post,
    path = "/api/payees",
    tag = "payees",
    security(("bearer" = [])),
    request_body(content = NewPayee, example = json!({"name": "7-Eleven"})),
    responses(
        (status = 201, description = "Made", body = SuccessBody<Payee>),
        (status = 403, description = "`QUOTA_EXCEEDED`: there are too many", body = FailureBody),
        (status = 409, description = "`PAYEE_ALREADY_EXISTS`", body = FailureBody),
    )
)]
async fn create(work: Work, _: NoPrecondition, Body(new): Body<NewPayee>) -> Result<Response, ApiError> {
    work.run("payee.create", async |unit| {
        let user_id = unit.user_id;
        let id = store::insert(unit, user_id, &new).await?.map_err(|NameTaken| name_taken(&new.name))?;
        Ok(Success::created(found(unit, id).await?).tagged())
    })
    .await
}

/// Reads a payee.
///
/// `transactionCount` is in lists only.
#[utoipa::path(
    get,
    path = "/api/payees/{id}",
    tag = "payees",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The payee's id")),
    responses(
        (status = 200, description = "The payee", body = SuccessBody<Payee>),
        (status = 304, description = "It is what `If-None-Match` names"),
        (status = 404, description = "`PAYEE_NOT_FOUND`", body = FailureBody),
    )
)]
async fn read(State(state): State<AppState>, user: CurrentUser, Id(id): Id) -> Result<Success<Payee>, ApiError> {
    let mut connection = state.pools.requests.acquire().await?;
    let payee = store::find(&mut connection, user.id, id).await?;
    connection.release();
    payee.map(|payee| Success::ok(payee).tagged()).ok_or_else(|| not_found(id))
}

/// Changes a payee: what is left out stays as it is. PUT and PATCH do the same. A name changes everywhere at once.
///
/// With `If-Match`, only if it is still what was read.
#[utoipa::path(
    method(put, patch),
    path = "/api/payees/{id}",
    tag = "payees",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The payee's id")),
    request_body(content = PayeeEdit, example = json!({"name": "7-Eleven Asok"})),
    responses(
        (status = 200, description = "The payee as it is now", body = SuccessBody<Payee>),
        (status = 404, description = "`PAYEE_NOT_FOUND`", body = FailureBody),
        (status = 409, description = "`PAYEE_ALREADY_EXISTS`: to make one of two, merge them", body = FailureBody),
        (status = 412, description = "`PRECONDITION_FAILED`: it is not what `If-Match` names", body = FailureBody),
    )
)]
async fn update(
    work: Work,
    precondition: Precondition,
    Id(id): Id,
    Body(edit): Body<PayeeEdit>,
) -> Result<Response, ApiError> {
    work.run("payee.update", async |unit| {
        let user_id = unit.user_id;
        let current = found(unit, id).await?;
        precondition.check(&current)?;
        if edit.changes_nothing(&current) {
            unit.note_nothing_changed();
            return Ok(Success::ok(current).tagged());
        }
        let name = edit.name.clone().unwrap_or_default();
        store::update(unit, current, user_id, edit).await?.map_err(|NameTaken| name_taken(&name))?;
        Ok(Success::ok(found(unit, id).await?).tagged())
    })
    .await
}

/// Deletes a payee; the transactions that have it go on without.
///
/// It is one operation, and undone as one.
#[utoipa::path(
    delete,
    path = "/api/payees/{id}",
    tag = "payees",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The payee's id")),
    responses(
        (status = 200, description = "Deleted", body = SuccessBody<Done>),
        (status = 404, description = "`PAYEE_NOT_FOUND`", body = FailureBody),
        (status = 412, description = "`PRECONDITION_FAILED`: it is not what `If-Match` names", body = FailureBody),
        (status = 422, description = "`TOO_MUCH_WORK`: more than an account may change at once", body = FailureBody),
    )
)]
async fn delete(work: Work, precondition: Precondition, Id(id): Id) -> Result<Response, ApiError> {
    let user_id = work.user_id();
    let weigh = async |database: &mut PgConnection, rows| weight(database, user_id, Those::WithPayee(id), rows).await;
    work.run_weighed("payee.delete", weigh, async |unit| {
        let current = found(unit, id).await?;
        precondition.check(&current)?;
        let weight = weight(unit, user_id, Those::WithPayee(id), None).await?;
        unit.charge(weight)?;
        store::delete(unit, user_id, id).await?;
        Ok(Success::ok(Done { message: "Payee deleted successfully" }))
    })
    .await
}

/// Merges a payee into another: its transactions get that one, and it is gone.
///
/// It is one operation, and undone as one.
#[utoipa::path(
    post,
    path = "/api/payees/{id}/merge",
    tag = "payees",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The id of the payee that goes")),
    request_body(content = Merge, example = json!({"into": 7})),
    responses(
        (status = 200, description = "The payee that stays", body = SuccessBody<Payee>),
        (status = 404, description = "`PAYEE_NOT_FOUND`: either of them", body = FailureBody),
        (status = 409, description = "`CONFLICT`: they are the same", body = FailureBody),
        (status = 412, description = "`PRECONDITION_FAILED`: the one that goes is not what `If-Match` names", body = FailureBody),
        (status = 422, description = "`TOO_MUCH_WORK`: more than an account may change at once", body = FailureBody),
    )
)]
async fn merge(
    work: Work,
    precondition: Precondition,
    Id(id): Id,
    Body(Merge { into }): Body<Merge>,
) -> Result<Response, ApiError> {
    let user_id = work.user_id();
    let weigh = async |database: &mut PgConnection, rows| weight(database, user_id, Those::WithPayee(id), rows).await;
    work.run_weighed("payee.merge", weigh, async |unit| {
        precondition.check(&found(unit, id).await?)?;
        let target = found(unit, into).await?;
        if id == into {
            let message = "A payee cannot be merged into itself; nothing was changed".to_owned();
            return Err(ApiError::Conflict { code: "CONFLICT", message });
        }
        let weight = weight(unit, user_id, Those::WithPayee(id), None).await?;
        unit.charge(weight)?;
        transactions::store::move_payee(unit, user_id, id, into).await?;
        unit.note_merged("payees", id, into).await?;
        store::delete(unit, user_id, id).await?;
        Ok(Success::ok(target))
    })
    .await
}
