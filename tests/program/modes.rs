//! Migrations at server start: `dev` applies them, `prod` does not.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use crate::support::client::Client;
use crate::support::process::{SECRET, Server, run, stderr, stdout};
use crate::support::{PATIENCE, cluster};

pub(super) async fn until_ready(client: &Client) {
    let deadline = Instant::now() + PATIENCE;
    while client.get("/readyz").await.status != 200 {
        assert!(Instant::now() < deadline, "not ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The readiness state, once the database has been found.
async fn settled(client: &Client) -> serde_json::Value {
    for _ in 0..9000 {
        let body = client.get("/readyz").await.json();
        if body["status"] != "database_unavailable" {
            return body;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the database is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_prod_nothing_is_applied_until_somebody_deploys() {
    let options = cluster::database().await;
    let url = cluster::url(&options);
    let environment = [("APP_PROFILE", "prod"), ("DATABASE_URL", url.as_str()), ("JWT_SECRET", SECRET)];
    let server = Server::start(&environment);
    let client = &server.client;
    client.get("/healthz").await.expect_status(200);
    assert_eq!(settled(&server.internal).await["status"], "migrations_pending");
    let count = app::migrations::compiled().len();
    let pending = format!("{count} migrations are pending; run `app migrate deploy`");
    assert_eq!(server.internal.get("/readyz").await.json()["message"], pending.as_str());
    let message = "Migrations of the database are pending; try again later";
    client.get("/api/transactions").await.refused(503, "MIGRATIONS_PENDING", message);
    let status = run(&["migrate", "status"], &environment);
    assert_eq!(status.status.code(), Some(3), "{}", stderr(&status));
    assert_eq!(stdout(&status).matches("  pending ").count(), count, "{}", stdout(&status));

    // Deploying needs no secret for tokens.
    let deploy = run(&["migrate", "deploy"], &environment[..2]);
    assert_eq!(deploy.status.code(), Some(0), "{}", stderr(&deploy));
    until_ready(client).await;

    let status = run(&["migrate", "status"], &environment);
    assert_eq!(status.status.code(), Some(0), "{}", stdout(&status));
    assert!(stdout(&status).contains("The database is up to date."), "{}", stdout(&status));
    let again = run(&["migrate", "deploy"], &environment);
    assert_eq!((again.status.code(), stdout(&again).contains("Nothing to do")), (Some(0), true), "{}", stdout(&again));
    let strong = json!({"email": "alice@example.com", "password": "correct horse battery"});
    client.post("/api/auth/register", strong).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_dev_what_is_pending_is_applied_before_anything_is_served() {
    let url = cluster::url(&cluster::database().await);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("a path");
    let environment = [("APP_PROFILE", "dev"), ("DATABASE_URL", url.as_str()), ("APP_DATABASE__DATA_DIR", data)];
    let server = Server::start(&environment);
    server.client.sign_up("alice").await.get("/api/transactions").await.expect(200);
    // The key for tokens was generated, readable by its owner only.
    let key = folder.path().join("jwt-secret");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(key).expect("a key").permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_ahead_is_served_in_prod_and_refused_in_dev() {
    let options = cluster::migrated_database().await;
    let mut connection = options.connect().await.expect("connected");
    let ahead = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (29990101000000, 'later', true, '', 1)";
    cluster::run(&mut connection, ahead.to_owned()).await;
    let url = cluster::url(&options);
    let prod = Server::start(&[("APP_PROFILE", "prod"), ("DATABASE_URL", url.as_str()), ("JWT_SECRET", SECRET)]);
    until_ready(&prod.client).await;
    assert!(settled(&prod.internal).await["message"].as_str().expect("text").contains("29990101000000"));
    prod.client.get("/api").await.expect(200);

    let output = run(&["serve", "--port", "0"], &[("APP_PROFILE", "dev"), ("DATABASE_URL", url.as_str())]);
    assert_eq!(output.status.code(), Some(4));
    assert!(stderr(&output).contains("does not know: 29990101000000"), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_or_failed_migration_stops_dev_and_makes_prod_unready() {
    for (change, code, words) in [
        (
            "update _sqlx_migrations set checksum = 'x' where version = 20260216090000",
            4,
            "edited after it was applied: 20260216090000",
        ),
        (
            "update _sqlx_migrations set success = false where version = 20260216090000",
            5,
            "failed half-way: 20260216090000",
        ),
    ] {
        let options = cluster::migrated_database().await;
        let mut connection = options.connect().await.expect("connected");
        sqlx::query(AssertSqlSafe(change)).execute(&mut connection).await.expect("changed");
        let url = cluster::url(&options);
        let dev = [("APP_PROFILE", "dev"), ("DATABASE_URL", url.as_str())];
        for arguments in [&["serve", "--port", "0"][..], &["migrate", "deploy"], &["migrate", "status"]] {
            let output = run(arguments, &dev);
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
            let text = format!("{}{}", stdout(&output), stderr(&output));
            assert!(text.contains(words), "{arguments:?}: {text}");
        }
        let prod = Server::start(&[("APP_PROFILE", "prod"), ("DATABASE_URL", url.as_str()), ("JWT_SECRET", SECRET)]);
        prod.client.get("/healthz").await.expect_status(200);
        let body = settled(&prod.internal).await;
        assert_eq!(body["status"], "migrations_wrong");
        assert!(body["message"].as_str().expect("text").contains(words), "{body}");
        assert_eq!(prod.client.get("/api/transactions").await.status, 503);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_health_check_tells_living_from_ready() {
    let url = cluster::url(&cluster::database().await);
    let environment = [("APP_PROFILE", "prod"), ("DATABASE_URL", url.as_str()), ("JWT_SECRET", SECRET)];
    let server = Server::start(&environment);
    let port = server.client.base.rsplit(':').next().expect("a port");
    let check = |arguments: &[&str]| run(arguments, &[("APP_PROFILE", "prod"), ("PORT", port)]).status.code();
    assert_eq!(check(&["healthcheck"]), Some(0));
    assert_eq!(check(&["healthcheck", "--ready"]), Some(1));
    assert_eq!(run(&["migrate", "deploy"], &environment).status.code(), Some(0));
    until_ready(&server.client).await;
    assert_eq!(check(&["healthcheck", "--ready"]), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sample_data_is_put_in_once_and_never_in_prod() {
    let url = cluster::url(&cluster::migrated_database().await);
    let seed = |profile| run(&["db", "seed"], &[("APP_PROFILE", profile), ("DATABASE_URL", url.as_str())]);
    let refused = seed("prod");
    assert_eq!(refused.status.code(), Some(8), "{}", stderr(&refused));
    let first = seed("dev");
    assert!(first.status.success() && stdout(&first).contains("demo@example.com was created"), "{}", stderr(&first));
    let second = seed("dev");
    assert!(second.status.success() && stdout(&second).contains("nothing was changed"), "{}", stderr(&second));
    let server = Server::start(&[("APP_PROFILE", "prod"), ("DATABASE_URL", url.as_str()), ("JWT_SECRET", SECRET)]);
    until_ready(&server.client).await;
    let login = json!({"email": "demo@example.com", "password": "demo-demo"});
    let token = server.client.post("/api/auth/login", login).await.expect(200)["access_token"].clone();
    let demo = server.client.with_token(token.as_str().expect("a token"));
    assert_eq!(demo.get("/api/transactions").await.expect(200).as_array().map(Vec::len), Some(56));
    let empty = cluster::url(&cluster::database().await);
    let pending = run(&["db", "seed"], &[("APP_PROFILE", "dev"), ("DATABASE_URL", empty.as_str())]);
    assert_eq!(pending.status.code(), Some(3), "{}", stderr(&pending));
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_in_prod_are_json_with_the_request_and_nothing_private() {
    let url = cluster::url(&cluster::migrated_database().await);
    let server = Server::start(&[("APP_PROFILE", "prod"), ("DATABASE_URL", url.as_str()), ("JWT_SECRET", SECRET)]);
    until_ready(&server.client).await;
    let register = json!({"email": "private@example.com", "password": "correct horse battery"});
    server.client.post("/api/auth/register", register.clone()).await.expect(201);
    let token = server.client.post("/api/auth/login", register).await.expect(200)["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let alice = server.client.with_token(&token);
    alice
        .post("/api/transactions", json!({"title": "x", "amount": "98765.43", "type": "EXPENSE", "category": "x"}))
        .await
        .expect(201);
    alice.get("/api/transactions/filter?startDate=2026-01-01").await.expect(200);
    let log = server.log_so_far().await;
    let text = log.join("\n");
    for private in ["private@example.com", "horse", "98765", "2026-01-01", &token, SECRET] {
        assert!(!text.contains(private), "{private}: {text}");
    }
    let lines: Vec<serde_json::Value> = log.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let request = lines.iter().find(|line| line["route"] == "/api/transactions/filter").expect("a line a request");
    assert_eq!((&request["method"], &request["status"]), (&json!("GET"), &json!(200)));
    assert!(request["span"]["id"].is_string() && request["us"].is_number(), "{request}");
    server.client.get("/metrics").await.expect_status(404);
    let metrics = server.internal.get("/metrics").await.text;
    let counted = r#"http_requests_total{method="POST",route="/api/transactions",status="201"} 1"#;
    assert!(metrics.contains(counted) && metrics.contains("http_request_duration_seconds_bucket"), "{metrics}");
}
