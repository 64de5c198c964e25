//! A running server, while migrations are deployed beside it. How servers start is under `tests/program/modes.rs`.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Bench, Ran};
use crate::support::client::Client;
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
    Ran::from(output.await.expect("it ran"))
        .expect(0, &["the lock was not acquired in time", "applied 20990101000000"]);
}

/// Asks for the state of the API again and again until told to stop; every answer that was none of 200.
async fn asking(client: Client, stop: CancellationToken) -> (usize, Vec<String>) {
    let (mut asked, mut bad) = (0, Vec::new());
    while !stop.is_cancelled() {
        for path in ["/api/tags", "/readyz"] {
            let answer = client.get(path).await;
            if answer.status != 200 {
                bad.push(format!("{path}: {}", answer.text));
            }
            asked += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (asked, bad)
}

/// Runs something while somebody works with the server, who must not notice.
async fn unnoticed(client: Client, during: impl AsyncFnOnce()) {
    let stop = CancellationToken::new();
    let asking = tokio::spawn(asking(client, stop.clone()));
    during().await;
    stop.cancel();
    let (asked, bad) = asking.await.expect("it asked");
    assert!(bad.is_empty() && asked > 0, "{asked} asked, and: {bad:#?}");
}

/// Waits until the server says this of its readiness.
async fn until_logged(server: &Server, words: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let message = server.internal.get("/readyz").await.text;
        if message.contains(words) {
            return;
        }
        assert!(Instant::now() < deadline, "{message} has no {words}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_serves_on_while_a_newer_ones_index_is_built_and_when_that_failed_or_was_killed() {
    let bench = with_our_own().await;
    bench.run(&["deploy"]).await.expect(0, &[]);
    let server = serve(&bench);
    until_ready(&server).await;
    bench.write(
        "20990101000000_by_title.up.sql",
        "-- no-transaction\ncreate index concurrently by_title on transactions (user_id, lower(title));",
    );
    let mut holder = bench.connection().await;
    let alice = server.client.sign_up_with("alice", "correct horse battery").await;
    unnoticed(alice.clone(), async || {
        // The build waits for whoever may be writing.
        cluster::run(&mut holder, "begin; lock table transactions in row exclusive mode".to_owned()).await;
        let deploy = bench.start(&["deploy"]);
        until_logged(&server, "20990101000000 (running)").await;
        bench.run(&["status"]).await.expect(7, &["running", "20990101000000 by title is being applied since"]);
        cluster::run(&mut holder, "commit".to_owned()).await;
        let output = tokio::task::spawn_blocking(move || deploy.wait_with_output().expect("it ended"));
        Ran::from(output.await.expect("it ran")).expect(0, &[]);
        until_logged(&server, "20990101000000 (applied)").await;
    })
    .await;
    for _ in 0..2 {
        let body = json!({"title": "twice", "amount": 1, "type": "EXPENSE", "category": "x"});
        alice.post("/api/transactions", body).await.expect(201);
    }
    bench.write(
        "20990102000000_unique.up.sql",
        "-- no-transaction\ncreate unique index concurrently by_name on transactions (user_id, lower(title));",
    );
    unnoticed(alice.clone(), async || {
        bench.run(&["deploy"]).await.expect(1, &["23505"]);
        until_logged(&server, "20990102000000 (partial)").await;
    })
    .await;
    bench.execute("drop index by_name").await;
    bench.run(&["resolve", "--rolled-back", "20990102000000"]).await.expect(0, &[]);
    bench.remove("20990102000000_unique.up.sql");
    bench.write("20990103000000_slow.up.sql", "-- no-transaction\nselect pg_sleep(600);");
    unnoticed(alice.clone(), async || {
        let mut deploy = bench.start(&["deploy"]);
        until_logged(&server, "20990103000000 (running)").await;
        deploy.kill().expect("it lives");
        deploy.wait().expect("it ended");
        until_logged(&server, "20990103000000 (interrupted)").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_its_own_migration_is_applied_a_server_says_so_and_is_ready_soon_after() {
    let bench = with_our_own().await;
    let mut names: Vec<String> = std::fs::read_dir(bench.migrations())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .filter(|name| name.ends_with(".up.sql"))
        .collect();
    names.sort();
    // The last one that changes a table, so that it waits for who uses the tables.
    let changes_table = |name: &String| {
        let text = std::fs::read_to_string(bench.migrations().join(name)).expect("a migration");
        ["alter table", "trigger", "create index"].iter().any(|words| text.to_lowercase().contains(words))
    };
    let last = names.iter().rposition(changes_table).expect("a migration");
    let (before, version) = (names[last - 1].clone(), names[last].split('_').next().expect("a version"));
    bench.run(&["deploy", "--to", before.split('_').next().expect("a version")]).await.expect(0, &[]);
    let server = serve(&bench);
    until_logged(&server, "pending; run `app migrate deploy`").await;
    assert_eq!(server.client.get("/api").await.expect(200)["migrations"], "pending");
    // Whatever it changes waits.
    let mut holder = bench.connection().await;
    let tables = "begin; lock table users, categories, transactions, tags, payees in access exclusive mode";
    cluster::run(&mut holder, tables.to_owned()).await;
    let deploy = bench.start(&["deploy"]);
    until_logged(&server, "is being applied since").await;
    let ready = server.internal.get("/readyz").await;
    assert!(ready.text.contains(version) && !ready.text.contains("resolve"), "{}", ready.text);
    let refused = server.client.get("/api/transactions").await;
    refused.refused(503, "MIGRATIONS_PENDING", "The service is being updated; try again shortly");
    assert_eq!(server.client.get("/api").await.expect(200)["migrations"], "running");
    cluster::run(&mut holder, "commit".to_owned()).await;
    let output = tokio::task::spawn_blocking(move || deploy.wait_with_output().expect("it ended"));
    Ran::from(output.await.expect("it ran")).expect(0, &[]);
    until_ready(&server).await;
    assert_eq!(server.client.get("/api").await.expect(200)["migrations"], "applied");
}
