//! What belongs to somebody else is not there: in the API, and in the schema.

use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::support::app::TestApp;

#[tokio::test]
async fn another_users_transaction_is_not_found_and_not_touched() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "x", "date": "2026-02-16"});
    let row = alice.post("/api/transactions", body).await.expect(201);
    let path = format!("/api/transactions/{}", row["id"]);
    let message = format!("Transaction not found: {}", row["id"]);
    bob.get(&path).await.refused(404, "TRANSACTION_NOT_FOUND", &message);
    bob.put(&path, json!({"title": "mine"})).await.refused(404, "TRANSACTION_NOT_FOUND", &message);
    bob.patch(&path, json!({"title": "mine"})).await.refused(404, "TRANSACTION_NOT_FOUND", &message);
    bob.delete(&path).await.refused(404, "TRANSACTION_NOT_FOUND", &message);
    assert_eq!(bob.get("/api/transactions").await.expect(200), json!([]));
    assert_eq!(bob.get("/api/transactions/filter").await.expect(200), json!([]));
    assert_eq!(bob.get("/api/transactions/dashboard").await.expect(200)["transactionCount"], 0);
    assert_eq!(alice.get(&path).await.expect(200), row);
}

#[tokio::test]
async fn users_have_categories_of_their_own() {
    let app = TestApp::start().await;
    let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "Food"});
    let of_alice = app.user("alice").await.post("/api/transactions", body.clone()).await.expect(201);
    let of_bob = app.user("bob").await.post("/api/transactions", body).await.expect(201);
    assert_ne!(of_alice["categoryId"], of_bob["categoryId"]);
}

#[tokio::test]
async fn the_schema_refuses_what_must_never_be() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "Food", "date": "2026-02-16"});
    let of_alice = alice.post("/api/transactions", body.clone()).await.expect(201);
    let of_bob = bob.post("/api/transactions", body).await.expect(201);
    let (mine, theirs) = (of_alice["id"].as_i64().expect("an id"), of_bob["categoryId"].as_i64().expect("an id"));
    let mut connection = app.connection().await;
    for (change, constraint) in [
        (format!("category_id = {theirs}"), "transactions_category_fkey"),
        ("type = 'INCOME'".to_owned(), "transactions_category_fkey"),
        ("amount = 0".to_owned(), "transactions_amount_positive"),
        ("currency = 'baht'".to_owned(), "transactions_currency_code"),
        ("title = ''".to_owned(), "transactions_title_length"),
        ("date = 'infinity'".to_owned(), "transactions_date_range"),
    ] {
        let sql = format!("update transactions set {change} where id = {mine}");
        let error = sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect_err(&change);
        assert_eq!(
            error.as_database_error().and_then(|error| error.constraint()),
            Some(constraint),
            "{change}: {error}"
        );
    }
    for (change, constraint) in
        [("email = 'BOB@example.com'", "users_email_lower_case"), ("email = 'bob@example.com'", "users_email_key")]
    {
        let sql = format!("update users set {change} where email = 'alice@example.com'");
        let error = sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect_err(change);
        assert_eq!(
            error.as_database_error().and_then(|error| error.constraint()),
            Some(constraint),
            "{change}: {error}"
        );
    }
}
