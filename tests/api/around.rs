//! What is around every answer: request ids, security headers, CORS, compression.

use reqwest::Method;

use crate::support::app::TestApp;

#[tokio::test]
async fn a_request_id_is_taken_from_the_client_or_made() {
    let app = TestApp::start().await;
    let with = |id: &str| app.anon.send(app.anon.request(Method::GET, "/api").header("x-request-id", id));
    assert_eq!(with("abc-123").await.header("x-request-id"), Some("abc-123"));
    for id in ["", "a b", "ก", &"x".repeat(129), "a\"b", "<script>"] {
        let answer = with(id).await;
        let made = answer.header("x-request-id").expect("an id");
        assert!(made.len() == 16 && made != id, "{made}");
    }
    let (one, other) = (app.anon.get("/api").await, app.anon.get("/api").await);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}

#[tokio::test]
async fn a_browser_is_told_to_be_careful() {
    let app = TestApp::start().await;
    for path in ["/api", "/api/nope", "/healthz"] {
        let answer = app.anon.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert!(answer.header("content-security-policy").is_some(), "{path}");
    }
}

#[tokio::test]
async fn a_preflight_passes_without_a_token() {
    let app = TestApp::start().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let request = app
            .anon
            .request(Method::OPTIONS, "/api/transactions/1")
            .header("origin", "http://localhost:5173")
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "authorization,content-type");
        let answer = app.anon.send(request).await;
        answer.expect_status(200);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert!(answer.header("access-control-allow-methods").expect("methods").contains(method));
        let headers = answer.header("access-control-allow-headers").expect("headers");
        assert!(headers.contains("authorization") && headers.contains("content-type"), "{headers}");
    }
}

#[tokio::test]
async fn only_the_named_origins_may_call() {
    let app = TestApp::configured(&[("APP_SERVER__CORS_ORIGINS", "https://a.example,https://b.example")]).await;
    for (origin, allowed) in [("https://a.example", true), ("https://b.example", true), ("https://c.example", false)] {
        let answer = app.anon.send(app.anon.request(Method::GET, "/api").header("origin", origin)).await;
        answer.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), allowed.then_some(origin), "{origin}");
    }
    // A failure can be read by the page, too: it is told 401 and not that the network is down.
    let answer =
        app.anon.send(app.anon.request(Method::GET, "/api/auth/me").header("origin", "https://a.example")).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://a.example"));
}

#[tokio::test]
async fn an_answer_is_compressed_for_who_can_read_it() {
    let app = TestApp::start().await;
    let request = app.anon.request(Method::GET, "/api/openapi.json").header("accept-encoding", "gzip");
    assert_eq!(
        app.anon.http.execute(request.build().expect("a request")).await.expect("an answer").headers()["content-encoding"],
        "gzip"
    );
    assert_eq!(app.anon.get("/api/openapi.json").await.header("content-encoding"), None);
}
