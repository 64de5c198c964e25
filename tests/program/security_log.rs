//! Security events in the log, compared with the page that describes them.

use app::http::security_log::SecurityEvent;
use regex::Regex;
use reqwest::Method;
use serde_json::{Value, json};

use super::modes::until_ready;
use crate::support::cluster;
use crate::support::process::{SECRET, Server, run, stderr};

const PAGE: &str = include_str!("../../docs/security-log.md");
const STRONG: &str = "correct horse battery";
const STRANGER: &str = "203.0.113.9";

fn page_has_row(event: &str) -> bool {
    PAGE.lines().any(|line| line.starts_with(&format!("| `{event}` |")))
}

/// The filter of the page, with the address pattern that fail2ban would insert.
fn filter() -> Regex {
    let line = PAGE.lines().find_map(|line| line.strip_prefix("failregex = ")).expect("a filter");
    Regex::new(&line.replace("<ADDR>", "(?<address>[0-9a-fA-F:.]+)")).expect("a pattern")
}

#[test]
fn the_page_tells_of_every_event_and_of_no_other() {
    for event in SecurityEvent::NAMES {
        assert!(page_has_row(event), "{event}");
    }
    let rows = PAGE.lines().filter(|line| line.starts_with("| `") && (line.contains("INFO") || line.contains("WARN")));
    assert_eq!(rows.count(), SecurityEvent::NAMES.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_a_line_that_names_the_client_and_the_account_and_nothing_private() {
    let url = cluster::url(&cluster::migrated_database().await);
    let environment = [
        ("APP_PROFILE", "prod"),
        ("DATABASE_URL", url.as_str()),
        ("JWT_SECRET", SECRET),
        ("APP_SERVER__TRUSTED_PROXIES", "127.0.0.0/8"),
        ("APP_THROTTLE__LOGIN_LIMIT", "2"),
        ("THROTTLE_LIMIT", "9"),
        ("APP_AUTH__REGISTRATION", "first_user"),
    ];
    let server = Server::start(&environment);
    until_ready(&server.client).await;
    let send = async |path: &str, from: &str, email: &str, password: &str| {
        let request = server.client.request(Method::POST, path).header("x-forwarded-for", from);
        server.client.send(request.json(&json!({"email": email, "password": password}))).await.status.as_u16()
    };
    let (register, login) = ("/api/auth/register", "/api/auth/login");
    let (owner, private) = ("198.51.100.1", "private@example.com");
    assert_eq!(send(register, owner, private, STRONG).await, 201);
    assert_eq!(send(login, owner, private, STRONG).await, 200);
    assert_eq!(send(register, STRANGER, "another@example.com", STRONG).await, 403);
    for status in [401, 401, 429, 429] {
        assert_eq!(send(login, STRANGER, private, "wrong-horse").await, status);
    }
    assert_eq!(send(login, STRANGER, "unknown@example.com", "wrong-horse").await, 401);
    for _ in 0..12 {
        send("/api", STRANGER, private, STRONG).await;
    }
    let log = server.log_so_far().await;
    let text = log.join("\n");
    for word in [private, "another@", "unknown@", "horse", SECRET] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    let lines: Vec<Value> = log.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let events: Vec<(&str, &str, Option<i64>, Option<&str>)> = lines
        .iter()
        .filter(|line| line["target"] == "app::security")
        .map(|line| {
            let name = line["event"].as_str().expect("a name");
            (name, line["client"].as_str().expect("an address"), line["user"].as_i64(), line["reason"].as_str())
        })
        .collect();
    let expected = [
        ("registered", owner, Some(1), None),
        ("sign_in_succeeded", owner, Some(1), None),
        ("registration_refused", STRANGER, None, None),
        ("sign_in_failed", STRANGER, Some(1), Some("wrong_password")),
        ("sign_in_failed", STRANGER, Some(1), Some("wrong_password")),
        ("sign_in_limited", STRANGER, None, None),
        ("sign_in_failed", STRANGER, None, Some("unknown_account")),
    ];
    assert_eq!(events[..expected.len()], expected, "{text}");
    // The same network was reported a moment ago: a flood of refusals does not flood the log.
    assert!(events.len() <= expected.len() + 1, "{events:?}");
    let requests =
        |client: &str| lines.iter().filter(|line| line["target"] == "app::request" && line["client"] == client).count();
    assert_eq!((requests(owner), requests(STRANGER)), (2, 18));

    // The filter of the page matches each failure of the stranger and nothing of the owner.
    let filter = filter();
    let found: Vec<&str> =
        log.iter().filter_map(|line| Some(filter.captures(line)?.name("address")?.as_str())).collect();
    let failures = events.iter().filter(|event| !matches!(event.0, "registered" | "sign_in_succeeded")).count();
    assert_eq!(found, vec![STRANGER; failures]);
    let wrapped = format!("host app[17]: {}", log.iter().find(|line| line.contains("sign_in_failed")).expect("a line"));
    assert!(filter.is_match(&wrapped), "as the journal has it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_over_the_limit_is_told_once_a_minute_and_whose_it_was() {
    let url = cluster::url(&cluster::migrated_database().await);
    let environment = [
        ("APP_PROFILE", "prod"),
        ("DATABASE_URL", url.as_str()),
        ("JWT_SECRET", SECRET),
        ("THROTTLE_LIMIT", "3"),
        ("THROTTLE_TTL", "600"),
    ];
    let server = Server::start(&environment);
    until_ready(&server.client).await;
    let alice = server.client.sign_up_with("alice", STRONG).await;
    for _ in 0..6 {
        alice.get("/api/auth/me").await;
        server.client.get("/api").await;
    }
    let log = server.log_so_far().await;
    let told: Vec<Value> = log
        .iter()
        .filter(|line| line.contains("request_limited"))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let mut users: Vec<Option<i64>> = told.iter().map(|line| line["user"].as_i64()).collect();
    users.sort_unstable();
    assert_eq!(users, [None, Some(1)], "{log:?}");
    assert!(told.iter().all(|line| line["client"] == "127.0.0.1"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_prod_the_log_says_at_every_start_that_anybody_may_register_and_how_to_close_it() {
    let url = cluster::url(&cluster::migrated_database().await);
    for (mode, told) in [("open", true), ("first_user", false), ("invite", false), ("closed", false)] {
        let environment = [
            ("APP_PROFILE", "prod"),
            ("DATABASE_URL", url.as_str()),
            ("JWT_SECRET", SECRET),
            ("APP_AUTH__REGISTRATION", mode),
        ];
        let server = Server::start(&environment);
        let words = server.before_listening.iter().any(|line| {
            line.contains("registration is open") && line.contains("APP_AUTH__REGISTRATION") && line.contains("WARN")
        });
        assert_eq!(words, told, "{mode}: {:?}", server.before_listening);
    }
    let wrong = run(
        &["serve"],
        &[("APP_PROFILE", "prod"), ("DATABASE_URL", &url), ("JWT_SECRET", SECRET), ("APP_AUTH__REGISTRATION", "maybe")],
    );
    assert!(stderr(&wrong).contains("open, first_user, closed or invite"), "{}", stderr(&wrong));
}
