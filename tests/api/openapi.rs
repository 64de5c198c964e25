//! The description of the API: whole, true, and shown from the binary.

use serde_json::{Value, json};

use super::every_change::fill;
use crate::support::app::TestApp;

async fn document(app: &TestApp) -> Value {
    let answer = app.anon.get("/api/openapi.json").await;
    answer.expect_status(200);
    answer.json()
}

#[tokio::test]
async fn the_document_describes_every_route() {
    let app = TestApp::start().await;
    let document = document(&app).await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().expect("paths");
    let mut operations: Vec<String> = Vec::new();
    for (path, item) in paths {
        operations.extend(item.as_object().expect("an item").keys().map(|method| format!("{method} {path}")));
    }
    operations.sort();
    let mut listed = [
        "delete /api/categories/{id}",
        "delete /api/payees/{id}",
        "delete /api/tags/{id}",
        "delete /api/transactions",
        "delete /api/transactions/{id}",
        "get /api",
        "get /api/auth/me",
        "get /api/categories",
        "get /api/categories/{id}",
        "get /api/operations",
        "get /api/operations/{id}",
        "get /api/payees",
        "get /api/payees/{id}",
        "get /api/tags",
        "get /api/tags/{id}",
        "get /api/transactions",
        "get /api/transactions/dashboard",
        "get /api/transactions/filter",
        "get /api/transactions/{id}",
        "get /api/transactions/{id}/history",
        "get /api/trash",
        "patch /api/categories/{id}",
        "patch /api/payees/{id}",
        "patch /api/tags/{id}",
        "patch /api/transactions",
        "patch /api/transactions/{id}",
        "post /api/auth/login",
        "post /api/auth/register",
        "post /api/categories",
        "post /api/categories/{id}/merge",
        "post /api/operations/{id}/undo",
        "post /api/payees",
        "post /api/payees/{id}/merge",
        "post /api/tags",
        "post /api/tags/{id}/merge",
        "post /api/transactions",
        "post /api/trash/{id}/restore",
        "put /api/categories/order",
        "put /api/categories/{id}",
        "put /api/payees/{id}",
        "put /api/tags/{id}",
        "put /api/transactions/{id}",
    ];
    listed.sort_unstable();
    let guide = "docs/adding-a-feature.md, step 8: the operations of the document are not those that are listed here";
    assert_eq!(operations, listed, "{guide}");
}

#[tokio::test]
async fn what_the_document_says_is_so() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (path, item) in document(&app).await["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let path = path.replace("{id}", "999999");
            let method: reqwest::Method = method.to_uppercase().parse().expect("a method");
            let guarded = operation["security"] != json!([]);
            let mut request = app.anon.request(method.clone(), &path);
            if operation.get("requestBody").is_some() {
                request = request.json(&json!({}));
            }
            let status = app.anon.send(request).await.status.as_u16();
            assert_eq!(status == 401, guarded, "{method} {path}: {status}");
            let mut request = alice.request(method.clone(), &path);
            if operation.get("requestBody").is_some() {
                request = request.json(&json!({}));
            }
            let status = alice.send(request).await.status.as_u16().to_string();
            assert!(operation["responses"].get(&status).is_some(), "{method} {path}: {status} is not described");
        }
    }
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own() {
    let app = TestApp::start().await;
    let mut names = std::collections::HashSet::new();
    for (path, item) in document(&app).await["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no name"));
            assert!(names.insert(name.to_owned()), "{method} {path}: {name} is the name of another one");
        }
    }
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(entries) => {
                if let Some(target) = entries.get("$ref").and_then(Value::as_str) {
                    let pointer = target.strip_prefix('#').expect("a local reference");
                    assert!(document.pointer(pointer).is_some(), "{target}");
                }
                entries.values().for_each(|entry| check(entry, document));
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, document)),
            _ => {}
        }
    }
    let app = TestApp::start().await;
    let document = document(&app).await;
    check(&document, &document);
}

#[tokio::test]
async fn the_documentation_is_served_from_the_binary() {
    let app = TestApp::start().await;
    let answer = app.anon.get("/api-docs").await;
    answer.expect_status(308);
    assert_eq!(answer.header("location"), Some("/api/docs/"));
    assert_eq!(app.anon.get("/api/docs").await.header("location"), Some("/api/docs/"));
    let page = app.anon.get("/api/docs/").await;
    page.expect_status(200);
    assert!(page.text.contains("swagger-ui"), "{}", page.text);
    assert!(!page.text.contains("https://"), "nothing is fetched from elsewhere: {}", page.text);
    for file in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        app.anon.get(&format!("/api/docs/{file}")).await.expect_status(200);
    }
    assert!(app.anon.get("/api/docs/swagger-initializer.js").await.text.contains("/api/openapi.json"));
}

/// The names of an operation's parameters that stand in headers.
fn headers_taken(operation: &Value) -> Vec<&str> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.filter(|one| one["in"] == "header").filter_map(|one| one["name"].as_str()).collect()
}

#[tokio::test]
async fn the_headers_that_the_document_tells_of_are_those_that_count() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let entry = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "c", "payee": "p", "tags": ["t"]});
    alice.post("/api/transactions", entry).await.expect(201);
    fill(&alice).await;
    let document = document(&app).await;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let described = headers_taken(operation);
            let verb: reqwest::Method = method.to_uppercase().parse().expect("a method");
            // A key that is none is refused before anything else is looked at, where keys are looked at.
            let request = alice.request(verb.clone(), &path.replace("{id}", "999999")).header("idempotency-key", "");
            let request = if operation.get("requestBody").is_some() { request.json(&json!({})) } else { request };
            let refused = alice.send(request).await.text.contains("Idempotency-Key must be given once");
            assert_eq!(described.contains(&"Idempotency-Key"), refused, "{method} {path}");
            if verb != reqwest::Method::GET {
                continue;
            }
            let collection = path.split("/{id}").next().unwrap_or_default();
            let id = alice.get(collection).await.json()["data"][0]["id"].to_string();
            let answer = alice.get(&path.replace("{id}", &id)).await;
            let tagged = answer.header("etag").is_some();
            assert_eq!(described.contains(&"If-None-Match"), tagged, "{path}: {}", answer.text);
            assert_eq!(operation["responses"]["200"]["headers"].get("ETag").is_some(), tagged, "{path}");
            // What can be read with a tag can be changed with it.
            for change in ["put", "patch", "delete"].into_iter().filter_map(|change| item.get(change)) {
                for header in ["If-Match", "If-None-Match"] {
                    assert_eq!(headers_taken(change).contains(&header), tagged, "{path}");
                }
            }
        }
    }
    for (status, header) in [("429", "Retry-After"), ("429", "RateLimit-Reset"), ("503", "Retry-After")] {
        let of = &document["paths"]["/api/transactions"]["get"]["responses"][status]["headers"];
        assert!(of.get(header).is_some(), "{status} {header}: {of}");
    }
}

#[tokio::test]
async fn no_change_passes_over_a_demand_on_what_is_there() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    fill(&alice).await;
    let document = alice.get("/api/openapi.json").await.json();
    let mut counted = [0, 0];
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            if method == "get" || operation.get("security").is_none_or(|security| security == &json!([])) {
                continue;
            }
            let verb: reqwest::Method = method.to_uppercase().parse().expect("a method");
            let collection = path.split("/{id}").next().unwrap_or_default();
            let id = alice.get(collection).await.json()["data"][0]["id"].to_string();
            let example = &operation["requestBody"]["content"]["application/json"]["example"];
            let guarded = headers_taken(operation).contains(&"If-Match");
            for (header, demand) in [("if-match", "\"0\""), ("if-none-match", "*")] {
                let request = alice.request(verb.clone(), &path.replace("{id}", &id)).header(header, demand);
                let answer = alice.send(if example.is_null() { request } else { request.json(example) }).await;
                let (status, code) = if guarded { (412, "PRECONDITION_FAILED") } else { (400, "BAD_REQUEST") };
                let seen = (answer.status.as_u16(), answer.json()["error"]["code"].clone());
                assert_eq!(seen, (status, json!(code)), "{method} {path} {header}: {}", answer.text);
            }
            counted[usize::from(guarded)] += 1;
        }
    }
    assert!(counted[0] >= 8 && counted[1] >= 13, "{counted:?}");
}

#[tokio::test]
async fn everything_in_the_document_has_an_example() {
    /// Whether it shows what it looks like, by itself or by its parts.
    fn shows(document: &Value, schema: &Value) -> bool {
        if ["example", "examples", "enum", "const"].iter().any(|key| schema.get(key).is_some()) {
            return true;
        }
        if let Some(target) = schema["$ref"].as_str() {
            return shows(document, document.pointer(&target[1..]).expect(target));
        }
        let parts = ["oneOf", "anyOf", "allOf"].iter().find_map(|key| schema[key].as_array());
        if let Some(parts) = parts {
            return parts.iter().all(|part| part["type"] == "null" || shows(document, part));
        }
        if let Some(properties) = schema["properties"].as_object() {
            return properties.values().all(|property| shows(document, property));
        }
        schema.get("items").is_some_and(|items| shows(document, items))
    }
    let app = TestApp::start().await;
    let document = document(&app).await;
    let mut without = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        for (property, of) in schema["properties"].as_object().into_iter().flatten() {
            if !shows(&document, of) {
                without.push(format!("{name}.{property}"));
            }
        }
    }
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let body = &operation["requestBody"]["content"]["application/json"];
            if operation.get("requestBody").is_some() && body.get("example").is_none() {
                without.push(format!("{method} {path}"));
            }
        }
    }
    assert!(without.is_empty(), "{without:#?}");
}

/// Lets a schema allow nothing but what it names.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(entries) => {
            if entries.contains_key("properties") {
                entries.insert("additionalProperties".to_owned(), json!(false));
            }
            entries.values_mut().for_each(close);
        }
        Value::Array(parts) => parts.iter_mut().for_each(close),
        _ => {}
    }
}

#[tokio::test]
async fn answers_hold_what_the_document_names_and_nothing_else() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut document = document(&app).await;
    close(&mut document["components"]["schemas"]);
    let entry = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "c", "payee": "p", "tags": ["t"]});
    for change in [json!({"amount": 2, "note": "n", "tags": []}), json!({"titleEn": "y", "payee": null})] {
        let row = alice.post("/api/transactions", entry.clone()).await.expect(201);
        alice.patch(&format!("/api/transactions/{}", row["id"]), change).await.expect(200);
    }
    let row = alice.post("/api/transactions", entry).await.expect(201);
    alice.delete(&format!("/api/transactions/{}", row["id"])).await.expect(200);
    fill(&alice).await;
    let mut looked_at = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let Some(operation) = item.get("get") else { continue };
        let mut schema = operation["responses"]["200"]["content"]["application/json"]["schema"].clone();
        schema["components"] = document["components"].clone();
        let schema = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).expect("a schema");
        let collection = path.split("/{id}").next().unwrap_or_default();
        let id = alice.get(collection).await.json()["data"][0]["id"].to_string();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let names: Vec<&str> = parameters.filter_map(|one| one["name"].as_str()).collect();
        for (name, query) in [("", ""), ("limit", "?limit=1"), ("counts", "?counts=true")] {
            if !name.is_empty() && !names.contains(&name) {
                continue;
            }
            let answer = alice.get(&format!("{}{query}", path.replace("{id}", &id))).await;
            answer.expect_status(200);
            let errors: Vec<String> =
                schema.iter_errors(&answer.json()).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{path}{query}: {errors:#?}\n{}", answer.text);
            looked_at += 1;
        }
    }
    assert!(looked_at > 20, "only {looked_at} answers");
}

#[tokio::test]
async fn what_an_answer_may_leave_out_is_never_null_in_it() {
    let app = TestApp::start().await;
    for (name, schema) in document(&app).await["components"]["schemas"].as_object().expect("schemas") {
        // A request may say either; and of a recorded change the fields that did not change are left out, whatever they are.
        if schema["additionalProperties"] == json!(false) || name == "TransactionFields" {
            continue;
        }
        let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (property, of) in schema["properties"].as_object().into_iter().flatten() {
            let nullable = of.to_string().contains("\"null\"");
            assert!(required.contains(&json!(property)) || !nullable, "{name}.{property}: {of}");
        }
    }
}

#[tokio::test]
async fn nothing_in_the_document_is_an_object_of_anything() {
    fn check(value: &Value, place: &str) {
        let is_object = value["type"] == "object" || value["type"][0] == "object";
        assert!(!is_object || value.get("properties").is_some(), "{place}: {value}");
        match value {
            Value::Object(entries) => entries.iter().for_each(|(key, entry)| check(entry, &format!("{place}/{key}"))),
            Value::Array(items) => items.iter().for_each(|item| check(item, place)),
            _ => {}
        }
    }
    let app = TestApp::start().await;
    let document = document(&app).await;
    check(&document["components"]["schemas"], "");
    check(&document["paths"], "");
}
