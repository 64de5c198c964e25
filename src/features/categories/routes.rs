//! The routes under `/api/categories`.

use axum::extract::State;
use axum::response::Response;
use sqlx::PgConnection;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::default_store;
use super::model::{Category, CategoryEdit, Listing, NewCategory, Order};
use super::store::{self, Refused};
use super::tree_store::{self, Stand};
use crate::app::AppState;
use crate::domain::transaction_type::TransactionType;
use crate::features::history::{Unit, Work};
use crate::features::named::Merge;
use crate::features::transactions;
use crate::features::transactions::weight_store::{Those, weight};
use crate::http::envelope::{Done, FailureBody, Success, SuccessBody};
use crate::http::error::ApiError;
use crate::http::etag::{NoPrecondition, Precondition};
use crate::http::extract::{Body, Id, QueryString, shown_id};
use crate::http::identity::CurrentUser;
use crate::http::input::Change;
use crate::http::openapi::Reads as _;

/// The routes.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(reorder))
        .routes(routes!(read, update, delete))
        .routes(routes!(merge))
        .reads_query::<Listing>("/api/categories")
        .reads::<NewCategory>()
        .reads::<CategoryEdit>()
        .reads::<Order>()
        .reads::<Merge>()
}

/// That there is no such category.
pub fn not_found(id: i64) -> ApiError {
    ApiError::NotFound { code: "CATEGORY_NOT_FOUND", message: format!("Category not found: {}", shown_id(id)) }
}

fn refused(refused: Refused, name: &str, parent_id: Option<i64>) -> ApiError {
    match refused {
        Refused::NameTaken => ApiError::Conflict {
            code: "CATEGORY_ALREADY_EXISTS",
            message: format!("There is a category of this name on this level: {name}"),
        },
        Refused::NoParent => not_found(parent_id.unwrap_or_default()),
    }
}

/// Lists the user's categories: incomes before expenses, then by position and name.
///
/// Without `limit` and `cursor` all of them, otherwise a page.
#[utoipa::path(
    get,
    path = "/api/categories",
    tag = "categories",
    security(("bearer" = [])),
    params(
        ("kind" = Option<TransactionType>, Query, description = "`INCOME` or `EXPENSE`"),
        ("archived" = Option<bool>, Query, description = "Archived ones only, or none"),
        ("counts" = Option<bool>, Query, description = "With `transactionCount`"),
        ("limit" = Option<u16>, Query, description = "Rows of a page, 1 to 500; all of them without"),
        ("cursor" = Option<String>, Query, description = "Where a page begins: `nextCursor` or `prevCursor` of `meta.page`"),
    ),
    responses((status = 200, description = "The categories", body = SuccessBody<Vec<Category>>))
)]
async fn list(
    State(state): State<AppState>,
    user: CurrentUser,
    QueryString(listing): QueryString<Listing>,
) -> Result<Response, ApiError> {
    let Listing { kind, archived, counts, page } = listing;
    let scope = format!("{} categories {kind:?} {archived:?}", user.id);
    let list = store::CategoryList { user_id: user.id, kind, archived, counts };
    state.lists.answer_keyed(user.id, list, page.as_ref(), (&state.cursors, scope)).await
}

async fn found(unit: &mut Unit<'_>, id: i64) -> Result<Category, ApiError> {
    let user_id = unit.user_id;
    store::find(unit, user_id, id).await?.ok_or_else(|| not_found(id))
}

/// Makes a category.
///
/// On the top level, or below another one of the same kind.
#[utoipa::path(
    post,
    path = "/api/categories",
    tag = "categories",
    security(("bearer" = [])),
    request_body(content = NewCategory, example = json!({"name": "Coffee", "kind": "EXPENSE", "icon": "☕", "color": "#6f4e37"})),
    responses(
        (status = 201, description = "Made", body = SuccessBody<Category>),
        (status = 403, description = "`QUOTA_EXCEEDED`: there would be too many, or one too deep in the tree", body = FailureBody),
        (status = 404, description = "`CATEGORY_NOT_FOUND`: the one above it", body = FailureBody),
        (status = 409, description = "`CATEGORY_ALREADY_EXISTS`", body = FailureBody),
    )
)]
async fn create(work: Work, _: NoPrecondition, Body(new): Body<NewCategory>) -> Result<Response, ApiError> {
    work.run("category.create", async |unit| {
        let user_id = unit.user_id;
        if let Some(parent_id) = new.parent_id {
            let (most, parent) = (unit.quotas.category_depth, stand(unit, parent_id, None).await?);
            if parent.depth >= most {
                return Err(too_deep(most));
            }
        }
        let id = store::insert(unit, user_id, &new).await?;
        let id = id.map_err(|problem| refused(problem, &new.name, new.parent_id))?;
        Ok(Success::created(found(unit, id).await?).tagged())
    })
    .await
}

/// Reads a category.
///
/// `transactionCount` is in lists only.
#[utoipa::path(
    get,
    path = "/api/categories/{id}",
    tag = "categories",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The category's id")),
    responses(
        (status = 200, description = "The category", body = SuccessBody<Category>),
        (status = 304, description = "It is what `If-None-Match` names"),
        (status = 404, description = "`CATEGORY_NOT_FOUND`", body = FailureBody),
    )
)]
async fn read(State(state): State<AppState>, user: CurrentUser, Id(id): Id) -> Result<Success<Category>, ApiError> {
    let mut connection = state.pools.requests.acquire().await?;
    let category = store::find(&mut connection, user.id, id).await?;
    connection.release();
    category.map(|category| Success::ok(category).tagged()).ok_or_else(|| not_found(id))
}

/// Changes a category: what is left out stays as it is. PUT and PATCH do the same.
///
/// Its kind stays. With `If-Match`, only if it is still what was read.
#[utoipa::path(
    method(put, patch),
    path = "/api/categories/{id}",
    tag = "categories",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The category's id")),
    request_body(content = CategoryEdit, example = json!({"name": "Eating out", "icon": "🍜"})),
    responses(
        (status = 200, description = "The category as it is now", body = SuccessBody<Category>),
        (status = 403, description = "`QUOTA_EXCEEDED`: it, or one below it, would stand too deep in the tree", body = FailureBody),
        (status = 404, description = "`CATEGORY_NOT_FOUND`", body = FailureBody),
        (status = 409, description = "`CATEGORY_ALREADY_EXISTS`, or `CONFLICT`: it would stand below itself", body = FailureBody),
        (status = 412, description = "`PRECONDITION_FAILED`: it is not what `If-Match` names", body = FailureBody),
    )
)]
async fn update(
    work: Work,
    precondition: Precondition,
    Id(id): Id,
    Body(edit): Body<CategoryEdit>,
) -> Result<Response, ApiError> {
    work.run("category.update", async |unit| {
        let user_id = unit.user_id;
        let current = found(unit, id).await?;
        precondition.check(&current)?;
        if edit.changes_nothing(&current) {
            unit.note_nothing_changed();
            return Ok(Success::ok(current).tagged());
        }
        let name = edit.name.clone().unwrap_or_else(|| current.name.clone());
        let parent_id = if let Change::Set(parent_id) = edit.parent_id { Some(parent_id) } else { None };
        if let Some(parent_id) = parent_id.filter(|parent_id| current.parent_id != Some(*parent_id)) {
            check_move(unit, id, parent_id).await?;
        }
        let updated = store::update(unit, &current, user_id, edit).await?;
        updated.map_err(|problem| refused(problem, &name, parent_id))?;
        Ok(Success::ok(found(unit, id).await?).tagged())
    })
    .await
}

async fn stand(unit: &mut Unit<'_>, id: i64, other: Option<i64>) -> Result<Stand, sqlx::Error> {
    let (user_id, most) = (unit.user_id, unit.quotas.category_depth);
    tree_store::stand(unit, user_id, id, other, most).await
}

/// Refuses to put a category below another one where that would make a circle, or take what is below it too deep. A tree that
/// is too deep already may be made flatter step by step.
async fn check_move(unit: &mut Unit<'_>, id: i64, parent_id: i64) -> Result<(), ApiError> {
    let parent = stand(unit, parent_id, Some(id)).await?;
    if parent.is_below {
        return Err(below_itself());
    }
    let (most, moved) = (unit.quotas.category_depth, stand(unit, id, None).await?);
    if parent.depth + moved.height > most && parent.depth >= moved.depth {
        return Err(too_deep(most));
    }
    Ok(())
}

fn too_deep(most: i64) -> ApiError {
    ApiError::QuotaExceeded {
        message: format!(
            "Categories can stand on {most} levels, and this would need more; nothing was changed. Put it higher up"
        ),
    }
}

fn below_itself() -> ApiError {
    ApiError::Conflict {
        code: "CONFLICT",
        message: "A category cannot stand below itself; nothing was changed".to_owned(),
    }
}

/// Deletes a category that has no transactions, and none below it.
///
/// One that is in use is merged into another, or archived.
#[utoipa::path(
    delete,
    path = "/api/categories/{id}",
    tag = "categories",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The category's id")),
    responses(
        (status = 200, description = "Deleted", body = SuccessBody<Done>),
        (status = 404, description = "`CATEGORY_NOT_FOUND`", body = FailureBody),
        (status = 409, description = "`CATEGORY_IN_USE`: merge it into another, or archive it", body = FailureBody),
        (status = 412, description = "`PRECONDITION_FAILED`: it is not what `If-Match` names", body = FailureBody),
    )
)]
async fn delete(work: Work, precondition: Precondition, Id(id): Id) -> Result<Response, ApiError> {
    work.run("category.delete", async |unit| {
        let user_id = unit.user_id;
        precondition.check(&found(unit, id).await?)?;
        let needed = store::needed(unit, user_id, id).await?;
        let by = match (needed.by_transactions, needed.by_categories) {
            (true, _) => "transactions are in it",
            (false, true) => "categories are below it",
            (false, false) => {
                store::delete(unit, user_id, id).await?;
                return Ok(Success::ok(Done { message: "Category deleted successfully" }));
            }
        };
        let message = format!("Category {id} is in use: {by}. Merge it into another one, or archive it");
        Err(ApiError::Conflict { code: "CATEGORY_IN_USE", message })
    })
    .await
}

/// Merges a category into another of its kind: its transactions and the categories below it go there, and it is gone.
///
/// Both have to be of one kind. It is one operation, and undone as one.
#[utoipa::path(
    post,
    path = "/api/categories/{id}/merge",
    tag = "categories",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "The id of the category that goes")),
    request_body(content = Merge, example = json!({"into": 7})),
    responses(
        (status = 200, description = "The category that stays", body = SuccessBody<Category>),
        (status = 403, description = "`QUOTA_EXCEEDED`: one below it would stand too deep in the tree", body = FailureBody),
        (status = 404, description = "`CATEGORY_NOT_FOUND`: either of them", body = FailureBody),
        (status = 409, description = "`CONFLICT`: they are not of one kind, or the one that stays is below the one that goes; \
            `CATEGORY_ALREADY_EXISTS`: both have one of the same name below them", body = FailureBody),
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
    let weigh = async |database: &mut PgConnection, rows| weight(database, user_id, Those::InCategory(id), rows).await;
    work.run_weighed("category.merge", weigh, async |unit| {
        let source = found(unit, id).await?;
        precondition.check(&source)?;
        let target = found(unit, into).await?;
        let conflict = |message: &str| Err(ApiError::Conflict { code: "CONFLICT", message: message.to_owned() });
        if source.kind != target.kind {
            return conflict("Only categories of the same kind can be merged; nothing was changed");
        }
        let stays = stand(unit, into, Some(id)).await?;
        if stays.is_below {
            return conflict("A category cannot be merged into itself or into one below it; nothing was changed");
        }
        let (most, goes) = (unit.quotas.category_depth, stand(unit, id, None).await?);
        if stays.depth + goes.height - 1 > most && goes.height > 1 && stays.depth > goes.depth {
            return Err(too_deep(most));
        }
        let weight = weight(unit, user_id, Those::InCategory(id), None).await?;
        unit.charge(weight)?;
        transactions::store::move_category(unit, user_id, id, into).await?;
        let moved = store::move_children(unit, user_id, id, into).await?;
        moved.map_err(|problem| {
            refused(problem, "both have one of the same name below them; merge these first", Some(into))
        })?;
        default_store::merge(unit, user_id, id, into).await?;
        unit.note_merged("categories", id, into).await?;
        store::delete(unit, user_id, id).await?;
        Ok(Success::ok(target))
    })
    .await
}

/// Puts categories in an order: each gets its place in the list as its position.
///
/// The ids of some or all of them, such as `[3, 1, 2]`; the others keep their positions.
#[utoipa::path(
    put,
    path = "/api/categories/order",
    tag = "categories",
    security(("bearer" = [])),
    // Ids are different for each account: this works for all.
    request_body(content = Order, example = json!({"ids": []})),
    responses(
        (status = 200, description = "Done", body = SuccessBody<Done>),
        (status = 404, description = "`CATEGORY_NOT_FOUND`: one of them", body = FailureBody),
    )
)]
async fn reorder(work: Work, _: NoPrecondition, Body(Order { ids }): Body<Order>) -> Result<Response, ApiError> {
    work.run("category.reorder", async |unit| {
        let user_id = unit.user_id;
        let there = store::reorder(unit, user_id, &ids).await?;
        if usize::try_from(there).ok() != Some(ids.len()) {
            let all = store::with_those_below(unit, user_id, &ids, None, None).await?;
            let missing = ids.iter().find(|id| !all.contains(id)).copied().unwrap_or_default();
            return Err(not_found(missing));
        }
        Ok(Success::ok(Done { message: "Categories reordered successfully" }))
    })
    .await
}
