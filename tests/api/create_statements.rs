//! The statements that a create takes.

use serde_json::{Value, json};

use crate::support::app::{ServerOptions, TestApp};
use crate::support::client::Client;
use crate::support::servers::Server;

const PATH: &str = "/api/transactions";

/// Creates a transaction, with an `Idempotency-Key` if one is given; returns it as it was answered, with its `ETag`.
async fn create(client: &Client, body: &Value, key: Option<&str>) -> (Value, String) {
    let request = client.request(reqwest::Method::POST, PATH).json(body);
    let answer = client.send(if let Some(key) = key { request.header("Idempotency-Key", key) } else { request }).await;
    let tag = answer.header("etag").expect("an ETag").to_owned();
    (answer.expect(201), tag)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_of_known_names_is_two_statements_and_anything_else_is_a_transaction() {
    let database = Server::start(&["shared_preload_libraries=pg_stat_statements", "autovacuum=off"]).await;
    database.sql("create extension pg_stat_statements").await;
    let beside = Some(database.options.clone());
    let app = TestApp::with(ServerOptions { beside, ..ServerOptions::default() }).await;
    let alice = app.user("alice").await;
    let sent = async || -> u64 {
        let sql = "select coalesce(sum(calls), 0) from pg_stat_statements
            where toplevel and (query like '%operations%' or query like '%transactions%' or query ilike 'begin%'
                or query ilike 'commit%') and query not like '%pg_stat_statements%'";
        database.value(sql).await.parse().expect("a number")
    };
    let plain = json!({"title": "ข้าวมันไก่", "amount": 60.50, "type": "EXPENSE", "category": "food & DINING"});
    let mut full = plain.clone();
    full["tags"] = json!(["lunch", "Ünder", "a"]);
    full["payee"] = json!("Kuang  Heng");
    full["note"] = json!("with extra chicken");
    create(&alice, &full, None).await;
    let payee = alice.get("/api/payees").await.expect(200)[0]["id"].clone();
    let mut by_id = plain.clone();
    by_id["categoryId"] = alice.get("/api/categories").await.expect(200)[0]["id"].clone();
    by_id["type"] = alice.get("/api/categories").await.expect(200)[0]["kind"].clone();
    by_id["payeeId"] = payee;
    by_id.as_object_mut().expect("an object").remove("category");

    for (number, body) in [&plain, &full, &by_id].into_iter().enumerate() {
        for key in [None, Some(format!("key {number}"))] {
            let before = sent().await;
            let (created, tag) = create(&alice, body, key.as_deref()).await;
            assert_eq!(sent().await - before, 2, "{body}, {key:?}");
            let read = alice.get(&format!("{PATH}/{}", created["id"])).await;
            assert_eq!(read.header("etag"), Some(&*tag), "the answer is not what is read: {created}");
            assert_eq!(read.expect(200), created);
            if let Some(key) = key {
                let before = sent().await;
                assert_eq!(create(&alice, body, Some(&key)).await, (created, tag), "the same answer again");
                assert_eq!(sent().await - before, 1, "only the stored answer is read");
            }
        }
    }
    for (field, value) in [("category", "a new one"), ("payee", "somebody new"), ("category", "Other")] {
        let mut body = plain.clone();
        body[field] = json!(value);
        let before = sent().await;
        create(&alice, &body, None).await;
        assert!(sent().await - before > 4, "{body}");
    }
    // All of them are recorded, each by an operation of its own that undoes it.
    let operations = alice.get("/api/operations?limit=100").await.expect(200);
    let operations = operations.as_array().expect("a list");
    assert_eq!(operations.len(), 10);
    for operation in operations {
        alice.post(&format!("/api/operations/{}/undo", operation["id"]), json!({})).await.expect_status(200);
    }
    assert_eq!(alice.get(PATH).await.expect(200), json!([]));
}
