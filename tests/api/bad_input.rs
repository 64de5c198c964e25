//! Bad input of every kind: its own code, the envelope, nothing written, and never a 500.

use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;

const PATH: &str = "/api/transactions";

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for body in ["{", "{\"title\":", "nonsense", "{'title':'x'}", "{\"title\":\"x\",}", "{\"a\":1}}", "{\"a\":01}"] {
        let answer = alice.post_raw(PATH, body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        let message = answer.json()["error"]["message"].as_str().expect("a message").to_owned();
        assert!(message.starts_with("The body is not valid JSON: "), "{message}");
    }
    for body in ["[]", "5", "null", "\"x\"", "[{\"title\":\"x\"}]"] {
        alice.post_raw(PATH, body).await.refused(400, "BAD_REQUEST", "The body must be a JSON object");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(alice.post_raw(PATH, deep).await.status, 400);
    let latin = alice.post_raw(PATH, b"{\"title\":\"caf\xe9\"}".to_vec()).await;
    assert_eq!(latin.status, 400, "{}", latin.text);
}

#[tokio::test]
async fn what_is_not_said_to_be_json_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let body = r#"{"title":"x","amount":1,"type":"EXPENSE","category":"x"}"#;
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "json"]
    {
        let request = alice.request(Method::POST, PATH).header("content-type", content_type).body(body);
        alice.send(request).await.refused(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json");
    }
    let request = alice.request(Method::POST, PATH).body(body);
    alice.send(request).await.refused(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json");
    let request =
        alice.request(Method::POST, PATH).header("content-type", "Application/JSON; charset=utf-8").body(body);
    alice.send(request).await.expect(201);
    // Nothing at all is an empty object.
    let nothing = alice.send(alice.request(Method::POST, PATH)).await;
    assert_eq!(nothing.json()["error"]["message"], "title should not be empty");
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let body = json!({"title": "x".repeat(10 * 1024 * 1024)}).to_string();
    alice.post_raw(PATH, body).await.refused(413, "PAYLOAD_TOO_LARGE", "The body is larger than allowed");
    // The server goes on.
    alice.get(PATH).await.expect(200);
    let just_below = json!({"title": "x".repeat(1024 * 1024 - 100)}).to_string();
    assert_eq!(alice.post_raw(PATH, just_below).await.status, 400);
}

#[tokio::test]
async fn text_that_is_too_long_or_holds_nul_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let with = |key: &str, value: &str| {
        let mut body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "x"});
        body[key] = json!(value);
        body
    };
    let long = "ก".repeat(10_000);
    alice
        .post(PATH, with("category", &long))
        .await
        .invalid(&["category must be shorter than or equal to 100 characters"]);
    alice.post(PATH, with("title", &long)).await.invalid(&["title must be shorter than or equal to 500 characters"]);
    alice
        .post(PATH, with("titleEn", &long))
        .await
        .invalid(&["titleEn must be shorter than or equal to 500 characters"]);
    for key in ["title", "titleEn", "category"] {
        alice.post(PATH, with(key, "a\0b")).await.invalid(&[&format!("{key} must not contain NUL characters")]);
    }
    let lone_surrogate = r#"{"title":"\ud800","amount":1,"type":"EXPENSE","category":"x"}"#;
    assert_eq!(alice.post_raw(PATH, lone_surrogate).await.status, 400);
    let nul_query = alice.get("/api/transactions/filter?startDate=2026-01-01%00").await;
    nul_query.invalid(&["startDate must be a valid ISO 8601 date string"]);
    assert_eq!(alice.get("/api/transactions/filter?startDate=%ff").await.status, 400);
    let at_the_limit = with("title", &"🦀".repeat(500));
    assert_eq!(
        alice.post(PATH, at_the_limit).await.expect(201)["title"].as_str().map(|text| text.chars().count()),
        Some(500)
    );
    assert_eq!(app.count("select count(*) from transactions").await, 1);
}

#[tokio::test]
async fn text_of_every_script_comes_back_and_a_name_with_composed_letters() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for text in ["น้ำแข็งใส", "咖啡", "قهوة", "☕️👩‍👩‍👧‍👦", "e\u{301}", "it's \"quoted\" \\ / <b>", "'; drop table users; --"]
    {
        let body = json!({"title": text, "titleEn": text, "amount": 1, "type": "EXPENSE", "category": text});
        let row = alice.post(PATH, body).await.expect(201);
        let name = if text == "e\u{301}" { "é" } else { text };
        assert_eq!((&row["title"], &row["titleEn"], &row["category"]), (&json!(text), &json!(text), &json!(name)));
        assert_eq!(alice.get(PATH).await.expect(200)[0], row);
    }
}

#[tokio::test]
async fn unknown_keys_are_refused_before_anything_else() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let body =
        json!({"__proto__": {}, "constructor": 1, "title": "x", "amount": 1, "type": "EXPENSE", "category": "x"});
    alice
        .post(PATH, body)
        .await
        .invalid(&["property __proto__ should not exist", "property constructor should not exist"]);
    let long = json!({"k".repeat(100_000): 1, "title": "x", "amount": 1, "type": "EXPENSE", "category": "x"});
    let answer = alice.post(PATH, long).await;
    assert!(answer.text.len() < 1000, "a key of any length is not sent back");
}

const KEYS: &[&str] =
    &["title", "titleEn", "amount", "type", "category", "date", "currency", "email", "password", "name", "x"];

/// Anything at all, where a value is asked.
fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no NaN", |number| number.is_finite()).prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "[0-9eE.+-]{0,30}".prop_map(Value::from),
        Just(json!(["x"])),
        Just(json!({"x": 1})),
        Just(json!("INCOME")),
        Just(json!("2026-02-16")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_makes_the_server_fail() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let bodies = prop::collection::vec((prop::sample::select(KEYS), any_value()), 0..8);
    let paths = prop::sample::select(&["/api/transactions", "/api/auth/register", "/api/auth/login"][..]);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..Default::default()
    });
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        runner
            .run(&(paths, bodies), |(path, fields)| {
                let body: serde_json::Map<String, Value> =
                    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
                let answer = handle.block_on(alice.post(path, Value::Object(body)));
                prop_assert!(
                    matches!(answer.status.as_u16(), 201 | 400 | 401 | 409),
                    "{}: {}",
                    answer.status,
                    answer.text
                );
                Ok(())
            })
            .expect("no failure");
    });
}
