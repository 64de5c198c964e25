//! Attacks on a resource of the kit, tried on each of them: everything at once, twice, too long, or of somebody else.

use std::collections::BTreeSet;

use app::features::history::recorded::RowLimit;
use app::features::{self, quotas};
use app::http::scope::Scope;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::quotas::settle;
use super::resources::{Tried, operation};
use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};

/// The quota of rows in these tests. Everybody begins with 14 categories.
const QUOTA: i64 = 25;

async fn undo(client: &Client, answer: &Answer) -> Answer {
    let path = format!("/api/operations/{}/undo", operation(answer));
    client.send(client.request(Method::POST, &path)).await
}

#[track_caller]
fn code(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.json()["error"]["code"], json!(code), "{}", answer.text);
}

/// One of several requests succeeded, and the others were refused with this status.
#[track_caller]
fn one_won(answers: &[Answer], success: u16, refusal: u16) {
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == success).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [success, refusal].contains(status)), "{statuses:?}");
}

/// Tries everything on `/api/MANY`.
pub(super) async fn attack(tried: &Tried) {
    let leaked: &'static str = Box::leak(format!("APP_QUOTAS__{}", tried.many.to_uppercase()).into_boxed_str());
    let quota: &'static str = Box::leak(QUOTA.to_string().into_boxed_str());
    let has_quota = matches!(tried.table().limit, RowLimit::Quota(_));
    let app = if has_quota { TestApp::configured(&[(leaked, quota)]).await } else { TestApp::start().await };
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    at_once(&app.user("carol").await, tried).await;
    names(&app.user("dora").await, tried).await;
    ids(&alice, tried).await;
    undone_again(&alice, &bob, tried).await;
    keys(&alice, &bob, tried).await;
    cursors(&alice, &bob, tried).await;
    merges(&alice, &bob, tried).await;
    limit(&app, tried).await;
    usage_is_counted(&app).await;
}

/// The same from several clients at once.
async fn at_once(client: &Client, tried: &Tried) {
    let path = tried.path();
    let made = join_all((0..8).map(|_| client.post(&path, tried.named("same")))).await;
    one_won(&made, 201, 409);
    let made = made.into_iter().find(|answer| answer.status == 201).expect("one");
    let row_path = format!("{path}/{}", made.json()["data"]["id"]);
    let tag = made.header("etag").expect("an ETag");
    let edits = join_all((0..8).map(|number| {
        let request = client.request(Method::PATCH, &row_path).header("if-match", tag);
        client.send(request.json(&json!({"name": format!("edit {number}")})))
    }));
    one_won(&edits.await, 200, 412);
    let keyed = join_all((0..8).map(|_| {
        let request = client.request(Method::POST, &path).header("idempotency-key", "at once");
        client.send(request.json(&tried.named("keyed")))
    }));
    let ids: BTreeSet<i64> =
        keyed.await.iter().map(|answer| answer.expect(201)["id"].as_i64().expect("an id")).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let deleted = join_all((0..8).map(|_| client.delete(&row_path))).await;
    one_won(&deleted, 200, 404);
    let deleted = deleted.into_iter().find(|answer| answer.status == 200).expect("one");
    let undone = join_all((0..8).map(|_| undo(client, &deleted))).await;
    one_won(&undone, 200, 409);
}

/// Names that look alike, that are no names, and that are as long as can be.
async fn names(client: &Client, tried: &Tried) {
    let path = tried.path();
    let post = async |name: &str| client.post(&path, tried.named(name)).await;
    for (name, stored, same) in [
        ("น้ำปลา", "น้ำปลา", "น้ำ\u{200b}ปลา"),
        (" Straße  5\t", "Straße 5", "STRASSE 5"),
        ("Cafe\u{301}", "Café", "CAFÉ"),
        ("a\u{202e}b", "ab", "A\u{2060}B"),
        ("\u{fdfa}", "\u{fdfa}", "\u{fdfa}\u{feff}"),
        ("👩‍👩‍👧 %_\\'\"", "👩‍👩‍👧 %_\\'\"", "👩‍👩‍👧 %_\\'\""),
    ] {
        assert_eq!(post(name).await.expect(201)["name"], json!(stored), "{name:?}");
        code(&post(same).await, 409, &tried.code("ALREADY_EXISTS"));
    }
    for nothing in ["", " \t", "\u{200b}\u{2060}", "\u{3164}"] {
        post(nothing).await.invalid(&["name should not be empty"]);
    }
    post("a\0b").await.invalid(&["name must not contain NUL characters"]);
    for wrong in [json!(5), json!([]), json!({}), json!(null)] {
        let mut body = tried.named("x");
        body["name"] = wrong;
        client.post(&path, body).await.expect_status(400);
    }
    let document = features::router().1();
    let schema = &document["paths"][&path]["post"]["requestBody"]["content"]["application/json"]["schema"];
    let schema = schema["$ref"].as_str().and_then(|target| document.pointer(&target[1..])).unwrap_or(schema);
    let most = schema["properties"]["name"]["maxLength"].as_u64().expect("a bound");
    let length = usize::try_from(most).expect("a length");
    for letter in ["ก", "😀", "\u{fdfa}", "\u{390}"] {
        let longest = letter.repeat(length);
        assert_eq!(post(&longest).await.expect(201)["name"], json!(longest));
        code(&post(&longest).await, 409, &tried.code("ALREADY_EXISTS"));
        let told = format!("name must be shorter than or equal to {most} characters");
        post(&format!("{longest}{letter}")).await.invalid(&[&told]);
    }
}

/// Ids that no row has, or that are none.
async fn ids(client: &Client, tried: &Tried) {
    for (id, status) in [
        ("0", 404),
        ("-1", 404),
        ("9223372036854775807", 404),
        ("9223372036854775808", 404),
        ("1.5", 400),
        ("abc", 400),
        ("%00", 400),
        ("%EF%BC%91", 400),
    ] {
        let path = format!("{}/{id}", tried.path());
        client.get(&path).await.expect_status(status);
        client.patch(&path, json!({"name": "x"})).await.expect_status(status);
        client.delete(&path).await.expect_status(status);
    }
}

/// Undo of what was undone, of what was changed since, and of what is somebody else's.
async fn undone_again(alice: &Client, bob: &Client, tried: &Tried) {
    let path = tried.path();
    let made = alice.post(&path, tried.named("first")).await;
    let row_path = format!("{path}/{}", made.expect(201)["id"]);
    code(&undo(bob, &made).await, 404, "OPERATION_NOT_FOUND");
    let renamed = alice.patch(&row_path, json!({"name": "renamed"})).await;
    code(&undo(alice, &made).await, 409, "UNDO_CONFLICT");
    let undone = undo(alice, &renamed).await;
    undone.expect(200);
    code(&undo(alice, &renamed).await, 409, "ALREADY_UNDONE");
    undo(alice, &undone).await.expect(200);
    assert_eq!(alice.get(&row_path).await.expect(200)["name"], json!("renamed"), "redone");
    let deleted = alice.delete(&row_path).await;
    deleted.expect(200);
    alice.post(&path, tried.named("RENAMED")).await.expect(201);
    let refused = undo(alice, &deleted).await;
    code(&refused, 409, "UNDO_CONFLICT");
    assert!(refused.text.contains(&format!("another {} has the name now", tried.noun)), "{}", refused.text);
}

/// A key of somebody else's, and of another request.
async fn keys(alice: &Client, bob: &Client, tried: &Tried) {
    let post = async |client: &Client, name: &str| {
        let request = client.request(Method::POST, &tried.path()).header("idempotency-key", "shared");
        client.send(request.json(&tried.named(name))).await
    };
    let of_alice = post(alice, "keyed").await.expect(201);
    let of_bob = post(bob, "keyed").await.expect(201);
    assert_ne!(of_alice["id"], of_bob["id"]);
    assert_eq!(post(alice, "keyed").await.expect(201), of_alice);
    post(alice, "another").await.expect_status(409);
}

/// Cursors that are none, of somebody else, of another list, and of a row that is gone.
async fn cursors(alice: &Client, bob: &Client, tried: &Tried) {
    let path = tried.path();
    let mut made = Vec::new();
    for name in ["page 1", "page 2", "page 3"] {
        made.push(alice.post(&path, tried.named(name)).await.expect(201)["id"].clone());
    }
    let first = alice.get(&format!("{path}?limit=1")).await;
    let cursor = first.json()["meta"]["page"]["nextCursor"].as_str().expect("a cursor").to_owned();
    let wrong = ["cursor must be one that was answered for the same list and filters"];
    bob.get(&format!("{path}?limit=1&cursor={cursor}")).await.invalid(&wrong);
    let other = if tried.many == "tags" { "payees" } else { "tags" };
    alice.get(&format!("/api/{other}?limit=1&cursor={cursor}")).await.invalid(&wrong);
    let changed = |at: usize| {
        let letter = if cursor.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{letter}{}", &cursor[..at], &cursor[at + 1..])
    };
    let mut hostile: Vec<String> = (0..cursor.len() - 1).step_by(5).map(changed).collect();
    hostile.extend([&cursor[1..], &cursor[..cursor.len() / 2], "%F0%9F%98%80", "-"].map(str::to_owned));
    hostile.extend([format!("{cursor}AAAA"), "A".repeat(1_999)]);
    for hostile in hostile {
        alice.get(&format!("{path}?limit=1&cursor={hostile}")).await.invalid(&wrong);
    }
    for (query, problem) in [
        ("limit=0", "limit must not be less than 1"),
        ("limit=501", "limit must not be greater than 500"),
        ("limit=-1", "limit must be an integer number"),
        ("limit=99999999999999999999", "limit must be an integer number"),
        ("limit=1&limit=2", "limit must be given once"),
    ] {
        alice.get(&format!("{path}?{query}")).await.invalid(&[problem]);
    }
    // A page goes on behind a row that is gone.
    let page = alice.get(&format!("{path}?limit=500")).await.expect(200);
    let position = page.as_array().expect("rows").iter().position(|row| row["id"] == made[0]).expect("the row");
    let to_it = alice.get(&format!("{path}?limit={}", position + 1)).await.json();
    alice.delete(&format!("{path}/{}", made[0])).await.expect(200);
    let next = to_it["meta"]["page"]["nextCursor"].as_str().expect("a cursor");
    let rest = alice.get(&format!("{path}?limit=1&cursor={next}")).await.expect(200);
    assert_eq!(rest[0], page[position + 1]);
}

/// A merge into oneself, into what is not there, and into what is somebody else's, if there are merges.
async fn merges(alice: &Client, bob: &Client, tried: &Tried) {
    let path = tried.path();
    if features::router().1()["paths"].get(format!("{path}/{{id}}/merge")).is_none() {
        return;
    }
    let id = async |client: &Client| client.post(&path, tried.named("merged")).await.expect(201)["id"].clone();
    let (mine, theirs) = (id(alice).await, id(bob).await);
    let merge = async |client: &Client, body: Value| client.post(&format!("{path}/{mine}/merge"), body).await;
    code(&merge(alice, json!({"into": mine})).await, 409, "CONFLICT");
    for into in [theirs, json!(0), json!(-1), json!(i64::MAX)] {
        code(&merge(alice, json!({"into": into})).await, 404, &tried.code("NOT_FOUND"));
    }
    for body in [json!({}), json!({"into": null}), json!({"into": "x"}), json!({"into": 1.5}), json!([])] {
        merge(alice, body).await.expect_status(400);
    }
    code(&merge(bob, json!({"into": mine})).await, 404, &tried.code("NOT_FOUND"));
    alice.get(&format!("{path}/{mine}")).await.expect(200);
}

/// As many rows as there may be, and one more, also by undo.
async fn limit(app: &TestApp, tried: &Tried) {
    let (client, path, table) = (app.user("eve").await, tried.path(), tried.table());
    let most = match table.limit {
        RowLimit::Quota(_) => QUOTA,
        RowLimit::Rows(most) => most,
        RowLimit::Follows => panic!("docs/adding-a-feature.md, step 4: the table {} has no limit", table.name),
    };
    client.post(&path, tried.named("first")).await.expect(201);
    let columns = table.columns.join(", ");
    let copied: Vec<String> = table
        .columns
        .iter()
        .map(|column| if *column == "name" { "r.name || ' ' || n".to_owned() } else { format!("r.{column}") })
        .collect();
    let sql = format!(
        "insert into {table} (user_id, {columns}) select r.user_id, {copied}
         from {table} r join users u on u.id = r.user_id, generate_series(1, $1 - (
             select count(*) from {table} o where o.user_id = r.user_id)) n
         where u.email = 'eve@example.com' and r.name = 'first'",
        table = table.name,
        copied = copied.join(", "),
    );
    let mut connection = app.connection().await;
    sqlx::query(AssertSqlSafe(sql)).bind(most).execute(&mut connection).await.expect("filled");
    recount(app).await;
    let refused = client.post(&path, tried.named("one more")).await;
    code(&refused, 403, "QUOTA_EXCEEDED");
    assert!(refused.text.contains(&format!("There can be {most} ")), "{}", refused.text);
    let first = client.get(&path).await.expect(200);
    let first =
        first.as_array().expect("rows").iter().find(|row| row["name"] == "first").expect("the first")["id"].clone();
    let deleted = client.delete(&format!("{path}/{first}")).await;
    deleted.expect(200);
    client.post(&path, tried.named("in its place")).await.expect(201);
    code(&undo(&client, &deleted).await, 403, "QUOTA_EXCEEDED");
}

async fn recount(app: &TestApp) {
    let mut connection = app.connection().await;
    let users: Vec<i64> = sqlx::query_scalar("select id from users").fetch_all(&mut connection).await.expect("users");
    for user_id in users {
        let mut scope = Scope::new(&mut connection, user_id);
        quotas::store::recount(&mut scope, &features::tables()).await.expect("counted");
    }
}

/// All that was done above was counted as it was done.
async fn usage_is_counted(app: &TestApp) {
    let usage = async || -> Vec<Value> {
        let sql = "select to_jsonb(u) - 'counted_at' from usage u order by user_id";
        sqlx::query_scalar(sql).fetch_all(&mut app.connection().await).await.expect("usage")
    };
    settle(app).await;
    let counted = usage().await;
    recount(app).await;
    assert_eq!(counted, usage().await, "docs/adding-a-feature.md, step 4: what was counted is not what is there");
}
