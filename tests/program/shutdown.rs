//! Stopping the server: requests in progress finish, and the exit code is 0.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::PATIENCE;
use crate::support::cluster;
use crate::support::process::{SECRET, Server};

async fn server(drain: &str) -> Server {
    let url = cluster::url(&cluster::migrated_database().await);
    let environment = [
        ("APP_PROFILE", "prod"),
        ("DATABASE_URL", url.as_str()),
        ("JWT_SECRET", SECRET),
        ("APP_SERVER__DRAIN_TIMEOUT", drain),
    ];
    let server = Server::start(&environment);
    while server.client.get("/readyz").await.status != 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server
}

/// A request whose last byte has not been sent yet.
async fn unfinished(server: &Server, body: &str) -> TcpStream {
    let address = server.client.base.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let head = format!(
        "POST /api/auth/register HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
        body.len(),
        &body[..body.len() - 1]
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    tokio::time::sleep(Duration::from_millis(200)).await;
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_finished_and_new_ones_are_not_taken() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = server("20s").await;
        let body = json!({"email": "late@example.com", "password": "correct horse battery"}).to_string();
        let mut stream = unfinished(&server, &body).await;
        server.signal(signal);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let address = server.client.base.strip_prefix("http://").expect("a URL").to_owned();
        assert!(TcpStream::connect(address).await.is_err(), "nothing new is accepted");
        stream.write_all(&body.as_bytes()[body.len() - 1..]).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        assert_eq!(server.wait(PATIENCE), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_connected_is_answered() {
    let mut server = server("20s").await;
    let address = server.client.base.strip_prefix("http://").expect("a URL").to_owned();
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(TcpStream::connect(&address).await.expect("connected"));
    }
    server.signal(Signal::TERM);
    for stream in &mut streams {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    }
    for mut stream in streams {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert_eq!(server.wait(PATIENCE), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_end_is_cut_off_in_time() {
    let mut server = server("500ms").await;
    let _stream = unfinished(&server, "{}").await;
    server.signal(Signal::TERM);
    // Its client would wait forever.
    assert_eq!(server.wait(PATIENCE), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let mut server = server("600s").await;
    let _stream = unfinished(&server, "{}").await;
    server.signal(Signal::INT);
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.signal(Signal::INT);
    assert_eq!(server.wait(PATIENCE), Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_told() {
    let server = server("1s").await;
    let port = server.client.base.rsplit(':').next().expect("a port");
    let url = cluster::url(&cluster::database().await);
    let environment =
        [("APP_PROFILE", "dev"), ("DATABASE_URL", url.as_str()), ("PORT", port), ("APP_SERVER__HOST", "0.0.0.0")];
    let output = crate::support::process::run(&["serve"], &environment);
    assert_eq!(output.status.code(), Some(1));
    let text = crate::support::process::stderr(&output);
    assert!(text.contains("in use by another program; nothing was started"), "{text}");
}
