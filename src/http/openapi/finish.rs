//! The last step: changes of the document as JSON that utoipa cannot express.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::schemas::VERBATIM;

/// Finishes a document.
#[must_use]
pub(super) fn finished(mut document: Value) -> Value {
    unwrap(&mut document);
    for item in object(&mut document["paths"]).values_mut() {
        for operation in object(item).values_mut() {
            // Nobody has to be signed in, which has to be said, too.
            object(operation).entry("security").or_insert_with(|| json!([]));
        }
    }
    let schemas = object(&mut document["components"]["schemas"]);
    schemas.values_mut().for_each(to_examples);
    let answers: Vec<String> = schemas.keys().filter(|name| name.starts_with(ANSWER)).cloned().collect();
    for name in &answers {
        if let Some(schema) = schemas.get_mut(name) {
            schema["properties"]["data"] = data(name);
            schema["description"] = json!(format!("The body of a success, with {}.", article(name)));
        }
    }
    let renamed: Map<String, Value> =
        std::mem::take(schemas).into_iter().map(|(name, schema)| (answer_name(&name), schema)).collect();
    *schemas = renamed;
    rename_references(&mut document);
    drop_unused(&mut document);
    document
}

/// The prefixes of the names that utoipa gives to answers: `SuccessBody_Tag`, `SuccessBody_Vec_Tag`.
const ANSWER: &str = "SuccessBody_";
const LIST: &str = "SuccessBody_Vec_";

/// The names of answers in the document: `TagAnswer`, `TagList`.
fn answer_name(name: &str) -> String {
    match (name.strip_prefix(LIST), name.strip_prefix(ANSWER)) {
        (Some(of), _) => format!("{of}List"),
        (None, Some(of)) => format!("{of}Answer"),
        (None, None) => name.to_owned(),
    }
}

/// The data of an answer, by reference, where utoipa repeats the whole schema.
fn data(name: &str) -> Value {
    let reference = |of: &str| json!({"$ref": format!("{SCHEMAS}{of}")});
    match name.strip_prefix(LIST) {
        Some(of) => json!({"type": "array", "items": reference(of), "description": "The answer itself."}),
        None => reference(name.strip_prefix(ANSWER).unwrap_or(name)),
    }
}

fn article(name: &str) -> String {
    match name.strip_prefix(LIST) {
        Some(of) => format!("a list of `{of}` as `data`"),
        None => format!("`{}` as `data`", name.strip_prefix(ANSWER).unwrap_or(name)),
    }
}

const SCHEMAS: &str = "#/components/schemas/";

fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("it is an object now"),
    }
}

/// Puts what is kept to the letter in its place.
fn unwrap(value: &mut Value) {
    if let Some(schema) = value.as_object_mut().and_then(|object| object.remove(VERBATIM)) {
        // What the type tells beside it, such as a field's description, stays.
        let mut schema = schema;
        for (key, text) in object(value) {
            if key == "description" || key == "example" {
                object(&mut schema).entry(key.clone()).or_insert_with(|| text.clone());
            }
        }
        *value = schema;
    }
    children(value).for_each(unwrap);
}

fn children(value: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    match value {
        Value::Object(entries) => Box::new(entries.values_mut()),
        Value::Array(items) => Box::new(items.iter_mut()),
        _ => Box::new(std::iter::empty()),
    }
}

/// `example` of a schema is `examples` in JSON Schema.
fn to_examples(schema: &mut Value) {
    if let Some(entries) = schema.as_object_mut()
        && let Some(example) = entries.remove("example")
    {
        entries.entry("examples").or_insert_with(|| json!([example]));
    }
    let Value::Object(entries) = schema else { return };
    for (key, value) in entries {
        match key.as_str() {
            "properties" | "oneOf" | "anyOf" | "allOf" => children(value).for_each(to_examples),
            "items" => to_examples(value),
            _ => {}
        }
    }
}

fn rename_references(value: &mut Value) {
    if let Some(target) = value.get_mut("$ref")
        && let Some(name) = target.as_str().and_then(|target| target.strip_prefix(SCHEMAS))
    {
        *target = json!(format!("{SCHEMAS}{}", answer_name(name)));
    }
    children(value).for_each(rename_references);
}

/// Drops the schemas that nothing refers to, until there is none.
fn drop_unused(document: &mut Value) {
    loop {
        let mut used = BTreeSet::new();
        references(document, &mut used);
        let schemas = object(&mut document["components"]["schemas"]);
        let all = schemas.len();
        schemas.retain(|name, _| used.contains(&format!("{SCHEMAS}{name}")));
        if schemas.len() == all {
            return;
        }
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => {
            if let Some(target) = entries.get("$ref").and_then(Value::as_str) {
                found.insert(target.to_owned());
            }
            entries.values().for_each(|entry| references(entry, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}
