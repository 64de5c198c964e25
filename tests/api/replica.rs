//! `DATABASE_READ_URL`: what is read from a replica, and what happens without it.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::support::app::{ServerOptions, TestApp};
use crate::support::client::Client;
use crate::support::cluster;
use crate::support::servers::Server;

/// Rows of a list that is read in several batches.
const MANY: usize = 300;

/// A replica is left alone for five seconds after it did not answer.
const PAUSE: Duration = Duration::from_millis(5_500);

async fn count(client: &Client) -> i64 {
    let sums = client.get("/api/transactions/dashboard").await.expect(200);
    sums["transactionCount"].as_i64().expect("a number")
}

async fn listed(client: &Client) -> usize {
    client.get("/api/transactions").await.expect(200).as_array().map_or(0, Vec::len)
}

async fn create(client: &Client) {
    let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "x"});
    client.post("/api/transactions", body).await.expect(201);
}

async fn with_replica(primary: &Server, standby: &Server) -> TestApp {
    let (beside, replica) = (Some(primary.options.clone()), Some(standby.options.clone()));
    TestApp::with(ServerOptions { replica, beside, ..ServerOptions::default() }).await
}

/// Rows that are no change of the user: entered past the API.
fn copies(rows: usize) -> String {
    format!(
        "insert into transactions (user_id, title, amount, currency, type, category_id, date)
         select user_id, 'past', 1, currency, type, category_id, date
         from (select * from transactions order by id limit 1) t, generate_series(1, {rows})"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_and_long_lists_are_read_from_the_replica_and_never_older_than_the_last_own_change() {
    let primary = Server::start(&[]).await;
    let standby = primary.standby().await;
    let app = with_replica(&primary, &standby).await;
    let alice = app.user("alice").await;
    create(&alice).await;
    primary.sql(&copies(MANY)).await;
    primary.until_in_step(&standby).await;

    // What others do is seen later: both come from the replica, which stands still.
    standby.sql("select pg_wal_replay_pause()").await;
    primary.sql("delete from transactions where id in (select id from transactions order by id limit 50)").await;
    let before = i64::try_from(MANY).expect("few") + 1;
    assert_eq!((count(&alice).await, listed(&alice).await), (before, MANY + 1));

    // What she does herself is seen at once: both come from the primary.
    create(&alice).await;
    assert_eq!((count(&alice).await, listed(&alice).await), (before - 49, MANY - 48));

    // A replica that is behind by a setting.
    standby.sql("select pg_wal_replay_resume()").await;
    primary.until_in_step(&standby).await;
    standby.sql("alter system set recovery_min_apply_delay = '1h'").await;
    standby.sql("select pg_reload_conf()").await;
    for number in 1..=5 {
        create(&alice).await;
        assert_eq!(count(&alice).await, before - 49 + number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_replica_the_primary_is_read_at_once() {
    let primary = Server::start(&[]).await;
    let mut standby = primary.standby().await;
    let app = with_replica(&primary, &standby).await;
    let alice = app.user("alice").await;
    create(&alice).await;
    primary.sql(&copies(MANY)).await;
    let right = (i64::try_from(MANY).expect("few") + 1, MANY + 1);
    primary.until_in_step(&standby).await;
    assert_eq!((count(&alice).await, listed(&alice).await), right);

    standby.kill();
    assert_eq!((count(&alice).await, listed(&alice).await), right);
    standby.run().await;
    tokio::time::sleep(PAUSE).await;
    assert_eq!((count(&alice).await, listed(&alice).await), right);

    // One that hangs, with connections that were in use just before.
    let processes = standby.processes().await;
    standby.signal(&processes, Signal::STOP);
    let begun = Instant::now();
    assert_eq!(count(&alice).await, right.0);
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(900), "it was not asked: {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    // Others do not wait for it.
    let begun = Instant::now();
    for _ in 0..5 {
        assert_eq!((count(&alice).await, listed(&alice).await), right);
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    standby.signal(&processes, Signal::CONT);
}

#[tokio::test]
async fn a_replica_that_does_not_know_the_user_yet_is_no_reason_to_sign_her_out() {
    let replica = Some(cluster::schema().await);
    let app = TestApp::with(ServerOptions { replica, ..ServerOptions::default() }).await;
    let alice = app.user("alice").await;
    assert_eq!(count(&alice).await, 0);
    create(&alice).await;
    assert_eq!((count(&alice).await, listed(&alice).await), (1, 1));
}
