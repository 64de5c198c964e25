//! Clients that ask and do not read.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::raw::Raw;

#[tokio::test]
async fn a_client_that_does_not_take_its_answers_is_cut_off() {
    let app = TestApp::configured(&[("APP_SERVER__STALL_TIMEOUT", "500ms")]).await;
    let request = "GET /api/docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut raw = Raw::connect(&app).await;
    // More than the kernel keeps for a connection.
    raw.send(request.repeat(10)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    // What is in the kernel is still read, and then there is an end.
    raw.is_closed().await;
    app.anon.get("/api").await.expect(200);
}

#[tokio::test]
async fn large_answers_that_nobody_takes_are_bounded_and_leave_small_ones_alone() {
    let settings = [
        ("APP_SERVER__ANSWER_MEMORY_BYTES", "4000000"),
        ("APP_SERVER__MAX_IN_FLIGHT_PER_ACCOUNT", "100"),
        ("APP_SERVER__STALL_TIMEOUT", "60s"),
    ];
    let app = TestApp::configured(&settings).await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    for number in 0..40 {
        let note = format!("{number}{}", "ก".repeat(4_900));
        let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "x", "note": note});
        mallory.post("/api/transactions", body).await.expect(201);
    }
    let token = mallory.token.expect("a token");
    let request =
        format!("GET /api/transactions?limit=500 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    let mut unread = Vec::new();
    for number in 0..40_u8 {
        // From addresses of their own, so that no share of one address is in the way.
        let mut raw = Raw::connect_from(&app, IpAddr::from([127, 0, 7, 1 + number])).await;
        raw.send(&request).await;
        unread.push(raw);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    alice.get("/api/auth/me").await.expect(200);
    alice.get("/api/transactions?limit=20").await.expect(200);
    let mut statuses = Vec::new();
    for raw in &mut unread {
        let mut head = [0; 12];
        tokio::io::AsyncReadExt::read_exact(&mut raw.0, &mut head).await.expect("an answer");
        statuses.push(String::from_utf8_lossy(&head[9..]).into_owned());
    }
    assert!(statuses.iter().all(|status| status == "200" || status == "503"), "{statuses:?}");
    assert!(statuses.contains(&"200".to_owned()) && statuses.contains(&"503".to_owned()), "{statuses:?}");
}

#[tokio::test]
async fn the_documentation_stands_under_the_rate_limit_and_is_sent_as_it_was_compressed() {
    let app = TestApp::configured(&[("THROTTLE_LIMIT", "3"), ("THROTTLE_TTL", "600")]).await;
    let path = "/api/docs/swagger-ui-bundle.js";
    let compressed = app.anon.request(Method::GET, path).header("accept-encoding", "gzip").send().await;
    let compressed = compressed.expect("an answer");
    assert_eq!(compressed.headers()["content-encoding"], "gzip");
    let compressed = compressed.bytes().await.expect("whole");
    let plain = app.anon.get(path).await;
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&compressed[..]), &mut text).expect("gzip");
    assert!(text == plain.text && text.len() > 1_000_000, "{} {}", text.len(), plain.text.len());
    app.anon.get("/api-docs").await.expect_status(308);
    for path in [path, "/api/openapi.json", "/api/docs/", "/api/docs", "/api-docs"] {
        app.anon.get(path).await.refused(429, "TOO_MANY_REQUESTS", "Too many requests; try again later");
    }
}

#[tokio::test]
async fn without_the_documentation_its_routes_are_not_there() {
    let app = TestApp::configured(&[("APP_SERVER__DOCS", "false")]).await;
    for path in ["/api/openapi.json", "/api/docs", "/api/docs/", "/api/docs/swagger-ui.css"] {
        app.anon.get(path).await.refused(404, "NOT_FOUND", &format!("Cannot GET {path}"));
    }
}
