//! The document against the server: what it allows is taken, what it does not allow is refused, and its examples work.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

/// The meta-schema of OpenAPI 3.1, from the specification.
const META_SCHEMA: &str = include_str!("../openapi-3.1.json");

fn document() -> Value {
    app::features::router().1()
}

/// Every operation: its method, its path, and what is said of it.
fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let method = method.to_uppercase().parse().expect("a method");
            found.push((method, path.clone(), operation.clone()));
        }
    }
    found
}

/// A schema by itself, with what it refers to.
fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema).expect("a schema")
}

#[test]
fn the_document_is_valid_openapi() {
    let document = document();
    let meta: Value = serde_json::from_str(META_SCHEMA).expect("JSON");
    let meta = jsonschema::draft202012::new(&meta).expect("the meta-schema");
    let errors: Vec<String> =
        meta.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut broken = document.clone();
    broken["paths"]["/api"]["get"]["responses"]["200"].as_object_mut().expect("an answer").remove("description");
    assert!(!meta.is_valid(&broken), "an answer without a description is found");
    let mut schemas = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        schemas.push((name.clone(), schema.clone()));
    }
    for (method, path, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            schemas.push((format!("{method} {path} {}", parameter["name"]), parameter["schema"].clone()));
        }
    }
    for (name, schema) in &schemas {
        assert!(jsonschema::meta::is_valid(schema), "{name}: {schema}");
        check_examples(&document, name, schema);
    }
    for (method, path, operation) in operations(&document) {
        let body = &operation["requestBody"]["content"]["application/json"];
        if let Some(example) = body.get("example") {
            let errors: Vec<String> =
                validator(&document, &body["schema"]).iter_errors(example).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{method} {path}: {errors:?}");
        }
    }
}

/// The examples of a schema and of what is in it keep to it.
fn check_examples(document: &Value, name: &str, schema: &Value) {
    for example in schema["examples"].as_array().into_iter().flatten() {
        assert!(validator(document, schema).is_valid(example), "{name}: {example}");
    }
    for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
        check_examples(document, &format!("{name}.{property}"), schema);
    }
}

/// The word for a row of a collection whose rows can be read, created and deleted, except transactions, which are no resource of the kit.
fn noun(path: &str) -> Option<&'static str> {
    let table = path.strip_prefix("/api/")?.strip_suffix("/{id}")?;
    app::features::tables().iter().find(|known| known.name == table && table != "transactions").map(|known| known.noun)
}

#[test]
fn every_code_of_the_sources_is_in_the_document_and_no_other() {
    fn sources(folder: &std::path::Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(&path).expect("text");
                text.push_str(source.split("#[cfg(test)]\nmod tests").next().expect("a first part"));
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut text = String::new();
    sources(&root.join("http"), &mut text);
    sources(&root.join("features"), &mut text);
    let list =
        text.split("pub const CODES").nth(1).and_then(|rest| rest.split("];").next()).expect("the list").to_owned();
    let text = text.replace(&list, "");
    let errors = std::fs::read_to_string(root.join("http/error.rs")).expect("text");
    let of_variants =
        errors.split("const fn code(").nth(1).and_then(|rest| rest.split("\n    }").next()).expect("codes");
    let find = |pattern: &str, text: &str| -> Vec<String> {
        regex::Regex::new(pattern).expect("a pattern").captures_iter(text).map(|found| found[1].to_owned()).collect()
    };
    let mut found = find(r#"code: "([A-Z_]+)""#, &text);
    found.extend(find(r#"=> "([A-Z_]+)""#, of_variants));
    // Those that follow from the noun of a resource.
    for noun in document()["paths"].as_object().expect("paths").keys().filter_map(|path| noun(path)) {
        found.extend(["ALREADY_EXISTS", "NOT_FOUND"].map(|ending| format!("{}_{ending}", noun.to_uppercase())));
    }
    found.sort();
    found.dedup();
    assert!(found.len() > 30, "{found:?}");
    assert_eq!(json!(found), document()["components"]["schemas"]["ErrorCode"]["enum"]);
}

#[test]
fn every_operation_and_every_group_is_described() {
    let document = document();
    let tags: Vec<&str> =
        document["tags"].as_array().expect("tags").iter().filter_map(|tag| tag["name"].as_str()).collect();
    assert_eq!(tags.first(), Some(&"auth"), "where one begins");
    assert!(document["tags"].as_array().expect("tags").iter().all(|tag| tag["description"].is_string()));
    for (method, path, operation) in operations(&document) {
        assert!(operation["summary"].is_string() && operation["description"].is_string(), "{method} {path}");
        assert!(tags.contains(&operation["tags"][0].as_str().expect("a tag")), "{method} {path}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let fills_in = parameter.get("example").or(parameter["schema"].get("default"));
            assert!(fills_in.is_none(), "{method} {path}: {} would be filled in", parameter["name"]);
        }
    }
}

#[test]
fn answers_refer_to_what_they_hold_and_nothing_is_there_for_nothing() {
    let document = document();
    let text = document.to_string();
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        assert!(text.contains(&format!("\"#/components/schemas/{name}\"")), "nothing refers to {name}");
        assert!(!name.contains('_'), "{name}");
        let success = &schema["properties"]["success"];
        if success.is_null() {
            continue;
        }
        assert_eq!(success["const"], json!(name != "FailureBody"), "{name}");
        let held = &schema["properties"][if name == "FailureBody" { "error" } else { "data" }];
        assert!(held.get("$ref").is_some() || held["items"].get("$ref").is_some(), "{name}: {held}");
    }
}

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

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(target) => document.pointer(&target[1..]).expect("a schema"),
        None => schema,
    }
}

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
    let texts = [
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
    values.extend(texts.map(|text| json!(text)));
    values
}

/// What a body has beside the field that is tried, so that all is right but that.
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

/// What the document cannot say: the decimals that an amount has as a number; and a word that is none.
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
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let (name, place) =
                (parameter["name"].as_str().expect("a name"), parameter["in"].as_str().expect("a place"));
            if place == "path" || name == "cursor" || name.starts_with("If-") {
                continue;
            }
            let schema = validator(&document, &parameter["schema"]);
            for value in edges(&document, &parameter["schema"]) {
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
                if (other_notation && resolved(&document, &parameter["schema"])["type"] == "integer")
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
                tried += 1;
                if (status == 400) == allowed {
                    wrong.push(format!("{method} {path}: {name}={text:.60}: {status}"));
                }
            }
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

#[tokio::test]
async fn every_example_works_on_a_fresh_account_as_it_stands_and_so_does_what_is_required_alone() {
    let app = TestApp::start().await;
    let document = document();
    let (register, login) = ("/api/auth/register", "/api/auth/login");
    let example =
        |path: &str| document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"].clone();
    app.anon.post(register, example(register)).await.expect(201);
    let token = app.anon.post(login, example(login)).await.expect(200)["access_token"].clone();
    let first = app.anon.with_token(token.as_str().expect("a token"));
    let second = app.user("second").await;
    for (client, whole) in [(&first, true), (&second, false)] {
        for (method, path, operation) in operations(&document) {
            if path == register || path == login {
                continue;
            }
            let content = &operation["requestBody"]["content"]["application/json"];
            let mut body = content["example"].clone();
            if !whole && let Some(fields) = body.as_object_mut() {
                let schema = resolved(&document, &content["schema"]);
                let required: Vec<&str> =
                    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                // One of the two has to be there, which `required` does not say.
                fields.retain(|key, _| required.contains(&key.as_str()) || key == "filter");
            }
            let mut request = client.request(method.clone(), &path.replace("{id}", "999999"));
            if !body.is_null() {
                request = request.json(&body);
            }
            let answer = client.send(request).await;
            let missing = path.contains("{id}");
            let allowed = answer.status.is_success() || (answer.status == 404 && missing);
            assert!(allowed, "{method} {path} {body}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_browser_is_led_from_the_root_to_the_documentation() {
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let ask = async |app: &TestApp, accept: &str| {
        app.anon.send(app.anon.request(Method::GET, "/").header("accept", accept)).await
    };
    let app = TestApp::start().await;
    let answer = ask(&app, browser).await;
    answer.expect_status(303);
    assert_eq!(answer.header("location"), Some("/api/docs/"));
    for accept in ["*/*", "application/json", "text/html;q=0", ""] {
        ask(&app, accept).await.refused(404, "NOT_FOUND", "Cannot GET /");
    }
    app.anon.post("/", json!({})).await.refused(404, "NOT_FOUND", "Cannot POST /");
    let closed = TestApp::configured(&[("APP_SERVER__DOCS", "false")]).await;
    ask(&closed, browser).await.refused(404, "NOT_FOUND", "Cannot GET /");
    let page = app.anon.get("/api/docs/").await.text;
    assert!(page.contains("<title>Expense tracker API</title>"), "{page}");
    let settings = app.anon.get("/api/docs/swagger-initializer.js").await.text;
    assert!(settings.contains("\"persistAuthorization\": true") && settings.contains("BaseLayout"), "{settings}");
}
