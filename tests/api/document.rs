//! The document: it is valid and complete, and its examples work.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;

/// The meta-schema of OpenAPI 3.1, from the specification.
const META_SCHEMA: &str = include_str!("../openapi-3.1.json");

pub(super) fn document() -> Value {
    app::features::router().1()
}

/// Every operation: its method, its path, and what is said of it.
pub(super) fn operations(document: &Value) -> Vec<(Method, String, Value)> {
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
pub(super) fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema).expect("a schema")
}

pub(super) fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(target) => document.pointer(&target[1..]).expect("a schema"),
        None => schema,
    }
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
        found.extend(
            ["ALREADY_EXISTS", "NOT_FOUND"].map(|ending| format!("{}_{ending}", noun.to_uppercase().replace(' ', "_"))),
        );
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

/// The properties without a description in a schema and in what is in it, but those that refer to a schema with one.
fn undescribed(name: &str, schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
        let name = format!("{name}.{property}");
        found.extend(undescribed(&name, schema));
        let mut parts = schema["oneOf"].as_array().into_iter().flatten().chain([schema]);
        if !parts.any(|part| part["description"].is_string()) && schema.get("$ref").is_none() {
            found.push(name);
        }
    }
    found
}

#[test]
fn every_schema_every_property_and_every_parameter_is_described() {
    let document = document();
    let mut found = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        found.extend((!schema["description"].is_string()).then(|| name.clone()));
        found.extend(undescribed(name, schema));
    }
    for (method, path, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let undescribed = parameters.filter(|parameter| !parameter["description"].is_string());
        found.extend(undescribed.map(|parameter| format!("{method} {path}: {}", parameter["name"])));
    }
    assert!(found.is_empty(), "without a description: {found:#?}");
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
