//! Limits: too many requests, too slow, too much at once.

use std::time::Duration;

use serde_json::json;
use sqlx::{Connection as _, Executor as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::PATIENCE;
use crate::support::app::TestApp;

#[tokio::test]
async fn past_the_limit_an_address_is_told_when_to_come_back() {
    let app = TestApp::configured(&[("THROTTLE_LIMIT", "3"), ("THROTTLE_TTL", "60")]).await;
    for left in ["2", "1", "0"] {
        let answer = app.anon.get("/api").await;
        answer.expect(200);
        assert_eq!((answer.header("ratelimit-limit"), answer.header("ratelimit-remaining")), (Some("3"), Some(left)));
        assert!(answer.header("ratelimit-reset").is_some());
    }
    let answer = app.anon.get("/api").await;
    answer.refused(429, "TOO_MANY_REQUESTS", "Too many requests; try again later");
    let seconds: u64 = answer.header("retry-after").expect("a time").parse().expect("seconds");
    assert!((1..=20).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("ratelimit-remaining"), Some("0"));
    // Whoever watches over the server is not counted.
    for _ in 0..5 {
        app.anon.get("/healthz").await.expect_status(200);
    }
}

#[tokio::test]
async fn who_is_signed_in_is_counted_by_account() {
    let app = TestApp::configured(&[("THROTTLE_LIMIT", "8"), ("THROTTLE_TTL", "600")]).await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    for _ in 0..8 {
        alice.get("/api/auth/me").await.expect(200);
    }
    assert_eq!(alice.get("/api/auth/me").await.status, 429);
    bob.get("/api/auth/me").await.expect(200);
    // Four of eight were spent on registering and logging in, before there was an account.
    for _ in 0..4 {
        app.anon.get("/api").await.expect(200);
    }
    assert_eq!(app.anon.get("/api").await.status, 429);
}

#[tokio::test]
async fn a_stranger_cannot_choose_his_address() {
    let app = TestApp::configured(&[("APP_THROTTLE__LOGIN_LIMIT", "2"), ("THROTTLE_TTL", "600")]).await;
    let mut last = 0;
    for number in 0..3 {
        let request = app
            .anon
            .request(reqwest::Method::POST, "/api/auth/login")
            .header("x-forwarded-for", format!("203.0.113.{number}"));
        let body = json!({"email": "a@example.com", "password": "wrong1"});
        last = app.anon.send(request.json(&body)).await.status.as_u16();
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn registering_is_limited_more_strictly_by_address() {
    let app = TestApp::configured(&[("APP_THROTTLE__LOGIN_LIMIT", "2"), ("THROTTLE_TTL", "600")]).await;
    let register = |name: &str| {
        app.anon.post("/api/auth/register", json!({"email": format!("{name}@example.com"), "password": "pass123"}))
    };
    register("a").await.expect(201);
    register("b").await.expect(201);
    register("c").await.refused(429, "TOO_MANY_REQUESTS", "Too many requests; try again later");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let app = TestApp::configured(&[("APP_SERVER__REQUEST_TIMEOUT", "300ms")]).await;
    let answer = half_a_request(
        &app,
        "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("REQUEST_TIMEOUT"), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_arrive_is_cut_off() {
    let app = TestApp::configured(&[("APP_SERVER__HEADER_TIMEOUT", "300ms")]).await;
    let answer = half_a_request(&app, "GET /api HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let app = TestApp::start().await;
    let headers = format!("GET /api HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "x".repeat(200_000));
    let answer = half_a_request(&app, &headers).await;
    assert!(answer.starts_with("HTTP/1.1 431 ") || answer.is_empty(), "{answer}");
    let many = format!("GET /api HTTP/1.1\r\nhost: x\r\n{}\r\n", "x-a: b\r\n".repeat(500));
    let answer = half_a_request(&app, &many).await;
    assert!(answer.starts_with("HTTP/1.1 431 ") || answer.is_empty(), "{answer}");
    app.anon.get("/api").await.expect(200);
}

#[tokio::test]
async fn more_than_can_be_worked_on_is_turned_away_at_once() {
    let app = TestApp::configured(&[("APP_SERVER__MAX_IN_FLIGHT", "1")]).await;
    let alice = app.user("alice").await;
    let mut connection = app.connection().await;
    let mut locked = connection.begin().await.expect("begun");
    locked.execute("lock table tags in access exclusive mode").await.expect("locked");
    let slow = tokio::spawn(async move { alice.get("/api/tags").await.status.as_u16() });
    let refused = loop {
        let answer = app.anon.get("/api").await;
        if answer.status != 200 {
            break answer;
        }
    };
    refused.refused(503, "OVERLOADED", "The server has too much to do; try again shortly");
    assert!(refused.header("retry-after").is_some());
    locked.rollback().await.expect("rolled back");
    // 503 where the machine was so busy that the wait for the lock came to its end.
    assert!([200, 503].contains(&slow.await.expect("an answer")));
    app.anon.get("/api").await.expect(200);
}

#[tokio::test]
async fn more_logins_than_can_be_hashed_are_turned_away_and_reads_go_on() {
    let costly = [
        ("APP_AUTH__ARGON2_MEMORY_KIB", "65536"),
        ("APP_AUTH__ARGON2_ITERATIONS", "4"),
        ("APP_AUTH__MAX_WAITING_HASHES", "2"),
    ];
    let app = TestApp::configured(&costly).await;
    let tries: Vec<_> = (0..12)
        .map(|number| {
            let anon = app.anon.clone();
            let body = json!({"email": format!("{number}@example.com"), "password": "wrong1"});
            tokio::spawn(async move { anon.post("/api/auth/login", body).await.status.as_u16() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    tokio::time::timeout(PATIENCE, app.anon.get("/api")).await.expect("at once").expect(200);
    let mut statuses = Vec::new();
    for attempt in tries {
        statuses.push(attempt.await.expect("an answer"));
    }
    assert!(statuses.iter().all(|status| matches!(status, 401 | 503)), "{statuses:?}");
    assert!(statuses.contains(&401) && statuses.contains(&503), "{statuses:?}");
}

/// Sends text as it is, and reads what comes until the server hangs up.
async fn half_a_request(app: &TestApp, text: &str) -> String {
    let mut stream =
        TcpStream::connect(app.anon.base.strip_prefix("http://").expect("a URL")).await.expect("connected");
    // The server may hang up before it has taken all.
    let _ = stream.write_all(text.as_bytes()).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(read @ 1..)) = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await {
        answer.extend_from_slice(&buffer[..read]);
        if answer.ends_with(b"}}") {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}
