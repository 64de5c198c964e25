//! Liveness, readiness and metrics for monitoring.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use super::readiness::{Readiness, ReadinessState};

/// The public routes, outside of `/api` and its envelope and limits. They report the state without its cause.
pub(super) fn public(readiness: ReadinessState) -> Router {
    Router::new().route("/healthz", routing::get(alive)).route("/readyz", routing::get(ready)).with_state(readiness)
}

/// The routes of the internal listener, which report the cause and the metrics.
pub fn internal(readiness: ReadinessState, metrics: Option<PrometheusHandle>) -> Router {
    let router = Router::new()
        .route("/healthz", routing::get(alive))
        .route("/readyz", routing::get(ready_in_detail))
        .with_state(readiness);
    match metrics {
        Some(handle) => router.merge(Router::new().route("/metrics", routing::get(render)).with_state(handle)),
        None => router,
    }
}

async fn alive() -> Json<serde_json::Value> {
    Json(json!({"status": "ok"}))
}

async fn ready(State(state): State<ReadinessState>) -> Response {
    let (status, word) = status_of(&state.get());
    (status, Json(json!({"status": word}))).into_response()
}

async fn ready_in_detail(State(state): State<ReadinessState>) -> Response {
    let readiness = state.get();
    let (status, word) = status_of(&readiness);
    (status, Json(json!({"status": word, "message": readiness.to_string()}))).into_response()
}

fn status_of(readiness: &Readiness) -> (StatusCode, &'static str) {
    match readiness {
        Readiness::Ready | Readiness::Ahead { .. } => (StatusCode::OK, "ready"),
        Readiness::MigrationRunning { .. } => (StatusCode::SERVICE_UNAVAILABLE, "migration_running"),
        Readiness::MigrationsPending { .. } => (StatusCode::SERVICE_UNAVAILABLE, "migrations_pending"),
        Readiness::MigrationsWrong { .. } => (StatusCode::SERVICE_UNAVAILABLE, "migrations_wrong"),
        Readiness::DatabaseUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "database_unavailable"),
    }
}

async fn render(State(handle): State<PrometheusHandle>) -> Response {
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, text)], handle.render()).into_response()
}
