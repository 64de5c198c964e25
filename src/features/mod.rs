//! What the service does, a folder a feature. This is the one list of them.

pub mod auth;
pub mod categories;
pub mod history;
pub mod index;
pub mod named;
pub mod payees;
pub mod quotas;
pub mod reports;
pub mod tags;
pub mod transactions;
pub mod users;

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::AppState;
use crate::http::openapi;

/// All routes, and their description.
pub fn router() -> (Router<AppState>, OpenApi) {
    let (router, document) = OpenApiRouter::with_openapi(openapi::base())
        .merge(index::router())
        .merge(auth::router())
        .merge(reports::router())
        .merge(transactions::router())
        .merge(categories::router())
        .merge(tags::router())
        .merge(payees::router())
        .merge(history::router())
        .split_for_parts();
    (router, openapi::complete(document))
}
