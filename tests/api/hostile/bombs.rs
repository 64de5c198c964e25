//! Depth in every place that reads from outside, found by walking the OpenAPI document.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::client::Client;

/// A body that a parser with magic keys parses again and again, each time with a new limit of depth.
fn magic_bomb(levels: usize, depth: usize) -> String {
    (0..levels).fold("1".to_owned(), |inner, _| {
        let escaped = inner.replace('\\', "\\u005c").replace('"', "\\u0022");
        format!("{}{{\"$serde_json::private::RawValue\":\"{escaped}\"}}{}", "[".repeat(depth), "]".repeat(depth))
    })
}

/// The same with its key written so that no filter of texts finds it.
fn hidden_bomb() -> String {
    magic_bomb(40, 124).replace("\"$serde", "\"\\u0024serde")
}

fn nested(open: &str, close: &str, times: usize) -> String {
    format!("{}1{}", open.repeat(times), close.repeat(times))
}

/// What any of the parsers could overflow by.
fn bombs() -> Vec<String> {
    vec![
        magic_bomb(27, 124),
        magic_bomb(40, 124),
        hidden_bomb(),
        nested("[", "]", 100_000),
        nested("{\"a\":", "}", 50_000),
        "[".repeat(500_000),
        "{\"a\":[".repeat(80_000),
        nested("[", "]", 33),
    ]
}

/// Each operation of the document: its method, its path with ids put in, and the fields of its body.
async fn operations(app: &TestApp) -> Vec<(Method, String, Vec<String>)> {
    let document = app.anon.get("/api/openapi.json").await.json();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let schema = schema.as_str().and_then(|name| name.strip_prefix("#"));
            let fields = schema.and_then(|name| document.pointer(name)?["properties"].as_object());
            let fields = fields.map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).expect("a method");
            found.push((method, path.replace("{id}", "1"), fields));
        }
    }
    assert!(found.len() > 30, "{found:?}");
    found
}

async fn is_refused(client: &Client, request: reqwest::RequestBuilder, what: &str) {
    let answer = client.send(request).await;
    let status = answer.status.as_u16();
    assert!((400..500).contains(&status), "{what}: {status} {}", answer.text);
}

#[tokio::test]
async fn a_bomb_in_a_body_is_refused_by_every_route() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut bodies = 0;
    for (method, path, fields) in operations(&app).await {
        for field in &fields {
            bodies += 1;
            // In each field once, of different kinds; the parser comes before the field is looked at.
            for bomb in bombs().into_iter().skip(bodies % 3).step_by(3) {
                let body = format!("{{\"{field}\":{bomb}}}");
                for client in [&app.anon, &alice] {
                    let request = client.request(method.clone(), &path).header("content-type", "application/json");
                    is_refused(client, request.body(body.clone()), &format!("{method} {path} {field}")).await;
                }
            }
        }
    }
    assert!(bodies > 50, "{bodies}");
    alice.get("/api/auth/me").await.expect(200);
}

#[tokio::test]
async fn a_bomb_in_a_token_is_refused_by_every_route_before_anything_is_parsed() {
    let app = TestApp::start().await;
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let alice = app.user("alice").await;
    let token = alice.token.clone().expect("a token");
    let [header, claims, signature]: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let small = magic_bomb(27, 3);
    let large = magic_bomb(27, 120);
    let deep = nested("[", "]", 600);
    let mut tokens = Vec::new();
    for bomb in [&small, &large, &deep] {
        let bad_header = encode(&format!("{{\"typ\":\"JWT\",\"alg\":\"HS256\",\"x\":{bomb}}}"));
        let bad_claims =
            encode(&format!("{{\"userId\":1,\"email\":\"a\",\"iat\":1,\"exp\":99999999999,\"x\":{bomb}}}"));
        tokens.push(format!("{bad_header}.{claims}.{signature}"));
        tokens.push(format!("{header}.{bad_claims}.{signature}"));
        tokens.push(format!("{bad_header}.e30.x"));
    }
    for (method, path, _) in operations(&app).await {
        for token in tokens.iter().filter(|token| token.len() < 15_000) {
            let request = app.anon.request(method.clone(), &path).bearer_auth(token);
            let answer = app.anon.send(request).await;
            assert!(answer.status.is_success() || answer.status.is_client_error(), "{method} {path}: {}", answer.text);
            assert!(answer.status == 401 || !path.starts_with("/api/transactions"), "{path}: {}", answer.text);
        }
    }
    // One that does not fit into a head.
    for token in tokens.iter().filter(|token| token.len() >= 15_000) {
        let answer = app.anon.request(Method::GET, "/api/auth/me").bearer_auth(token).send().await;
        assert!(answer.is_err() || answer.is_ok_and(|answer| [401, 431].contains(&answer.status().as_u16())));
    }
    alice.get("/api/auth/me").await.expect(200);
}

#[tokio::test]
async fn only_a_token_that_is_signed_and_written_as_ours_is_taken() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let token = alice.token.clone().expect("a token");
    let secret = jsonwebtoken::EncodingKey::from_secret(crate::support::app::SECRET.as_bytes());
    let signed = |header: &str, claims: &str| {
        let message = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims));
        let algorithm = jsonwebtoken::Algorithm::HS256;
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, algorithm).expect("signed");
        format!("{message}.{signature}")
    };
    let me = alice.get("/api/auth/me").await.expect(200)["id"].as_i64().expect("an id");
    let claims = format!(r#"{{"userId":{me},"email":"x","iat":1,"exp":99999999999}}"#);
    let status = async |token: &str| app.anon.with_token(token).get("/api/auth/me").await.status.as_u16();
    // As this server writes it, and as the original does.
    assert_eq!(status(&signed(r#"{"typ":"JWT","alg":"HS256"}"#, &claims)).await, 200);
    assert_eq!(status(&signed(r#"{"alg":"HS256","typ":"JWT"}"#, &claims)).await, 200);
    for header in [
        r#"{"alg":"HS256"}"#,
        r#"{"typ":"JWT", "alg":"HS256"}"#,
        r#"{"alg":"none","typ":"JWT"}"#,
        r#"{"alg":"HS256","typ":"JWT","crit":["x"]}"#,
        "",
    ] {
        assert_eq!(status(&signed(header, &claims)).await, 401, "{header}");
    }
    let later = format!(r#"{{"userId":{me},"email":"x","iat":1,"exp":99999999999,"nbf":99999999998}}"#);
    assert_eq!(status(&signed(r#"{"alg":"HS256","typ":"JWT"}"#, &later)).await, 401);
    let long = format!(r#"{{"userId":{me},"email":"{}","iat":1,"exp":99999999999}}"#, "x".repeat(2048));
    assert_eq!(status(&signed(r#"{"alg":"HS256","typ":"JWT"}"#, &long)).await, 401);
    let twice = app.anon.request(Method::GET, "/api/auth/me").bearer_auth(&token).bearer_auth(&token);
    let answer = app.anon.send(twice).await;
    answer.refused(401, "UNAUTHORIZED", "Unauthorized");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
}

#[tokio::test]
async fn a_bomb_in_a_header_or_a_query_is_refused_or_means_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let bombs = [magic_bomb(20, 3), nested("[", "]", 3_000), nested("{\"a\":", "}", 1_000), "[".repeat(10_000)];
    for (method, path, _) in operations(&app).await {
        for bomb in bombs.iter().filter(|bomb| bomb.len() < 12_000) {
            for name in [
                "cookie",
                "idempotency-key",
                "if-match",
                "if-none-match",
                "x-request-id",
                "accept-encoding",
                "x-forwarded-for",
                "forwarded",
                "origin",
                "content-type",
                "range",
            ] {
                let answer = alice.send(alice.request(method.clone(), &path).header(name, bomb)).await;
                assert!(answer.status.as_u16() < 500, "{method} {path} {name}: {}", answer.text);
            }
        }
        if method == Method::GET {
            let bomb = BASE64_URL_SAFE_NO_PAD.encode(&bombs[1]);
            for query in [format!("cursor={bomb}"), format!("q={}", &bombs[3]), "a[b]".repeat(2_000)] {
                let answer = alice.get(&format!("{path}?{query}")).await;
                assert!(answer.status.as_u16() < 500, "{method} {path}: {}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn magic_keys_are_keys_like_any_other_and_none_may_be_given_twice() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = async |body: &str| alice.post_raw("/api/transactions", body.to_owned()).await;
    let rest = r#""type":"EXPENSE","category":"x"}"#;
    post(&format!(r#"{{"title":"x","amount":{{"$serde_json::private::Number":"5"}},{rest}"#))
        .await
        .invalid(&["amount must be a number"]);
    post(&format!(r#"{{"title":{{"$serde_json::private::RawValue":"\"hi\""}},"amount":5,{rest}"#))
        .await
        .invalid(&["title must be a string"]);
    let twice = post(&format!(r#"{{"amount":5,"title":"x","amount":6,{rest}"#)).await;
    twice.expect_status(400);
    assert!(twice.text.contains("the key \\\"amount\\\" is given twice"), "{}", twice.text);
    let many: Vec<String> = (0..19_000).map(|number| format!("\"k{number}\":1")).collect();
    let answer = post(&format!("{{{}}}", many.join(","))).await;
    answer.expect_status(400);
    let body: Value = answer.json();
    assert_eq!(body["error"]["details"].as_array().map(Vec::len), Some(51));
}
