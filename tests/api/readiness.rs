//! While the API cannot work it says so at once, and why.

use app::http::readiness::Readiness;

use crate::support::app::TestApp;

#[tokio::test]
async fn while_migrations_are_pending_the_api_answers_503_and_tells_strangers_no_more() {
    let app = TestApp::start().await;
    app.readiness.set(Readiness::MigrationsPending { count: 2 });
    for path in ["/api/transactions", "/api/nope"] {
        let answer = app.anon.get(path).await;
        answer.refused(503, "MIGRATIONS_PENDING", "Migrations of the database are pending; try again later");
        assert!(answer.header("retry-after").is_some());
    }
    let ready = app.anon.get("/readyz").await;
    ready.expect_status(503);
    assert_eq!(ready.json(), serde_json::json!({"status": "migrations_pending"}));
    app.anon.get("/healthz").await.expect_status(200);
    assert_eq!(app.anon.get("/api").await.expect(200)["migrations"], "pending");
    app.anon.get("/api/openapi.json").await.expect_status(200);
    app.readiness.set(Readiness::Ready);
    assert_eq!(app.anon.get("/api").await.expect(200)["migrations"], "applied");
    app.anon.get("/readyz").await.expect_status(200);
}

#[tokio::test]
async fn while_the_database_is_away_the_api_answers_503() {
    let app = TestApp::start().await;
    app.readiness.set(Readiness::DatabaseUnavailable);
    let message = "The database cannot be reached; try again shortly";
    app.anon.get("/api/transactions").await.refused(503, "DATABASE_UNAVAILABLE", message);
    assert_eq!(app.anon.get("/readyz").await.json()["status"], "database_unavailable");
    assert_eq!(app.anon.get("/api").await.expect(200)["migrations"], "unknown");
}

#[tokio::test]
async fn a_database_that_is_ahead_is_served_with_a_warning() {
    let app = TestApp::start().await;
    app.readiness.set(Readiness::Ahead { unknown: vec![(20_990_101_000_000, "applied")] });
    app.anon.get("/api").await.expect(200);
    let ready = app.anon.get("/readyz").await;
    ready.expect_status(200);
    assert_eq!(ready.json(), serde_json::json!({"status": "ready"}));
}

#[tokio::test]
async fn a_request_that_finds_the_database_gone_is_answered_503() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    app.pools.close();
    let message = "The database cannot be reached; try again shortly";
    alice.get("/api/auth/me").await.refused(503, "DATABASE_UNAVAILABLE", message);
    alice.get("/api/transactions").await.refused(503, "DATABASE_UNAVAILABLE", message);
}
