//! `Idempotency-Key`, `ETag` and `If-Match`: what is sent twice has one effect, and nobody writes over what they have not seen.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;

use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};
use crate::support::cluster;
use crate::support::process::{SECRET, Server};

const PATH: &str = "/api/transactions";

fn expense(title: &str) -> Value {
    json!({"title": title, "amount": 10, "type": "EXPENSE", "category": "Rent", "date": "2026-02-16"})
}

async fn with_key(client: &Client, path: &str, key: &str, body: &Value) -> Answer {
    client.send(client.request(Method::POST, path).header("idempotency-key", key).json(body)).await
}

/// What an answer says but for when it was given.
fn said(answer: &Answer) -> (u16, Value, Value, Option<String>) {
    let body = answer.json();
    let tag = answer.header("etag").map(str::to_owned);
    (answer.status.as_u16(), body["data"].clone(), body["meta"]["operationId"].clone(), tag)
}

#[tokio::test]
async fn the_same_key_gets_the_same_answer_and_has_one_effect() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let first = with_key(&alice, PATH, "k1", &expense("a")).await;
    first.expect(201);
    let again = with_key(&alice, PATH, "k1", &expense("a")).await;
    assert_eq!(said(&again), said(&first));
    let path = format!("{PATH}/{}", first.json()["data"]["id"]);
    let edit = || {
        let request = alice.request(Method::PATCH, &path).header("idempotency-key", "edit");
        alice.send(request.json(&json!({"amount": 11})))
    };
    let (edited, repeated) = (edit().await, edit().await);
    assert_eq!(said(&repeated), said(&edited));
    assert!(edited.header("etag").is_some());
    let message = "The Idempotency-Key was used for another request; nothing was done. Use a new key";
    with_key(&alice, PATH, "k1", &expense("b")).await.refused(409, "IDEMPOTENCY_KEY_REUSED", message);
    let tag = json!({"name": "x"});
    with_key(&alice, "/api/tags", "k1", &tag).await.refused(409, "IDEMPOTENCY_KEY_REUSED", message);
    assert_eq!(app.count("select count(*) from transactions").await, 1);
    // Another user's key is another key.
    with_key(&bob, PATH, "k1", &expense("b")).await.expect(201);
    // Whatever makes something takes one.
    for (path, body) in [
        ("/api/tags", json!({"name": "x"})),
        ("/api/payees", json!({"name": "x"})),
        ("/api/categories", json!({"name": "x", "kind": "INCOME"})),
    ] {
        let first = with_key(&alice, path, path, &body).await;
        first.expect(201);
        assert_eq!(said(&with_key(&alice, path, path, &body).await), said(&first));
    }
    let register = json!({"email": "carol@example.com", "password": "pass123"});
    let first = with_key(&app.anon, "/api/auth/register", "r1", &register).await;
    first.expect(201);
    assert_eq!(said(&with_key(&app.anon, "/api/auth/register", "r1", &register).await), said(&first));
    let taken = |answer: Answer| answer.refused(409, "EMAIL_ALREADY_EXISTS", "Email already exists: carol@example.com");
    taken(with_key(&app.anon, "/api/auth/register", "r2", &register).await);
    let other = json!({"email": "carol@example.com", "password": "pass1234"});
    taken(with_key(&app.anon, "/api/auth/register", "r1", &other).await);
    // A day later it is a new key.
    let mut connection = app.connection().await;
    let sql = "update idempotency_keys set created_at = now() - interval '25 hours'";
    sqlx::query(sql).execute(&mut connection).await.expect("aged");
    with_key(&alice, PATH, "k1", &expense("later")).await.expect(201);
    app::features::history::idempotency_store::forget_old(&mut connection).await.expect("forgotten");
    assert_eq!(app.count("select count(*) from idempotency_keys").await, 1);
}

#[tokio::test]
async fn what_fails_is_not_kept_and_can_be_sent_again() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut wrong = expense("a");
    wrong["amount"] = json!(-1);
    with_key(&alice, PATH, "k", &wrong).await.invalid(&["amount must be positive"]);
    // The server fails in the middle of the work.
    let mut connection = app.connection().await;
    let trip = "alter table transactions add constraint trip check (title <> 'a') not valid";
    sqlx::query(trip).execute(&mut connection).await.expect("altered");
    assert_eq!(with_key(&alice, PATH, "k", &expense("a")).await.status.as_u16(), 500);
    assert_eq!(app.count("select count(*) from idempotency_keys").await, 0);
    assert_eq!(app.count("select count(*) from operations").await, 0);
    sqlx::query("alter table transactions drop constraint trip").execute(&mut connection).await.expect("altered");
    with_key(&alice, PATH, "k", &expense("a")).await.expect(201);
    for key in ["", "a\tb", &"k".repeat(256)] {
        let answer = with_key(&alice, PATH, key, &expense("a")).await;
        answer.refused(400, "BAD_REQUEST", "Idempotency-Key must be given once, as 1 to 255 visible ASCII characters");
    }
}

fn serve(database: &str) -> Server {
    Server::start(&[("APP_PROFILE", "dev"), ("DATABASE_URL", database), ("JWT_SECRET", SECRET)])
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_at_once_over_two_processes_make_one_row_and_get_one_answer() {
    let options = cluster::migrated_database().await;
    let url = cluster::url(&options);
    let servers = [serve(&url), serve(&url)];
    let alice = servers[0].client.sign_up("alice").await;
    let tasks: Vec<_> = (0..200)
        .map(|number: usize| {
            let mut alice = alice.clone();
            alice.base.clone_from(&servers[number % 2].client.base);
            tokio::spawn(async move { with_key(&alice, PATH, "once", &expense("a")).await })
        })
        .collect();
    let mut answers = BTreeSet::new();
    for task in tasks {
        answers.insert(format!("{:?}", said(&task.await.expect("an answer"))));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.first().is_some_and(|answer| answer.starts_with("(201")), "{answers:?}");
    assert_eq!(alice.get(PATH).await.expect(200).as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_before_it_answers_has_done_it_once_or_not_at_all() {
    let options = cluster::migrated_database().await;
    let url = cluster::url(&options);
    let mut server = serve(&url);
    let alice = server.client.sign_up("alice").await;
    let mut kept = 0;
    for round in 0..12_u64 {
        let key = format!("round {round}");
        let mut sender = alice.clone();
        sender.base.clone_from(&server.client.base);
        let request = sender.request(Method::POST, PATH).header("idempotency-key", &key).json(&expense(&key));
        let sent = tokio::spawn(request.send());
        // Sooner or later: before the commit, after it, after the answer.
        tokio::time::sleep(std::time::Duration::from_micros(400 * round)).await;
        server.child.kill().expect("killed");
        let _ = sent.await;
        server = serve(&url);
        let mut again = alice.clone();
        again.base.clone_from(&server.client.base);
        let before = again.get(&format!("{PATH}?q={round}&limit=50")).await.expect(200);
        let before = before.as_array().expect("rows").iter().filter(|row| row["title"] == key.as_str()).count();
        kept += before;
        let answer = with_key(&again, PATH, &key, &expense(&key)).await;
        let row = answer.expect(201);
        assert_eq!(again.get(&format!("{PATH}/{}", row["id"])).await.expect(200), row);
        let all = again.get(PATH).await.expect(200);
        let rows = all.as_array().expect("rows").iter().filter(|row| row["title"] == key.as_str()).count();
        assert_eq!(rows, 1, "{key}");
    }
    assert!(kept < 12, "no kill came before the commit");
}

#[tokio::test]
async fn the_second_of_two_editors_is_told_and_nothing_is_lost() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let made = alice.post(PATH, expense("a")).await;
    let path = format!("{PATH}/{}", made.expect(201)["id"]);
    let read = alice.get(&path).await;
    let tag = read.header("etag").expect("a tag").to_owned();
    assert_eq!(made.header("etag"), Some(tag.as_str()));
    let send = async |method: Method, name: &'static str, value: &str, body: Value| {
        alice.send(alice.request(method, &path).header(name, value).json(&body)).await
    };
    let first = send(Method::PUT, "if-match", &tag, json!({"title": "first"})).await;
    first.expect(200);
    let refused =
        |answer: Answer| answer.refused(412, "PRECONDITION_FAILED", "It was changed since it was read; read it again");
    refused(send(Method::PUT, "if-match", &tag, json!({"title": "second"})).await);
    refused(send(Method::PATCH, "if-match", &tag, json!({"title": "second"})).await);
    refused(send(Method::DELETE, "if-match", &tag, json!({})).await);
    let now = alice.get(&path).await;
    assert_eq!((now.expect(200)["title"].clone(), now.header("etag")), (json!("first"), first.header("etag")));
    // Seen already, and not.
    let seen =
        alice.send(alice.request(Method::GET, &path).header("if-none-match", now.header("etag").expect("a tag"))).await;
    assert_eq!((seen.status.as_u16(), seen.text.as_str()), (304, ""));
    assert_eq!(seen.header("etag"), now.header("etag"));
    let unseen = alice.send(alice.request(Method::GET, &path).header("if-none-match", &tag)).await;
    unseen.expect(200);
    // Any will do, and one of several.
    send(Method::PUT, "if-match", "*", json!({"title": "third"})).await.expect(200);
    let now = alice.get(&path).await.header("etag").expect("a tag").to_owned();
    send(Method::DELETE, "if-match", &format!("\"other\", {now}"), json!({})).await.expect(200);
    for (many, body) in [
        ("tags", json!({"name": "x"})),
        ("payees", json!({"name": "x"})),
        ("categories", json!({"name": "x", "kind": "INCOME"})),
    ] {
        let made = alice.post(&format!("/api/{many}"), body).await;
        let path = format!("/api/{many}/{}", made.expect(201)["id"]);
        assert_eq!(alice.get(&path).await.header("etag"), made.header("etag"));
        let tag = made.header("etag").expect("a tag").to_owned();
        alice.put(&path, json!({"name": "y"})).await.expect(200);
        for method in [Method::PUT, Method::DELETE] {
            refused(
                alice.send(alice.request(method, &path).header("if-match", &tag).json(&json!({"name": "z"}))).await,
            );
        }
        assert_eq!(alice.get(&path).await.expect(200)["name"], "y");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_change_that_is_killed_half_way_has_changed_nothing() {
    let options = cluster::migrated_database().await;
    let mut server = serve(&cluster::url(&options));
    let alice = server.client.sign_up("alice").await;
    let mut connection = options.connect().await.expect("connected");
    let rows = "insert into transactions (user_id, title, amount, currency, type, category_id, date)
        select 1, 'row ' || n, n, 'THB', c.kind, c.id, date '2020-01-01' + n % 2000
        from generate_series(1, 30000) n, categories c where c.user_id = 1 and c.name = 'Rent'";
    sqlx::query(rows).execute(&mut connection).await.expect("inserted");
    let state = "select md5(string_agg(t::text, ',' order by id)) from transactions t";
    let before: String = sqlx::query_scalar(state).fetch_one(&mut connection).await.expect("a state");
    let body =
        json!({"filter": {"startDate": "2020-01-01"}, "set": {"category": "New", "addTags": ["new"], "note": "new"}});
    let sent = tokio::spawn(alice.request(Method::PATCH, PATH).json(&body).send());
    // Once rows are being changed, and before the end.
    let under_way = "select count(*) from pg_stat_activity
        where datname = current_database() and state = 'active' and query like 'update transactions%'";
    while sqlx::query_scalar::<_, i64>(under_way).fetch_one(&mut connection).await.expect("a number") == 0 {
        assert!(!sent.is_finished(), "it was done before anybody looked");
    }
    server.child.kill().expect("killed");
    assert!(sent.await.expect("joined").is_err(), "it was answered");
    let others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
        and backend_type = 'client backend'";
    while sqlx::query_scalar::<_, i64>(others).fetch_one(&mut connection).await.expect("a number") > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let after: String = sqlx::query_scalar(state).fetch_one(&mut connection).await.expect("a state");
    assert_eq!(after, before);
    for sql in [
        "select count(*) from operations",
        "select count(*) from changes",
        "select count(*) from tags",
        "select count(*) from categories where name = 'New'",
    ] {
        assert_eq!(sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut connection).await.expect(sql), 0, "{sql}");
    }
}
