//! HTTP to the letter.

use crate::support::app::TestApp;
use crate::support::raw::Raw;

async fn status(app: &TestApp, request: &str) -> Option<u16> {
    Raw::connect(app).await.send(request).await.answer().await.map(|answer| answer.status)
}

#[tokio::test]
async fn a_method_that_there_is_not_is_answered_501_whatever_its_length() {
    let app = TestApp::start().await;
    for method in ["FOO", "get", "PROPFIND", "X-ABCDEFGHIJKLMN", &"M".repeat(8_000)] {
        for path in ["/healthz", "/readyz", "/api", "/api/docs/", "/nope"] {
            let mut raw = Raw::connect(&app).await;
            let answer = raw.send(format!("{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await.answer().await;
            let answer = answer.unwrap_or_else(|| panic!("{method} {path}: no answer"));
            assert_eq!((answer.status, answer.closes()), (501, true), "{method} {path}");
        }
    }
    // Too long for a head at all.
    let longer = format!("{} /api HTTP/1.1\r\nhost: x\r\n\r\n", "M".repeat(100_000));
    assert!(matches!(status(&app, &longer).await, None | Some(400 | 414 | 431)));
    // Those that there are, where the route has them not.
    for method in ["TRACE", "PUT", "CONNECT", "QUERY"] {
        let status = status(&app, &format!("{method} /healthz HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        assert!(matches!(status, Some(400 | 404 | 405)), "{method}: {status:?}");
    }
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let app = TestApp::start().await;
    for (hosts, expected) in [
        ("", 400),
        ("host: a\r\nhost: a\r\n", 400),
        ("host: a b\r\n", 400),
        ("host: a/b\r\n", 400),
        ("host: \r\n", 200),
        ("host: a.example:3000\r\n", 200),
        ("Host: [::1]:3000\r\n", 200),
    ] {
        assert_eq!(status(&app, &format!("GET /api HTTP/1.1\r\n{hosts}\r\n")).await, Some(expected), "{hosts:?}");
    }
    assert_eq!(status(&app, "GET /api HTTP/1.0\r\n\r\n").await, Some(200));
}

#[tokio::test]
async fn a_transfer_coding_that_is_not_undone_is_refused_and_the_connection_ends() {
    let app = TestApp::start().await;
    for coding in ["gzip, chunked", "chunked, chunked"] {
        let head = "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
        let mut raw = Raw::connect(&app).await;
        raw.send(format!("{head}transfer-encoding: {coding}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n")).await;
        let answer = raw.answer().await.expect("an answer");
        assert_eq!((answer.status, answer.closes()), (501, true), "{coding}");
        raw.is_closed().await;
    }
}

#[tokio::test]
async fn an_answer_that_comes_before_its_body_leaves_the_connection_usable_or_says_that_it_ends() {
    let app = TestApp::configured(&[("THROTTLE_LIMIT", "1000"), ("THROTTLE_TTL", "600")]).await;
    let alice = app.user("alice").await;
    let token = alice.token.expect("a token");
    let signed = format!("authorization: Bearer {token}\r\n");
    let cases = [
        ("POST", "/api/transactions", "", 401),
        ("POST", "/api/nope", "", 404),
        ("PUT", "/api/transactions", signed.as_str(), 405),
        ("POST", "/api/transactions", &format!("{signed}idempotency-key: \r\n"), 400),
        ("POST", "/api/transactions", &format!("{signed}x: y\r\n"), 415),
        ("POST", "/healthz", "", 405),
    ];
    for (method, path, headers, expected) in cases {
        for length in [2, 30_000, 900_000] {
            let mut raw = Raw::connect(&app).await;
            raw.send(format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {length}\r\n\r\n")).await;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            raw.send("x".repeat(length)).await;
            let Some(answer) = raw.answer().await else {
                // It ended before it could be read, which only an answer before a large body may do.
                assert!(length > 30_000, "{method} {path} {length}: no answer");
                continue;
            };
            assert_eq!(answer.status, expected, "{method} {path} {length}");
            if answer.closes() {
                raw.is_closed().await;
            } else {
                raw.send("GET /api HTTP/1.1\r\nhost: x\r\n\r\n").await;
                let next = raw.answer().await.expect("the connection goes on");
                assert_eq!(next.status, 200, "{method} {path} {length}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_announces_itself_too_large_is_refused_at_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let token = alice.token.clone().expect("a token");
    for length in ["1048577", "5000000000", "18446744073709551615"] {
        for expect in ["", "expect: 100-continue\r\n"] {
            let mut raw = Raw::connect(&app).await;
            raw.send(format!(
                "POST /api/transactions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
                 content-type: application/json\r\n{expect}content-length: {length}\r\n\r\n"
            ))
            .await;
            let answer = raw.answer().await.expect("an answer");
            assert!([413, 431].contains(&answer.status), "{length}: {}", answer.head);
            assert!(answer.closes(), "{}", answer.head);
        }
    }
    // What may come is asked for.
    let body = r#"{"title":"x","amount":1,"type":"EXPENSE","category":"x"}"#;
    let mut raw = Raw::connect(&app).await;
    raw.send(format!(
        "POST /api/transactions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    ))
    .await;
    assert_eq!(raw.answer().await.expect("an answer").status, 100);
    assert_eq!(raw.send(body).await.answer().await.expect("an answer").status, 201);
}

#[tokio::test]
async fn who_ends_its_writing_side_is_answered() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let token = alice.token.clone().expect("a token");
    let body = r#"{"title":"x","amount":1,"type":"EXPENSE","category":"x"}"#;
    for _ in 0..20 {
        let mut raw = Raw::connect(&app).await;
        raw.send(format!(
            "POST /api/transactions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await
        .end_writing()
        .await;
        assert_eq!(raw.answer().await.expect("an answer").status, 201);
    }
    assert_eq!(app.count("select count(*) from transactions").await, 20);
}
