//! Changes of many rows: they wait for each other and for nobody else, and an account may do so much of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};
use tokio::task::JoinHandle;

use crate::support::PATIENCE;
use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};

async fn enter(client: &Client, rows: usize) {
    for row in 0..rows {
        let body =
            json!({"title": format!("row {row}"), "amount": 1, "type": "EXPENSE", "category": "Food", "payee": "p"});
        client.post("/api/transactions", body).await.expect(201);
    }
}

fn patch(client: &Client, path: &'static str, body: Value) -> JoinHandle<Answer> {
    let client = client.clone();
    tokio::spawn(async move { client.patch(path, body).await })
}

/// What somebody does all day, and some changes of more rows than one.
async fn everything_works(app: &TestApp, client: &Client, name: &str) {
    let body = json!({"email": format!("{name}@example.com"), "password": "pass123"});
    app.anon.post("/api/auth/login", body).await.expect(200);
    enter(client, 3).await;
    client.get("/api/transactions?limit=5").await.expect(200);
    client.get("/api/categories?counts=true").await.expect(200);
    client.get("/api/tags?counts=true").await.expect(200);
    let rows = client.get("/api/transactions?limit=3").await.expect(200);
    let ids: Vec<&Value> = rows.as_array().expect("rows").iter().map(|row| &row["id"]).collect();
    let set = client.patch("/api/transactions", json!({"ids": ids, "set": {"note": name}})).await;
    assert_eq!(set.expect(200)["changed"], 3);
    let undo = format!("/api/operations/{}/undo", set.json()["meta"]["operationId"]);
    client.post(&undo, json!({})).await.expect(200);
    client.delete(&format!("/api/transactions/{}", ids[0])).await.expect(200);
    client.post(&format!("/api/trash/{}/restore", ids[0]), json!({})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_many_changes_of_one_user_wait_for_a_lock_nobody_else_is_held_up() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    enter(&alice, 20).await;
    let first = alice.get("/api/transactions?limit=1").await.expect(200)[0]["id"].clone();

    let mut locking = app.connection().await;
    let mut lock = locking.begin().await.expect("begun");
    lock.execute("select from transactions for update").await.expect("locked");
    let all = |note: &str| json!({"filter": {"type": "EXPENSE"}, "set": {"note": note}});
    let bulk: Vec<_> = (0..3).map(|n| patch(&alice, "/api/transactions", all(&format!("note {n}")))).collect();
    let begun = Instant::now();
    while app.pools.costly.status().used == 0 {
        assert!(begun.elapsed() < PATIENCE, "they have connections of their own");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // And what waits for the locks of those, more than there are connections.
    let path: &'static str = Box::leak(format!("/api/transactions/{first}").into_boxed_str());
    let beside: Vec<_> = (0..8).map(|_| patch(&alice, path, json!({"title": "beside"}))).collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..3 {
        everything_works(&app, &bob, "bob").await;
        let used = (app.pools.costly.status().used, app.pools.requests.status().used);
        assert!(used.0 == 1 && used.1 <= 1, "whoever waits in line holds no connection: {used:?}");
        assert_eq!(app.pools.readiness.status().used, 0);
    }
    assert!(bulk.iter().all(|task| !task.is_finished()));

    lock.rollback().await.expect("unlocked");
    for task in bulk {
        assert_eq!(task.await.expect("an answer").expect(200)["matched"], 20);
    }
    for task in beside {
        // Of those that waited for the lock itself, some had waited for too long.
        let answer = task.await.expect("an answer");
        assert!(answer.status == 200 || answer.status == 503, "{}", answer.text);
    }
    everything_works(&app, &alice, "alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_weighs_too_much_is_refused_by_whatever_way_and_changes_nothing() {
    // A row with a note of 5,000 characters of 4 bytes weighs nearly 1,000.
    let app = TestApp::configured(&[("APP_THROTTLE__WORK_LIMIT", "3000"), ("APP_THROTTLE__TTL", "1h")]).await;
    let alice = app.user("alice").await;
    enter(&alice, 4).await;
    let long = "🍜".repeat(5_000);
    let before = alice.get("/api/transactions?limit=10").await.expect(200);

    let set = json!({"filter": {"type": "EXPENSE"}, "set": {"note": long}});
    let refused = alice.patch("/api/transactions", set).await;
    refused.refused(
        422,
        "TOO_MUCH_WORK",
        "The change weighs 3924, and at most 3000 are allowed in 1h (a row weighs 1, and 1 more for each 20 bytes of text \
         beyond 400); nothing was changed. Change fewer rows at a time, or use a shorter text",
    );
    assert!(refused.header("retry-after").is_none());
    assert_eq!(alice.get("/api/transactions?limit=10").await.expect(200), before);

    // One by one they may have it; and then what changes all of them at once weighs as much, though it names no text.
    for row in before.as_array().expect("rows") {
        alice.patch(&format!("/api/transactions/{}", row["id"]), json!({"note": long})).await.expect(200);
    }
    let before = alice.get("/api/transactions?limit=10").await.expect(200);
    let food = before[0]["categoryId"].clone();
    let other = json!({"name": "Other food", "kind": "EXPENSE"});
    let other = alice.post("/api/categories", other).await.expect(201)["id"].clone();
    let payee = before[0]["payeeId"].clone();
    let into = alice.post("/api/payees", json!({"name": "q"})).await.expect(201)["id"].clone();
    let filter = json!({"type": "EXPENSE"});
    for answer in [
        alice.patch("/api/transactions", json!({"filter": filter, "set": {"categoryId": other}})).await,
        alice.send(alice.request(reqwest::Method::DELETE, "/api/transactions").json(&json!({"filter": filter}))).await,
        alice.post(&format!("/api/categories/{food}/merge"), json!({"into": other})).await,
        alice.post(&format!("/api/payees/{payee}/merge"), json!({"into": into})).await,
        alice.delete(&format!("/api/payees/{payee}")).await,
    ] {
        assert_eq!((answer.status.as_u16(), answer.json()["error"]["code"].as_str()), (422, Some("TOO_MUCH_WORK")));
    }
    assert_eq!(alice.get("/api/transactions?limit=10").await.expect(200), before);

    // Bit by bit it goes, until the allowance is used up.
    let row = |n: usize| json!({"ids": [before[n]["id"]], "set": {"categoryId": other}});
    alice.patch("/api/transactions", row(0)).await.expect(200);
    alice.patch("/api/transactions", row(1)).await.expect(200);
    let refused = alice.patch("/api/transactions", row(2)).await;
    assert_eq!((refused.status.as_u16(), refused.json()["error"]["code"].as_str()), (429, Some("TOO_MUCH_WORK")));
    assert!(refused.header("retry-after").is_some());
    // Others have an allowance of their own, and a few short rows weigh little.
    let bob = app.user("bob").await;
    everything_works(&app, &bob, "bob").await;
}

#[tokio::test]
async fn a_hundred_thousand_plain_rows_are_allowed_at_once_and_can_be_undone() {
    let environment = [("DATABASE_URL", "postgres://localhost/x"), ("JWT_SECRET", crate::support::app::SECRET)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let config = app::config::Config::load(
        &environment,
        &app::config::Flags::new(),
        Some(app::config::Profile::Prod),
        app::config::ConfigPurpose::Serve,
    );
    let throttle = config.expect("a configuration").throttle;
    let limit = app::http::weight::WorkLimit::new(throttle.ttl, throttle.work_limit);
    assert!(limit.charge(1, 100_000).is_ok() && limit.charge(1, 100_000).is_ok());
    // The finding: 1,000 rows, 5,000 characters of 4 bytes each.
    let weight = 1_000 * (1 + app::http::weight::of_text("🍜".repeat(5_000).len()));
    assert!(limit.charge(2, weight).is_err());
}
