//! `PUT /api/categories/order`: the order of categories.

use std::borrow::Cow;

use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::resource::Categories;
use super::store;
use crate::features::history::{Mutation, Tx};
use crate::features::resource::not_found;
use crate::fields;
use crate::http::envelope::{Done, Success, SuccessBody};
use crate::http::error::{ApiError, FailureBody};
use crate::http::extract::Body;
use crate::http::precondition::NoPrecondition;
use crate::http::presence::Required;
use crate::http::rules::{DistinctList, Id};
use crate::state::AppState;

/// The route.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(reorder))
}

fields! {
    /// An order of categories.
    #[derive(Debug)]
    struct CategoryOrder as "ReorderCategories" {
        /// The ids, in their new order.
        ids: Required<DistinctList<Id, 1000>> = [3, 1, 2],
    }
}

/// Puts categories in an order: the position of each is its index in the list.
///
/// The ids of all categories or of some, such as `[3, 1, 2]`; the others keep their positions.
#[utoipa::path(
    put,
    path = "/api/categories/order",
    tag = "categories",
    security(("bearer" = [])),
    // Ids are different for each account; this example works for all.
    request_body(content = CategoryOrder, example = json!({"ids": []})),
    responses(
        (status = 200, description = "Reordered", body = SuccessBody<Done>),
        (status = 404, description = "`CATEGORY_NOT_FOUND`: one of them", body = FailureBody),
    )
)]
async fn reorder(
    mutation: Mutation,
    _: NoPrecondition,
    Body(order): Body<CategoryOrder>,
) -> Result<Response, ApiError> {
    mutation.run("category.reorder", async |tx| put_in_order(tx, &order.ids).await).await
}

async fn put_in_order(tx: &mut Tx<'_>, ids: &[i64]) -> Result<Success<Done>, ApiError> {
    let known = store::reorder(tx, ids).await?;
    if usize::try_from(known).ok() != Some(ids.len()) {
        let all = store::with_descendants(tx, ids, None, None).await?;
        let missing = ids.iter().find(|id| !all.contains(id)).copied().unwrap_or_default();
        return Err(not_found::<Categories>(missing));
    }
    Ok(Success::ok(Done { message: Cow::Borrowed("Categories reordered successfully") }))
}
