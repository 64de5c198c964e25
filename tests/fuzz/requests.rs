//! Parts of requests, sent to the real server: cursors, tokens, query strings, headers, bodies, and whole heads.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::engine::{fuzz, near};
use crate::support::app::TestApp;

/// A server with a user who has some transactions.
struct Target {
    app: TestApp,
    token: String,
    id: String,
}

impl Target {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let alice = app.user("alice").await;
        let mut id = String::new();
        for n in 0..5 {
            let body = json!({"title": format!("Grab {n}"), "amount": 10 + n, "type": "EXPENSE", "tags": ["work"]});
            id = alice.post("/api/transactions", body).await.expect(201)["id"].to_string();
        }
        let token = alice.token.clone().expect("a token");
        Self { app, token, id }
    }

    /// Sends bytes on a new connection; returns status and body of the first response, or `None` if the server closes
    /// without one. Shuts down the writing side with `half_close`, because the server would wait for a head without an
    /// end.
    fn send(&self, request: &[u8], half_close: bool) -> Option<(u16, Vec<u8>)> {
        let address = self.app.anon.base.strip_prefix("http://").expect("an address").to_owned();
        tokio::runtime::Handle::current().block_on(async {
            let mut stream = TcpStream::connect(address).await.expect("connected");
            // The server may refuse it before all of it was sent.
            let _ = stream.write_all(request).await;
            if half_close {
                let _ = stream.shutdown().await;
            }
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
            let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
            Some((status, answer.split_off(end + 4)))
        })
    }

    /// A request with an arbitrary part. A line break in it starts another header, which does not matter.
    fn request(&self, first: &[u8], headers: &[(&str, &[u8])], body: Option<&[u8]>) -> Option<(u16, Vec<u8>)> {
        let mut request = [first, b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"].concat();
        let token = format!("Bearer {}", self.token);
        let signed = headers.iter().any(|(name, _)| *name == "Authorization");
        let own = [("Authorization", token.as_bytes())];
        for (name, value) in headers.iter().chain(own.iter().filter(|_| !signed)) {
            request.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        if let Some(body) = body {
            request.extend_from_slice(
                format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()).as_bytes(),
            );
        }
        self.send(&[request.as_slice(), b"\r\n", body.unwrap_or_default()].concat(), false)
    }
}

/// Runs the inputs of a target against the server.
fn beside<S>(target: &str, inputs: &S, holds: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S: Strategy,
    S::Value: std::fmt::Debug,
{
    tokio::task::block_in_place(|| fuzz(target, inputs, holds));
}

/// Checks that a response has the usual form, and is not a server error.
fn in_order(answer: Option<(u16, Vec<u8>)>) -> Result<u16, TestCaseError> {
    let (status, body) = answer.ok_or_else(|| TestCaseError::fail("closed without an answer"))?;
    prop_assert!(status < 500, "{status}: {}", String::from_utf8_lossy(&body));
    Ok(status)
}

fn without_line_ends(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.retain(|byte| !b"\r\n".contains(byte));
    bytes
}

fn percent(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
                char::from(*byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_was_not_given_out_is_refused() {
    let target = Target::new().await;
    let page = target.app.anon.with_token(&target.token).get("/api/transactions?limit=2").await.json();
    let cursor = page["meta"]["page"]["nextCursor"].as_str().expect("a cursor").to_owned();
    let forged = r#"{"d":"n","k":["2026-02-16",1]}"#;
    let seeds = [cursor.as_str(), forged, "eyJkIjoibiIsImsiOlsxLDJdfQ"];
    beside("cursors", &near(&seeds, &["=", "A", "eyJ", "_", "-", "\"", "[[[[[[[["]), |bytes| {
        let path = format!("GET /api/transactions?limit=2&cursor={}", percent(&bytes));
        let status = in_order(target.request(path.as_bytes(), &[], None))?;
        prop_assert_eq!(status == 200, bytes == cursor.as_bytes(), "{}", status);
        Ok(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_not_given_out_lets_nobody_in() {
    let target = Target::new().await;
    let good = format!("Bearer {}", target.token);
    let parts: Vec<&str> = target.token.split('.').collect();
    let unsigned = format!("Bearer eyJhbGciOiJub25lIn0.{}.", parts[1]);
    let swapped = format!("Bearer {}.{}.{}", parts[0], parts[0], parts[2]);
    let words = ["Bearer ", ".", "=", "eyJhbGciOiJIUzI1NiJ9", parts[0], parts[1], parts[2], " ", ","];
    beside("tokens", &near(&[&good, &unsigned, &swapped], &words), |bytes| {
        let bytes = without_line_ends(bytes);
        let status = in_order(target.request(b"GET /api/auth/me", &[("Authorization", &bytes)], None))?;
        if status == 200 {
            let text = String::from_utf8_lossy(&bytes);
            let (scheme, token) = text.trim().split_once(' ').unwrap_or_default();
            prop_assert!(scheme.eq_ignore_ascii_case("bearer") && token.trim() == target.token, "{text} was let in");
        }
        Ok(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_string_is_answered() {
    let target = Target::new().await;
    let seeds = [
        "limit=2&sort=-amount",
        "startDate=2026-01-01&endDate=2026-12-31&type=EXPENSE&currency=THB",
        "categoryId=1&category=Food%20%26%20Dining&tagId=1&tag=work&payeeId=1&payee=Grab",
        "minAmount=1.5&maxAmount=1e3&q=%E0%B8%82%E0%B9%89%E0%B8%B2%E0%B8%A7+grab",
        "limit=0&cursor=",
    ];
    let words = [
        "&",
        "=",
        "%",
        "%00",
        "%FF",
        "%F0%9F",
        "+",
        "limit=",
        "limit=501",
        "q=",
        "q=%25_%5C",
        "sort=",
        "minAmount=",
        "999999999999999999999",
        "-1",
        "startDate=",
        "9999-12-31",
        "type=",
        "null",
        "[]",
        "%22",
        "'",
        "--",
        ";",
        "tag=",
    ];
    let paths = ["transactions", "transactions/filter", "categories", "tags", "payees", "operations", "trash"];
    beside("query strings", &(near(&seeds, &words), prop::sample::select(paths.to_vec())), |(query, path)| {
        // White space and control characters end the request line; others may be part of it or not.
        let query: Vec<u8> = query.into_iter().filter(|byte| *byte > b' ' && *byte != 0x7f).collect();
        let first = [b"GET /api/", path.as_bytes(), b"?", &query].concat();
        let status = in_order(target.request(&first, &[], None))?;
        prop_assert!([200, 400, 404, 414].contains(&status), "{status}");
        Ok(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn every_idempotency_key_and_every_demand_is_answered() {
    let target = Target::new().await;
    let entry = json!({"title": "x", "amount": 1, "type": "EXPENSE"}).to_string();
    let one = format!("/api/transactions/{}", target.id);
    let seeds = ["7f3a", "a b", "\"7f3a\"", "\"0\"", "W/\"0\", *", "x-\u{e4}"];
    beside("keys and demands", &near(&seeds, &["\"", ",", "W/", "*", "\0", "\t", "\u{ff}"]), |bytes| {
        let value = without_line_ends(bytes);
        let key = [("Idempotency-Key", value.as_slice())];
        let status = in_order(target.request(b"POST /api/transactions", &key, Some(entry.as_bytes())))?;
        prop_assert!([201, 400, 409].contains(&status), "{status}");
        let demand = [("If-Match", value.as_slice())];
        let status = in_order(target.request(format!("PATCH {one}").as_bytes(), &demand, Some(br#"{"note":"x"}"#)))?;
        prop_assert!([200, 400, 412].contains(&status), "{status}");
        let known = [("If-None-Match", value.as_slice())];
        let status = in_order(target.request(format!("GET {one}").as_bytes(), &known, None))?;
        prop_assert!([200, 304, 400].contains(&status), "{status}");
        Ok(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn every_body_is_answered() {
    let target = Target::new().await;
    let seeds = [
        r#"{"title":"กาแฟเย็น","titleEn":"Iced coffee","amount":75.5,"type":"EXPENSE","payee":"Amazon","tags":["work"],"date":"2026-02-16"}"#,
        r#"{"title":"x","amount":"1e2","type":"INCOME","category":"Salary","note":"","currency":"JPY"}"#,
        r#"{"filter":{"type":"EXPENSE","tag":"work"},"set":{"addTags":["a"]},"dryRun":true}"#,
        r#"{"ids":[1,2,3],"set":{"note":null},"dryRun":true}"#,
        r##"{"name":"Coffee","kind":"EXPENSE","parentId":1,"icon":"x","color":"#aabbcc","position":0,"archived":false}"##,
        r#"{"email":"alice@example.com","password":"wrong"}"#,
        r#"{"title":{"$serde_json::private::RawValue":"\"hi\""},"amount":{"$serde_json::private::Number":"5"}}"#,
    ];
    let words = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u0000",
        "\\ud800",
        "\\udc00",
        "null",
        "true",
        "1e400",
        "-0",
        "0.1",
        "[[[[[[[[[[[[",
        "\"title\":",
        "\"amount\":",
        "\"type\":\"EXPENSE\"",
        "\u{feff}",
        "\u{0}",
        "99999999999999999999",
        "\"$serde_json::private::RawValue\"",
    ];
    let routes = [
        "POST /api/transactions",
        "PATCH /api/transactions",
        "POST /api/categories",
        "POST /api/tags",
        "PUT /api/categories/order",
        "POST /api/tags/1/merge",
        "POST /api/auth/login",
    ];
    beside("bodies", &(near(&seeds, &words), prop::sample::select(routes.to_vec())), |(body, route)| {
        let answer = target.request(route.as_bytes(), &[], Some(&body));
        if let Some((status, text)) = &answer {
            let document: Value =
                serde_json::from_slice(text).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(document["success"].as_bool(), Some(*status < 300));
            // Accepted bodies are JSON for every parser.
            let known = serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
            prop_assert!(*status >= 300 || known, "{status} for what is no JSON");
        }
        in_order(answer).map(drop)
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn no_head_ends_the_server() {
    let target = Target::new().await;
    let seeds = [
        "GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        "POST /api/tags HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "GET http://localhost/api/../healthz?x#y HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let words = [
        "\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        ":",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Host: b\r\n",
        "Expect: 100-continue\r\n",
        "Upgrade: h2c\r\n",
        "X-Forwarded-For: ::1\r\n",
        "Accept-Encoding: gzip;q=0, *;q=0\r\n",
        "HTTP/1.1",
        "\0",
        "%2e%2e/",
        "//",
        "..;/",
    ];
    beside("heads", &near(&seeds, &words), |bytes| {
        if let Some((status, text)) = target.send(&bytes, true) {
            // The only method that the server does not know and says so.
            prop_assert!(
                status < 500 || status == 501 || status == 505,
                "{status}: {}",
                String::from_utf8_lossy(&text)
            );
        }
        let status =
            in_order(target.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", false))?;
        prop_assert_eq!(status, 200);
        Ok(())
    });
}
