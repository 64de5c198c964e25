//! `/api/auth`: registering, logging in, who is signed in.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::support::app::{SECRET, TestApp};

const REGISTER: &str = "/api/auth/register";
const LOGIN: &str = "/api/auth/login";
const ME: &str = "/api/auth/me";

#[tokio::test]
async fn registering_answers_the_user_with_the_address_in_lower_case() {
    let app = TestApp::start().await;
    let body = json!({"email": "Test.User@Example.com", "password": "pass123", "name": " Test User "});
    let user = app.anon.post(REGISTER, body).await.expect(201);
    assert_eq!(user["email"], "test.user@example.com");
    assert_eq!(user["name"], "Test User");
    assert!(user["id"].is_i64());
    let keys: Vec<&String> = user.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["id", "email", "name", "createdAt", "updatedAt"]);
    assert_eq!(user["createdAt"].as_str().map(str::len), Some("2026-02-16T09:30:00.000Z".len()));
}

#[tokio::test]
async fn a_name_may_be_left_out() {
    let app = TestApp::start().await;
    for (email, name) in
        [("a@example.com", None), ("b@example.com", Some(Value::Null)), ("c@example.com", Some(json!(" ")))]
    {
        let mut body = json!({"email": email, "password": "pass123"});
        if let Some(name) = name {
            body["name"] = name;
        }
        assert_eq!(app.anon.post(REGISTER, body).await.expect(201)["name"], Value::Null);
    }
}

#[tokio::test]
async fn an_address_registers_once_whatever_its_case() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let again = json!({"email": "ALICE@Example.COM", "password": "another1"});
    app.anon.post(REGISTER, again).await.refused(
        409,
        "EMAIL_ALREADY_EXISTS",
        "Email already exists: alice@example.com",
    );
    assert_eq!(app.count("select count(*) from users").await, 1);
}

#[tokio::test]
async fn of_many_who_register_one_address_at_once_one_does() {
    let app = TestApp::start().await;
    let tries = (0..12).map(|_| {
        let anon = app.anon.clone();
        tokio::spawn(async move {
            anon.post(REGISTER, json!({"email": "x@example.com", "password": "pass123"})).await.status
        })
    });
    let mut created = 0;
    for outcome in tries.collect::<Vec<_>>() {
        match outcome.await.expect("an answer").as_u16() {
            201 => created += 1,
            409 => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(created, 1);
}

#[tokio::test]
async fn a_registration_that_breaks_rules_is_told_all_of_them() {
    let app = TestApp::start().await;
    let all = ["email must be an email", "password should not be empty", "password must be a string"];
    app.anon.post(REGISTER, json!({})).await.invalid(&all);
    app.anon.post(REGISTER, json!({"email": "a@b", "password": ""})).await.invalid(&[all[0], all[1]]);
    app.anon.post(REGISTER, json!({"email": 5, "password": 5, "name": 5})).await.invalid(&[
        all[0],
        all[2],
        "name must be a string",
    ]);
    let unknown = json!({"email": "a@b.co", "password": "pass123", "role": "admin"});
    app.anon.post(REGISTER, unknown).await.invalid(&["property role should not exist"]);
    let several = json!({"role": "admin", "email": "a @b.co", "password": "pass123"});
    app.anon.post(REGISTER, several).await.invalid(&["property role should not exist", all[0]]);
    let short = json!({"email": "a@b.co", "password": "short"});
    app.anon.post(REGISTER, short).await.invalid(&["password must be longer than or equal to 6 characters"]);
    let long = json!({"email": "a@b.co", "password": "x".repeat(129)});
    app.anon.post(REGISTER, long).await.invalid(&["password must be shorter than or equal to 128 characters"]);
    assert_eq!(app.count("select count(*) from users").await, 0);
}

#[tokio::test]
async fn in_prod_a_password_that_everybody_uses_is_refused() {
    let prod = [("APP_AUTH__MIN_PASSWORD_LENGTH", "8"), ("APP_AUTH__REFUSE_COMMON_PASSWORDS", "true")];
    let app = TestApp::configured(&prod).await;
    let register =
        |password: &str| app.anon.post(REGISTER, json!({"email": "somchai@example.com", "password": password}));
    register("pass123").await.invalid(&["password must be longer than or equal to 8 characters"]);
    let told = |reason: &str| {
        format!("password is too easy to guess: {reason}; choose several words that do not belong together")
    };
    register("Password1!").await.invalid(&[&told("it is one of those that are tried first")]);
    register("20261127").await.invalid(&[&told("digits and signs alone are too short")]);
    register("Somchai2026").await.invalid(&[&told("it is made of your own name or address")]);
    assert_eq!(app.count("select count(*) from users").await, 0);
    register("correct horse battery").await.expect(201);
}

#[tokio::test]
async fn logging_in_answers_a_token_and_the_user() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let login = app.anon.post(LOGIN, json!({"email": "Alice@Example.com", "password": "pass123"})).await.expect(200);
    assert_eq!(login["user"]["email"], "alice@example.com");
    assert_eq!(login["user"]["name"], "alice");
    assert_eq!(login["expiresIn"], 86_400);
    let claims = claims(login["access_token"].as_str().expect("a token"));
    let keys: Vec<&String> = claims.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["userId", "email", "iat", "exp"]);
    assert_eq!(claims["userId"], login["user"]["id"]);
    assert_eq!(claims["exp"].as_i64(), claims["iat"].as_i64().map(|iat| iat + 86_400));
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_are_answered_alike() {
    let app = TestApp::start().await;
    app.user("alice").await;
    for body in [
        json!({"email": "alice@example.com", "password": "pass124"}),
        json!({"email": "nobody@example.com", "password": "pass123"}),
    ] {
        let answer = app.anon.post(LOGIN, body).await;
        answer.refused(401, "INVALID_CREDENTIALS", "Invalid credentials");
        assert!(answer.json()["error"].get("details").is_none());
    }
    let empty = app.anon.post(LOGIN, json!({})).await;
    empty.invalid(&["email must be an email", "password should not be empty", "password must be a string"]);
}

#[tokio::test]
async fn a_user_of_the_original_logs_in_and_the_hash_is_renewed() {
    let app = TestApp::start().await;
    let bcrypt = bcrypt::hash("pass123", 4).expect("a hash").replacen("$2b$", "$2a$", 1);
    let insert = format!("insert into users (email, password_hash) values ('old@example.com', '{bcrypt}')");
    sqlx::query(AssertSqlSafe(insert)).execute(&mut app.connection().await).await.expect("inserted");
    let wrong = json!({"email": "old@example.com", "password": "pass124"});
    app.anon.post(LOGIN, wrong).await.refused(401, "INVALID_CREDENTIALS", "Invalid credentials");
    assert_eq!(app.count("select count(*) from users where password_hash like '$2a$%'").await, 1);
    for _ in 0..2 {
        app.anon.post(LOGIN, json!({"email": "old@example.com", "password": "pass123"})).await.expect(200);
        assert_eq!(app.count("select count(*) from users where password_hash like '$argon2id$%'").await, 1);
    }
}

#[tokio::test]
async fn a_hash_of_other_costs_is_renewed_at_the_next_login() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let dearer = app.beside(&[("APP_AUTH__ARGON2_ITERATIONS", "2")]).await;
    let login = |password: &str| dearer.anon.post(LOGIN, json!({"email": "alice@example.com", "password": password}));
    login("pass124").await.refused(401, "INVALID_CREDENTIALS", "Invalid credentials");
    assert_eq!(app.count("select count(*) from users where password_hash like '%m=64,t=1,p=1%'").await, 1);
    for _ in 0..2 {
        login("pass123").await.expect(200);
        assert_eq!(app.count("select count(*) from users where password_hash like '%m=64,t=2,p=1%'").await, 1);
    }
}

#[tokio::test]
async fn a_password_that_bcrypt_cut_off_is_never_replaced_by_a_mistyped_one() {
    let app = TestApp::start().await;
    // 87 bytes, of which bcrypt has seen 72.
    let password = "รหัสของฉันยาวมากจนเกินไปจริงๆ";
    assert!(password.len() > 72);
    let bcrypt = bcrypt::hash(password, 4).expect("a hash");
    let insert = format!("insert into users (email, password_hash) values ('old@example.com', '{bcrypt}')");
    sqlx::query(AssertSqlSafe(insert)).execute(&mut app.connection().await).await.expect("inserted");
    let login = |password: &str| app.anon.post(LOGIN, json!({"email": "old@example.com", "password": password}));
    for password in [format!("{password} "), format!("{password}x"), password.to_owned(), password.to_owned()] {
        login(&password).await.expect(200);
        assert_eq!(app.count("select count(*) from users where password_hash like '$2b$%'").await, 1);
    }
}

#[tokio::test]
async fn an_address_that_is_too_long_in_lower_case_is_invalid() {
    let app = TestApp::start().await;
    let grows = format!("{}@{}com", "İ".repeat(32), format!("{}.", "İ".repeat(31)).repeat(6));
    assert!(grows.chars().count() < 254);
    for path in [REGISTER, LOGIN] {
        let body = json!({"email": grows, "password": "pass123"});
        app.anon.post(path, body).await.invalid(&["email must be an email"]);
    }
}

#[tokio::test]
async fn me_is_who_is_signed_in() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let me = alice.get(ME).await.expect(200);
    assert_eq!(me["email"], "alice@example.com");
    assert!(me.get("passwordHash").is_none() && me.get("password").is_none());
}

#[tokio::test]
async fn without_a_good_token_nobody_is_signed_in() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let good = alice.token.clone().expect("a token");
    let (head, signature) = good.rsplit_once('.').expect("three parts");
    let payload = head.split_once('.').expect("three parts").1;
    let claims = claims(&good);
    let none = format!("{}.{payload}.", BASE64_URL_SAFE_NO_PAD.encode(br#"{"alg":"none","typ":"JWT"}"#));
    let forged_payload = BASE64_URL_SAFE_NO_PAD.encode(br#"{"userId":1,"email":"x@y.zz","iat":1,"exp":99999999999}"#);
    let expired = signed(&json!({"userId": claims["userId"], "email": "a", "iat": 1, "exp": 2}), SECRET);
    let of_another = signed(&claims, "somebody else's secret");
    for token in [
        String::new(),
        "nonsense".to_owned(),
        none.clone(),
        format!("{none}{signature}"),
        format!("{}.{forged_payload}.{signature}", head.split_once('.').expect("three parts").0),
        format!("{head}."),
        head.to_owned(),
        expired,
        of_another,
        "x".repeat(10_000),
    ] {
        alice.with_token(token).get(ME).await.refused(401, "UNAUTHORIZED", "Unauthorized");
    }
    app.anon.get(ME).await.refused(401, "UNAUTHORIZED", "Unauthorized");
    // A token in the query string does not count.
    app.anon.get(&format!("{ME}?access_token={good}&token={good}")).await.refused(401, "UNAUTHORIZED", "Unauthorized");
}

#[tokio::test]
async fn the_scheme_is_read_in_any_case() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let token = alice.token.expect("a token");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let request = app.anon.request(reqwest::Method::GET, ME).header("authorization", format!("{scheme} {token}"));
        app.anon.send(request).await.expect(200);
    }
    let basic = app.anon.request(reqwest::Method::GET, ME).header("authorization", format!("Basic {token}"));
    app.anon.send(basic).await.refused(401, "UNAUTHORIZED", "Unauthorized");
}

#[tokio::test]
async fn a_token_ends_on_the_second() {
    let app = TestApp::at("2026-02-16T09:30:00Z").await;
    let alice = app.user("alice").await;
    let mut claims = claims(alice.token.as_deref().expect("a token"));
    let now = claims["iat"].as_i64().expect("a number");
    for (exp, status) in [(now + 1, 200), (now, 401), (now - 1, 401)] {
        claims["exp"] = json!(exp);
        assert_eq!(alice.with_token(signed(&claims, SECRET)).get(ME).await.status.as_u16(), status);
    }
}

#[tokio::test]
async fn the_token_of_an_account_that_is_gone_is_nobodys() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    sqlx::query("delete from users").execute(&mut app.connection().await).await.expect("deleted");
    alice.get(ME).await.refused(401, "UNAUTHORIZED", "Unauthorized");
    let create = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "x"});
    alice.post("/api/transactions", create).await.refused(401, "UNAUTHORIZED", "Unauthorized");
    alice.get("/api/transactions/dashboard").await.refused(401, "UNAUTHORIZED", "Unauthorized");
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    jsonwebtoken::dangerous::insecure_decode::<Value>(token)
        .map_or_else(|error| panic!("{payload}: {error}"), |data| data.claims)
}

fn signed(claims: &Value, secret: &str) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).expect("a token")
}
