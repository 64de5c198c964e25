//! Operations: what was done, and how it is undone. And the trash.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};

use super::every_change::{bulk, everything, operation, undo};
use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};
use crate::support::random::Random;

const PATH: &str = "/api/transactions";

/// Everything that is recorded, to the letter.
async fn state(connection: &mut PgConnection) -> String {
    let mut state = String::new();
    for table in app::features::tables().iter().map(|table| table.name) {
        let sql = format!("select coalesce(string_agg(t::text, E'\\n' order by t::text), '') from {table} t");
        let rows: String = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *connection).await.expect(table);
        let _ = writeln!(state, "{table}\n{rows}");
    }
    state
}

fn expense(title: &str) -> Value {
    json!({"title": title, "amount": 10, "type": "EXPENSE", "category": "Rent", "date": "2026-02-16"})
}

#[tokio::test]
async fn everything_that_changes_something_names_an_operation_that_undoes_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let done = everything(&alice).await;
    // All that the document has, so that what is new there has to be put here.
    let document = app.anon.get("/api/openapi.json").await.json();
    let mut missing = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, described) in item.as_object().expect("an item") {
            let name = format!("{method} {path}");
            let signed_in = described["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
            let changes = method != "get" && signed_in;
            if changes && !done.iter().any(|(known, _)| *known == name) {
                missing.push(name);
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    for (name, answer) in &done {
        assert!(answer.status.is_success(), "{name}: {}", answer.text);
        operation(answer);
    }
    // Each of them alone, done and undone at once, leaves nothing behind.
    let bob = app.user("bob").await;
    let mut connection = app.connection().await;
    let empty = state(&mut connection).await;
    let operations = everything(&bob).await.len();
    let all = bob.get("/api/operations").await.expect(200);
    let all = all.as_array().expect("rows");
    assert!(all.len() > operations, "{all:?}");
    for done in all {
        // The last one was undone already, and its undoing is undone first.
        let answer = undo(&bob, done["id"].as_i64().expect("an id")).await;
        assert_eq!(answer.status.as_u16(), 200, "{done}: {}", answer.text);
    }
    assert_eq!(state(&mut connection).await, empty);
}

const TITLES: &[&str] = &["lunch", "กาแฟ", "taxi", "rent", "book"];
const CATEGORIES: &[&str] = &["Rent", "Odd", "Other", "Food & Dining"];
const TAGS: &[&str] = &["red", "green", "blue"];

async fn ids(client: &Client, path: &str) -> Vec<i64> {
    let rows = client.get(path).await.expect(200);
    rows.as_array().expect("rows").iter().map(|row| row["id"].as_i64().expect("an id")).collect()
}

/// One change of a random kind; the operation, if something was there to be changed.
async fn change(client: &Client, random: &mut Random) -> Option<i64> {
    let answer = match random.below(12) {
        0..=3 => {
            let mut body = expense(random.pick(TITLES));
            body["category"] = json!(random.pick(CATEGORIES));
            body["amount"] = json!(1 + random.below(9));
            body["tags"] = json!([random.pick(TAGS)]);
            if random.one_in(2) {
                body["payee"] = json!(random.pick(&["Ann", "Ben"]));
            }
            client.post(PATH, body).await
        }
        4..=6 => {
            let all = ids(client, PATH).await;
            let path = format!("{PATH}/{}", all.get(random.below(all.len()))?);
            let edit = match random.below(4) {
                0 => json!({"title": random.pick(TITLES), "note": random.pick(&["x", "y"])}),
                1 => json!({"category": random.pick(CATEGORIES), "amount": 1 + random.below(9)}),
                2 => json!({"tags": [random.pick(TAGS), random.pick(TAGS)], "payee": null}),
                _ => {
                    json!({"date": format!("2026-01-{:02}", 1 + random.below(28)), "type": random.pick(&["INCOME", "EXPENSE"])})
                }
            };
            client.patch(&path, edit).await
        }
        7 => {
            let all = ids(client, PATH).await;
            client.delete(&format!("{PATH}/{}", all.get(random.below(all.len()))?)).await
        }
        8 => change_many(client, random).await,
        9 if random.one_in(3) => {
            bulk(client, Method::DELETE, json!({"filter": {"tag": random.pick(TAGS), "maxAmount": 4}})).await
        }
        9 => {
            let trash = ids(client, "/api/trash").await;
            client.post(&format!("/api/trash/{}/restore", trash.get(random.below(trash.len()))?), json!({})).await
        }
        10 => change_category(client, random).await,
        _ => change_name(client, random).await?,
    };
    assert!(answer.status.as_u16() < 500, "{}", answer.text);
    // What changes nothing is no operation.
    answer.json()["meta"]["operationId"].as_i64()
}

async fn change_many(client: &Client, random: &mut Random) -> Answer {
    let filter = match random.below(3) {
        0 => json!({"tag": random.pick(TAGS)}),
        1 => json!({"q": random.pick(TITLES)}),
        _ => json!({"minAmount": 5, "category": random.pick(CATEGORIES)}),
    };
    let set = match random.below(3) {
        0 => json!({"addTags": [random.pick(TAGS)], "title": random.pick(TITLES)}),
        1 => json!({"category": random.pick(CATEGORIES), "removeTags": [random.pick(TAGS)]}),
        _ => json!({"payee": random.pick(&["Ann", "Cleo"]), "note": random.pick(TITLES)}),
    };
    bulk(client, Method::PATCH, json!({"filter": filter, "set": set})).await
}

async fn change_category(client: &Client, random: &mut Random) -> Answer {
    let all = ids(client, "/api/categories").await;
    let (one, other) = (all[random.below(all.len())], all[random.below(all.len())]);
    match random.below(3) {
        0 => {
            client
                .patch(
                    &format!("/api/categories/{one}"),
                    json!({"name": format!("c{}", random.below(20)), "position": random.below(9)}),
                )
                .await
        }
        1 => client.patch(&format!("/api/categories/{one}"), json!({"parentId": other})).await,
        _ => client.post(&format!("/api/categories/{one}/merge"), json!({"into": other})).await,
    }
}

/// Changes a tag or a payee, if there is one.
async fn change_name(client: &Client, random: &mut Random) -> Option<Answer> {
    let many = random.pick(&["tags", "payees"]);
    let all = ids(client, &format!("/api/{many}")).await;
    let one = *all.get(random.below(all.len()))?;
    let answer = match random.below(3) {
        0 => client.patch(&format!("/api/{many}/{one}"), json!({"name": format!("n{}", random.below(20))})).await,
        1 => client.post(&format!("/api/{many}/{one}/merge"), json!({"into": all[random.below(all.len())]})).await,
        _ => client.delete(&format!("/api/{many}/{one}")).await,
    };
    Some(answer)
}

#[tokio::test]
async fn a_thousand_changes_undone_in_reverse_give_back_every_state_to_the_letter() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut random = Random::seeded();
    let mut connection = app.connection().await;
    let (mut states, mut operations) = (vec![state(&mut connection).await], Vec::new());
    while operations.len() < 1000 {
        if let Some(operation) = change(&alice, &mut random).await {
            operations.push(operation);
            states.push(state(&mut connection).await);
        }
    }
    let last = states.pop().expect("a state");
    for (operation, before) in operations.iter().zip(&states).rev() {
        undo(&alice, *operation).await.expect(200);
        let now = state(&mut connection).await;
        assert!(now == *before, "operation {operation} was not undone:\n{}", difference(&now, before));
    }
    // And forth again: the undoings, undone in reverse.
    let undone = alice.get("/api/operations").await.expect(200);
    for one in undone.as_array().expect("rows").iter().take(operations.len()) {
        undo(&alice, one["id"].as_i64().expect("an id")).await.expect(200);
    }
    let now = state(&mut connection).await;
    assert!(now == last, "not done again:\n{}", difference(&now, &last));
}

fn difference(one: &str, other: &str) -> String {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    let (one, other) = (lines(one), lines(other));
    format!("now {:#?}\nbefore {:#?}", one.difference(&other), other.difference(&one))
}

#[tokio::test]
async fn undoing_in_any_order_either_works_whole_or_names_what_is_in_the_way() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut random = Random::seeded();
    let mut connection = app.connection().await;
    let (mut operations, mut undone, mut refused) = (Vec::new(), 0, 0);
    while operations.len() < 150 {
        operations.extend(change(&alice, &mut random).await);
    }
    while !operations.is_empty() {
        let operation = operations.swap_remove(random.below(operations.len()));
        let before = state(&mut connection).await;
        let answer = undo(&alice, operation).await;
        if answer.status.as_u16() == 200 {
            undone += 1;
            continue;
        }
        refused += 1;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["code"]),
            (409, &json!("UNDO_CONFLICT")),
            "{}",
            answer.text
        );
        assert!(answer.json()["error"]["details"][0].is_string(), "{}", answer.text);
        assert_eq!(state(&mut connection).await, before, "half done: {}", answer.text);
    }
    assert!(undone > 10 && refused > 10, "{undone} undone, {refused} refused");
}

#[tokio::test]
async fn what_was_changed_since_is_named_and_what_was_not_is_undone() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let made = alice.post(PATH, expense("lunch")).await;
    let id = made.expect(201)["id"].clone();
    let path = format!("{PATH}/{id}");
    let titled = operation(&alice.patch(&path, json!({"title": "dinner"})).await);
    let priced = operation(&alice.patch(&path, json!({"amount": 25, "note": "with Ann"})).await);
    // Another field: the title goes back, and the rest stays.
    undo(&alice, titled).await.expect(200);
    let row = alice.get(&path).await.expect(200);
    assert_eq!((&row["title"], &row["amount"], &row["note"]), (&json!("lunch"), &json!(25), &json!("with Ann")));
    let found = alice.get(&format!("{PATH}?q=lunch%20ann&limit=5")).await.expect(200);
    assert_eq!(found[0]["id"], id, "it is found by what it says now");
    let again = operation(&alice.patch(&path, json!({"amount": 30})).await);
    let answer = undo(&alice, priced).await;
    let told = format!("transaction {id} was changed since (amount), by operation {again}");
    answer.refused(
        409,
        "UNDO_CONFLICT",
        &format!("Operation {priced} cannot be undone, and nothing was changed: {told}"),
    );
    assert_eq!(answer.json()["error"]["details"], json!([told]));
    undo(&alice, again).await.expect(200);
    let back = undo(&alice, priced).await;
    back.expect(200);
    undo(&alice, priced).await.refused(
        409,
        "ALREADY_UNDONE",
        &format!(
            "Operation {priced} was undone by operation {}; nothing was changed. Undo that one to redo it",
            operation(&back)
        ),
    );
    // Redone, and undone again.
    undo(&alice, operation(&back)).await.expect(200);
    assert_eq!(alice.get(&path).await.expect(200)["amount"], 25);
    undo(&alice, priced).await.expect(200);
    undo(&alice, operation(&made)).await.expect(200);
    alice.get(&path).await.expect_status(404);
    undo(&alice, 999_999).await.refused(404, "OPERATION_NOT_FOUND", "Operation not found: 999999");
}

#[tokio::test]
async fn a_tag_is_taken_off_again_though_its_transaction_has_moved_to_another_day() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let id = alice.post(PATH, expense("lunch")).await.expect(201)["id"].clone();
    let path = format!("{PATH}/{id}");
    let put_on = operation(&alice.patch(&path, json!({"tags": ["team"]})).await);
    alice.patch(&path, json!({"date": "2026-03-01", "amount": 11})).await.expect(200);
    let taken_off = operation(&undo(&alice, put_on).await);
    assert_eq!(alice.get(&path).await.expect(200)["tags"], json!([]));
    // And it comes back with the day that the transaction has by now: lists by tag are in that order.
    alice.patch(&path, json!({"date": "2026-04-01"})).await.expect(200);
    undo(&alice, taken_off).await.expect(200);
    let listed = alice.get(&format!("{PATH}?tag=team&limit=5&startDate=2026-04-01")).await.expect(200);
    assert_eq!((&listed[0]["id"], &listed[0]["tags"]), (&id, &json!(["team"])));
}

#[tokio::test]
async fn a_category_that_is_needed_since_stays_and_a_name_that_is_taken_is_named() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let made = alice.post("/api/categories", json!({"name": "Pets", "kind": "EXPENSE"})).await;
    let mut body = expense("cat food");
    body["category"] = json!("Pets");
    let row = alice.post(PATH, body.clone()).await;
    let id = made.expect(201)["id"].clone();
    let answer = undo(&alice, operation(&made)).await;
    assert_eq!(answer.json()["error"]["details"], json!([format!("category {id} is used since")]), "{}", answer.text);
    // One that came with a transaction goes with it, unless another one needs it.
    body["category"] = json!("Garden");
    let (first, second) = (alice.post(PATH, body.clone()).await, alice.post(PATH, body).await);
    let garden = first.expect(201)["categoryId"].clone();
    undo(&alice, operation(&first)).await.expect(200);
    alice.get(&format!("/api/categories/{garden}")).await.expect(200);
    undo(&alice, operation(&second)).await.expect(200);
    undo(&alice, operation(&row)).await.expect(200);
    undo(&alice, operation(&made)).await.expect(200);
    let tag = alice.post("/api/tags", json!({"name": "x"})).await;
    let path = format!("/api/tags/{}", tag.expect(201)["id"]);
    let renamed = operation(&alice.put(&path, json!({"name": "y"})).await);
    alice.post("/api/tags", json!({"name": "x"})).await.expect(201);
    let answer = undo(&alice, renamed).await;
    assert_eq!(answer.json()["error"]["details"], json!(["another tag has the name now"]), "{}", answer.text);
}

#[tokio::test]
async fn the_history_of_a_transaction_says_who_did_what_and_when() {
    let app = TestApp::at("2026-02-16T09:30:00Z").await;
    let alice = app.user("alice").await;
    let id = alice.post(PATH, expense("lunch")).await.expect(201)["id"].clone();
    let path = format!("{PATH}/{id}");
    alice.patch(&path, json!({"amount": "12.50", "tags": ["a", "b"]})).await.expect(200);
    alice.delete(&path).await.expect(200);
    let answer = alice.get(&format!("{path}/history")).await;
    let entries = answer.expect(200);
    let kinds: Vec<&Value> = entries.as_array().expect("rows").iter().map(|entry| &entry["kind"]).collect();
    assert_eq!(kinds, ["transaction.delete", "transaction.update", "transaction.create"]);
    assert_eq!((&entries[1]["before"], &entries[1]["after"]), (&json!({"amount": 10}), &json!({"amount": 12.5})));
    assert_eq!(entries[1]["tagsAdded"], json!(["a", "b"]));
    assert_eq!((&entries[0]["after"], &entries[0]["before"]["title"]), (&Value::Null, &json!("lunch")));
    assert_eq!((&entries[2]["before"], &entries[2]["after"]["date"]), (&Value::Null, &json!("2026-02-16")));
    assert!(!answer.text.contains("search"), "{}", answer.text);
    assert_eq!(entries[0]["userId"], alice.get("/api/auth/me").await.expect(200)["id"]);
    let page = alice.get(&format!("{path}/history?limit=2")).await;
    let cursor = page.json()["meta"]["page"]["nextCursor"].as_str().expect("a cursor").to_owned();
    let rest = alice.get(&format!("{path}/history?limit=2&cursor={cursor}")).await;
    assert_eq!((&rest.expect(200)[0], rest.json()["meta"]["page"]["prevCursor"].is_string()), (&entries[2], true));
    alice.get(&format!("{PATH}/999999/history")).await.refused(
        404,
        "TRANSACTION_NOT_FOUND",
        "Transaction not found: 999999",
    );
}

#[tokio::test]
async fn what_is_deleted_lies_in_the_trash_until_it_is_restored_or_purged() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut body = expense("lunch");
    body["tags"] = json!(["a"]);
    body["payee"] = json!("Ann");
    let row = alice.post(PATH, body.clone()).await.expect(201);
    let other = alice.post(PATH, expense("other")).await.expect(201);
    let path = format!("{PATH}/{}", row["id"]);
    let deleted = alice.delete(&path).await;
    let trash = alice.get("/api/trash").await.expect(200);
    assert_eq!(trash.as_array().map(Vec::len), Some(1));
    assert_eq!((&trash[0]["id"], &trash[0]["operationId"]), (&row["id"], &json!(operation(&deleted))));
    assert_eq!((&trash[0]["transaction"]["title"], &trash[0]["tags"]), (&json!("lunch"), &json!(["a"])));
    assert_eq!((&trash[0]["category"], &trash[0]["payee"]), (&json!("Rent"), &json!("Ann")));
    let restore = format!("/api/trash/{}/restore", row["id"]);
    assert_eq!(alice.post(&restore, json!({})).await.expect(200), row);
    assert_eq!(alice.get(&path).await.expect(200), row);
    assert_eq!(alice.get("/api/trash").await.expect(200), json!([]));
    let message = format!("Transaction not found in the trash: {}", row["id"]);
    alice.post(&restore, json!({})).await.refused(404, "TRANSACTION_NOT_FOUND", &message);
    // Pages of it, the last deleted first.
    alice.delete(&path).await.expect(200);
    let purged = operation(&alice.delete(&format!("{PATH}/{}", other["id"])).await);
    let first = alice.get("/api/trash?limit=1").await;
    assert_eq!(first.expect(200)[0]["id"], other["id"]);
    let cursor = first.json()["meta"]["page"]["nextCursor"].as_str().expect("more").to_owned();
    let second = alice.get(&format!("/api/trash?limit=1&cursor={cursor}")).await;
    assert_eq!(
        (&second.expect(200)[0]["id"], &second.json()["meta"]["page"]["nextCursor"]),
        (&row["id"], &Value::Null)
    );
    let back = second.json()["meta"]["page"]["prevCursor"].as_str().expect("a page before").to_owned();
    assert_eq!(alice.get(&format!("/api/trash?limit=1&cursor={back}")).await.expect(200)[0]["id"], other["id"]);
    // Time goes by for one of them.
    let mut connection = app.connection().await;
    let sql = format!("update operations set created_at = now() - interval '31 days' where id = {purged}");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect("aged");
    let month = 30.0 * 86_400.0;
    let gone = app::features::history::store::purge(&mut connection, month, 10).await.expect("purged").len();
    assert!(gone > 0);
    let trash = alice.get("/api/trash").await.expect(200);
    assert_eq!((trash.as_array().map(Vec::len), &trash[0]["id"]), (Some(1), &row["id"]));
    let answer = undo(&alice, purged).await;
    assert_eq!(
        answer.json()["error"]["details"],
        json!(["what it deleted has been purged from the trash"]),
        "{}",
        answer.text
    );
    alice.get(&format!("{PATH}/{}/history", other["id"])).await.expect_status(404);
}
