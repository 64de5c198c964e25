//! Changes of many rows, for a user whom the planner's statistics do not know: each reads a row a few times, however many there
//! are.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};

const PATH: &str = "/api/transactions";

/// Rows that each change is about.
const ROWS: i64 = 2_000;

/// Reads of rows and of entries of indexes, for each row that is changed. It is 20 to 700; a join of all with all reads 2,000 and more.
const MOST_READ: i64 = 1_000;

/// A user with many rows, entered past the API.
async fn filled(app: &TestApp, name: &str, rows: i64) -> Client {
    let client = app.user(name).await;
    let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "a", "payee": "a", "tags": ["a"]});
    let id = client.post(PATH, body).await.expect(201)["id"].as_i64().expect("an id");
    let sql = "with entered as (
            insert into transactions (user_id, title, amount, currency, type, category_id, payee_id, date)
            select user_id, 'x', 1, currency, type, category_id, payee_id, date
            from transactions t, generate_series(2, $2)
            where t.id = $1
            returning user_id, id, date, amount
        )
        insert into transaction_tags (user_id, transaction_id, tag_id, date, amount)
        select e.user_id, e.id, g.tag_id, e.date, e.amount
        from entered e
        join transaction_tags g on g.transaction_id = $1";
    sqlx::query(sql).bind(id).bind(rows).execute(&mut app.connection().await).await.expect("rows");
    client
}

/// Runs a request on connections of its own, and counts what it read.
async fn reads(app: &TestApp, client: &Client, method: Method, path: &str, body: Value) -> (Answer, i64) {
    let mut connection = app.connection().await;
    let counted = async |connection: &mut _| -> i64 {
        let sql = "select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
            + (select sum(idx_tup_read)::bigint from pg_stat_user_indexes) from pg_stat_user_tables";
        sqlx::query_scalar(sql).fetch_one(connection).await.expect("counts")
    };
    let before = counted(&mut connection).await;
    let answer = app
        .counted(async |server| {
            let client = Client { base: server.anon.base.clone(), ..client.clone() };
            client.send(client.request(method, path).json(&body)).await
        })
        .await;
    let after = counted(&mut app.connection().await).await;
    (answer, after - before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_many_rows_reads_each_a_few_times_for_a_user_whom_the_statistics_do_not_know() {
    let app = TestApp::on_its_own_database().await;
    for number in 0..5 {
        filled(&app, &format!("u{number}"), 100).await;
    }
    let mut connection = app.connection().await;
    for table in ["transactions", "transaction_tags", "changes", "operations", "usage_deltas"] {
        let sql = format!("alter table {table} set (autovacuum_enabled = false)");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.expect("altered");
    }
    sqlx::query("analyze").execute(&mut connection).await.expect("analyzed");
    drop(connection);
    let filter = json!({"type": "EXPENSE"});
    let edit = |set: Value| (Method::PATCH, PATH, json!({"filter": filter, "set": set}));
    let changes = [
        edit(json!({"title": "t", "note": "n", "date": "2026-02-16"})),
        edit(json!({"category": "c"})),
        edit(json!({"payee": "c"})),
        edit(json!({"tags": ["c", "d"]})),
        edit(json!({"addTags": ["c"]})),
        edit(json!({"removeTags": ["a"]})),
        (Method::DELETE, PATH, json!({"filter": filter})),
        (Method::POST, "/api/categories", json!({})),
        (Method::POST, "/api/payees", json!({})),
        (Method::POST, "/api/tags", json!({})),
        (Method::DELETE, "/api/payees", json!({})),
        (Method::DELETE, "/api/tags", json!({})),
    ];
    for (number, (method, path, mut body)) in changes.into_iter().enumerate() {
        // Each of a user of its own: what it reads does not depend on what was done before.
        let alice = filled(&app, &format!("alice{number}"), ROWS).await;
        let mut path = path.to_owned();
        if path != PATH {
            let all = alice.get(&path).await.expect(200);
            let one = all.as_array().expect("rows").iter().find(|one| one["name"] == "a").expect("it is there").clone();
            if method == Method::POST {
                body = json!({"into": alice.make(path.trim_start_matches("/api/"), "b").await});
            }
            path = format!("{path}/{}{}", one["id"], if method == Method::POST { "/merge" } else { "" });
        }
        let (mut answer, mut read) = reads(&app, &alice, method.clone(), &path, body.clone()).await;
        for what in ["done", "undone", "done again"] {
            answer.expect(200);
            assert!(read < ROWS * MOST_READ, "{method} {path} {body} {what}: read {} times a row", read / ROWS);
            assert!(read > ROWS, "{method} {path} {body} {what}: {read} reads were counted");
            if what != "done again" {
                let undo = format!("/api/operations/{}/undo", answer.json()["meta"]["operationId"]);
                (answer, read) = reads(&app, &alice, Method::POST, &undo, json!({})).await;
            }
        }
    }
}
