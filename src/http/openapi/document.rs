//! The document: its head, and everything that all operations have in common.

use serde_json::{Value, json};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, Content, OpenApi, Ref, RefOr, ResponseBuilder, ServerBuilder};
use utoipa::{Modify, OpenApi as _};

use super::{finish, headers};
use crate::http::error::{self, CodeSchema, FailureBody, FailureError};
use crate::http::meta::Meta;

/// The path of the document.
pub const DOCUMENT_PATH: &str = "/api/openapi.json";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = TITLE,
        description = "Every answer has an envelope: `{success, data, meta}` or `{success, error: {code, message, details}, meta}`. \
            Amounts are exact decimals, days are civil, instants are UTC.\n\n\
            To try it out: register with `POST /api/auth/register`, log in with `POST /api/auth/login`, and paste \
            `data.access_token` of the answer into *Authorize*.",
        license(name = "MIT", identifier = "MIT")
    ),
    components(schemas(FailureBody, FailureError, CodeSchema, Meta)),
    modifiers(&Security)
)]
struct DocumentHead;

/// The title of the document, and of its page.
pub(super) const TITLE: &str = "Expense tracker API";

/// A bearer token, from logging in.
struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut OpenApi) {
        let text = "Log in with `POST /api/auth/login`, and paste `data.access_token` of the answer.";
        let bearer =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(text)).build();
        document
            .components
            .get_or_insert_with(Components::new)
            .add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The document that the routes are added to.
#[must_use]
pub fn base() -> OpenApi {
    let mut document = DocumentHead::openapi();
    document.servers = Some(vec![ServerBuilder::new().url("/").build()]);
    document
}

/// Adds everything that all operations have in common, such as the failures that any request may meet; the groups of routes,
/// in the order in which they are shown; and the `codes` of failures that features add to [`error::CODES`].
#[must_use]
pub fn complete(mut document: OpenApi, tags: &[(&str, &str)], codes: &[&'static str]) -> Value {
    let tag = |(name, text): &(&str, &str)| TagBuilder::new().name(*name).description(Some(*text)).build();
    document.tags = Some(tags.iter().map(tag).collect());
    for item in document.paths.paths.values_mut() {
        name_operations(item);
        let changing = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in changing.into_iter().filter_map(Option::as_mut).filter(|operation| takes_key(operation)) {
            headers::take_key(operation);
            // Who registers a second time is told of the address and not of the key.
            if operation.security.is_some() {
                note_reused_key(operation);
            }
        }
        let methods = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in methods.into_iter().filter_map(Option::as_mut) {
            for (status, description) in ANY_OPERATION {
                add_failure(operation, status, description);
            }
            if operation.security.is_some() {
                add_failure(operation, "401", "`UNAUTHORIZED`: nobody is signed in");
            }
            if operation.parameters.is_some() || operation.request_body.is_some() {
                add_failure(operation, "400", "`BAD_REQUEST`: all that is wrong is in `details`");
            }
            if operation.request_body.is_some() {
                for (status, description) in ANY_BODY {
                    add_failure(operation, status, description);
                }
            }
            headers::add(operation);
        }
    }
    headers::define(document.components.get_or_insert_default());
    let mut document = finish::finished(serde_json::to_value(document).unwrap_or_default());
    let mut codes = [error::CODES, codes].concat();
    codes.sort_unstable();
    document["components"]["schemas"]["ErrorCode"]["enum"] = json!(codes);
    document
}

/// Gives each operation a name that no other has, which is what generated clients call it: `tags_update`. Where PUT and PATCH
/// are the same, PATCH has the plain name.
fn name_operations(item: &mut PathItem) {
    let methods = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
    for operation in methods.into_iter().filter_map(Option::as_mut) {
        name_operation(operation, "");
    }
    let suffix = if item.patch.is_some() { "_put" } else { "" };
    if let Some(put) = &mut item.put {
        name_operation(put, suffix);
    }
}

fn name_operation(operation: &mut Operation, suffix: &str) {
    if let (Some(name), Some(tag)) = (&operation.operation_id, operation.tags.iter().flatten().next()) {
        operation.operation_id = Some(format!("{tag}_{name}{suffix}"));
    }
}

const ANY_OPERATION: &[(&str, &str)] = &[
    ("408", "`REQUEST_TIMEOUT`: the request took too long"),
    ("431", "`HEAD_TOO_LARGE`: the headers and the address are over 16 KiB; far over that, the answer has no body"),
    ("429", "`TOO_MANY_REQUESTS` or `TOO_MUCH_WORK`: come back after `Retry-After`"),
    ("500", "`INTERNAL_ERROR`: quote the request id"),
    ("503", "`MIGRATIONS_PENDING`, `DATABASE_UNAVAILABLE` or `OVERLOADED`: come back after `Retry-After`"),
];

const ANY_BODY: &[(&str, &str)] = &[
    ("413", "`PAYLOAD_TOO_LARGE`: the body is over 1 MiB"),
    ("415", "`UNSUPPORTED_MEDIA_TYPE`: the body is not `application/json`"),
];

/// Tells if it changes something, which logging in does not. A registration needs no token, and a second one is refused.
fn takes_key(operation: &Operation) -> bool {
    operation.security.is_some() || operation.responses.responses.contains_key("409")
}

/// Adds that the `Idempotency-Key` may stand for another request.
fn note_reused_key(operation: &mut Operation) {
    const REUSED: &str = "`IDEMPOTENCY_KEY_REUSED`: the key stands for another request";
    match operation.responses.responses.get_mut("409") {
        Some(RefOr::T(conflict)) => conflict.description = format!("{}; {REUSED}", conflict.description),
        _ => add_failure(operation, "409", REUSED),
    }
}

fn add_failure(operation: &mut Operation, status: &str, description: &str) {
    let response = || {
        let content = Content::new(Some(Ref::from_schema_name("FailureBody")));
        ResponseBuilder::new().description(description).content("application/json", content).build()
    };
    operation.responses.responses.entry(status.to_owned()).or_insert_with(|| response().into());
}
