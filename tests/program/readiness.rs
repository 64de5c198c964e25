//! The readiness of a server whose database is busy, or read-only.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use crate::support::client::Client;
use crate::support::process::{SECRET, Server};
use crate::support::{PATIENCE, cluster};

/// Waits until `/readyz` answers with this status.
async fn until_readiness_is(client: &Client, status: u16) {
    let deadline = Instant::now() + PATIENCE;
    while client.get("/readyz").await.status != status {
        assert!(Instant::now() < deadline, "/readyz does not become {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_database_is_not_ready_and_is_ready_again_once_another_one_takes_over() {
    let options = cluster::migrated_database().await;
    let url = cluster::url(&options);
    let server = Server::start(&[("APP_PROFILE", "prod"), ("DATABASE_URL", url.as_str()), ("JWT_SECRET", SECRET)]);
    until_readiness_is(&server.client, 200).await;
    let alice = server.client.sign_up_with("alice", "correct horse battery").await;

    // As in a failover: new connections reach a read-only server.
    let mut owner = cluster::options().connect().await.expect("connected");
    let name = options.get_database().expect("a name");
    let set = async |owner: &mut sqlx::PgConnection, what: &str| {
        let set = format!("alter database {name} {what}");
        owner.execute(AssertSqlSafe(set)).await.expect("set");
        let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
        sqlx::query(end).bind(name).execute(owner).await.expect("ended");
    };
    set(&mut owner, "set default_transaction_read_only = on").await;
    until_readiness_is(&server.client, 503).await;
    // It stays not ready, though the database answers.
    for _ in 0..25 {
        server.client.get("/readyz").await.expect_status(503);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let message = "The database cannot be reached; try again shortly";
    alice.get("/api/transactions").await.refused(503, "DATABASE_UNAVAILABLE", message);

    // Connections to it stay open, but none of them is used once a writable server is available.
    let sql = format!("alter database {name} reset default_transaction_read_only");
    owner.execute(AssertSqlSafe(sql)).await.expect("reset");
    until_readiness_is(&server.client, 200).await;
    for _ in 0..5 {
        alice.post("/api/tags", json!({"name": cluster::unique("tag")})).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_connections_are_all_in_use_is_still_ready() {
    let options = cluster::migrated_database().await;
    let url = cluster::url(&options);
    let environment = [
        ("APP_PROFILE", "prod"),
        ("DATABASE_URL", url.as_str()),
        ("JWT_SECRET", SECRET),
        ("APP_DATABASE__MAX_CONNECTIONS", "4"),
    ];
    let server = Server::start(&environment);
    until_readiness_is(&server.client, 200).await;
    let alice = server.client.sign_up_with("alice", "correct horse battery").await;
    let mut locking = options.connect().await.expect("connected");
    let mut lock = locking.begin().await.expect("begun");
    lock.execute("lock table tags in access exclusive mode").await.expect("locked");
    let get = |client: Client| tokio::spawn(async move { client.get("/api/tags").await });
    let waiting: Vec<_> = (0..8).map(|_| get(alice.clone())).collect();
    // Long enough for more than one check.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(6) {
        server.client.get("/readyz").await.expect_status(200);
        server.client.get("/api").await.expect(200);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    lock.commit().await.expect("unlocked");
    for task in waiting {
        let answer = task.await.expect("an answer");
        // Requests without a connection were refused in time.
        assert!(answer.status == 200 || answer.status == 503, "{}", answer.text);
    }
    alice.get("/api/tags").await.expect(200);
}
