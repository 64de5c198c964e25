//! Finding by name what an account has many of: the index leads there, and no other name is looked at.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;

/// Tags, payees and categories of each kind that the account has.
const NAMES: i64 = 1_500;

/// Requests of each kind; after five, PostgreSQL may plan a statement once for all values.
const TIMES: usize = 12;

/// Names that a request may ask the key of. It is 5 to 40; one that passes over the index asks for 1,500 and more.
const MOST_KEYS: i64 = 200;

const REQUESTS: [&str; 10] = [
    "create",
    "list by tag",
    "list by payee",
    "list by category",
    "new tag",
    "new payee",
    "new category",
    "bulk tags",
    "bulk payee",
    "bulk category",
];

/// One of the requests, about names of its own.
fn request(what: &str, number: usize) -> (Method, String, Option<Value>) {
    let name = |offset: usize| format!("Name {}", number + offset);
    let list = |field: &str| (Method::GET, format!("/api/transactions?{field}=NAME+{number}"), None);
    let make = |path: &str, body: Value| (Method::POST, path.to_owned(), Some(body));
    let bulk = |set: Value| {
        let body = json!({"filter": {"tag": name(0)}, "set": set});
        (Method::PATCH, "/api/transactions".to_owned(), Some(body))
    };
    match what {
        "create" => {
            let tags = [name(0), format!("new {number}")];
            let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": name(0), "payee": name(0), "tags": tags});
            make("/api/transactions", body)
        }
        "list by tag" => list("tag"),
        "list by payee" => list("payee"),
        "list by category" => list("category"),
        "new tag" => make("/api/tags", json!({"name": format!("tag {number}")})),
        "new payee" => make("/api/payees", json!({"name": format!("payee {number}")})),
        "new category" => make("/api/categories", json!({"name": format!("category {number}"), "kind": "EXPENSE"})),
        "bulk tags" => bulk(json!({"addTags": [name(100)], "removeTags": [format!("new {number}")]})),
        "bulk payee" => bulk(json!({"payee": name(200)})),
        "bulk category" => bulk(json!({"category": name(300)})),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_found_without_looking_at_the_others() {
    let app = TestApp::on_its_own_database().await;
    let alice = app.user("alice").await;
    let id = alice.get("/api/auth/me").await.expect(200)["id"].as_i64().expect("an id");
    let mut connection = app.connection().await;
    for (table, columns, values) in
        [("tags", "", ""), ("payees", ", search", ", 'x'"), ("categories", ", kind, parent_id", ", 'EXPENSE', null")]
    {
        let sql = format!(
            "insert into {table} (user_id, name{columns}) select $1, 'name ' || n{values} from generate_series(1, $2) n"
        );
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).bind(NAMES).execute(&mut connection).await.expect(table);
        // It asks for the key of every name, too.
        let alone = format!("alter table {table} set (autovacuum_enabled = off)");
        sqlx::query(sqlx::AssertSqlSafe(alone)).execute(&mut connection).await.expect(table);
    }
    let database = app.options.get_database().expect("a name");
    let track = format!("alter database {database} set track_functions = 'all'");
    sqlx::query(sqlx::AssertSqlSafe(track)).execute(&mut connection).await.expect("set");

    let mut problems = Vec::new();
    for what in REQUESTS {
        let before = keys_asked(&mut connection).await;
        app.counted(async |server| {
            let client = server.anon.with_token(alice.token.clone().expect("a token"));
            for number in 1..=TIMES {
                let (method, path, body) = request(what, number);
                let outgoing = client.request(method, &path);
                let answer = client.send(if let Some(body) = body { outgoing.json(&body) } else { outgoing }).await;
                assert!(answer.status.is_success(), "{what}: {}", answer.text);
            }
        })
        .await;
        let each = (keys_asked(&mut connection).await - before) / i64::try_from(TIMES).expect("few");
        if each == 0 || each > MOST_KEYS {
            problems.push(format!("{what}: {each} keys a request"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

async fn keys_asked(connection: &mut sqlx::PgConnection) -> i64 {
    let sql = "select coalesce(sum(calls), 0)::bigint from pg_stat_user_functions where funcname = 'name_key'";
    sqlx::query_scalar(sql).fetch_one(connection).await.expect("a number")
}
