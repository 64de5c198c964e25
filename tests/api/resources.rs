//! The behaviour that all resources of the kit have in common, tried on each of them.

use app::features;
use app::features::history::recorded::RecordedTable;
use reqwest::Method;
use serde_json::{Value, json};

use super::resource_attacks::attack;
use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};

pub(super) fn operation(answer: &Answer) -> i64 {
    answer.json()["meta"]["operationId"].as_i64().unwrap_or_else(|| panic!("no operation: {}", answer.text))
}

async fn undo(client: &Client, answer: &Answer) {
    let path = format!("/api/operations/{}/undo", operation(answer));
    client.send(client.request(Method::POST, &path)).await.expect(200);
}

/// A resource that is tried.
pub(super) struct Tried {
    /// The name of the table, which is that of the collection.
    pub(super) many: &'static str,
    /// The word for one row.
    pub(super) noun: &'static str,
    /// The body of a creation, without the name.
    pub(super) new: Value,
}

impl Tried {
    pub(super) fn path(&self) -> String {
        format!("/api/{}", self.many)
    }

    pub(super) fn table(&self) -> &'static RecordedTable {
        features::tables().iter().find(|table| table.name == self.many).expect("a recorded table")
    }

    /// The body of a creation.
    pub(super) fn named(&self, name: &str) -> Value {
        let mut body = self.new.clone();
        body["name"] = json!(name);
        body
    }

    pub(super) fn code(&self, ending: &str) -> String {
        format!("{}_{ending}", self.noun.to_uppercase().replace(' ', "_"))
    }
}

/// Tries list, create, read, update, delete, pages, `ETag`, idempotency, undo, ownership and limits of `/api/MANY`. `noun` is the
/// word for one row, `new` the body of a creation.
pub(crate) async fn check(many: &'static str, noun: &'static str, new: Value) {
    let tried = Tried { many, noun, new };
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    check_row(&alice, &bob, &tried).await;
    check_list(&app.user("carol").await, &tried).await;
    attack(&tried).await;
}

/// The list, whole and page by page.
async fn check_list(client: &Client, tried: &Tried) {
    let path = tried.path();
    let before = client.get(&path).await.expect(200).as_array().expect("rows").len();
    for name in ["one", "two", "three"] {
        client.post(&path, tried.named(name)).await.expect(201);
    }
    let whole = client.get(&path).await.expect(200);
    assert_eq!(whole.as_array().map(Vec::len), Some(before + 3));
    let (mut paged, mut next) = (Vec::new(), Some(String::new()));
    while let Some(cursor) = next {
        let page = client.get(&format!("{path}?limit=2{cursor}")).await;
        paged.extend(page.expect(200).as_array().expect("rows").clone());
        next = page.json()["meta"]["page"]["nextCursor"].as_str().map(|cursor| format!("&cursor={cursor}"));
    }
    assert_eq!(Value::Array(paged), whole);
}

async fn check_row(alice: &Client, bob: &Client, tried: &Tried) {
    let path = tried.path();
    let named = |name: &str| tried.named(name);
    let capital = tried.noun[..1].to_uppercase() + &tried.noun[1..];
    let code = |ending: &str| tried.code(ending);

    // Create, with an `Idempotency-Key`, and read.
    let request = || alice.request(Method::POST, &path).header("idempotency-key", "one").json(&named("one"));
    let made = alice.send(request()).await;
    let row = made.expect(201);
    let again = alice.send(request()).await;
    assert_eq!((again.expect(201), operation(&again)), (row.clone(), operation(&made)), "the first answer again");
    let row_path = format!("{path}/{}", row["id"]);
    for (field, value) in named("one").as_object().expect("an object") {
        assert_eq!(row[field], *value, "{field}");
    }
    alice.post(&path, named("one")).await.expect_status(409);
    assert_eq!(alice.post(&path, named("one")).await.json()["error"]["code"], json!(code("ALREADY_EXISTS")));
    assert_eq!(alice.get(&row_path).await.expect(200), row);

    // ETag, If-None-Match, If-Match.
    let tag = made.header("etag").expect("an ETag").to_owned();
    let seen = alice.request(Method::GET, &row_path).header("if-none-match", &tag);
    alice.send(seen).await.expect_status(304);
    let updated = alice.patch(&row_path, json!({"name": "two"})).await;
    assert_eq!(updated.expect(200)["name"], json!("two"));
    let stale = alice.request(Method::PUT, &row_path).header("if-match", &tag).json(&json!({"name": "three"}));
    alice.send(stale).await.expect_status(412);
    let unchanged = alice.put(&row_path, json!({"name": "two"})).await;
    assert!(unchanged.json()["meta"]["operationId"].is_null(), "nothing changed: {}", unchanged.text);

    // Undo of an update and of a deletion.
    undo(alice, &updated).await;
    assert_eq!(alice.get(&row_path).await.expect(200)["name"], json!("one"));
    let deleted = alice.delete(&row_path).await;
    assert_eq!(deleted.expect(200)["message"], json!(format!("{capital} deleted successfully")));
    let message = format!("{capital} not found: {}", row["id"]);
    alice.get(&row_path).await.refused(404, &code("NOT_FOUND"), &message);
    undo(alice, &deleted).await;
    assert_eq!(alice.get(&row_path).await.expect(200)["name"], json!("one"));

    // Another user's rows do not exist.
    for (method, body) in [(Method::GET, None), (Method::PATCH, Some(json!({"name": "mine"}))), (Method::DELETE, None)]
    {
        let request = bob.request(method, &row_path);
        let request = body.into_iter().fold(request, |request, body| request.json(&body));
        bob.send(request).await.refused(404, &code("NOT_FOUND"), &message);
    }

    // Undo of a creation.
    undo(alice, &made).await;
    alice.get(&row_path).await.expect_status(404);
}

#[tokio::test]
async fn tags_behave_like_every_resource() {
    check("tags", "tag", json!({"color": "#1f77b4"})).await;
}

#[tokio::test]
async fn payees_behave_like_every_resource() {
    check("payees", "payee", json!({})).await;
}

#[tokio::test]
async fn categories_behave_like_every_resource() {
    check("categories", "category", json!({"kind": "EXPENSE", "position": 3})).await;
}
