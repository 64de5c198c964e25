//! The description of the API for programs, made from the code, and Swagger UI over it.

use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, ServerBuilder};
use utoipa::{Modify, OpenApi as _};

use super::envelope::{FailureBody, FailureError, Meta};

/// Where the document is.
pub const DOCUMENT_PATH: &str = "/api/openapi.json";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Expense tracker API",
        description = "Every answer has an envelope: `{success, data, meta}` or `{success, error: {code, message, details}, meta}`. \
            Amounts are exact decimals, days are civil, instants are UTC."
    ),
    components(schemas(FailureBody, FailureError, Meta)),
    modifiers(&Security)
)]
struct Base;

/// A bearer token, from logging in.
struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        document
            .components
            .get_or_insert_with(Components::new)
            .add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The document that the routes are added to.
#[must_use]
pub fn base() -> OpenApi {
    let mut document = Base::openapi();
    document.servers = Some(vec![ServerBuilder::new().url("/").build()]);
    document
}

/// The routes of the document and of its page.
pub fn router(document: OpenApi) -> Router {
    let served = document.clone();
    Router::new()
        .route(DOCUMENT_PATH, routing::get(move || std::future::ready(json(&served))))
        .merge(Router::from(swagger_ui()))
}

fn json(document: &OpenApi) -> Response {
    Json(document).into_response()
}

fn swagger_ui() -> utoipa_swagger_ui::SwaggerUi {
    utoipa_swagger_ui::SwaggerUi::new("/api/docs").config(utoipa_swagger_ui::Config::from(DOCUMENT_PATH))
}
