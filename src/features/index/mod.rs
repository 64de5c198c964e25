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
    /// `applied`, or why other requests are answered with 503: `pending`, `running`, `blocked`, or `unknown` while the
    /// database cannot be reached.
    #[schema(example = "applied")]
    migrations: &'static str,
    #[schema(format = DateTime, example = "2026-02-16T09:30:00.000Z")]
    timestamp: String,
}

/// What this is, and that it works.
///
/// Answers without asking who it is, as soon as the process is up.
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
        migrations: state.readiness.get().migrations(),
        timestamp: rfc3339_millis(state.clock.now()),
    })
}
