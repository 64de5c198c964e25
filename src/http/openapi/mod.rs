//! The description of the API for programs, made from the code, and Swagger UI over it.

mod headers;
mod pages;

pub(super) use pages::router;

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Content, OpenApi, Ref, RefOr, ResponseBuilder, ServerBuilder};
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

/// Adds what holds for every operation, so that no feature has to say it again: strict bodies, and the failures that
/// any request may meet.
#[must_use]
pub fn complete(mut document: OpenApi) -> OpenApi {
    let mut bodies = Vec::new();
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
            if let Some(RefOr::T(body)) = &operation.request_body {
                bodies.extend(body.content.values().filter_map(schema_name));
                for (status, description) in ANY_BODY {
                    add_failure(operation, status, description);
                }
            }
            headers::add(operation);
        }
    }
    headers::define(document.components.get_or_insert_default());
    let schemas = document.components.as_mut().map(|components| &mut components.schemas);
    for (name, schema) in schemas.into_iter().flatten() {
        if let RefOr::T(Schema::Object(object)) = schema
            && bodies.contains(name)
        {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
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
    ("429", "`TOO_MANY_REQUESTS` or `TOO_MUCH_WORK`: come back after `Retry-After`"),
    ("500", "`INTERNAL_ERROR`: quote the request id"),
    ("503", "`MIGRATIONS_PENDING`, `DATABASE_UNAVAILABLE` or `OVERLOADED`: come back after `Retry-After`"),
];

const ANY_BODY: &[(&str, &str)] = &[
    ("413", "`PAYLOAD_TOO_LARGE`: the body is over 1 MiB"),
    ("415", "`UNSUPPORTED_MEDIA_TYPE`: the body is not `application/json`"),
];

/// Whether it changes something; logging in does not. Nobody is signed in who registers, and who does it again is refused.
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

/// The name of the schema that a body has.
fn schema_name(content: &RefOr<Content>) -> Option<String> {
    let RefOr::T(Content { schema: Some(RefOr::Ref(reference)), .. }) = content else { return None };
    reference.ref_location.rsplit('/').next().map(str::to_owned)
}

fn add_failure(operation: &mut Operation, status: &str, description: &str) {
    let response = || {
        let content = Content::new(Some(Ref::from_schema_name("FailureBody")));
        ResponseBuilder::new().description(description).content("application/json", content).build()
    };
    operation.responses.responses.entry(status.to_owned()).or_insert_with(|| response().into());
}

/// The schema of an amount that is answered.
#[must_use]
pub fn amount() -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .description(Some("Exact, in major units, with no more than 15 significant digits."))
        .examples([serde_json::json!(60.5)])
        .into()
}

/// The schema of an amount that is asked for.
#[must_use]
pub fn amount_input() -> Schema {
    let number = ObjectBuilder::new().schema_type(Type::Number).exclusive_minimum(Some(0));
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^\d+(\.\d+)?([eE][+-]?\d+)?$"));
    OneOfBuilder::new()
        .item(number)
        .item(text)
        .description(Some(
            "Positive, in major units, read from its text and never through a float: at most 12 digits before the point, \
             15 significant ones, and as many decimals as the currency has in ISO 4217.",
        ))
        .examples([serde_json::json!(60.5), serde_json::json!("60.50")])
        .into()
}

/// The schema of some fields of something; `null` instead of them where that may be.
#[must_use]
pub fn fields(description: &str, nullable: bool, example: serde_json::Value) -> Schema {
    let types: SchemaType =
        if nullable { [Type::Object, Type::Null].into_iter().collect() } else { Type::Object.into() };
    ObjectBuilder::new().schema_type(types).description(Some(description)).examples([example]).into()
}
