//! The tree of categories: how deep it may be, and that it has no circles.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};

const TOO_DEEP: &str =
    "Categories can stand on 10 levels, and this would need more; nothing was changed. Put it higher up";
const CIRCLE: &str = "A category cannot stand below itself; nothing was changed";

async fn create(client: &Client, name: &str, parent: Option<i64>) -> Answer {
    client.post("/api/categories", json!({"name": name, "kind": "EXPENSE", "parentId": parent})).await
}

/// A chain of so many categories, the top one first.
async fn chain(client: &Client, name: &str, length: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    for level in 1..=length {
        let made = create(client, &format!("{name} {level}"), ids.last().copied()).await.expect(201);
        ids.push(made["id"].as_i64().expect("an id"));
    }
    ids
}

async fn put_below(client: &Client, id: i64, parent: impl Into<Value>) -> Answer {
    client.patch(&format!("/api/categories/{id}"), json!({"parentId": parent.into()})).await
}

fn operation(answer: &Answer) -> i64 {
    answer.expect(200);
    answer.json()["meta"]["operationId"].as_i64().expect("an operation")
}

async fn undo(client: &Client, operation: i64) -> Answer {
    client.send(client.request(Method::POST, &format!("/api/operations/{operation}/undo"))).await
}

#[tokio::test]
async fn no_category_comes_to_stand_deeper_than_the_tree_may_be() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let long = chain(&alice, "long", 10).await;
    create(&alice, "eleventh", Some(long[9])).await.refused(403, "QUOTA_EXCEEDED", TOO_DEEP);
    // With a category goes what is below it.
    let short = chain(&alice, "short", 3).await;
    put_below(&alice, short[0], long[7]).await.refused(403, "QUOTA_EXCEEDED", TOO_DEEP);
    put_below(&alice, short[1], long[8]).await.refused(403, "QUOTA_EXCEEDED", TOO_DEEP);
    let moved = operation(&put_below(&alice, short[0], long[6]).await);
    put_below(&alice, short[2], long[8]).await.expect(200);
    undo(&alice, moved).await.expect(200);
    // Merging moves what is below the one that goes.
    let merged = create(&alice, "merged", None).await.expect(201)["id"].as_i64().expect("an id");
    create(&alice, "below merged", Some(merged)).await.expect(201);
    let merge = async |into: i64| alice.post(&format!("/api/categories/{merged}/merge"), json!({"into": into})).await;
    merge(long[9]).await.refused(403, "QUOTA_EXCEEDED", TOO_DEEP);
    merge(long[8]).await.expect(200);
    // A setting makes it flatter.
    let flat = TestApp::configured(&[("APP_QUOTAS__CATEGORY_DEPTH", "2")]).await;
    let bob = flat.user("bob").await;
    let ids = chain(&bob, "flat", 2).await;
    create(&bob, "third", Some(ids[1])).await.expect_status(403);
}

#[tokio::test]
async fn undoing_makes_no_tree_that_is_too_deep_or_has_a_circle() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let long = chain(&alice, "long", 9).await;
    let leaf = create(&alice, "leaf", Some(long[8])).await.expect(201)["id"].as_i64().expect("an id");
    let away = operation(&put_below(&alice, leaf, Value::Null).await);
    create(&alice, "below leaf", Some(leaf)).await.expect(201);
    let refused = undo(&alice, away).await;
    let message = format!(
        "Operation {away} cannot be undone, and nothing was changed: a category would stand deeper than 10 levels in the tree"
    );
    refused.refused(409, "UNDO_CONFLICT", &message);
    // Up, and what it was below comes below it: back would be a circle.
    let (top, second) = (long[0], long[1]);
    let up = operation(&put_below(&alice, second, Value::Null).await);
    put_below(&alice, long[5], Value::Null).await.expect(200);
    put_below(&alice, top, second).await.expect(200);
    let message = format!(
        "Operation {up} cannot be undone, and nothing was changed: a category would stand below itself in the tree"
    );
    undo(&alice, up).await.refused(409, "UNDO_CONFLICT", &message);
    // A deleted one comes back below the one that it was below, which is deeper by now.
    let parent = create(&alice, "parent", None).await.expect(201)["id"].as_i64().expect("an id");
    let child = create(&alice, "child", Some(parent)).await.expect(201)["id"].as_i64().expect("an id");
    let deleted = operation(&alice.delete(&format!("/api/categories/{child}")).await);
    let deep = chain(&alice, "deep", 9).await;
    put_below(&alice, parent, deep[8]).await.expect(200);
    undo(&alice, deleted).await.expect_status(409);
    put_below(&alice, parent, deep[7]).await.expect(200);
    undo(&alice, deleted).await.expect(200);
}

#[tokio::test]
async fn a_tree_that_is_too_deep_already_goes_on_and_gets_no_deeper() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut connection = app.connection().await;
    let mut ids: Vec<i64> = Vec::new();
    for level in 1..=2_000 {
        let parent = ids.last().map_or("null".to_owned(), i64::to_string);
        let sql = format!(
            "insert into categories (user_id, kind, name, parent_id) values (1, 'EXPENSE', 'level {level}', {parent}) returning id"
        );
        ids.push(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.expect("made"));
    }
    let (deepest, top) = (ids[1_999], ids[0]);
    alice.patch(&format!("/api/categories/{deepest}"), json!({"name": "renamed"})).await.expect(200);
    create(&alice, "deeper", Some(deepest)).await.refused(403, "QUOTA_EXCEEDED", TOO_DEEP);
    // A circle is found however long it is, and a move up is none.
    put_below(&alice, top, deepest).await.refused(409, "CONFLICT", CIRCLE);
    put_below(&alice, deepest, ids[1_900]).await.expect(200);
    put_below(&alice, deepest, ids[1_950]).await.refused(403, "QUOTA_EXCEEDED", TOO_DEEP);
    put_below(&alice, deepest, ids[5]).await.expect(200);
    let body = json!({"title": "a", "amount": 1, "type": "EXPENSE", "categoryId": ids[1_998]});
    alice.post("/api/transactions", body).await.expect(201);
    let found = alice.get(&format!("/api/transactions?categoryId={top}&limit=5")).await.expect(200);
    assert_eq!(found.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_circle_that_is_there_is_walked_round_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let ids = chain(&alice, "circle", 3).await;
    let mut connection = app.connection().await;
    let sql = format!("update categories set parent_id = {} where id = {}", ids[2], ids[0]);
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect("a circle");
    let body = json!({"title": "a", "amount": 1, "type": "EXPENSE", "categoryId": ids[1]});
    alice.post("/api/transactions", body).await.expect(201);
    for path in ["/api/transactions?limit=5", "/api/transactions?sort=date"] {
        let found = alice.get(&format!("{path}&categoryId={}", ids[0])).await.expect(200);
        assert_eq!(found.as_array().map(Vec::len), Some(1));
    }
    let outside = create(&alice, "outside", None).await.expect(201)["id"].as_i64().expect("an id");
    put_below(&alice, outside, ids[1]).await.expect(200);
    put_below(&alice, ids[0], ids[1]).await.refused(409, "CONFLICT", CIRCLE);
    put_below(&alice, ids[0], Value::Null).await.expect(200);
}
