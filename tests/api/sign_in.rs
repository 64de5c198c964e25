//! Signing in: failures are counted, and no stranger keeps the owner out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use app::features::auth::store;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};

const LOGIN: &str = "/api/auth/login";
const PROXIED: (&str, &str) = ("APP_SERVER__TRUSTED_PROXIES", "127.0.0.0/8");
const LONG: (&str, &str) = ("THROTTLE_TTL", "600");
const ALICE: &str = "alice@example.com";
const RIGHT: &str = "pass123";
const WRONG: &str = "pass124";

/// Tries to sign in from an address.
async fn sign_in(client: &Client, from: &str, email: &str, password: &str) -> Answer {
    let request = client.request(reqwest::Method::POST, LOGIN).header("x-forwarded-for", from);
    client.send(request.json(&json!({"email": email, "password": password}))).await
}

async fn status(client: &Client, from: &str, email: &str, password: &str) -> u16 {
    sign_in(client, from, email, password).await.status.as_u16()
}

#[tokio::test]
async fn a_stranger_who_fails_keeps_himself_out_and_nobody_else() {
    let app = TestApp::configured(&[PROXIED, LONG, ("APP_THROTTLE__LOGIN_LIMIT", "4")]).await;
    app.user("alice").await;
    let anon = &app.anon;
    assert_eq!(status(anon, "198.51.100.1", ALICE, RIGHT).await, 200);
    for _ in 0..4 {
        assert_eq!(status(anon, "203.0.113.1", ALICE, WRONG).await, 401);
    }
    for password in [WRONG, RIGHT] {
        let answer = sign_in(anon, "203.0.113.1", ALICE, password).await;
        answer.refused(429, "TOO_MANY_REQUESTS", "Too many requests; try again later");
        let seconds: u64 = answer.header("retry-after").expect("a time").parse().expect("seconds");
        assert!((100..=150).contains(&seconds), "{seconds}");
    }
    // Neither where she signed in before nor anywhere else is she kept out, and the stranger may try somebody else.
    for from in ["198.51.100.1", "192.0.2.77", "203.0.113.2"] {
        assert_eq!(status(anon, from, ALICE, RIGHT).await, 200, "{from}");
    }
    assert_eq!(status(anon, "203.0.113.1", "bob@example.com", WRONG).await, 401);
}

#[tokio::test]
async fn a_right_password_counts_nothing() {
    let app = TestApp::configured(&[PROXIED, LONG, ("APP_THROTTLE__LOGIN_LIMIT", "2")]).await;
    app.anon.sign_up("alice").await;
    for round in 0..12 {
        assert_eq!(status(&app.anon, "198.51.100.1", ALICE, RIGHT).await, 200, "{round}");
    }
    assert_eq!(app.count("select count(*) from sign_in_failures").await, 0);
    for expected in [401, 401, 429] {
        assert_eq!(status(&app.anon, "198.51.100.1", ALICE, WRONG).await, expected);
    }
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_waits_and_a_known_device_on_it_does_not() {
    let app = TestApp::configured(&[PROXIED, LONG, ("APP_THROTTLE__LOGIN_ADDRESS_LIMIT", "6")]).await;
    app.user("alice").await;
    app.user("bob").await;
    assert_eq!(status(&app.anon, "203.0.113.1", ALICE, RIGHT).await, 200);
    for number in 0..6 {
        assert_eq!(status(&app.anon, "203.0.113.1", &format!("{number}@example.com"), WRONG).await, 401);
    }
    assert_eq!(status(&app.anon, "203.0.113.1", "another@example.com", WRONG).await, 429);
    assert_eq!(status(&app.anon, "203.0.113.1", "bob@example.com", RIGHT).await, 429);
    assert_eq!(status(&app.anon, "203.0.113.1", ALICE, RIGHT).await, 200, "the device is known");
    assert_eq!(status(&app.anon, "203.0.113.2", "another@example.com", WRONG).await, 401, "a neighbour");
}

#[tokio::test]
async fn an_account_that_is_tried_from_everywhere_closes_to_who_failed_and_to_nobody_else() {
    let app = TestApp::configured(&[PROXIED, LONG, ("APP_THROTTLE__LOGIN_ACCOUNT_LIMIT", "20")]).await;
    app.user("alice").await;
    let mut refused = 0;
    for number in 0..30 {
        for _ in 0..2 {
            let status = status(&app.anon, &format!("203.0.{number}.1"), ALICE, WRONG).await;
            assert!(matches!(status, 401 | 429), "{status}");
            refused += u32::from(status == 429);
        }
    }
    // Ten addresses fail twice; from then on each fails once.
    assert_eq!(refused, 20);
    assert_eq!(status(&app.anon, "198.51.100.9", ALICE, RIGHT).await, 200);
}

#[tokio::test]
async fn a_known_account_and_an_unknown_one_are_answered_alike_up_to_every_limit() {
    let limits = [
        PROXIED,
        LONG,
        ("APP_THROTTLE__LOGIN_LIMIT", "3"),
        ("APP_THROTTLE__LOGIN_ADDRESS_LIMIT", "8"),
        ("APP_THROTTLE__LOGIN_ACCOUNT_LIMIT", "12"),
    ];
    let mut told = Vec::new();
    for email in [ALICE, "nobody@example.com"] {
        let app = TestApp::configured(&limits).await;
        app.user("alice").await;
        let mut answers = Vec::new();
        for network in 0..8 {
            for other in [false, true] {
                for number in 0..5 {
                    let other_email = format!("{number}@example.com");
                    let email = if other { &other_email } else { email };
                    let answer = sign_in(&app.anon, &format!("203.{network}.0.1"), email, WRONG).await;
                    let body = answer.json()["error"].clone();
                    let names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
                    answers.push((answer.status.as_u16(), body, names));
                }
            }
        }
        assert!(answers.iter().any(|answer| answer.0 == 429) && answers.iter().any(|answer| answer.0 == 401));
        told.push((answers, app.count("select count(*) from sign_in_failures").await));
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn failures_are_counted_for_all_servers_together() {
    let settings = [PROXIED, LONG, ("APP_THROTTLE__LOGIN_LIMIT", "4")];
    let first = TestApp::configured(&settings).await;
    let second = first.beside(&settings).await;
    first.user("alice").await;
    for server in [&first, &second, &first, &second] {
        assert_eq!(status(&server.anon, "203.0.113.1", ALICE, WRONG).await, 401);
    }
    for server in [&first, &second] {
        assert_eq!(status(&server.anon, "203.0.113.1", ALICE, WRONG).await, 429);
        assert_eq!(status(&server.anon, "203.0.113.9", ALICE, RIGHT).await, 200);
    }
}

#[tokio::test]
async fn what_is_refused_for_want_of_room_uses_nothing_up() {
    let costly = [
        PROXIED,
        LONG,
        ("APP_AUTH__ARGON2_MEMORY_KIB", "65536"),
        ("APP_AUTH__ARGON2_ITERATIONS", "4"),
        ("APP_AUTH__MAX_WAITING_HASHES", "8"),
    ];
    let app = TestApp::configured(&costly).await;
    let tries: Vec<_> = (0..24)
        .map(|number| {
            let anon = app.anon.clone();
            let email = format!("{number}@example.com");
            tokio::spawn(async move { status(&anon, "203.0.113.1", &email, WRONG).await })
        })
        .collect();
    let mut failed = 0;
    let mut refused = 0;
    for attempt in tries {
        match attempt.await.expect("an answer") {
            401 => failed += 1,
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(failed > 0 && refused > 0, "{failed} {refused}");
    // Each failure is counted for its account and twice for the pair, and all of them for the network and its block.
    assert_eq!(app.count("select count(*) from sign_in_failures").await, 3 * failed + 2);
}

#[tokio::test]
async fn whoever_hangs_up_before_the_answer_has_failed_all_the_same() {
    let costly = [("APP_AUTH__ARGON2_MEMORY_KIB", "65536"), ("APP_AUTH__ARGON2_ITERATIONS", "6")];
    let app = TestApp::configured(&costly).await;
    // The pool has its connections by then, so that the password is soon reached.
    app.user("bob").await;
    let body = json!({"email": ALICE, "password": WRONG}).to_string();
    let request = format!(
        "POST {LOGIN} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    for _ in 0..30 {
        let address = app.anon.base.strip_prefix("http://").expect("a URL");
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(stream);
        tokio::time::sleep(Duration::from_secs(1)).await;
        if app.count("select count(*) from sign_in_failures").await > 0 {
            return;
        }
    }
    panic!("nothing was counted");
}

#[tokio::test]
async fn the_networks_that_are_remembered_of_a_user_are_bounded() {
    let app = TestApp::configured(&[PROXIED]).await;
    app.user("alice").await;
    for number in 0..25 {
        assert_eq!(status(&app.anon, &format!("203.0.{number}.1"), ALICE, RIGHT).await, 200);
    }
    assert_eq!(app.count("select count(*) from known_networks").await, 20);
}

#[tokio::test]
async fn failures_that_no_longer_count_are_removed_and_never_more_are_kept_than_may_be() {
    let app = TestApp::start().await;
    let mut connection = app.connection().await;
    let shares: Vec<_> =
        (0..100_u8).map(|number| ([number; 16], Duration::from_secs(100 + u64::from(number)))).collect();
    store::count(&mut connection, &shares, Duration::from_secs(1_000)).await.expect("counted");
    assert_eq!(store::forget_failures(&mut connection).await.expect("removed"), 0);
    assert_eq!(store::forget_failures_beyond(&mut connection, 30).await.expect("removed"), 70);
    let left = store::counted(&mut connection, &[[99; 16], [70; 16], [69; 16]]).await.expect("read");
    assert!(left.contains_key(&[99; 16]) && left.contains_key(&[70; 16]) && !left.contains_key(&[69; 16]), "{left:?}");
    // However often one fails, it counts for no longer than the period.
    for _ in 0..20 {
        store::count(&mut connection, &[([99; 16], Duration::from_secs(100))], Duration::from_secs(1_000))
            .await
            .expect("counted");
    }
    let counted = store::counted(&mut connection, &[[99; 16]]).await.expect("read")[&[99; 16]];
    assert!((990..=1_000).contains(&counted.as_secs()), "{counted:?}");
    sqlx::query("update sign_in_failures set forgotten_at = now() - interval '1 second'")
        .execute(&mut connection)
        .await
        .expect("updated");
    assert_eq!(store::forget_failures_beyond(&mut connection, 1_000).await.expect("removed"), 30);
}

#[tokio::test]
async fn a_network_that_nobody_signed_in_from_for_half_a_year_is_forgotten() {
    let app = TestApp::configured(&[PROXIED]).await;
    app.user("alice").await;
    assert_eq!(status(&app.anon, "203.0.113.1", ALICE, RIGHT).await, 200);
    let mut connection = app.connection().await;
    assert_eq!(store::forget_networks(&mut connection).await.expect("removed"), 0);
    sqlx::query("update known_networks set last_used_at = now() - interval '181 days'")
        .execute(&mut connection)
        .await
        .expect("updated");
    // Signing in from one of the two keeps that one.
    assert_eq!(status(&app.anon, "203.0.113.1", ALICE, RIGHT).await, 200);
    assert_eq!(store::forget_networks(&mut connection).await.expect("removed"), 1);
    assert_eq!(app.count("select count(*) from known_networks").await, 1);
}

#[tokio::test]
async fn the_kinds_of_hashes_are_found_whatever_the_number_of_users() {
    let app = TestApp::start().await;
    let mut connection = app.connection().await;
    assert!(store::hash_kinds(&mut connection, 8).await.expect("kinds").is_empty());
    let insert = "insert into users (email, password_hash)
        select n || '@example.com', (array[
            '$2a$10$salt', '$2b$12$salt', '$argon2id$v=19$m=64,t=1,p=1$salt$hash', '$argon2id$v=19$m=64,t=2,p=1$salt$hash',
            'no hash at all'
        ])[n % 5 + 1]
        from generate_series(1, 1000) n";
    sqlx::query(insert).execute(&mut connection).await.expect("inserted");
    let mut kinds = store::hash_kinds(&mut connection, 8).await.expect("kinds");
    kinds.sort_unstable();
    let all = ["$2a$10", "$2b$12", "$argon2id$v=19$m=64,t=1,p=1", "$argon2id$v=19$m=64,t=2,p=1"];
    assert_eq!(kinds, all);
    assert_eq!(store::hash_kinds(&mut connection, 3).await.expect("kinds").len(), 3);
}

/// Sign-ins of the owner under each attack, from a known address and from a new one.
const ROUNDS: u32 = 8;

/// The owner's right password is taken, whatever an attacker who knows her address does meanwhile. With small costs of hashing
/// and for a few rounds here; `SIGN_IN_ATTACK_SECONDS`, with the costs of prod and at most 2 s each, makes it the real thing.
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_signs_in_while_strangers_try_from_one_address_and_from_many_at_once() {
    let seconds =
        std::env::var("SIGN_IN_ATTACK_SECONDS").ok().and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let real = seconds.is_some();
    let mut settings = vec![
        PROXIED,
        ("APP_THROTTLE__LOGIN_LIMIT", "10"),
        ("APP_THROTTLE__LOGIN_ADDRESS_LIMIT", "100"),
        ("APP_THROTTLE__LOGIN_ACCOUNT_LIMIT", "1800"),
    ];
    let costs = if real { ("19456", "2") } else { ("1024", "1") };
    settings.extend([("APP_AUTH__ARGON2_MEMORY_KIB", costs.0), ("APP_AUTH__ARGON2_ITERATIONS", costs.1)]);
    for (addresses, pause) in [(1_u8, Duration::from_secs(1)), (48, Duration::ZERO)] {
        for own_account in [true, false] {
            let app = TestApp::configured(&settings).await;
            app.user("alice").await;
            let known = "198.51.100.1";
            assert_eq!(status(&app.anon, known, ALICE, RIGHT).await, 200);
            let stop = Arc::new(AtomicBool::new(false));
            let (tries, failures) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
            let attackers: Vec<_> = (0..addresses)
                .map(|number| {
                    let (anon, stop) = (app.anon.clone(), Arc::clone(&stop));
                    let (tries, failures) = (Arc::clone(&tries), Arc::clone(&failures));
                    tokio::spawn(async move {
                        while !stop.load(Ordering::Relaxed) {
                            let number_of_try = tries.fetch_add(1, Ordering::Relaxed);
                            let email =
                                if own_account { ALICE.to_owned() } else { format!("{number_of_try}@example.com") };
                            let answer = status(&anon, &format!("127.{number}.0.1"), &email, WRONG).await;
                            assert!(matches!(answer, 401 | 429 | 503), "{answer}");
                            failures.fetch_add(u64::from(answer == 401), Ordering::Relaxed);
                            tokio::time::sleep(pause).await;
                        }
                    })
                })
                .collect();
            let begun = Instant::now();
            let mut new = 0;
            while seconds
                .map_or(new < ROUNDS || failures.load(Ordering::Relaxed) == 0, |seconds| begun.elapsed() < seconds)
            {
                new += 1;
                for from in [known.to_owned(), format!("192.0.{}.1", new % 250)] {
                    let asked = Instant::now();
                    assert_eq!(status(&app.anon, &from, ALICE, RIGHT).await, 200, "{addresses} addresses, from {from}");
                    let took = asked.elapsed();
                    // How long it takes here tells of the machine, which runs the other tests meanwhile.
                    assert!(!real || took < Duration::from_secs(2), "{took:?} with {addresses} addresses, from {from}");
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            stop.store(true, Ordering::Relaxed);
            for attacker in attackers {
                attacker.await.expect("an attacker");
            }
            assert!(failures.load(Ordering::Relaxed) > 0, "nobody attacked");
        }
    }
}
