//! Operations are kept for so long, and so many of them; then they go with all that they changed.

use app::features::history::retention_store::HistoryLimits;
use app::features::{self, quotas};
use app::http::scope::Scope;
use app::jobs::upkeep;
use reqwest::Method;
use serde_json::json;
use sqlx::AssertSqlSafe;

use super::every_change::everything;
use super::quotas::settle;
use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};

const PATH: &str = "/api/transactions";

const ALL: HistoryLimits = HistoryLimits { seconds: 1e9, operations: i64::MAX, bytes: i64::MAX };

async fn enter(client: &Client, title: &str) -> Answer {
    client.post(PATH, json!({"title": title, "amount": 1, "type": "EXPENSE", "category": "Rent"})).await
}

fn operation(answer: &Answer) -> i64 {
    answer.json()["meta"]["operationId"].as_i64().unwrap_or_else(|| panic!("no operation: {}", answer.text))
}

async fn undo(client: &Client, operation: i64) -> Answer {
    client.send(client.request(Method::POST, &format!("/api/operations/{operation}/undo"))).await
}

async fn run(app: &TestApp, sql: String) {
    sqlx::query(AssertSqlSafe(sql.clone())).execute(&mut app.connection().await).await.expect(&sql);
}

/// Checks that the history's counter is the sum of what is there.
async fn assert_counted(app: &TestApp) {
    settle(app).await;
    let off = "select count(*) from usage u where history_bytes <> (
        select coalesce(sum(bytes), 0) from changes c where c.user_id = u.user_id)";
    assert_eq!(app.count(off).await, 0);
}

#[tokio::test]
async fn what_is_too_old_goes_with_its_changes_and_nothing_else_does() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let first = enter(&alice, "first").await;
    let edited = alice.patch(&format!("{PATH}/{}", first.expect(201)["id"]), json!({"title": "edited"})).await;
    let undone = undo(&alice, operation(&edited)).await;
    let deleted = alice.delete(&format!("{PATH}/{}", enter(&alice, "deleted").await.expect(201)["id"])).await;
    let (first, edited, undone) = (operation(&first), operation(&edited), operation(&undone));
    run(&app, format!("update operations set created_at = now() - interval '366 days' where id <= {edited}")).await;
    let kept = HistoryLimits { seconds: 365.0 * 86_400.0, ..ALL };
    upkeep::trim_history(&app.pools.requests, &kept).await.expect("trimmed");
    let left = alice.get("/api/operations").await.expect(200);
    let left: Vec<i64> = left.as_array().expect("rows").iter().map(|row| row["id"].as_i64().expect("an id")).collect();
    assert_eq!(left, [operation(&deleted), operation(&deleted) - 1, undone]);
    assert_eq!(app.count("select count(*) from changes where operation_id <= 2").await, 0);
    // The one that had taken it back points at nothing, and can be taken back itself.
    assert!(alice.get(&format!("/api/operations/{undone}")).await.expect(200)["undoes"].is_null());
    for gone in [first, edited] {
        for answer in [undo(&alice, gone).await, alice.get(&format!("/api/operations/{gone}")).await] {
            assert_eq!(answer.status, 404);
            let told = format!("Operation not found: {gone}. Operations are kept for 365 days");
            assert!(answer.text.contains("OPERATION_NOT_FOUND") && answer.text.contains(&told), "{}", answer.text);
        }
    }
    undo(&alice, 999_999).await.refused(404, "OPERATION_NOT_FOUND", "Operation not found: 999999");
    undo(&alice, undone).await.expect(200);
    undo(&alice, operation(&deleted)).await.expect(200);
    let titles: Vec<String> = alice
        .get(PATH)
        .await
        .expect(200)
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["title"].as_str().expect("a title").to_owned())
        .collect();
    assert_eq!(titles, ["deleted", "edited"]);
    assert_counted(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_remove_the_oldest_where_there_are_too_many() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    for number in 0..30 {
        enter(&alice, &number.to_string()).await.expect(201);
    }
    for number in 0..5 {
        enter(&bob, &number.to_string()).await.expect(201);
    }
    run(&app, "insert into operations (user_id, kind) select 1, 'x' from generate_series(1, 2000)".to_owned()).await;
    for number in 0..7 {
        enter(&alice, &number.to_string()).await.expect(201);
    }
    let kept = HistoryLimits { operations: 10, ..ALL };
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let pool = app.pools.requests.clone();
            tokio::spawn(async move { upkeep::trim_history(&pool, &kept).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("joined").expect("trimmed");
    }
    // The next round takes up what another process had in its hands.
    upkeep::trim_history(&app.pools.requests, &kept).await.expect("trimmed");
    assert_eq!(app.count("select count(*) from operations where user_id = 1").await, 10);
    assert_eq!(app.count("select count(*) from operations where user_id = 2").await, 5);
    assert_eq!(app.count("select count(*) from transactions where user_id = 1").await, 37);
    let orphans = "select count(*) from changes c where not exists (
        select from operations o where o.user_id = c.user_id and o.id = c.operation_id)";
    assert_eq!(app.count(orphans).await, 0);
    assert_counted(&app).await;
}

#[tokio::test]
async fn a_history_that_takes_too_much_loses_its_oldest_part() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let path = format!("{PATH}/{}", enter(&alice, "a").await.expect(201)["id"]);
    for number in 0..60 {
        alice.patch(&path, json!({"note": number.to_string().repeat(1_000)})).await.expect(200);
    }
    run(&app, "insert into operations (user_id, kind) select 1, 'x' from generate_series(1, 600)".to_owned()).await;
    let last = alice.patch(&path, json!({"note": "x".repeat(1_000)})).await;
    assert_counted(&app).await;
    let kept = HistoryLimits { bytes: 50_000, ..ALL };
    upkeep::trim_history(&app.pools.requests, &kept).await.expect("trimmed");
    assert_counted(&app).await;
    let left = app.count("select history_bytes from usage where user_id = 1").await;
    assert!((1..=50_000).contains(&left), "{left}");
    undo(&alice, operation(&last)).await.expect(200);
}

#[tokio::test]
async fn an_operation_that_is_too_large_to_go_at_once_goes_bit_by_bit_and_is_not_undone_by_half() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let first = enter(&alice, "a").await;
    let id = operation(&first);
    let many = format!(
        "insert into changes (user_id, operation_id, id, entity, entity_id, before, bytes)
         select 1, {id}, n, 'transactions', 1000000 + n, '{{\"title\": \"x\"}}', 10 from generate_series(1, 12000) n"
    );
    run(&app, many).await;
    enter(&alice, "b").await.expect(201);
    let mut connection = app.connection().await;
    quotas::store::recount(&mut Scope::new(&mut connection, 1), &features::tables()).await.expect("counted");
    let removed = app::features::history::retention_store::remove(&mut Scope::new(&mut connection, 1), id)
        .await
        .expect("removed");
    assert!(removed.more);
    let left = app.count("select count(*) from changes").await;
    assert!((5_000..12_000).contains(&left), "{left}");
    undo(&alice, id).await.expect_status(409);
    quotas::store::note_removed(&mut connection, &[(1, removed.bytes)]).await.expect("noted");
    run(&app, format!("update operations set created_at = now() - interval '9 years' where id = {id}")).await;
    upkeep::trim_history(&app.pools.requests, &HistoryLimits { seconds: 86_400.0, ..ALL }).await.expect("trimmed");
    assert_eq!(app.count("select count(*) from operations").await, 1);
    assert_counted(&app).await;
}

#[tokio::test]
async fn operations_that_refer_to_each_other_go_together() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (_, answer) in everything(&alice).await {
        let undone = undo(&alice, operation(&answer)).await;
        if undone.status.is_success() {
            undo(&alice, operation(&undone)).await.expect(200);
        }
    }
    let pairs = "select count(*) from operations where undoes is not null or undone_by is not null";
    assert!(app.count(pairs).await > 5);
    run(&app, "update operations set created_at = now() - interval '366 days'".to_owned()).await;
    let kept = HistoryLimits { seconds: 365.0 * 86_400.0, ..ALL };
    upkeep::trim_history(&app.pools.requests, &kept).await.expect("trimmed");
    assert_eq!(app.count("select count(*) from operations").await, 0);
}

#[tokio::test]
async fn rows_that_refer_to_each_other_go_with_their_user() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    for client in [&alice, &bob] {
        everything(client).await;
        let body = json!({"title": "a", "amount": 1, "type": "EXPENSE", "payee": "p", "tags": ["t"]});
        client.post(PATH, body).await.expect(201);
    }
    // As an operator would, in SQL, with what is not undoable.
    run(&app, "delete from payees where user_id = 1".to_owned()).await;
    assert_eq!(app.count("select count(*) from transactions where user_id = 1 and payee_id is not null").await, 0);
    assert!(app.count("select count(*) from transactions where user_id = 2 and payee_id is not null").await > 0);
    run(&app, "delete from users where id = 1".to_owned()).await;
    for table in
        ["transactions", "transaction_tags", "categories", "default_categories", "tags", "operations", "changes"]
    {
        let sql =
            format!("select count(*) filter (where user_id = 1), count(*) filter (where user_id = 2) from {table}");
        let (gone, left): (i64, i64) =
            sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut app.connection().await).await.expect("numbers");
        assert!(gone == 0 && left > 0, "{table}: {gone} and {left}");
    }
}
