//! A running server, while migrations are deployed beside it. How servers start is under `tests/program/modes.rs`.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Bench, Ran};
use crate::support::process::{SECRET, Server};
use crate::support::{PATIENCE, cluster};

async fn until_ready(server: &Server) {
    let deadline = Instant::now() + PATIENCE;
    while server.client.get("/readyz").await.status != 200 {
        assert!(Instant::now() < deadline, "not ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn serve(bench: &Bench) -> Server {
    Server::start(&[("APP_PROFILE", "prod"), ("DATABASE_URL", &bench.url), ("JWT_SECRET", SECRET)])
}

/// The binary's own migrations, in a folder where more can be put beside them.
async fn with_our_own() -> Bench {
    let bench = Bench::new().await;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).expect("a folder") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, bench.migrations().join(path.file_name().expect("a name"))).expect("copied");
    }
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_ready_after_a_deploy_without_a_restart_and_one_of_an_older_release_serves_on() {
    let bench = with_our_own().await;
    let server = serve(&bench);
    server.client.get("/healthz").await.expect_status(200);
    bench.run(&["deploy"]).await.expect(0, &[]);
    until_ready(&server).await;
    bench.write("20990101000000_newer.up.sql", "create table newer ();");
    bench.run(&["deploy"]).await.expect(0, &[]);
    // A server that starts now is of an older release than the database.
    let older = serve(&bench);
    until_ready(&older).await;
    let ready = older.internal.get("/readyz").await;
    assert!(ready.text.contains("20990101000000"), "{}", ready.text);
    older.client.get("/api").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_serves_on_while_a_migration_waits_for_a_lock() {
    let bench = with_our_own().await;
    bench.run(&["deploy"]).await.expect(0, &[]);
    let server = serve(&bench);
    until_ready(&server).await;
    let alice = server.client.sign_up_with("alice", "correct horse battery").await;
    bench.write("20990101000000_wide.up.sql", "-- lock_timeout: 1s\nalter table transactions add extra text;");
    let mut holder = bench.connection().await;
    cluster::run(&mut holder, "begin; select count(*) from transactions".to_owned()).await;
    let deploy = bench.start(&["deploy"]);
    let waits = "select count(*) from pg_stat_activity where datname = current_database() \
                 and application_name = 'app migrate' and wait_event_type = 'Lock'";
    for _ in 0..2 {
        // In its queue, and then, once it has given the lock up for a while, past it.
        bench.until(waits, 1).await;
        for _ in 0..10 {
            let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "x"});
            alice.post("/api/transactions", body).await.expect(201);
        }
        bench.until(waits, 0).await;
    }
    cluster::run(&mut holder, "commit".to_owned()).await;
    let output = tokio::task::spawn_blocking(move || deploy.wait_with_output().expect("it ended"));
    Ran::from(output.await.expect("it ran")).expect(0, &["a lock was not had in time", "applied 20990101000000"]);
}
