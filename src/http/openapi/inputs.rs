//! What requests may hold, as the document says it: from the same code that reads them.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::path::ParameterIn;
use utoipa_axum::router::OpenApiRouter;

use super::verbatim;
use crate::http::input::{Asked, Description, FromInput, Input};

/// Describes what a feature's routes read.
pub trait Reads: Sized {
    /// Describes a body, or an object within one; its name, texts and examples are those of its [`ToSchema`].
    #[must_use]
    fn reads<T: FromInput + ToSchema>(self) -> Self;

    /// Describes the query string of the GET of a path; its texts are those of the route's `params`.
    #[must_use]
    fn reads_query<T: FromInput>(self, path: &str) -> Self;
}

impl<S: Clone + Send + Sync + 'static> Reads for OpenApiRouter<S> {
    fn reads<T: FromInput + ToSchema>(mut self) -> Self {
        let told = serde_json::to_value(T::schema()).unwrap_or_default();
        let schema = object(&Input::described::<T>(), &told);
        let components = self.get_openapi_mut().components.get_or_insert_default();
        components.schemas.insert(T::name().into_owned(), verbatim(schema).into());
        self
    }

    fn reads_query<T: FromInput>(mut self, path: &str) -> Self {
        let description = Input::described::<T>();
        let operation = self.get_openapi_mut().paths.paths.get_mut(path).and_then(|item| item.get.as_mut());
        let parameters = operation.and_then(|operation| operation.parameters.as_mut()).into_iter().flatten();
        for parameter in parameters {
            let utoipa::openapi::RefOr::T(parameter) = parameter else { continue };
            let asked = description.fields.iter().find(|asked| asked.key == parameter.name);
            if let Some(asked) = asked.filter(|_| parameter.parameter_in == ParameterIn::Query) {
                let told = serde_json::to_value(&parameter.schema).unwrap_or_default();
                let schema = reference(&told).unwrap_or_else(|| asked.schema.clone());
                parameter.schema = Some(verbatim(schema).into());
            }
        }
        self
    }
}

/// The schema of an object.
fn object(description: &Description, told: &Value) -> Value {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    if let Some(text) = told.get("description") {
        schema.insert("description".to_owned(), text.clone());
    }
    let fields = &description.fields;
    let required: Vec<&str> = fields.iter().filter(|asked| asked.required).map(|asked| asked.key.as_str()).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    let properties = fields.iter().map(|asked| (asked.key.clone(), property(asked, &told["properties"][&asked.key])));
    schema.insert("properties".to_owned(), Value::Object(properties.collect()));
    schema.insert("additionalProperties".to_owned(), json!(false));
    if description.some || description.some_value {
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

/// What an object must not be. `null` says the same as nothing, where it may stand.
fn refused(description: &Description) -> Vec<Value> {
    let nullable = |key: &str| description.fields.iter().any(|asked| asked.key == key && asked.nullable);
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
    let nothing = description.some_value.then(|| json!({"additionalProperties": {"type": "null"}}));
    both.chain(neither).chain(nothing).collect()
}

/// The schema of a field: what is asked of it, and what its type tells of it.
fn property(asked: &Asked, told: &Value) -> Value {
    let mut schema = match reference(told) {
        Some(reference) if asked.nullable => json!({"oneOf": [{"type": "null"}, reference]}),
        Some(reference) => reference,
        None if asked.nullable => nullable(asked.schema.clone()),
        None => asked.schema.clone(),
    };
    let parts = told["oneOf"].as_array().into_iter().flatten();
    let text = std::iter::once(told).chain(parts).find_map(|told| told.get("description"));
    if let Some(text) = text {
        schema["description"] = text.clone();
    }
    if let Some(example) = told.get("example") {
        schema["examples"] = json!([example]);
    }
    schema
}

/// The reference to a schema that has a name, by itself or beside `null`.
fn reference(told: &Value) -> Option<Value> {
    let parts = told["oneOf"].as_array().into_iter().flatten();
    let target = std::iter::once(told).chain(parts).find_map(|told| told.get("$ref"))?;
    Some(json!({"$ref": target}))
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
