//! The private PostgreSQL, as the program starts it.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::support::PATIENCE;
use crate::support::process::{Server, run, stderr, stdout};

/// A folder that the server's account can read, too, if the tests run as root.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), everybody).expect("opened");
    folder
}

fn environment(folder: &Path) -> [(&'static str, String); 2] {
    [("APP_PROFILE", "dev".to_owned()), ("APP_DATABASE__DATA_DIR", folder.to_str().expect("a path").to_owned())]
}

fn borrowed<'a>(environment: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    environment.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Waits until the private server has stopped, so that the folder can be removed.
fn gone(folder: &Path) {
    let pid = folder.join("postgres/data/postmaster.pid");
    let deadline = Instant::now() + PATIENCE;
    while pid.exists() {
        assert!(Instant::now() < deadline, "the private server goes with the last of its users");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_configured_it_starts_and_keeps_its_data() {
    let folder = folder();
    let environment = environment(folder.path());
    let environment = borrowed(&environment);
    let mut server = Server::start(&environment);
    let alice = server.client.sign_up("alice").await;
    let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "x"});
    let row = alice.post("/api/transactions", body).await.expect(201);
    // Another program in the same folder shares the server.
    let status = run(&["migrate", "status"], &environment);
    assert_eq!(status.status.code(), Some(0), "{}{}", stdout(&status), stderr(&status));
    server.signal(Signal::INT);
    assert_eq!(server.wait(PATIENCE), Some(0));
    gone(folder.path());

    let server = Server::start(&environment);
    // The key for tokens is kept, too, so that nobody is signed out.
    let alice = server.client.with_token(alice.token.expect("a token"));
    assert_eq!(alice.get("/api/transactions").await.expect(200), json!([row]));
    drop(server);
    gone(folder.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_server_that_dies_is_started_again() {
    let folder = folder();
    let environment = environment(folder.path());
    let server = Server::start(&borrowed(&environment));
    let alice = server.client.sign_up("alice").await;
    let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "x"});
    let row = alice.post("/api/transactions", body).await.expect(201);
    let running = || {
        let file = std::fs::read_to_string(folder.path().join("postgres/data/postmaster.pid")).ok()?;
        file.lines().next()?.parse().ok().and_then(rustix::process::Pid::from_raw)
    };
    let pid = running().expect("a pid");
    rustix::process::kill_process(pid, Signal::KILL).expect("it lives");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = alice.get("/api/transactions").await;
        if answer.status == 200 {
            assert_eq!(answer.expect(200), json!([row]));
            // A session of the killed server may still have answered before it noticed.
            if running().is_some_and(|now| now != pid) {
                break;
            }
        } else {
            assert_eq!(answer.status, 503, "{}", answer.text);
        }
        assert!(Instant::now() < deadline, "ready again by itself");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(server);
    gone(folder.path());
}

#[test]
fn a_folder_without_server_programs_is_told() {
    let folder = folder();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).expect("a folder");
    let mut environment = environment(folder.path()).to_vec();
    environment.push(("APP_DATABASE__PROGRAMS", empty.to_str().expect("a path").to_owned()));
    let output = run(&["serve", "--port", "0"], &borrowed(&environment));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(empty.to_str().expect("a path")), "{}", stderr(&output));
    assert!(stderr(&output).contains("Nothing was changed"), "{}", stderr(&output));
}
