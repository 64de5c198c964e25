//! `GET /api`: what this is, and that it works.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::domain::clock::rfc3339_millis;
use crate::http::envelope::{Success, SuccessBody};

/// The routes.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(status))
}

/// What this is, and that it works.
#[derive(Debug, Serialize, ToSchema)]
struct Index {
    #[schema(example = "ok")]
    status: &'static str,
    #[schema(example = "expense-tracker-api")]
    name: &'static str,
    #[schema(example = "0.1.0")]
    version: &'static str,
    #[schema(format = DateTime, example = "2026-02-16T09:30:00.000Z")]
    timestamp: String,
}

/// What this is, and that it works.
///
/// Answers without asking who it is; `/readyz` says more to whoever watches over the service.
#[utoipa::path(
    get,
    path = "/api",
    tag = "index",
    responses((status = 200, description = "It works", body = SuccessBody<Index>))
)]
async fn status(State(state): State<AppState>) -> Success<Index> {
    Success::ok(Index {
        status: "ok",
        name: "expense-tracker-api",
        version: env!("CARGO_PKG_VERSION"),
        timestamp: rfc3339_millis(state.clock.now()),
    })
}
