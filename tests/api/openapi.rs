//! The description of the API: whole, true, and shown from the binary.

use serde_json::{Value, json};

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
    assert_eq!(
        operations,
        [
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
        ]
    );
}

#[tokio::test]
async fn what_the_document_says_is_so() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (path, item) in document(&app).await["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let path = path.replace("{id}", "999999");
            let method: reqwest::Method = method.to_uppercase().parse().expect("a method");
            let guarded = operation.get("security").is_some();
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
