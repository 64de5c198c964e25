//! The routes under `/api/categories`.

use utoipa_axum::router::OpenApiRouter;

use super::order;
use super::resource::{Categories, DEFAULTS, TABLE};
use crate::features::feature::Feature;
use crate::features::resource::{codes, merge_router, router};
use crate::state::AppState;

pub const FEATURE: Feature = Feature {
    tag: "categories",
    about: "Groups of transactions: a tree for income, and one for expenses.",
    router: routes,
    recorded: &[&TABLE, &DEFAULTS],
    codes: codes::<Categories>,
    ..Feature::EMPTY
};

fn routes() -> OpenApiRouter<AppState> {
    router::<Categories>().merge(merge_router::<Categories>()).merge(order::router())
}
