//! Schemas that utoipa cannot derive.

use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// The extension that keeps a schema until the document is finished.
pub(super) const VERBATIM: &str = "x-schema";

/// A schema that stands in the document exactly as it is given.
#[must_use]
pub fn verbatim(schema: Value) -> Schema {
    ObjectBuilder::new().extensions(Some(Extensions::from_iter([(VERBATIM, schema)]))).into()
}

/// The schema of an amount in an answer.
#[must_use]
pub fn amount() -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .description(Some("Exact, in major units, with no more than 15 significant digits."))
        .examples([json!(60.5)])
        .into()
}

/// The schema of a field with a constant value.
#[must_use]
pub fn always(value: Value, description: &str) -> Schema {
    verbatim(json!({"type": "boolean", "const": value, "description": description}))
}
