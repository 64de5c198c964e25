//! `GET /api`: the name and the state of the service.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::clock::rfc3339_millis;
use crate::features::feature::Feature;
use crate::http::envelope::{Success, SuccessBody};
use crate::state::AppState;

pub const FEATURE: Feature =
    Feature { tag: "index", about: "The name and the state of the service.", router, ..Feature::EMPTY };

fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(status))
}

/// The name and the state of the service.
#[derive(Debug, Serialize, ToSchema)]
struct Index {
    /// Always `ok`: the process answers.
    #[schema(example = "ok")]
    status: &'static str,
    /// The name of the service.
    #[schema(example = "expense-tracker-api")]
    name: &'static str,
    /// The version of the program.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// `applied`, or why other requests are answered with 503: `pending`, `running`, `blocked`, or `unknown` while the
    /// database cannot be reached.
    #[schema(example = "applied")]
    migrations: &'static str,
    /// The time of the answer.
    #[schema(format = DateTime, example = "2026-02-16T09:30:00.000Z")]
    timestamp: String,
}

/// The name and the state of the service.
///
/// Needs no token, and answers as soon as the process runs.
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
