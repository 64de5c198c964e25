//! Small things that a client may expect, one by one: docs/api.md says them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};

const PATH: &str = "/api/transactions";

fn expense(title: &str) -> Value {
    json!({"title": title, "amount": 1, "type": "EXPENSE"})
}

async fn with(client: &Client, method: Method, path: &str, header: (&str, &str), body: Value) -> Answer {
    client.send(client.request(method, path).header(header.0, header.1).json(&body)).await
}

#[tokio::test]
async fn a_bound_of_amounts_may_be_zero() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    alice.post(PATH, expense("x")).await.expect(201);
    let found = async |query: &str| alice.get(&format!("{PATH}?{query}")).await.expect(200).as_array().map(Vec::len);
    assert_eq!((found("minAmount=0").await, found("minAmount=0.00&maxAmount=5").await), (Some(1), Some(1)));
    assert_eq!(found("maxAmount=0").await, Some(0));
    for zero in [json!(0), json!("0.0")] {
        let set = json!({"filter": {"minAmount": zero}, "set": {"note": "n"}, "dryRun": true});
        assert_eq!(with(&alice, Method::PATCH, PATH, ("x", "y"), set).await.expect(200)["matched"], 1);
    }
    let negative = ["minAmount must not be less than 0"];
    alice.get(&format!("{PATH}?minAmount=-1")).await.invalid(&negative);
    alice.get(&format!("{PATH}?minAmount=none")).await.invalid(&["minAmount must be a number"]);
    alice.post(PATH, json!({"title": "x", "amount": 0, "type": "EXPENSE"})).await.invalid(&["amount must be positive"]);
}

#[tokio::test]
async fn every_list_and_the_dashboard_refuse_what_they_do_not_know_and_pass_over_what_is_against_caches() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let lists = ["", "/filter", "/dashboard"].map(|path| format!("{PATH}{path}"));
    let others = ["categories", "tags", "payees", "operations", "trash"].map(|list| format!("/api/{list}"));
    for path in lists.into_iter().chain(others) {
        alice.get(&format!("{path}?_=1&_=2")).await.expect(200);
        alice.get(&format!("{path}?month=2020-01")).await.invalid(&["property month should not exist"]);
    }
    let meant = "property lmit should not exist; did you mean limit?";
    alice.get(&format!("{PATH}?lmit=5")).await.invalid(&[meant]);
    let meant = "property catgory should not exist; did you mean category?";
    let mut body = expense("x");
    body["catgory"] = json!("Rent");
    alice.post(PATH, body).await.invalid(&[meant]);
}

#[tokio::test]
async fn a_day_that_is_a_slip_is_refused_and_a_buddhist_year_is_told() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let on = |date: &str| {
        let mut body = expense("x");
        body["date"] = json!(date);
        alice.post(PATH, body)
    };
    for right in ["1900-01-01", "2026-02-16", "2199-12-31"] {
        assert_eq!(on(right).await.expect(201)["date"], right);
    }
    let buddhist = "date must be a day of the years 1900 to 2199; 2569 looks like a Buddhist year: 2026?";
    let beyond = "date must be a day of the years 1900 to 2199";
    for (wrong, told) in
        [("2569-02-16", buddhist), ("9999-12-31", beyond), ("1899-12-31", beyond), ("0026-02-16", beyond)]
    {
        on(wrong).await.invalid(&[told]);
        let path = format!("{PATH}/1");
        alice.put(&path, json!({"date": wrong})).await.invalid(&[told]);
        let set = json!({"ids": [1], "set": {"date": wrong}});
        with(&alice, Method::PATCH, PATH, ("x", "y"), set).await.invalid(&[&format!("set is not right: {told}")]);
    }
    // A filter without an end may have any.
    let all = alice.get(&format!("{PATH}?startDate=0001-01-01&endDate=9999-12-31")).await.expect(200);
    assert_eq!(all.as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn blanks_around_an_address_and_the_way_accents_are_typed_do_not_count() {
    let app = TestApp::start().await;
    let register = json!({"email": " Ann@Example.com ", "password": "cafe\u{301} au lait"});
    assert_eq!(app.anon.post("/api/auth/register", register).await.expect(201)["email"], "ann@example.com");
    for password in ["cafe\u{301} au lait", "caf\u{e9} au lait"] {
        app.anon.post("/api/auth/login", json!({"email": "ann@example.com\n", "password": password})).await.expect(200);
    }
    let short = json!({"email": "ben@example.com", "password": "e\u{301}".repeat(5)});
    let told = ["password must be longer than or equal to 6 characters"];
    app.anon.post("/api/auth/register", short).await.invalid(&told);
    let wrong = json!({"email": "ann@example.com", "password": "cafe au lait"});
    app.anon.post("/api/auth/login", wrong).await.refused(401, "INVALID_CREDENTIALS", "Invalid credentials");
}

#[tokio::test]
async fn what_spoke_for_a_category_is_not_told_any_more_once_the_title_is_another() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let enter = async || alice.post(PATH, expense("taxi")).await.expect(201);
    let (first, second) = (enter().await, enter().await);
    assert_eq!(first["categoryReason"], "the word taxi");
    let path = format!("{PATH}/{}", first["id"]);
    assert_eq!(alice.put(&path, json!({"amount": 2})).await.expect(200)["categoryReason"], "the word taxi");
    let renamed = alice.put(&path, json!({"title": "flowers"})).await.expect(200);
    assert_eq!((&renamed["category"], &renamed["categoryReason"]), (&first["category"], &Value::Null));
    let set = json!({"ids": [second["id"]], "set": {"title": "roses"}});
    let changed = with(&alice, Method::PATCH, PATH, ("x", "y"), set).await;
    changed.expect(200);
    let path = format!("{PATH}/{}", second["id"]);
    assert_eq!(alice.get(&path).await.expect(200)["categoryReason"], Value::Null);
    // And it is told again once that is undone.
    let operation = changed.json()["meta"]["operationId"].clone();
    alice.post(&format!("/api/operations/{operation}/undo"), json!({})).await.expect(200);
    assert_eq!(alice.get(&path).await.expect(200)["categoryReason"], "the word taxi");
}

#[tokio::test]
async fn a_slash_at_the_end_of_a_path_makes_no_other_request_of_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let key = ("idempotency-key", "k1");
    let first = with(&alice, Method::POST, PATH, key, expense("x")).await.expect(201);
    let again = with(&alice, Method::POST, &format!("{PATH}/"), key, expense("x")).await.expect(201);
    assert_eq!(first, again);
    assert_eq!(alice.get(PATH).await.expect(200).as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_demand_on_what_is_there_is_kept_to_or_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let id = alice.post(PATH, expense("x")).await.expect(201)["id"].clone();
    let path = format!("{PATH}/{id}");
    let tag = alice.get(&path).await.headers["etag"].to_str().expect("text").to_owned();
    for (method, demand) in [(Method::PUT, "*"), (Method::PATCH, tag.as_str()), (Method::DELETE, "*")] {
        let answer = with(&alice, method, &path, ("if-none-match", demand), json!({"title": "y"})).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (412, &json!("PRECONDITION_FAILED")));
    }
    let other = with(&alice, Method::PUT, &path, ("if-none-match", "\"other\""), json!({"title": "z"})).await;
    assert_eq!(other.expect(200)["title"], "z");
    let set = json!({"ids": [id], "set": {"title": "y"}});
    for header in ["if-match", "if-none-match"] {
        for (method, path, body) in [
            (Method::PATCH, PATH, &set),
            (Method::DELETE, PATH, &json!({"ids": [id]})),
            (Method::POST, "/api/operations/1/undo", &json!({})),
            (Method::POST, "/api/trash/1/restore", &json!({})),
        ] {
            let answer = with(&alice, method, path, (header, "*"), body.clone()).await;
            assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        }
    }
    assert_eq!(alice.get(&path).await.expect(200)["title"], "z");
}

#[tokio::test]
async fn a_body_is_taken_with_a_byte_order_mark_and_not_compressed() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    alice.post_raw(PATH, format!("\u{feff}{}", expense("x"))).await.expect(201);
    let message = "Send the body as it is, without Content-Encoding";
    for coding in ["gzip", "br", "identity, gzip"] {
        let answer = with(&alice, Method::POST, PATH, ("content-encoding", coding), expense("x")).await;
        answer.refused(415, "UNSUPPORTED_MEDIA_TYPE", message);
    }
    with(&alice, Method::POST, PATH, ("content-encoding", "Identity"), expense("x")).await.expect(201);
}

#[tokio::test]
async fn a_tag_is_not_put_on_and_taken_off_at_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let id = alice.post(PATH, expense("x")).await.expect(201)["id"].clone();
    // However it is written.
    for removed in [" work ", "WORK"] {
        let set = json!({"ids": [id], "set": {"addTags": ["a", "work"], "removeTags": [removed]}});
        let told = "set is not right: addTags and removeTags must not have the same tag: work";
        with(&alice, Method::PATCH, PATH, ("x", "y"), set).await.invalid(&[told]);
    }
    assert_eq!(alice.get("/api/tags").await.expect(200), json!([]));
}
