//! The routes under `/api/tags`.

use axum::extract::State;
use axum::response::Response;
use sqlx::PgConnection;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{NewTag, Tag, TagEdit};
use super::store;
use crate::app::AppState;

use crate::features::history::{Unit, Work};
use crate::features::named::{Listing, Merge, NameTaken};
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
        .reads_query::<Listing>("/api/tags")
        .reads::<NewTag>()
        .reads::<TagEdit>()
}

fn not_found(id: i64) -> ApiError {
    ApiError::NotFound { code: "TAG_NOT_FOUND", message: format!("Tag not found: {}", shown_id(id)) }
}

fn name_taken(name: &str) -> ApiError {
    ApiError::Conflict { code: "TAG_ALREADY_EXISTS", message: format!("There is a tag of this name: {name}") }
}

/// Lists the user's tags by name.
///
/// Without `limit` and `cursor` all of them, otherwise a page.
#[utoipa::path(
    get,
    path = "/api/tags",
    tag = "tags",
    security(("bearer" = [])),
    params(
        ("counts" = Option<bool>, Query, description = "With `transactionCount`"),
        ("limit" = Option<u16>, Query, description = "Rows of a page, 1 to 500; all of them without"),
        ("cursor" = Option<String>, Query, description = "Where a page begins: `nextCursor` or `prevCursor` of `meta.page`"),
    ),
    responses((status = 200, description = "The tags", body = SuccessBody<Vec<Tag>>))
)]
async fn list(
    State(state): State<AppState>,
    user: CurrentUser,
    QueryString(listing): QueryString<Listing>,
) -> Result<Response, ApiError> {
    let list = store::TagList { user_id: user.id, counts: listing.counts };
    let scope = format!("{} tags", user.id);
    state.lists.answer_keyed(user.id, list, listing.page.as_ref(), (&state.cursors, scope)).await
}

async fn found(unit: &mut Unit<'_>, id: i64) -> Result<Tag, ApiError> {
    let user_id = unit.user_id;
    store::find(unit, user_id, id).await?.ok_or_else(|| not_found(id))
}

/// Makes a tag.
///
/// Entering a transaction makes the tags that it names, too.
#[utoipa::path(
    post,
    path = "/api/tags",
    tag = "tags",
    security(("bearer" = [])),
    request_body(content = NewTag, example = json!({"name": "holiday", "color": "#1f77b4"})),
    responses(
        (status = 201, description = "Made", body = SuccessBody<Tag>),
        (status = 403, description = "`QUOTA_EXCEEDED`: there are too many", body = FailureBody),
        (status = 409, description = "`TAG_ALREADY_EXISTS`", body = FailureBody),
    )
)]
async fn create(work: Work, _: NoPrecondition, Body(new): Body<NewTag>) -> Result<Response, ApiError> {
    work.run("tag.create", async |unit| {
        let user_id = unit.user_id;
        let id = store::insert(unit, user_id, &new).await?.map_err(|NameTaken| name_taken(&new.name))?;
        Ok(Success::created(found(unit, id).await?).tagged())
    })
    .await
}

/// Reads a tag.
///
/// `transactionCount` is in lists only.
#[utoipa::path(
    get,
    path = "/api/tags/{id}",
    tag = "tags",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The tag's id")),
    responses(
        (status = 200, description = "The tag", body = SuccessBody<Tag>),
        (status = 304, description = "It is what `If-None-Match` names"),
        (status = 404, description = "`TAG_NOT_FOUND`", body = FailureBody),
    )
)]
async fn read(State(state): State<AppState>, user: CurrentUser, Id(id): Id) -> Result<Success<Tag>, ApiError> {
    let mut connection = state.pools.requests.acquire().await?;
    let tag = store::find(&mut connection, user.id, id).await?;
    connection.release();
    tag.map(|tag| Success::ok(tag).tagged()).ok_or_else(|| not_found(id))
}

/// Changes a tag: what is left out stays as it is. PUT and PATCH do the same. A name changes everywhere at once.
///
/// With `If-Match`, only if it is still what was read.
#[utoipa::path(
    method(put, patch),
    path = "/api/tags/{id}",
    tag = "tags",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The tag's id")),
    request_body(content = TagEdit, example = json!({"name": "holiday 2026"})),
    responses(
        (status = 200, description = "The tag as it is now", body = SuccessBody<Tag>),
        (status = 404, description = "`TAG_NOT_FOUND`", body = FailureBody),
        (status = 409, description = "`TAG_ALREADY_EXISTS`: to make one of two, merge them", body = FailureBody),
        (status = 412, description = "`PRECONDITION_FAILED`: it is not what `If-Match` names", body = FailureBody),
    )
)]
async fn update(
    work: Work,
    precondition: Precondition,
    Id(id): Id,
    Body(edit): Body<TagEdit>,
) -> Result<Response, ApiError> {
    work.run("tag.update", async |unit| {
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

/// Deletes a tag; the transactions that have it go on without.
///
/// It is one operation, and undone as one.
#[utoipa::path(
    delete,
    path = "/api/tags/{id}",
    tag = "tags",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The tag's id")),
    responses(
        (status = 200, description = "Deleted", body = SuccessBody<Done>),
        (status = 404, description = "`TAG_NOT_FOUND`", body = FailureBody),
        (status = 412, description = "`PRECONDITION_FAILED`: it is not what `If-Match` names", body = FailureBody),
        (status = 422, description = "`TOO_MUCH_WORK`: more than an account may change at once", body = FailureBody),
    )
)]
async fn delete(work: Work, precondition: Precondition, Id(id): Id) -> Result<Response, ApiError> {
    let user_id = work.user_id();
    let weigh = async |database: &mut PgConnection, rows| store::weight(database, user_id, id, rows).await;
    work.run_weighed("tag.delete", weigh, async |unit| {
        let current = found(unit, id).await?;
        precondition.check(&current)?;
        let weight = store::weight(unit, user_id, id, None).await?;
        unit.charge(weight)?;
        store::delete(unit, user_id, id).await?;
        Ok(Success::ok(Done { message: "Tag deleted successfully" }))
    })
    .await
}

/// Merges a tag into another: its transactions get that one, and it is gone.
///
/// It is one operation, and undone as one.
#[utoipa::path(
    post,
    path = "/api/tags/{id}/merge",
    tag = "tags",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The id of the tag that goes")),
    request_body(content = Merge, example = json!({"into": 7})),
    responses(
        (status = 200, description = "The tag that stays", body = SuccessBody<Tag>),
        (status = 404, description = "`TAG_NOT_FOUND`: either of them", body = FailureBody),
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
    let weigh = async |database: &mut PgConnection, rows| store::weight(database, user_id, id, rows).await;
    work.run_weighed("tag.merge", weigh, async |unit| {
        precondition.check(&found(unit, id).await?)?;
        let target = found(unit, into).await?;
        if id == into {
            let message = "A tag cannot be merged into itself; nothing was changed".to_owned();
            return Err(ApiError::Conflict { code: "CONFLICT", message });
        }
        let weight = store::weight(unit, user_id, id, None).await?;
        unit.charge(weight)?;
        store::put_beside(unit, user_id, id, into).await?;
        unit.note_merged("tags", id, into).await?;
        store::delete(unit, user_id, id).await?;
        Ok(Success::ok(target))
    })
    .await
}
