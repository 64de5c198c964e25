//! Quotas: the most that one user may have, whichever way it comes in.

use std::time::Instant;

use app::features::{self, history, quotas};
use app::http::scope::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};

const PATH: &str = "/api/transactions";

const SMALL: &[(&str, &str)] = &[
    ("APP_QUOTAS__TRANSACTIONS", "5"),
    ("APP_QUOTAS__TAGS", "4"),
    ("APP_QUOTAS__PAYEES", "3"),
    ("APP_QUOTAS__CATEGORIES", "20"),
    ("APP_QUOTAS__TEXT_BYTES", "20000"),
];

fn expense(title: &str) -> Value {
    json!({"title": title, "amount": 1, "type": "EXPENSE", "category": "Rent", "date": "2026-02-16"})
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

fn operation(answer: &Answer) -> i64 {
    answer.json()["meta"]["operationId"].as_i64().unwrap_or_else(|| panic!("no operation: {}", answer.text))
}

async fn undo(client: &Client, operation: i64) -> Answer {
    client.send(client.request(Method::POST, &format!("/api/operations/{operation}/undo"))).await
}

#[track_caller]
fn exceeded(answer: &Answer, quota: &str) {
    let body = answer.json();
    assert_eq!(
        (answer.status.as_u16(), body["error"]["code"].as_str()),
        (403, Some("QUOTA_EXCEEDED")),
        "{}",
        answer.text
    );
    let message = body["error"]["message"].as_str().expect("a message");
    assert!(message.contains(&format!("quotas.{quota}")) && message.contains("nothing was changed"), "{message}");
}

/// Adds up usage, as the job does every few seconds.
pub(super) async fn settle(app: &TestApp) {
    let mut connection = app.connection().await;
    // One process of a database settles at a time, and other tests have theirs.
    let deadline = Instant::now() + PATIENCE;
    while app.count("select count(*) from usage_deltas").await > 0 {
        assert!(Instant::now() < deadline, "the additions are never settled");
        quotas::store::settle(&mut connection).await.expect("settled");
    }
}

#[tokio::test]
async fn nothing_is_entered_past_a_quota_and_what_is_deleted_makes_room() {
    let app = TestApp::configured(SMALL).await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    // As it is before, and after, the job has come by.
    for settled in [false, true] {
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(alice.post(PATH, expense("a")).await.expect(201)["id"].clone());
            if settled {
                settle(&app).await;
            }
        }
        let refused = alice.post(PATH, expense("sixth")).await;
        exceeded(&refused, "transactions");
        assert!(refused.text.contains("There can be 5 transactions, and this would make it 6"), "{}", refused.text);
        bob.get(PATH).await.expect(200);
        let deleted = alice.delete(&format!("{PATH}/{}", ids[0])).await;
        deleted.expect(200);
        alice.post(PATH, expense("again")).await.expect(201);
        // Neither way back from the trash is a way past it.
        exceeded(&undo(&alice, operation(&deleted)).await, "transactions");
        exceeded(&alice.post(&format!("/api/trash/{}/restore", ids[0]), json!({})).await, "transactions");
        let all = json!({"filter": {"type": "EXPENSE"}});
        let emptied = alice.send(alice.request(Method::DELETE, PATH).json(&all)).await;
        emptied.expect(200);
        undo(&alice, operation(&emptied)).await.expect(200);
        assert_eq!(alice.get(PATH).await.expect(200).as_array().map(Vec::len), Some(5));
        alice.send(alice.request(Method::DELETE, PATH).json(&all)).await.expect(200);
    }
    bob.post(PATH, expense("his own")).await.expect(201);
}

#[tokio::test]
async fn names_count_however_they_are_made() {
    let app = TestApp::configured(SMALL).await;
    let alice = app.user("alice").await;
    let mut connection = app.connection().await;
    quotas::store::recount(&mut Scope::new(&mut connection, 1), &features::tables()).await.expect("counted");
    let first = alice.post(PATH, with(expense("a"), "tags", json!(["1", "2", "3"]))).await.expect(201);
    exceeded(&alice.post(PATH, with(expense("b"), "tags", json!(["4", "5"]))).await, "tags");
    assert_eq!(
        alice.get("/api/tags").await.expect(200).as_array().map(Vec::len),
        Some(3),
        "none of them is left behind"
    );
    alice.post("/api/tags", json!({"name": "4"})).await.expect(201);
    exceeded(&alice.post("/api/tags", json!({"name": "5"})).await, "tags");
    let path = format!("{PATH}/{}", first["id"]);
    exceeded(&alice.patch(&path, json!({"tags": ["5"]})).await, "tags");
    let bulk = json!({"ids": [first["id"]], "set": {"addTags": ["5"]}});
    exceeded(&alice.send(alice.request(Method::PATCH, PATH).json(&bulk)).await, "tags");
    // Those that are there can be used on.
    alice.patch(&path, json!({"tags": ["4"]})).await.expect(200);
    for name in ["p1", "p2", "p3"] {
        alice.patch(&path, json!({"payee": name})).await.expect(200);
    }
    exceeded(&alice.patch(&path, json!({"payee": "p4"})).await, "payees");
    exceeded(&alice.post("/api/payees", json!({"name": "p4"})).await, "payees");
    // Everybody begins with 14 categories.
    for number in 0..6 {
        alice.patch(&path, json!({"category": format!("c{number}")})).await.expect(200);
    }
    exceeded(&alice.patch(&path, json!({"category": "c6"})).await, "categories");
    exceeded(&alice.post("/api/categories", json!({"name": "c6", "kind": "INCOME"})).await, "categories");
    let bulk = json!({"ids": [first["id"]], "set": {"category": "c6"}});
    exceeded(&alice.send(alice.request(Method::PATCH, PATH).json(&bulk)).await, "categories");
}

#[tokio::test]
async fn text_counts_as_it_is_written_and_changed() {
    let app = TestApp::configured(SMALL).await;
    let alice = app.user("alice").await;
    let note = |characters: usize| json!("ก".repeat(characters));
    let first = alice.post(PATH, with(expense("a"), "note", note(3_000))).await.expect(201);
    alice.post(PATH, with(expense("b"), "note", note(3_000))).await.expect(201);
    exceeded(&alice.post(PATH, with(expense("c"), "note", note(3_000))).await, "text_bytes");
    let path = format!("{PATH}/{}", first["id"]);
    exceeded(&alice.patch(&path, json!({"note": note(4_000)})).await, "text_bytes");
    alice.patch(&path, json!({"note": note(2_000)})).await.expect(200);
    alice.post(PATH, with(expense("c"), "note", note(900))).await.expect(201);
    // All at once, and not even begun: nothing is recorded.
    let bulk = |characters: usize| json!({"filter": {"type": "EXPENSE"}, "set": {"note": note(characters)}});
    let changes = app.count("select count(*) from changes").await;
    exceeded(&alice.send(alice.request(Method::PATCH, PATH).json(&bulk(2_500))).await, "text_bytes");
    assert_eq!(app.count("select count(*) from changes").await, changes);
    let shorter = alice.send(alice.request(Method::PATCH, PATH).json(&bulk(10))).await;
    shorter.expect(200);
    alice.post(PATH, with(expense("d"), "note", note(900))).await.expect(201);
    exceeded(&undo(&alice, operation(&shorter)).await, "text_bytes");
}

#[tokio::test]
async fn tags_of_one_transaction_have_a_bound_of_their_own() {
    let app = TestApp::configured(&[("APP_QUOTAS__TAGS_PER_TRANSACTION", "60")]).await;
    let alice = app.user("alice").await;
    let id = alice.post(PATH, expense("a")).await.expect(201)["id"].clone();
    let names = |from: usize, to: usize| (from..to).map(|number| format!("t{number}")).collect::<Vec<String>>();
    let add = async |names: Vec<String>| {
        let body = json!({"ids": [id], "set": {"addTags": names}});
        alice.send(alice.request(Method::PATCH, PATH).json(&body)).await
    };
    add(names(0, 50)).await.expect(200);
    exceeded(&add(names(50, 61)).await, "tags_per_transaction");
    add(names(50, 60)).await.expect(200);
    let taken = json!({"ids": [id], "set": {"removeTags": names(0, 20)}});
    let taken = alice.send(alice.request(Method::PATCH, PATH).json(&taken)).await;
    add(names(60, 70)).await.expect(200);
    exceeded(&undo(&alice, operation(&taken)).await, "tags_per_transaction");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_is_what_is_there_whatever_was_done_at_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut connection = app.connection().await;
    quotas::store::recount(&mut Scope::new(&mut connection, 1), &features::tables()).await.expect("counted");
    let tasks: Vec<_> = (0..6)
        .map(|task| {
            let alice = alice.clone();
            tokio::spawn(async move {
                for round in 0..10 {
                    let body = with(expense(&format!("{task} {round}")), "payee", json!(format!("p{}", round % 3)));
                    let made = alice.post(PATH, with(body, "tags", json!([format!("t{task}")]))).await;
                    let path = format!("{PATH}/{}", made.expect(201)["id"]);
                    alice
                        .patch(&path, json!({"note": "x".repeat(task * 10), "category": format!("c{task}")}))
                        .await
                        .expect(200);
                    if round % 3 == 0 {
                        let deleted = alice.delete(&path).await;
                        deleted.expect(200);
                        if round % 2 == 0 {
                            undo(&alice, operation(&deleted)).await.expect(200);
                        }
                    }
                }
            })
        })
        .collect();
    while tasks.iter().any(|task| !task.is_finished()) {
        settle(&app).await;
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.expect("joined");
    }
    settle(&app).await;
    let sql = "select transactions, tags, payees, categories, text_bytes, history_bytes from usage where user_id = 1";
    let counted: (i64, i64, i64, i64, i64, i64) = sqlx::query_as(sql).fetch_one(&mut connection).await.expect("usage");
    quotas::store::recount(&mut Scope::new(&mut connection, 1), &features::tables()).await.expect("counted");
    let there: (i64, i64, i64, i64, i64, i64) = sqlx::query_as(sql).fetch_one(&mut connection).await.expect("usage");
    assert_eq!(counted, there);
    assert!(there.0 > 40 && there.4 > 0 && there.5 > 0, "{there:?}");
}

#[tokio::test]
async fn keys_have_a_bound_and_those_that_are_there_are_answered_on() {
    let app = TestApp::configured(&[("APP_QUOTAS__IDEMPOTENCY_KEYS", "3")]).await;
    let alice = app.user("alice").await;
    let mut connection = app.connection().await;
    quotas::store::recount(&mut Scope::new(&mut connection, 1), &features::tables()).await.expect("counted");
    let send = async |key: String| {
        let request = alice.request(Method::POST, PATH).header("idempotency-key", &key);
        alice.send(request.json(&with(expense(&key), "note", json!("ก".repeat(4_000))))).await
    };
    for key in 0..3 {
        send(key.to_string()).await.expect(201);
    }
    quotas::store::count_keys(&mut connection, 3).await.expect("counted");
    let refused = send("3".to_owned()).await;
    let told = "There can be 3 Idempotency-Keys within 24 hours, and all are used; nothing was done. Send the request \
                without one, or later, or ask who runs the service to raise quotas.idempotency_keys";
    refused.refused(403, "QUOTA_EXCEEDED", told);
    let again = send("1".to_owned()).await;
    again.expect(201);
    assert_eq!(app.count("select count(*) from transactions").await, 3);
    // A large answer is forgotten before the key is, and nothing is done again.
    let aged = "update idempotency_keys set created_at = now() - interval '11 minutes'";
    sqlx::query(aged).execute(&mut connection).await.expect("aged");
    history::idempotency_store::forget_large(&mut connection).await.expect("forgotten");
    let gone = send("1".to_owned()).await;
    assert_eq!(
        (gone.status.as_u16(), gone.json()["error"]["code"].as_str()),
        (409, Some("IDEMPOTENCY_ANSWER_GONE")),
        "{}",
        gone.text
    );
    assert!(gone.text.contains(&format!("operation {}", operation(&again))), "{}", gone.text);
    assert_eq!(app.count("select count(*) from transactions").await, 3);
    // A day later there is room.
    sqlx::query("update idempotency_keys set created_at = now() - interval '25 hours'")
        .execute(&mut connection)
        .await
        .expect("aged");
    history::idempotency_store::forget_old(&mut connection).await.expect("forgotten");
    quotas::store::count_keys(&mut connection, 3).await.expect("counted");
    send("3".to_owned()).await.expect(201);
}
