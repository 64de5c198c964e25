//! The categories that everybody begins with: renamed, merged, archived or deleted they stay so, and none comes back by itself.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};

const PATH: &str = "/api/transactions";

async fn enter(client: &Client, title: &str) -> Value {
    client.post(PATH, json!({"title": title, "amount": 1, "type": "EXPENSE"})).await.expect(201)
}

fn chosen(row: &Value) -> (&str, &str) {
    (row["category"].as_str().expect("a name"), row["categorySource"].as_str().expect("a source"))
}

async fn categories(client: &Client) -> Vec<Value> {
    client.get("/api/categories?kind=EXPENSE").await.expect(200).as_array().expect("rows").clone()
}

async fn names(client: &Client) -> Vec<String> {
    categories(client).await.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

async fn id(client: &Client, name: &str) -> i64 {
    let found = categories(client).await.into_iter().find(|row| row["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not there"))["id"].as_i64().expect("an id")
}

async fn change(client: &Client, name: &str, edit: Value) -> Answer {
    client.patch(&format!("/api/categories/{}", id(client, name).await), edit).await
}

async fn delete(client: &Client, name: &str) -> Answer {
    client.delete(&format!("/api/categories/{}", id(client, name).await)).await
}

async fn merge(client: &Client, from: &str, to: &str) -> Answer {
    let (from, to) = (id(client, from).await, id(client, to).await);
    client.post(&format!("/api/categories/{from}/merge"), json!({"into": to})).await
}

async fn undo(client: &Client, answer: &Answer) -> Answer {
    let operation = answer.json()["meta"]["operationId"].as_i64().expect("an operation");
    client.send(client.request(Method::POST, &format!("/api/operations/{operation}/undo"))).await
}

#[tokio::test]
async fn a_renamed_category_is_found_under_its_new_name() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    change(&alice, "Food & Dining", json!({"name": "Eating out"})).await.expect(200);
    change(&alice, "Other", json!({"name": "Misc"})).await.expect(200);
    let before = names(&alice).await;
    assert_eq!(chosen(&enter(&alice, "lunch").await), ("Eating out", "KEYWORD"));
    assert_eq!(chosen(&enter(&alice, "qwertz").await), ("Misc", "DEFAULT"));
    // Who asks for `Other` gets what stands for it: entered, changed, and changed in bulk.
    let asked = json!({"title": "asdf", "amount": 1, "type": "EXPENSE", "category": "other"});
    let row = alice.post(PATH, asked).await.expect(201);
    assert_eq!(chosen(&row), ("Misc", "USER"));
    let lunch = enter(&alice, "brunch").await;
    let one = format!("{PATH}/{}", lunch["id"]);
    assert_eq!(chosen(&alice.put(&one, json!({"category": "Other"})).await.expect(200)), ("Misc", "USER"));
    let supper = enter(&alice, "supper").await;
    let bulk = json!({"ids": [supper["id"]], "set": {"category": "Other"}});
    alice.send(alice.request(Method::PATCH, PATH).json(&bulk)).await.expect(200);
    assert_eq!(alice.get(&format!("{PATH}/{}", supper["id"])).await.expect(200)["category"], "Misc");
    assert_eq!(names(&alice).await, before, "no category was made");
}

#[tokio::test]
async fn a_deleted_category_is_not_made_again_unless_somebody_does() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let deleted = delete(&alice, "Transportation").await;
    deleted.expect(200);
    assert_eq!(chosen(&enter(&alice, "taxi").await), ("Other", "DEFAULT"));
    assert!(!names(&alice).await.contains(&"Transportation".to_owned()));
    assert_eq!(chosen(&enter(&bob, "taxi").await), ("Transportation", "KEYWORD"));
    undo(&alice, &deleted).await.expect(200);
    assert_eq!(chosen(&enter(&alice, "taxi home").await), ("Transportation", "KEYWORD"));
    // The one that came back is the one that it was.
    change(&alice, "Transportation", json!({"name": "Moving"})).await.expect(200);
    assert_eq!(chosen(&enter(&alice, "bus").await), ("Moving", "KEYWORD"));
    // Made by hand it is there again.
    delete(&alice, "Shopping").await.expect(200);
    assert_eq!(chosen(&enter(&alice, "shoes").await), ("Other", "DEFAULT"));
    alice.post("/api/categories", json!({"name": "Shopping", "kind": "EXPENSE"})).await.expect(201);
    assert_eq!(chosen(&enter(&alice, "shirt").await), ("Shopping", "KEYWORD"));
}

#[tokio::test]
async fn a_merged_category_is_the_one_that_stays() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let first = merge(&alice, "Entertainment", "Shopping").await;
    first.expect(200);
    let second = merge(&alice, "Education", "Shopping").await;
    second.expect(200);
    assert_eq!(chosen(&enter(&alice, "Netflix").await), ("Shopping", "KEYWORD"));
    let third = merge(&alice, "Shopping", "Rent").await;
    third.expect(200);
    assert_eq!(chosen(&enter(&alice, "cinema").await), ("Rent", "KEYWORD"));
    assert_eq!(chosen(&enter(&alice, "shoes").await), ("Rent", "KEYWORD"));
    undo(&alice, &third).await.expect(200);
    assert_eq!(chosen(&enter(&alice, "karaoke").await), ("Shopping", "KEYWORD"));
    // Not the last of two merges into one.
    undo(&alice, &first).await.expect(200);
    assert_eq!(chosen(&enter(&alice, "concert").await), ("Entertainment", "KEYWORD"));
    assert_eq!(chosen(&enter(&alice, "textbook").await), ("Shopping", "KEYWORD"));
    assert_eq!(chosen(&enter(&alice, "shirt").await), ("Shopping", "KEYWORD"));
    merge(&alice, "Other", "Rent").await.expect(200);
    assert_eq!(chosen(&enter(&alice, "qwertz").await), ("Rent", "DEFAULT"));
}

#[tokio::test]
async fn an_archived_category_is_chosen_only_by_the_user() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let by_hand =
        |title: &str, category: &str| json!({"title": title, "amount": 1, "type": "EXPENSE", "category": category});
    alice.post(PATH, by_hand("blue bottle", "Coffee")).await.expect(201);
    for category in ["Shopping", "Coffee"] {
        change(&alice, category, json!({"archived": true})).await.expect(200);
    }
    assert_eq!(chosen(&enter(&alice, "shoes").await), ("Other", "DEFAULT"));
    assert_eq!(chosen(&enter(&alice, "blue bottle").await), ("Other", "DEFAULT"));
    assert_eq!(chosen(&alice.post(PATH, by_hand("x", "Shopping")).await.expect(201)), ("Shopping", "USER"));
    change(&alice, "Shopping", json!({"archived": false})).await.expect(200);
    assert_eq!(chosen(&enter(&alice, "shoes").await), ("Shopping", "KEYWORD"));
    // Something has to be there for what belongs nowhere else.
    change(&alice, "Other", json!({"archived": true})).await.expect(200);
    for title in ["qwertz", "asdf"] {
        assert_eq!(chosen(&enter(&alice, title).await), ("Other (2)", "DEFAULT"));
    }
    change(&alice, "Other (2)", json!({"name": "The rest"})).await.expect(200);
    assert_eq!(chosen(&enter(&alice, "yxcv").await), ("The rest", "DEFAULT"));
    merge(&alice, "The rest", "Rent").await.expect(200);
    change(&alice, "Rent", json!({"name": "Home"})).await.expect(200);
    assert_eq!(chosen(&enter(&alice, "uiop").await), ("Home", "DEFAULT"));
}

#[tokio::test]
async fn what_stands_for_other_may_be_deleted_and_is_made_anew() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    delete(&alice, "Other").await.expect(200);
    let made = alice.post(PATH, json!({"title": "qwertz", "amount": 1, "type": "EXPENSE"})).await;
    assert_eq!(chosen(&made.expect(201)), ("Other", "DEFAULT"));
    assert_eq!(chosen(&enter(&alice, "asdf").await), ("Other", "DEFAULT"));
    // What was made in passing stays where it is needed, and goes where it is not.
    undo(&alice, &made).await.expect(200);
    assert_eq!(chosen(&enter(&alice, "yxcv").await), ("Other", "DEFAULT"));
    assert_eq!(names(&alice).await.iter().filter(|name| *name == "Other").count(), 1);
}

#[tokio::test]
async fn somebody_who_never_had_a_default_category_gets_it_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut connection = app.connection().await;
    // As one who came from the original service.
    for sql in ["delete from default_categories", "delete from categories"] {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect(sql);
    }
    let made = alice.post(PATH, json!({"title": "taxi", "amount": 1, "type": "EXPENSE"})).await;
    assert_eq!(chosen(&made.expect(201)), ("Transportation", "KEYWORD"));
    undo(&alice, &made).await.expect(200);
    assert!(names(&alice).await.is_empty());
    assert_eq!(chosen(&enter(&alice, "taxi").await), ("Transportation", "KEYWORD"));
    change(&alice, "Transportation", json!({"name": "Moving"})).await.expect(200);
    assert_eq!(chosen(&enter(&alice, "bus").await), ("Moving", "KEYWORD"));
}

#[tokio::test]
async fn undoing_puts_back_what_stood_for_a_default_category_only_where_it_is_there() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let send = async |title: &str| {
        let answer = alice.post(PATH, json!({"title": title, "amount": 1, "type": "EXPENSE"})).await;
        answer.expect(201);
        answer
    };
    change(&alice, "Other", json!({"archived": true})).await.expect(200);
    let first = send("qwertz").await;
    delete(&alice, "Other").await.expect(200);
    // It took the place of one that is gone for good.
    undo(&alice, &first).await.expect(200);
    assert_eq!(chosen(&enter(&alice, "asdf").await), ("Other", "DEFAULT"));

    let mut connection = app.connection().await;
    let sql = "delete from default_categories where origin = 'Transportation'";
    sqlx::query(sql).execute(&mut connection).await.expect(sql);
    let first = send("taxi").await;
    send("taxi").await;
    // The category stays, and what stands for it is noted anew.
    let undone = undo(&alice, &first).await;
    undone.expect(200);
    let second = send("bus").await;
    undo(&alice, &undone).await.expect(200);
    undo(&alice, &second).await.expect(200);
    change(&alice, "Transportation", json!({"name": "Moving"})).await.expect(200);
    assert_eq!(names(&alice).await.iter().filter(|name| *name == "Moving").count(), 1);
    // Whatever was undone, all that is entered has a category.
    assert!(["Moving", "Transportation"].contains(&chosen(&enter(&alice, "bus").await).0));
}

#[tokio::test]
async fn other_is_looked_for_when_entered_and_kept_when_changed() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let entered = json!({"title": "lunch", "amount": 1, "type": "EXPENSE", "category": "Other"});
    let row = alice.post(PATH, entered).await.expect(201);
    assert_eq!(chosen(&row), ("Food & Dining", "KEYWORD"));
    let one = format!("{PATH}/{}", row["id"]);
    let set = alice.put(&one, json!({"category": "Other"})).await.expect(200);
    assert_eq!(chosen(&set), ("Other", "USER"));
    for edit in [json!({"category": "Other", "amount": 2}), json!({"title": "dinner"}), json!({"category": "OTHER"})] {
        let kept = alice.put(&one, edit.clone()).await.expect(200);
        assert_eq!(chosen(&kept), ("Other", "USER"), "{edit}");
    }
    let nothing = enter(&alice, "qwertz").await;
    let kept = alice.put(&format!("{PATH}/{}", nothing["id"]), json!({"title": "taxi", "category": "Other"})).await;
    assert_eq!(chosen(&kept.expect(200)), ("Other", "USER"));
}
