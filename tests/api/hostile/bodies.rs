//! Bodies that come slowly, or not at all.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;
use sqlx::{Connection as _, Executor as _};

use crate::support::PATIENCE;
use crate::support::app::TestApp;
use crate::support::raw::Raw;

fn head(token: &str, length: usize) -> String {
    format!(
        "POST /api/transactions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn bodies_that_do_not_come_take_nothing_from_others() {
    let settings = [
        ("APP_SERVER__MAX_IN_FLIGHT", "8"),
        ("APP_SERVER__MAX_IN_FLIGHT_PER_ACCOUNT", "16"),
        ("APP_SERVER__MAX_IN_FLIGHT_PER_ADDRESS", "32"),
        ("APP_SERVER__BODY_MEMORY_BYTES", "1000000"),
    ];
    let app = TestApp::configured(&settings).await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    let token = mallory.token.expect("a token");
    let mut slow = Vec::new();
    for number in 0..60_u8 {
        // Half of them have sent nearly all of a large body, from addresses of their own.
        let address = IpAddr::from([127, 0, 1, 1 + number % 20]);
        let mut raw = Raw::connect_from(&app, address).await;
        raw.send(head(&token, 1_000_000)).await;
        if number % 2 == 0 {
            let mut part = vec![b' '; 200_000];
            part[0] = b'{';
            let _ =
                tokio::time::timeout(Duration::from_millis(50), tokio::io::AsyncWriteExt::write_all(&mut raw.0, &part))
                    .await;
        }
        slow.push(raw);
    }
    // Twice as many as may be under way have been let in, and none of them is.
    for _ in 0..10 {
        alice.get("/api/transactions?limit=20").await.expect(200);
        alice
            .post("/api/transactions", json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "x"}))
            .await
            .expect(201);
        app.anon.get("/api").await.expect(200);
    }
    drop(slow);
}

#[tokio::test]
async fn a_body_that_is_too_slow_is_given_up_though_it_never_stops() {
    let app = TestApp::configured(&[("APP_SERVER__BODY_TIMEOUT", "300ms")]).await;
    let mallory = app.user("mallory").await;
    let mut raw = Raw::connect(&app).await;
    raw.send(head(mallory.token.as_deref().expect("a token"), 100_000)).await;
    let dripping = async {
        loop {
            raw.send("{").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            let mut buffer = [0; 1];
            if raw.0.try_read(&mut buffer).is_ok() {
                return buffer[0];
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, dripping).await.expect("given up"), b'H');
    let rest = raw.answer().await.expect("an answer");
    assert_eq!(rest.status, 408);
    assert!(rest.closes(), "{}", rest.head);
}

#[tokio::test]
async fn a_stranger_sends_no_large_bodies() {
    let app = TestApp::start().await;
    let large = format!("{{\"email\":\"{}\"}}", "x".repeat(100_000));
    app.anon.post_raw("/api/auth/login", large.clone()).await.refused(
        413,
        "PAYLOAD_TOO_LARGE",
        "The body is larger than allowed",
    );
    app.anon.post_raw("/api/transactions", large).await.refused(401, "UNAUTHORIZED", "Unauthorized");
}

#[tokio::test]
async fn requests_of_one_account_beyond_its_share_wait_for_its_others_and_for_nobody_elses() {
    let app = TestApp::configured(&[("APP_SERVER__MAX_IN_FLIGHT_PER_ACCOUNT", "2")]).await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    let mut connection = app.connection().await;
    let mut locked = connection.begin().await.expect("begun");
    locked.execute("lock table tags in access exclusive mode").await.expect("locked");
    let get = |path: &'static str| {
        let mallory = mallory.clone();
        tokio::spawn(async move { mallory.get(path).await.status.as_u16() })
    };
    let slow = [get("/api/tags"), get("/api/tags")];
    let waiting = loop {
        let waiting = get("/api/auth/me");
        tokio::time::sleep(Duration::from_millis(200)).await;
        if !waiting.is_finished() {
            break waiting;
        }
    };
    alice.get("/api/auth/me").await.expect(200);
    assert!(!waiting.is_finished(), "it has to wait");
    locked.rollback().await.expect("rolled back");
    assert_eq!(waiting.await.expect("an answer"), 200);
    for slow in slow {
        // 503 where the machine was so busy that the wait for the lock came to its end.
        assert!([200, 503].contains(&slow.await.expect("an answer")));
    }
}
