//! Long lists: whole to the last byte, or cut.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::support::app::TestApp;
use crate::support::client::Client;

const PATH: &str = "/api/transactions";

/// Rows that are entered past the API, because there are many.
async fn fill(app: &TestApp, client: &Client, rows: u32) {
    let user = client.get("/api/auth/me").await.expect(200)["id"].as_i64().expect("an id");
    let mut connection = app.connection().await;
    let category = format!("insert into categories (user_id, kind, name) values ({user}, 'EXPENSE', 'rows')");
    sqlx::query(AssertSqlSafe(category)).execute(&mut connection).await.expect("inserted");
    let rows = format!(
        "insert into transactions (user_id, title, amount, currency, type, category_id, date)
         select {user}, 'row ' || n || repeat('.', 100), n, 'THB', 'EXPENSE', c.id, date '2020-01-01' + n % 2000
         from generate_series(1, {rows}) n, categories c where c.user_id = {user} and c.name = 'rows'"
    );
    sqlx::query(AssertSqlSafe(rows)).execute(&mut connection).await.expect("inserted");
}

#[tokio::test]
async fn a_long_list_is_a_whole_envelope_in_order() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    fill(&app, &alice, 20_000).await;
    let list = alice.get(PATH).await.expect(200);
    let rows = list.as_array().expect("an array");
    assert_eq!(rows.len(), 20_000);
    let keys: Vec<(&str, i64)> =
        rows.iter().map(|row| (row["date"].as_str().expect("a date"), row["id"].as_i64().expect("an id"))).collect();
    assert!(keys.is_sorted_by(|one, next| one > next));
}

#[tokio::test]
async fn a_long_list_is_whole_when_it_is_compressed() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    fill(&app, &alice, 5_000).await;
    let request = alice.request(Method::GET, PATH).header("accept-encoding", "gzip");
    let response = request.send().await.expect("an answer");
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let bytes = response.bytes().await.expect("a whole answer");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).expect("gzip");
    let body: Value = serde_json::from_str(&text).expect("a whole envelope");
    assert_eq!(body["data"].as_array().map(Vec::len), Some(5_000));
    assert!(body["meta"]["path"].is_string());
}

#[tokio::test]
async fn a_list_that_the_database_breaks_off_is_cut_and_not_ended() {
    const END: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity
        where datname = current_database() and state = 'active' and pid <> pg_backend_pid()";
    let app = TestApp::on_its_own_database().await;
    let alice = app.user("alice").await;
    fill(&app, &alice, 100_000).await;
    let response = alice.request(Method::GET, PATH).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let mut body = response.bytes_stream();
    body.next().await.expect("a chunk").expect("the first chunk");
    // The server of the list waits for us by now; its backend is ended under its hands.
    let ended = app.count(END).await;
    assert_eq!(ended, 1, "a list was under way");
    let mut outcome = Ok(());
    while let Some(chunk) = body.next().await {
        if let Err(error) = chunk {
            outcome = Err(error);
            break;
        }
    }
    outcome.expect_err("a list that is cut off is no list");
    // And the server goes on.
    alice.get("/api/auth/me").await.expect(200);
}

#[tokio::test]
async fn a_reader_that_stops_reading_is_cut_off_and_holds_up_nobody() {
    let settings = [("APP_SERVER__STALL_TIMEOUT", "300ms"), ("APP_DATABASE__MAX_CONNECTIONS", "3")];
    let app = TestApp::configured(&settings).await;
    let alice = app.user("alice").await;
    fill(&app, &alice, 100_000).await;
    // One connection serves lists here, and the first reader takes it and reads nothing more.
    let stalled = alice.request(Method::GET, PATH).send().await.expect("an answer");
    // What is short does not notice; the next long list waits until the first is cut off.
    alice.get("/api/auth/me").await.expect(200);
    assert_eq!(alice.get("/api/transactions/filter?startDate=2030-01-01").await.expect(200), serde_json::json!([]));
    let list = tokio::time::timeout(Duration::from_secs(20), alice.get(PATH)).await.expect("in time");
    assert_eq!(list.expect(200).as_array().map(Vec::len), Some(100_000));
    let mut body = stalled.bytes_stream();
    let mut cut = false;
    while let Some(chunk) = body.next().await {
        cut |= chunk.is_err();
    }
    assert!(cut, "half a list must not look like all of it");
}

#[tokio::test]
async fn readers_that_go_away_give_their_connections_back() {
    let app = TestApp::configured(&[("APP_DATABASE__MAX_CONNECTIONS", "3")]).await;
    let alice = app.user("alice").await;
    fill(&app, &alice, 50_000).await;
    for _ in 0..8 {
        let mut body = alice.request(Method::GET, PATH).send().await.expect("an answer").bytes_stream();
        body.next().await.expect("a chunk").expect("the first chunk");
    }
    assert_eq!(alice.get(PATH).await.expect(200).as_array().map(Vec::len), Some(50_000));
}
