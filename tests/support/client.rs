//! HTTP clients, each for one identity: `anon`, `alice`. Every response is checked against the envelope.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A client for one identity.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) token: Option<String>,
}

/// A response.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Client {
    pub(crate) fn new(base: String) -> Self {
        // Ignores proxies of the machine, because the server speaks to the test alone.
        // Closes idle connections before the server does. A request sent at that moment would not be answered.
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_idle_timeout(std::time::Duration::from_secs(3))
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Self { http: http.expect("a client"), base, token: None }
    }

    pub(crate) fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// Registers and signs in a new user.
    pub(crate) async fn sign_up(&self, name: &str) -> Self {
        self.sign_up_with(name, "pass123").await
    }

    /// Like `sign_up`, with a password that prod accepts.
    pub(crate) async fn sign_up_with(&self, name: &str, password: &str) -> Self {
        let email = format!("{name}@example.com");
        self.post("/api/auth/register", json!({"email": email, "password": password, "name": name})).await.expect(201);
        let login = self.post("/api/auth/login", json!({"email": email, "password": password})).await.expect(200);
        self.with_token(login["access_token"].as_str().expect("a token"))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// Creates a category, payee or tag; returns its id.
    pub(crate) async fn make(&self, many: &str, name: &str) -> Value {
        self.post(&format!("/api/{many}"), named(many, name)).await.expect(201)["id"].clone()
    }

    /// Sends a body byte by byte, for JSON that `serde_json` would not write.
    pub(crate) async fn post_raw(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.request(Method::POST, path).header("content-type", "application/json").body(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let path = response.url().as_str().strip_prefix(&self.base).expect("our server").to_owned();
        let text = response.text().await.expect("a whole answer");
        let answer = Answer { status, headers, text };
        if path.starts_with("/api") && answer.is_json() && !path.starts_with("/api/openapi.json") {
            answer.check_envelope(&path);
        }
        answer
    }
}

/// The body that creates a category, payee or tag.
pub(crate) fn named(many: &str, name: &str) -> Value {
    if many == "categories" { json!({"name": name, "kind": "EXPENSE"}) } else { json!({"name": name}) }
}

impl Answer {
    fn is_json(&self) -> bool {
        self.headers.get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The `data` of a success with this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()["data"].clone()
    }

    #[track_caller]
    pub(crate) fn expect_status(&self, status: u16) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
    }

    /// Checks for a failure with this status, code and message.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, message: &str) {
        let body = self.json();
        let found = (self.status.as_u16(), body["error"]["code"].as_str(), body["error"]["message"].as_str());
        assert_eq!(found, (status, Some(code), Some(message)), "{}", self.text);
    }

    /// Checks for a 400 with these problems, the first of which is the message.
    #[track_caller]
    pub(crate) fn invalid(&self, problems: &[&str]) {
        self.refused(400, "BAD_REQUEST", problems[0]);
        assert_eq!(self.json()["error"]["details"], json!(problems), "{}", self.text);
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a plain header"))
    }

    /// Checks the envelope: every response under `/api` has the same shape, and names the request it belongs to.
    #[track_caller]
    fn check_envelope(&self, path: &str) {
        let body = self.json();
        let succeeded = self.status.is_success();
        assert_eq!(body["success"], json!(succeeded), "{}", self.text);
        let keys: Vec<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["success", if succeeded { "data" } else { "error" }, "meta"], "{}", self.text);
        assert_eq!(body["meta"]["path"], json!(path), "{}", self.text);
        assert_eq!(body["meta"]["requestId"].as_str(), self.header("x-request-id"), "{}", self.text);
        let timestamp = body["meta"]["timestamp"].as_str().expect("a timestamp");
        assert!(timestamp.len() == 24 && timestamp.ends_with('Z'), "{timestamp}");
        if !succeeded {
            assert!(body["error"]["code"].is_string() && body["error"]["message"].is_string(), "{}", self.text);
        }
    }
}
