//! After a take-over, users continue with their tokens, passwords and data.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::json;

use super::{TakeOverBench, ran};
use crate::support::cluster;
use crate::support::process::{self, SECRET, Server};

/// A token signed by the original.
fn token_of_the_original(user_id: i64, email: &str) -> String {
    // Creating `Tokens` installs the algorithm.
    let _ =
        app::http::identity::Tokens::new(SECRET, Duration::ZERO, std::sync::Arc::new(app::domain::clock::SystemClock));
    let claims = format!(r#"{{"userId":{user_id},"email":"{email}","iat":1770000000,"exp":99999999999}}"#);
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let message = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims));
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let algorithm = jsonwebtoken::Algorithm::HS256;
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).expect("signed");
    format!("{message}.{signature}")
}

#[tokio::test(flavor = "multi_thread")]
async fn old_tokens_and_old_passwords_are_good_and_the_rows_are_there_where_one_role_owns_and_another_serves() {
    // A server that is already running, with a role that owns nothing.
    let bench = TakeOverBench::on(cluster::database().await);
    let (owner, serving) = (cluster::unique("owner"), cluster::unique("serving"));
    for role in [&owner, &serving] {
        bench.execute(&format!("create role {role} login password 'of-a-test'")).await;
    }
    let name = bench.options.get_database().expect("a database");
    bench.execute(&format!("alter database {name} owner to {owner}")).await;
    let as_role = |role: &str| cluster::url_as(&bench.options, role, "of-a-test");
    let (owner_url, serving_url) = (as_role(&owner), as_role(&serving));
    let environment = [
        ("APP_PROFILE", "prod"),
        ("DATABASE_URL", serving_url.as_str()),
        ("DATABASE_DIRECT_URL", owner_url.as_str()),
        ("JWT_SECRET", SECRET),
        ("THROTTLE_LIMIT", "1000"),
    ];
    let app = async |arguments: &[&str]| ran(process::command(arguments, &environment)).await;
    app(&["migrate", "deploy"]).await.expect(0, &[]);
    let server = Server::start(&environment);
    server.client.get("/api").await;

    // The original's tables belong to another role at first, which a dry run reports, too.
    bench.execute(&super::original(1000)).await;
    let hash = bcrypt::hash("pass123", 4).expect("a hash");
    bench.execute(&format!(r#"update "User" set password = '{hash}' where id in (7, 43)"#)).await;
    let here = ["db", "take-over", "--from", "here", "--amounts", "baht", "--yes"];
    let told = ["the role does not own the table ", "must own the original's tables"];
    app(&here).await.expect(2, &told);
    app(&[&here[..6], &["--dry-run"]].concat()).await.expect(2, &told);
    app(&[&here[..], &["--keep-in-place"]].concat()).await.expect(2, &["permission denied for table User"]);
    let objects =
        [r#"table "User""#, r#"table "Transaction""#, "table _prisma_migrations", r#"type "TransactionType""#];
    for object in objects {
        bench.execute(&format!("alter {object} owner to {owner}")).await;
    }
    app(&here).await.expect(0, &["50 users and 990 transactions were taken over"]);

    let old = server.client.with_token(token_of_the_original(43, "user43@Example.com"));
    let row = old.get("/api/transactions/42").await.expect(200);
    assert_eq!(
        (&row["title"], &row["titleEn"], &row["amount"], &row["date"], &row["userId"], &row["type"]),
        (&json!("ข้าว 42"), &json!("Rice 42"), &json!(62_599), &json!("2025-02-12"), &json!(43), &json!("EXPENSE"))
    );
    server.client.with_token(token_of_the_original(1, "x")).get("/api/transactions/42").await.expect_status(404);
    // `User7@Example.com` in any case, with the old password; the second time with its new hash.
    for email in ["User7@Example.com", "user7@example.com"] {
        let body = json!({"email": email, "password": "pass123"});
        let login = server.client.post("/api/auth/login", body).await.expect(200);
        assert_eq!(login["user"]["id"], 7, "{login}");
        let client = server.client.with_token(login["access_token"].as_str().expect("a token"));
        client.get("/api/auth/me").await.expect(200);
    }
    let renewed = "select count(*) from users where id = 7 and password_hash like '$argon2id$%'";
    assert_eq!(bench.count(renewed).await, 1);
    // Lists, search and the next id.
    let found = old.get("/api/transactions?q=rice%2042").await;
    assert!(found.text.contains("\"id\":42"), "{}", found.text);
    let body = json!({"title": "x", "amount": 5, "type": "EXPENSE", "category": "Food"});
    assert_eq!(old.post("/api/transactions", body).await.expect(201)["id"], 1001);
    old.send(old.request(Method::DELETE, "/api/transactions/42")).await.expect(200);
    let undo = app(&["db", "take-over", "--undo", "--dry-run"]).await;
    undo.expect(0, &["1 transaction was entered, 0 were changed, 1 was deleted, 0 categories"]);
}
