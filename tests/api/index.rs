//! `/api`, and what is no route.

use reqwest::Method;

use crate::support::app::TestApp;

#[tokio::test]
async fn the_index_says_what_this_is() {
    let app = TestApp::at("2026-02-16T09:30:00Z").await;
    for path in ["/api", "/api/"] {
        let index = app.anon.get(path).await.expect(200);
        assert_eq!(index["status"], "ok");
        assert_eq!(index["name"], "expense-tracker-api");
        assert_eq!(index["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(index["timestamp"], "2026-02-16T09:30:00.000Z");
    }
}

#[tokio::test]
async fn an_unknown_route_is_told_with_its_method_and_path() {
    let app = TestApp::start().await;
    let answer = app.anon.get("/api/nope?x=1").await;
    answer.refused(404, "NOT_FOUND", "Cannot GET /api/nope?x=1");
    assert!(answer.json()["error"].get("details").is_none());
    app.anon.delete("/api/auth/nope").await.refused(404, "NOT_FOUND", "Cannot DELETE /api/auth/nope");
    app.anon.get("/").await.refused(404, "NOT_FOUND", "Cannot GET /");
}

#[tokio::test]
async fn a_wrong_method_is_told_with_the_right_ones() {
    let app = TestApp::start().await;
    let answer = app.anon.delete("/api/categories").await;
    answer.refused(405, "METHOD_NOT_ALLOWED", "Cannot DELETE /api/categories");
    assert_eq!(answer.header("allow"), Some("GET,HEAD,POST"));
    let answer = app.anon.send(app.anon.request(Method::PUT, "/api/auth/login")).await;
    answer.refused(405, "METHOD_NOT_ALLOWED", "Cannot PUT /api/auth/login");
}

#[tokio::test]
async fn the_path_is_told_as_it_was_written() {
    let app = TestApp::start().await;
    // The client holds every answer against the path that it asked for.
    app.anon.get("/api/?a=%E0%B8%81&b=1").await.expect(200);
    app.anon.get("/api/transactions/?limit").await.refused(401, "UNAUTHORIZED", "Unauthorized");
}
