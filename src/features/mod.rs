//! What the service does, a folder a feature. This is the one list of them.

pub mod auth;
pub mod categories;
pub mod index;
pub mod reports;
pub mod transactions;
pub mod users;

use utoipa_axum::router::OpenApiRouter;

use crate::app::AppState;
use crate::http::openapi;

/// All routes, with their description.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::base())
        .merge(index::router())
        .merge(auth::router())
        .merge(reports::router())
        .merge(transactions::router())
}
