//! The schemas of bodies and query strings, made by the same code that reads them.

use serde_json::{Map, Value, json};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{RefOr, Required, Schema};

use super::schemas::verbatim;
use crate::http::input::{DescribedField, Description, FromInput, Input, joined};

/// The parameters of a query string.
#[must_use]
pub fn query_parameters<T: FromInput>() -> Vec<Parameter> {
    let parameter = |field: DescribedField| {
        ParameterBuilder::new()
            .name(field.key)
            .parameter_in(ParameterIn::Query)
            .required(if field.required { Required::True } else { Required::False })
            .description(Some(field.text))
            .schema(Some(verbatim(field.schema)))
            .build()
    };
    Input::described::<T>().fields.into_iter().map(parameter).collect()
}

/// The schema of a body, or of an object within one.
#[must_use]
pub fn body_schema<T: FromInput>(about: &str) -> RefOr<Schema> {
    verbatim(object(&Input::described::<T>(), &joined(about))).into()
}

fn object(description: &Description, about: &str) -> Value {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("description".to_owned(), json!(about));
    let fields = &description.fields;
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.key).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    let properties = fields.iter().map(|field| (field.key.to_owned(), property(field)));
    schema.insert("properties".to_owned(), Value::Object(properties.collect()));
    schema.insert("additionalProperties".to_owned(), json!(false));
    if description.not_empty || description.has_value {
        schema.insert("minProperties".to_owned(), json!(1));
    }
    match refused(description).as_slice() {
        [] => {}
        [one] => {
            schema.insert("not".to_owned(), one.clone());
        }
        several => {
            schema.insert("not".to_owned(), json!({"anyOf": several}));
        }
    }
    Value::Object(schema)
}

/// The schemas of the objects that are refused. Where a field may be `null`, that means the same as leaving it out.
fn refused(description: &Description) -> Vec<Value> {
    let nullable = |key: &str| description.fields.iter().any(|field| field.key == key && field.nullable);
    let both = description.exclusive.iter().map(|fields| {
        let values = fields.iter().filter(|key| nullable(key));
        let values: Map<String, Value> =
            values.map(|key| ((*key).to_owned(), json!({"not": {"type": "null"}}))).collect();
        if values.is_empty() { json!({"required": fields}) } else { json!({"required": fields, "properties": values}) }
    });
    let neither = description.alternative.iter().map(|[one, other]| {
        let nothing = json!({"type": "null"});
        json!({"properties": {*one: nothing, *other: nothing}})
    });
    let nothing = description.has_value.then(|| json!({"additionalProperties": {"type": "null"}}));
    both.chain(neither).chain(nothing).collect()
}

/// The schema of a field, with its description and its example.
fn property(field: &DescribedField) -> Value {
    let mut schema = match &field.schema {
        reference if reference.get("$ref").is_some() && field.nullable => {
            json!({"oneOf": [{"type": "null"}, reference]})
        }
        schema if field.nullable => nullable(schema.clone()),
        schema => schema.clone(),
    };
    schema["description"] = json!(field.text);
    if let Some(example) = &field.example {
        schema["examples"] = json!([example]);
    }
    schema
}

fn nullable(mut schema: Value) -> Value {
    if let Some(parts) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        parts.push(json!({"type": "null"}));
        return schema;
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    schema["type"] = json!([schema["type"], "null"]);
    schema
}
