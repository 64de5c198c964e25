//! The headers that are part of the contract: which requests take which, and what answers carry.

use serde_json::{Value, json};
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Components, Ref, RefOr, Required};

use super::schemas::verbatim;
use crate::http::idempotency;

/// The headers of answers, which the operations refer to.
const OF_ANSWERS: &[(&str, Type, &str)] = &[
    ("ETag", Type::String, "The version of the data, for `If-Match` and `If-None-Match`"),
    ("Retry-After", Type::Integer, "The seconds after which to try again"),
    ("RateLimit-Limit", Type::Integer, "The requests that are allowed in a period"),
    ("RateLimit-Remaining", Type::Integer, "The requests that are left"),
    ("RateLimit-Reset", Type::Integer, "The seconds after which all of them are allowed again"),
];

/// Adds what the operations refer to.
pub(super) fn define(components: &mut Components) {
    let header = |of_type: &Type, description: &str| -> Header {
        let schema = ObjectBuilder::new().schema_type(of_type.clone());
        HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
    };
    let headers = OF_ANSWERS.iter().map(|(name, of_type, text)| ((*name).to_owned(), header(of_type, text).into()));
    components.headers.extend(headers);
}

/// Lets an operation take an `Idempotency-Key`.
pub(super) fn take_key(operation: &mut Operation) {
    let key = parameter(
        "Idempotency-Key",
        "A request that is sent again with the same key within a day has one effect, and the same answer",
        json!({"type": "string", "minLength": 1, "maxLength": idempotency::MAX_LENGTH, "pattern": "^[!-~]([ -~]*[!-~])?$"}),
    );
    operation.parameters.get_or_insert_default().push(RefOr::T(key));
}

/// Adds the headers of an operation that follow from its answers: one that knows 304 takes `If-None-Match`, one that knows 412
/// takes `If-Match` and `If-None-Match`.
pub(super) fn add(operation: &mut Operation) {
    let has = |status: &str| operation.responses.responses.contains_key(status);
    let (conditional, guarded) = (has("304"), has("412"));
    let mut taken = Vec::new();
    if conditional {
        taken.push(parameter(
            "If-None-Match",
            "Answers 304 if this is still its `ETag`, such as `\"5f1d7e0a93bc4d22\"`",
            json!({"type": "string"}),
        ));
    }
    if guarded {
        taken.push(parameter(
            "If-Match",
            "Answers 412, and changes nothing, if its `ETag` is another than this, such as `\"5f1d7e0a93bc4d22\"`",
            json!({"type": "string"}),
        ));
        taken.push(parameter(
            "If-None-Match",
            "Answers 412, and changes nothing, if its `ETag` is this; `*` is any, so that nothing is changed",
            json!({"type": "string"}),
        ));
    }
    if !taken.is_empty() {
        operation.parameters.get_or_insert_default().extend(taken.into_iter().map(RefOr::T));
    }
    // A deleted row has no tag, and a merge answers with the row that stays.
    let removes =
        operation.operation_id.as_deref().is_some_and(|name| name.ends_with("delete") || name.ends_with("merge"));
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        match status.as_str() {
            "200" | "304" if conditional || guarded && !removes => carry(response, &["ETag"]),
            "201" if operation.security.is_some() => carry(response, &["ETag"]),
            "429" => carry(response, &["Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]),
            "503" => carry(response, &["Retry-After"]),
            _ => {}
        }
    }
}

fn carry(response: &mut Response, names: &[&str]) {
    for name in names {
        let reference = Ref::new(format!("#/components/headers/{name}"));
        response.headers.insert((*name).to_owned(), RefOr::Ref(reference));
    }
}

fn parameter(name: &str, description: &str, schema: Value) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(verbatim(schema)))
        .build()
}
