//! The bounds in the document against the server: what it allows is taken, what it does not allow is refused.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::document::{document, operations, resolved, validator};
use crate::support::app::TestApp;
use crate::support::client::Client;

/// A request of an operation with one thing changed in it.
struct Sender<'a> {
    client: &'a Client,
    method: Method,
    path: String,
}

impl Sender<'_> {
    async fn status(&self, query: &[(&str, &str)], header: Option<(&str, &str)>, body: Option<&Value>) -> u16 {
        let mut path = self.path.replace("{id}", "999999");
        for (name, value) in query {
            let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            path = format!("{path}?{name}={value}");
        }
        let mut request = self.client.request(self.method.clone(), &path);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let request = request.build().expect("a request");
        self.client.http.execute(request).await.expect("an answer").status().as_u16()
    }
}

/// Texts around the edges of some rule.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\u{85}",
    "a\0b",
    "#1f77b4",
    "#1F77B4",
    "#1f77b",
    "1f77b4",
    "THB",
    "thb",
    "XXX",
    "2026-02-16",
    "2026-02-30",
    "0000-01-01",
    "9999-12-31",
    "16.2.2026",
    "0",
    "-1",
    "0.0001",
    "0.00001",
    "60.50",
    "999999999999.999",
    "999999999999.9999",
    "1000000000000",
    "1,5",
    "INCOME",
    "income",
    "date",
    "-amount",
    "+date",
    "a@b.co",
    "a@b",
    "ผู้ใช้@example.co.th",
    "a b@c.de",
    "true",
    "500",
];

/// Values around the edges of a schema; which of them are within is for the validator to say.
fn edges(document: &Value, schema: &Value) -> Vec<Value> {
    let schema = resolved(document, schema);
    let mut values = vec![json!(null), json!(true), json!([]), json!({}), json!("x"), json!(1), json!(1.5), json!(7.0)];
    for parts in ["oneOf", "anyOf"].iter().filter_map(|key| schema[*key].as_array()) {
        values.extend(parts.iter().flat_map(|part| edges(document, part)));
    }
    values.extend(schema["enum"].as_array().into_iter().flatten().cloned());
    values.extend(schema["examples"].as_array().into_iter().flatten().cloned());
    for key in ["minimum", "maximum", "exclusiveMaximum"] {
        // Beyond 64 bits a number would lose digits on the way.
        if let Some(edge) = schema[key].as_i64().filter(|edge| edge.unsigned_abs() <= 1_000_000_000_000) {
            values.extend([edge - 1, edge, edge + 1].map(|value| json!(value)));
        }
    }
    values.extend([json!(0.0001), json!(0.00001), json!(0), json!(-1)]);
    for key in ["minLength", "maxLength"] {
        if let Some(edge) = schema[key].as_u64().and_then(|edge| usize::try_from(edge).ok()) {
            values.extend([edge.saturating_sub(1), edge, edge + 1].map(|length| json!("ก".repeat(length))));
        }
    }
    for key in ["minItems", "maxItems"] {
        if let Some(edge) = schema[key].as_u64().filter(|edge| *edge <= 10_000) {
            let item = |number: u64| match schema["items"]["type"].as_str() {
                Some("string") => json!(format!("t{}", number % 5)),
                _ => json!(number + 1),
            };
            let list = |length: u64| Value::Array((0..length).map(item).collect());
            values.extend([edge.saturating_sub(1), edge, edge + 1].map(list));
        }
    }
    if schema["type"] == "array" || schema["type"][0] == "array" {
        values.extend([
            json!([1, 1]),
            json!([""]),
            json!(["  "]),
            json!([null]),
            json!(["x".repeat(101)]),
            json!([1.5]),
        ]);
    }
    values.extend(TEXTS.iter().map(|text| json!(text)));
    values
}

/// The other fields of a body, with valid values, so that only the tried field can be refused.
fn beside(schema: &Value, example: &Value, key: &str) -> Map<String, Value> {
    let mut body = example.as_object().expect("an object").clone();
    for excluded in [["category", "categoryId"], ["payee", "payeeId"], ["ids", "filter"]] {
        if excluded.contains(&key) {
            for excluded in excluded {
                body.remove(excluded);
            }
        }
    }
    if schema["properties"].get("amount").is_some() {
        // It has four decimals, so that only the amount itself counts.
        body.insert("currency".to_owned(), json!("CLF"));
        if key == "currency" {
            // Every currency has whole amounts.
            body.insert("amount".to_owned(), json!(1));
        }
    }
    body
}

/// Returns true for rules that the document cannot express: the decimals of an amount that is a number, and words that stand for values.
fn only_the_server_knows(key: &str, value: &Value) -> bool {
    let finer = value.as_f64().is_some_and(|number| value.is_number() && (number * 1e4).fract() != 0.0);
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    let precise = key.to_lowercase().contains("amount") && value.as_str().is_some_and(|text| digits(text) > 15);
    // A switch may be written as a word, and a day with a time; both are told in words.
    let word = value == "true" && ["dryRun", "archived", "counts"].contains(&key);
    // Of a text with blanks around it only the rest counts, and of a number in a text its value.
    let loose = value.as_str().is_some_and(|text| key.to_lowercase().contains("amount") && text.ends_with("00"));
    finer || precise || word || loose
}

/// Bodies around the edges of a schema, each with what is tried in it.
fn bodies(document: &Value, schema: &Value, example: &Value) -> Vec<(String, Value)> {
    let mut bodies: Vec<(String, Value)> = vec![
        ("(nothing)".to_owned(), json!({})),
        ("(unknown)".to_owned(), {
            let mut body = example.clone();
            body["unknown"] = json!(1);
            body
        }),
    ];
    for (key, of) in schema["properties"].as_object().expect("properties") {
        let around = beside(schema, example, key);
        let with = |value: Value| {
            let mut body = around.clone();
            body.insert(key.clone(), value);
            Value::Object(body)
        };
        bodies.push((
            format!("without {key}"),
            Value::Object({
                let mut body = around.clone();
                body.remove(key);
                body
            }),
        ));
        bodies.extend(
            edges(document, of)
                .into_iter()
                .filter(|value| !only_the_server_knows(key, value))
                .map(|value| (key.clone(), with(value))),
        );
        // The parts of `set` and `filter`.
        let parts = of["oneOf"].as_array().and_then(|parts| parts.iter().find(|part| part.get("$ref").is_some()));
        let nested = resolved(document, parts.unwrap_or(of));
        for (inner, of) in nested["properties"].as_object().into_iter().flatten() {
            let values = edges(document, of).into_iter().filter(|value| !only_the_server_knows(inner, value));
            let values = values.filter(|value| {
                inner != "q" || value.as_str().is_none_or(|text| text.chars().any(char::is_alphanumeric))
            });
            bodies.extend(values.map(|value| (format!("{key}.{inner}"), with(json!({inner: value})))));
        }
        if nested["properties"].get("payeeId").is_some() {
            bodies.push((format!("{key}: both"), with(json!({"payee": "x", "payeeId": 1}))));
            bodies.push((format!("{key}: both"), with(json!({"category": "x", "categoryId": 1}))));
            bodies.push((format!("{key}: one"), with(json!({"payee": "x", "payeeId": null}))));
            bodies.push((format!("{key}: unknown"), with(json!({"foo": 1}))));
        }
    }
    for pair in [["category", "categoryId"], ["payee", "payeeId"], ["ids", "filter"]] {
        if schema["properties"].get(pair[0]).is_none() {
            continue;
        }
        let value = |key: &str| match key {
            "ids" => json!([1]),
            "filter" => json!({"type": "EXPENSE"}),
            _ if key.ends_with("Id") => json!(1),
            _ => json!("x"),
        };
        for values in [[true, true], [true, false], [false, true], [false, false]] {
            let mut body = beside(schema, example, pair[0]);
            for (key, there) in pair.iter().zip(values) {
                body.insert((*key).to_owned(), if there { value(key) } else { Value::Null });
            }
            bodies.push((pair.join(" and "), Value::Object(body)));
        }
    }
    bodies
}

/// Tries values around the edges of each parameter: whether the answer contradicts the document, and what was tried.
async fn parameters(document: &Value, sender: &Sender<'_>, operation: &Value) -> Vec<(bool, String)> {
    let mut tried = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let (name, place) = (parameter["name"].as_str().expect("a name"), parameter["in"].as_str().expect("a place"));
        if place == "path" || name == "cursor" || name.starts_with("If-") {
            continue;
        }
        let schema = validator(document, &parameter["schema"]);
        for value in edges(document, &parameter["schema"]) {
            // In a query there are only texts: one is within if what it is written for is.
            let text = match &value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            let read = serde_json::from_str::<Value>(&text).ok();
            let allowed = schema.is_valid(&json!(text)) || read.as_ref().is_some_and(|read| schema.is_valid(read));
            // How a client writes a whole number.
            let other_notation = text.contains('.') && read.is_some_and(|read| schema.is_valid(&read));
            if (other_notation && resolved(document, &parameter["schema"])["type"] == "integer")
                || only_the_server_knows(name, &value)
                || (name == "q" && !text.chars().any(char::is_alphanumeric))
                || (place == "header" && !text.chars().all(|c| (' '..='~').contains(&c)))
            {
                continue;
            }
            let status = if place == "header" {
                let body = operation["requestBody"]["content"]["application/json"]["example"].clone();
                let body = Some(&body).filter(|body| !body.is_null());
                sender.status(&[], Some((name, text.as_str())), body).await
            } else {
                sender.status(&[(name, text.as_str())], None, None).await
            };
            let told = format!("{} {}: {name}={text:.60}: {status}", sender.method, sender.path);
            tried.push(((status == 400) == allowed, told));
        }
    }
    tried
}

#[tokio::test]
async fn what_the_document_allows_is_taken_and_what_it_does_not_is_refused() {
    let app = TestApp::start().await;
    let document = document();
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (number, (method, path, operation)) in operations(&document).into_iter().enumerate() {
        if path.ends_with("/login") {
            continue;
        }
        let client = app.user(&format!("user{number}")).await;
        let sender = Sender { client: &client, method: method.clone(), path: path.clone() };
        for (problem, told) in parameters(&document, &sender, &operation).await {
            tried += 1;
            wrong.extend(problem.then_some(told));
        }
        let content = &operation["requestBody"]["content"]["application/json"];
        if content.is_null() {
            continue;
        }
        let (schema, example) = (resolved(&document, &content["schema"]), &content["example"]);
        let whole = validator(&document, schema);
        for (index, (what, body)) in bodies(&document, schema, example).into_iter().enumerate() {
            let mut body = body;
            // Somebody new each time, and nothing that is there already.
            if path.ends_with("/register") && what != "email" && body.get("email").is_some() {
                body["email"] = json!(format!("somebody{number}x{index}@example.com"));
            }
            let allowed = whole.is_valid(&body);
            let status = sender.status(&[], None, Some(&body)).await;
            tried += 1;
            if (status == 400) == allowed {
                wrong.push(format!("{method} {path}: {what}: {:.120}: {status}", body.to_string()));
            }
        }
    }
    assert!(tried > 3000, "only {tried} requests");
    assert!(wrong.is_empty(), "{} of {tried}: {wrong:#?}", wrong.len());
}
