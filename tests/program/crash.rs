//! Acknowledged writes are kept, exactly once, whatever is killed.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::PATIENCE;
use crate::support::client::Client;
use crate::support::process::Server;

/// Enters transactions until it is stopped; returns those that were answered 201.
async fn enter(client: Client, prefix: usize, stop: Arc<AtomicBool>, count: Arc<AtomicUsize>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let title = format!("{prefix}-{number}");
        let body = json!({"title": title, "amount": 1, "type": "EXPENSE", "category": "x"});
        let answered = client.request(reqwest::Method::POST, "/api/transactions").json(&body).send().await;
        match answered {
            Ok(response) if response.status() == 201 => {
                acknowledged.push(title);
                count.fetch_add(1, Ordering::Relaxed);
            }
            // Not acknowledged: it may exist or not.
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    acknowledged
}

/// Acknowledges at least this many writes before something is killed.
const IN_A_ROUND: usize = 20;

/// Waits until this many writes have been acknowledged.
async fn until(count: &AtomicUsize, number: usize) {
    let begun = Instant::now();
    while count.load(Ordering::Relaxed) < number {
        assert!(begun.elapsed() < PATIENCE, "nothing is acknowledged any more");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn postmaster(folder: &Path) -> Pid {
    let text = std::fs::read_to_string(folder.join("postgres/data/postmaster.pid")).expect("a pid file");
    text.lines().next().and_then(|line| line.parse().ok()).and_then(Pid::from_raw).expect("a pid")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_201_is_there_once_after_app_or_postgresql_was_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), everybody).expect("opened");
    let data = folder.path().to_str().expect("a path").to_owned();
    let environment = [("APP_PROFILE", "dev"), ("APP_DATABASE__DATA_DIR", data.as_str()), ("RUST_LOG", "info")];
    let mut token = None;
    let mut acknowledged = Vec::new();
    // Three kills of the program, and three of the database.
    for round in 0..6 {
        let mut server = Server::start(&environment);
        let client = match &token {
            None => server.client.sign_up("alice").await,
            Some(token) => server.client.with_token(token),
        };
        token.clone_from(&client.token);
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                tokio::spawn(enter(client.clone(), round * 10 + writer, Arc::clone(&stop), Arc::clone(&count)))
            })
            .collect();
        until(&count, IN_A_ROUND).await;
        if round % 2 == 0 {
            server.child.kill().expect("killed");
        } else {
            kill_process(postmaster(folder.path()), Signal::KILL).expect("killed");
            // On the server that was started in its place.
            until(&count, count.load(Ordering::Relaxed) + IN_A_ROUND).await;
        }
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            acknowledged.extend(writer.await.expect("a writer"));
        }
        // Requests in progress at the kill are not acknowledged, and do not count as losses.
    }
    let server = Server::start(&environment);
    let list = server.client.with_token(token.expect("a token")).get("/api/transactions").await.expect(200);
    let titles: Vec<&str> =
        list.as_array().expect("an array").iter().map(|row| row["title"].as_str().expect("a title")).collect();
    let distinct: BTreeSet<&str> = titles.iter().copied().collect();
    assert_eq!(distinct.len(), titles.len(), "each once");
    assert!(acknowledged.len() >= 9 * IN_A_ROUND, "{}", acknowledged.len());
    for title in &acknowledged {
        assert!(distinct.contains(title.as_str()), "{title} was acknowledged and is gone");
    }
}
