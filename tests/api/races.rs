//! Two changes of one user's data at the same time: they end as if one had come after the other.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};

const PATH: &str = "/api/transactions";

/// Rounds of each race, if `ROUNDS` does not say otherwise. Each second one goes through two servers.
fn rounds() -> std::ops::Range<usize> {
    0..std::env::var("ROUNDS").map_or(20, |rounds| rounds.parse().expect("a number in ROUNDS"))
}

/// A user of two servers on one database.
struct Both {
    app: TestApp,
    _other: TestApp,
    clients: [Client; 2],
}

impl Both {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let other = app.beside(&[]).await;
        let alice = app.user("alice").await;
        let elsewhere = Client { base: other.anon.base.clone(), ..alice.clone() };
        Self { app, _other: other, clients: [alice, elsewhere] }
    }

    /// Who is in a race with the first client: in each second round a client of the other server.
    fn rival(&self, round: usize) -> &Client {
        &self.clients[round % 2]
    }
}

fn entry(title: &str) -> Value {
    json!({"title": title, "amount": 1, "type": "EXPENSE", "date": "2026-02-16"})
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

async fn undo(client: &Client, operation: &Value) -> Answer {
    client.send(client.request(Method::POST, &format!("/api/operations/{operation}/undo"))).await
}

fn operation(answer: &Answer) -> Value {
    answer.json()["meta"]["operationId"].clone()
}

async fn rows(client: &Client) -> Vec<Value> {
    client.get(PATH).await.expect(200).as_array().expect("rows").clone()
}

#[tokio::test]
async fn a_merge_takes_along_what_is_entered_meanwhile() {
    let both = Both::start().await;
    let alice = &both.clients[0];
    let mut expected = 0;
    for (many, field) in [("categories", "category"), ("payees", "payee"), ("tags", "tags")] {
        for round in rounds() {
            let rival = both.rival(round);
            let path = format!("/api/{many}");
            let name = |name: &str| format!("{name} {round}");
            let (from, into) = (alice.make(many, &name("from")).await, alice.make(many, &name("into")).await);
            let value = if field == "tags" { json!([name("from")]) } else { json!(name("from")) };
            let body = with(entry("x"), field, value.clone());
            let mut there = Vec::new();
            for _ in 0..3 {
                there.push(alice.post(PATH, body.clone()).await);
            }
            let ids: Vec<Value> = there.iter().map(|answer| answer.expect(201)["id"].clone()).collect();
            let entered = (0..4).map(|_| rival.post(PATH, body.clone()));
            let set = json!({"ids": [ids[0]], "set": {field: value}});
            let (merge_path, gone, second) =
                (format!("{path}/{from}/merge"), format!("{PATH}/{}", ids[2]), operation(&there[1]));
            let (merged, entered, changed, undone, deleted) = tokio::join!(
                alice.post(&merge_path, json!({"into": into})),
                join_all(entered),
                rival.send(rival.request(Method::PATCH, PATH).json(&set)),
                undo(rival, &second),
                rival.delete(&gone),
            );
            merged.expect(200);
            for answer in &entered {
                // By its name it is there, or it is made anew.
                answer.expect(201);
            }
            changed.expect(200);
            deleted.expect(200);
            // A row that the merge has changed since is not taken back.
            assert!([200, 409].contains(&undone.status.as_u16()), "{}", undone.text);
            expected += 5 + i64::from(undone.status != 200);
            alice.get(&format!("{path}/{from}")).await.expect_status(404);
            assert_eq!(both.app.count("select count(*) from transactions").await, expected, "{many} {round}");
            assert_eq!(both.app.count("select sum(amount)::bigint from transactions").await, expected);
        }
    }
}

#[tokio::test]
async fn what_is_named_by_its_id_while_it_is_deleted_is_there_or_not_found() {
    let both = Both::start().await;
    let alice = &both.clients[0];
    for round in rounds() {
        let rival = both.rival(round);
        for (many, field) in [("categories", "categoryId"), ("payees", "payeeId")] {
            let id = alice.make(many, &format!("gone {round}")).await;
            let path = format!("/api/{many}/{id}");
            let delete = alice.delete(&path);
            let creates = (0..4).map(|_| rival.post(PATH, with(entry("x"), field, id.clone())));
            let bulk =
                rival.send(rival.request(Method::PATCH, PATH).json(&json!({"filter": {"q": "x"}, "set": {field: id}})));
            let (deleted, entered, bulk) = tokio::join!(delete, join_all(creates), bulk);
            assert!([200, 409].contains(&deleted.status.as_u16()), "{}", deleted.text);
            assert!([200, 404].contains(&bulk.status.as_u16()), "{}", bulk.text);
            for answer in entered {
                assert!([201, 404].contains(&answer.status.as_u16()), "{}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn a_move_and_an_undo_make_no_circle() {
    let both = Both::start().await;
    let alice = &both.clients[0];
    let category = async |name: String, parent: Value| {
        let body = json!({"name": name, "kind": "EXPENSE", "parentId": parent});
        alice.post("/api/categories", body).await.expect(201)["id"].clone()
    };
    for round in rounds() {
        let rival = both.rival(round);
        let a = category(format!("a {round}"), Value::Null).await;
        let a1 = category(format!("a1 {round}"), a.clone()).await;
        let b = category(format!("b {round}"), a1).await;
        let b1 = category(format!("b1 {round}"), b.clone()).await;
        let up = alice.patch(&format!("/api/categories/{b}"), json!({"parentId": null})).await;
        let (path, up) = (format!("/api/categories/{a}"), operation(&up));
        let (undone, moved) = tokio::join!(undo(alice, &up), rival.patch(&path, json!({"parentId": b1})));
        let statuses = [undone.status.as_u16(), moved.status.as_u16()];
        assert!(statuses == [200, 409] || statuses == [409, 200], "{} {}", undone.text, moved.text);
    }
}

#[tokio::test]
async fn a_bulk_change_touches_only_what_meets_its_filter_when_it_is_made() {
    let both = Both::start().await;
    let alice = &both.clients[0];
    for round in rounds() {
        let rival = both.rival(round);
        let mut ids = Vec::new();
        for _ in 0..8 {
            let body = with(entry(&format!("r{round}")), "amount", json!(100));
            ids.push(alice.post(PATH, body).await.expect(201)["id"].clone());
        }
        let edits = ids.iter().map(|id| {
            let path = format!("{PATH}/{id}");
            async move { rival.patch(&path, json!({"amount": 5})).await }
        });
        let filter = json!({"filter": {"q": format!("r{round}"), "minAmount": 100}, "set": {"note": "large"}});
        let bulk = alice.send(alice.request(Method::PATCH, PATH).json(&filter));
        let (bulk, edits) = tokio::join!(bulk, join_all(edits));
        let bulk_operation = operation(&bulk);
        bulk.expect(200);
        for (id, edit) in ids.iter().zip(edits) {
            edit.expect(200);
            // Of its history, the last first: where the bulk change came after the edit, it has touched what was 5 by then.
            let history = alice.get(&format!("{PATH}/{id}/history")).await.expect(200);
            let operations: Vec<&Value> =
                history.as_array().expect("entries").iter().map(|entry| &entry["operationId"]).collect();
            let touched = operations.iter().position(|operation| **operation == bulk_operation);
            assert_ne!(touched, Some(0), "it was changed after it no longer met the filter: {history}");
        }
    }
}

#[tokio::test]
async fn what_lies_in_the_trash_follows_merges_and_deletions() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (many, field, other) in
        [("categories", "category", json!("Other")), ("payees", "payee", Value::Null), ("tags", "tags", json!([]))]
    {
        let as_value = |name: &str| if field == "tags" { json!([name]) } else { json!(name) };
        for merged in [true, false] {
            let name = format!("gone {merged}");
            let gone = alice.make(many, &name).await;
            let id = alice.post(PATH, with(entry("x"), field, as_value(&name))).await.expect(201)["id"].clone();
            alice.delete(&format!("{PATH}/{id}")).await.expect(200);
            let expected = if merged {
                // Twice, so that the way has two steps.
                let (first, last) = (alice.make(many, "first").await, alice.make(many, "last").await);
                alice.post(&format!("/api/{many}/{gone}/merge"), json!({"into": first})).await.expect(200);
                alice.post(&format!("/api/{many}/{first}/merge"), json!({"into": last})).await.expect(200);
                as_value("last")
            } else {
                alice.delete(&format!("/api/{many}/{gone}")).await.expect(200);
                other.clone()
            };
            let restored = alice.post(&format!("/api/trash/{id}/restore"), json!({})).await.expect(200);
            assert_eq!(restored[field], expected, "{many} {merged}");
        }
    }
}

#[tokio::test]
async fn one_that_is_gone_does_not_keep_the_others_of_a_bulk_deletion_back() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for name in ["ann", "ben"] {
        alice.post(PATH, with(with(entry("x"), "payee", json!(name)), "tags", json!([name, "both"]))).await.expect(201);
    }
    let deleted = alice.send(alice.request(Method::DELETE, PATH).json(&json!({"filter": {"q": "x"}}))).await;
    for many in ["payees", "tags"] {
        let all = alice.get(&format!("/api/{many}")).await.expect(200);
        let ben = all.as_array().expect("rows").iter().find(|one| one["name"] == "ben").expect("ben").clone();
        alice.delete(&format!("/api/{many}/{}", ben["id"])).await.expect(200);
    }
    let undone = undo(&alice, &operation(&deleted)).await.expect(200);
    assert_eq!((&undone["restored"], &undone["reverted"], &undone["removed"]), (&json!(2), &json!(0), &json!(0)));
    let mut back: Vec<(Value, Value)> =
        rows(&alice).await.into_iter().map(|row| (row["payee"].clone(), row["tags"].clone())).collect();
    back.sort_by_key(|(payee, _)| payee.is_null());
    assert_eq!(back, [(json!("ann"), json!(["ann", "both"])), (Value::Null, json!(["both"]))]);
}

#[tokio::test]
async fn undone_by_is_right_after_any_chain() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut chain = vec![operation(&alice.post(PATH, entry("x")).await)];
    for length in 1..8 {
        let answer = undo(&alice, &chain[length - 1]).await;
        chain.push(operation(&answer));
        answer.expect(200);
        let is_there = !rows(&alice).await.is_empty();
        assert_eq!(is_there, length % 2 == 0);
        // The last is in force; each one before it is not if the one behind it is.
        let mut in_force = true;
        for (index, id) in chain.iter().enumerate().rev() {
            let undone_by = alice.get(&format!("/api/operations/{id}")).await.expect(200)["undoneBy"].clone();
            let expected = if in_force { Value::Null } else { chain[index + 1].clone() };
            assert_eq!(undone_by, expected, "operation {id} of {chain:?}");
            in_force = !in_force;
        }
    }
    undo(&alice, &chain[6]).await.expect_status(409);
}

#[tokio::test]
async fn what_changes_nothing_is_no_operation_and_makes_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let row = alice.post(PATH, with(entry("x"), "tags", json!(["a", "b"]))).await.expect(201);
    let path = format!("{PATH}/{}", row["id"]);
    for edit in [json!({}), json!({"title": "x", "tags": ["b", "a"], "payee": null})] {
        let answer = alice.patch(&path, edit).await;
        assert_eq!(operation(&answer), Value::Null);
        assert_eq!(answer.expect(200), row);
    }
    let ghost = json!({"payee": "Ghost", "tags": ["ghost"], "category": "Ghosts"});
    for (filter, set) in [(json!({"ids": [999_999]}), ghost.clone()), (json!({"filter": {"q": "nothinghere"}}), ghost)]
    {
        let body = with(filter, "set", set);
        let answer = alice.send(alice.request(Method::PATCH, PATH).json(&body)).await;
        assert_eq!(operation(&answer), Value::Null);
        assert_eq!(answer.expect(200)["matched"], 0);
    }
    let body = json!({"ids": [row["id"]], "set": {"title": "x"}});
    let answer = alice.send(alice.request(Method::PATCH, PATH).json(&body)).await;
    assert_eq!((operation(&answer), answer.expect(200)["changed"].clone()), (Value::Null, json!(0)));
    for many in ["payees", "tags", "categories"] {
        let all = alice.get(&format!("/api/{many}")).await.text;
        assert!(!all.to_lowercase().contains("ghost"), "{all}");
    }
    assert_eq!(alice.get("/api/operations").await.expect(200).as_array().map(Vec::len), Some(1));
}
