//! Long lists: whole to the last byte, or cut.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
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
        "insert into transactions (user_id, title, amount, currency, type, category_id, date, search)
         select {user}, 'row ' || n || repeat('.', 100), n, 'THB', 'EXPENSE', c.id, date '2020-01-01' + n % 2000,
             ' row ' || n || ' '
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
async fn large_rows_behind_small_ones_are_all_there() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    fill(&app, &alice, 3_000).await;
    let mut connection = app.connection().await;
    // The first thousand are small, and of those behind them every third has 20 kB.
    let large = "update transactions t set note = repeat('🍜', 5000)
        from (select id, row_number() over (order by date desc, id desc) as place from transactions) r
        where r.id = t.id and r.place > 1000 and r.place % 3 = 0";
    sqlx::query(large).execute(&mut connection).await.expect("updated");
    for path in
        [PATH, "/api/transactions?type=EXPENSE", "/api/transactions?q=row&minAmount=1", "/api/transactions?sort=amount"]
    {
        let list = alice.get(path).await.expect(200);
        let rows = list.as_array().expect("an array");
        let ids: BTreeSet<i64> = rows.iter().map(|row| row["id"].as_i64().expect("an id")).collect();
        assert_eq!((rows.len(), ids.len()), (3_000, 3_000), "{path}");
        assert_eq!(rows.iter().filter(|row| !row["note"].is_null()).count(), 667, "{path}");
    }
}

#[tokio::test]
async fn a_row_that_stays_is_met_once_whatever_happens_to_the_others() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    fill(&app, &alice, 20_000).await;
    let mut connection = app.connection().await;
    let sql = "select id from transactions where id % 3 <> 0 order by id";
    let stay: Vec<i64> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.expect("ids");
    for path in [PATH, "/api/transactions?type=EXPENSE&sort=amount", "/api/transactions?q=row"] {
        let response = alice.request(Method::GET, path).send().await.expect("an answer");
        let mut body = response.bytes_stream();
        let mut text = Vec::new();
        let mut chunks = 0;
        while let Some(chunk) = body.next().await {
            text.extend_from_slice(&chunk.expect("a chunk"));
            chunks += 1;
            if chunks % 3 == 1 {
                // A third of the rows moves to another place, and new ones come in.
                let moved = "update transactions set date = date '2020-01-01' + (random() * 2000)::int,
                    amount = 1 + (random() * 20000)::int where id % 3 = 0 and id % 7 = $1 % 7";
                sqlx::query(moved).bind(chunks).execute(&mut connection).await.expect("moved");
                let new = "insert into transactions (user_id, title, amount, currency, type, category_id, date)
                    select user_id, 'row new', 5, 'THB', type, category_id, date from transactions where id % 3 = 0 limit 50";
                sqlx::query(new).execute(&mut connection).await.expect("inserted");
            }
        }
        assert!(chunks > 3, "{path} came at once");
        let list: Value = serde_json::from_slice(&text).expect("a whole envelope");
        let rows = list["data"].as_array().expect("an array").iter();
        let mut met: Vec<i64> = rows.map(|row| row["id"].as_i64().expect("an id")).collect();
        met.retain(|id| stay.binary_search(id).is_ok());
        met.sort_unstable();
        assert_eq!(met, stay, "{path}");
    }
}

#[tokio::test]
async fn every_list_without_a_limit_is_walked_to_its_end() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let one = alice.post(PATH, json!({"title": "a", "amount": 1, "type": "EXPENSE", "category": "Rent"})).await;
    let id = one.expect(201)["id"].as_i64().expect("an id");
    let mut connection = app.connection().await;
    for sql in [
        "insert into tags (user_id, name) select 1, 'tag ' || n from generate_series(1, 3000) n",
        "insert into payees (user_id, name, search) select 1, 'payee ' || n, ' payee ' from generate_series(1, 3000) n",
        "insert into categories (user_id, kind, name) select 1, 'INCOME', 'category ' || n from generate_series(1, 2986) n",
        "insert into operations (user_id, kind) select 1, 'transaction.update' from generate_series(1, 2999)",
        "insert into changes (user_id, operation_id, id, entity, entity_id, before, after)
            select 1, o.id, o.id, 'transactions', $1, '{\"amount\": 1}', jsonb_build_object('amount', o.id) from operations o
            where o.id > 1",
        "insert into changes (user_id, operation_id, id, entity, entity_id, before)
            select 1, 2, 10000 + n, 'transactions', 1000000 + n, '{\"title\": \"gone\"}' from generate_series(1, 3000) n",
    ] {
        let query = sqlx::query(sql);
        let query = if sql.contains("$1") { query.bind(id) } else { query };
        query.execute(&mut connection).await.expect(sql);
    }
    let history = format!("{PATH}/{id}/history");
    for (path, key) in [
        ("/api/tags", "id"),
        ("/api/payees?counts=true", "id"),
        ("/api/categories", "id"),
        ("/api/operations", "id"),
        ("/api/trash", "id"),
        (history.as_str(), "operationId"),
    ] {
        let whole = alice.get(path).await.expect(200);
        let rows = whole.as_array().expect("an array");
        let ids: BTreeSet<i64> = rows.iter().map(|row| row[key].as_i64().expect("an id")).collect();
        assert_eq!((rows.len(), ids.len()), (3_000, 3_000), "{path}");
        // A walk by pages meets the same, forth and back.
        let joint = if path.contains('?') { '&' } else { '?' };
        let (mut forth, mut back) = (Vec::new(), Vec::new());
        let mut cursor = String::new();
        loop {
            let page = alice.get(&format!("{path}{joint}limit=500{cursor}")).await.json();
            forth.extend(page["data"].as_array().expect("rows").clone());
            let Some(next) = page["meta"]["page"]["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(forth, *rows, "{path}");
        loop {
            let page = alice.get(&format!("{path}{joint}limit=500{cursor}")).await.json();
            back.splice(0..0, page["data"].as_array().expect("rows").clone());
            let Some(previous) = page["meta"]["page"]["prevCursor"].as_str() else { break };
            cursor = format!("&cursor={previous}");
        }
        assert_eq!(back, *rows, "{path}");
    }
}

#[tokio::test]
async fn a_list_that_the_database_breaks_off_is_cut_and_not_ended() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    fill(&app, &alice, 40_000).await;
    let response = alice.request(Method::GET, PATH).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let mut body = response.bytes_stream();
    body.next().await.expect("a chunk").expect("the first chunk");
    let mut connection = app.connection().await;
    sqlx::query("alter table transactions rename to elsewhere").execute(&mut connection).await.expect("renamed");
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

/// Asks for a long list, and reads nothing of it.
async fn unread(client: &Client) -> reqwest::Response {
    let response = client.request(Method::GET, PATH).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    response
}

#[tokio::test]
async fn readers_that_stop_reading_hold_no_connection() {
    let settings = [
        ("APP_DATABASE__MAX_CONNECTIONS", "2"),
        ("APP_DATABASE__ACQUIRE_TIMEOUT", "1m"),
        ("APP_SERVER__STALL_TIMEOUT", "10m"),
    ];
    let app = TestApp::configured(&settings).await;
    let (alice, bob, carol) = (app.user("alice").await, app.user("bob").await, app.user("carol").await);
    for client in [&alice, &bob, &carol] {
        fill(&app, client, 30_000).await;
    }
    let unread = [unread(&alice).await, unread(&alice).await, unread(&bob).await, unread(&bob).await];
    for path in [PATH, "/api/transactions?type=EXPENSE", "/api/transactions/filter"] {
        assert_eq!(carol.get(path).await.expect(200).as_array().map(Vec::len), Some(30_000), "{path}");
    }
    // And they get the rest when they go on.
    for response in unread {
        let body: Value = response.json().await.expect("a whole envelope");
        assert_eq!(body["data"].as_array().map(Vec::len), Some(30_000));
    }
}

#[tokio::test]
async fn a_third_list_of_an_account_waits_for_one_of_the_others() {
    let settings = [
        ("APP_SERVER__REQUEST_TIMEOUT", "10m"),
        ("APP_SERVER__STALL_TIMEOUT", "10m"),
        ("APP_DATABASE__ACQUIRE_TIMEOUT", "1m"),
    ];
    let app = TestApp::configured(&settings).await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    fill(&app, &alice, 30_000).await;
    fill(&app, &bob, 30_000).await;
    let (first, _second) = (unread(&alice).await, unread(&alice).await);
    let mut third = tokio::spawn({
        let alice = alice.clone();
        async move { alice.get(PATH).await }
    });
    // Others do not wait, and neither does what is short.
    assert_eq!(bob.get(PATH).await.expect(200).as_array().map(Vec::len), Some(30_000));
    assert_eq!(alice.get("/api/transactions/filter?startDate=2030-01-01").await.expect(200), json!([]));
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut third).await.is_err(), "it waits");
    drop(first);
    assert_eq!(third.await.expect("joined").expect(200).as_array().map(Vec::len), Some(30_000));
}

#[tokio::test]
async fn a_reader_that_stops_reading_is_cut_off() {
    let settings = [
        ("APP_SERVER__STALL_TIMEOUT", "2s"),
        ("APP_SERVER__REQUEST_TIMEOUT", "10m"),
        ("APP_DATABASE__ACQUIRE_TIMEOUT", "1m"),
    ];
    let app = TestApp::configured(&settings).await;
    let alice = app.user("alice").await;
    fill(&app, &alice, 40_000).await;
    let stalled = [unread(&alice).await, unread(&alice).await];
    // One of them is cut off, or this would be turned away.
    let list = alice.get("/api/transactions/filter?startDate=2025-06-01").await.expect(200);
    assert_eq!(list.as_array().map(Vec::len), Some(440));
    let mut cut = false;
    for response in stalled {
        let mut body = response.bytes_stream();
        while let Some(chunk) = body.next().await {
            cut |= chunk.is_err();
        }
    }
    assert!(cut, "half a list must not look like all of it");
}

#[tokio::test]
async fn readers_that_go_away_leave_their_place() {
    let app = TestApp::configured(&[("APP_DATABASE__MAX_CONNECTIONS", "3")]).await;
    let alice = app.user("alice").await;
    fill(&app, &alice, 30_000).await;
    for _ in 0..8 {
        let mut body = alice.request(Method::GET, PATH).send().await.expect("an answer").bytes_stream();
        body.next().await.expect("a chunk").expect("the first chunk");
    }
    assert_eq!(alice.get(PATH).await.expect(200).as_array().map(Vec::len), Some(30_000));
}
