//! `/api/auth`: registering, logging in, who is signed in.

use serde_json::json;

use crate::support::app::TestApp;

#[tokio::test]
async fn registering_answers_the_user_with_the_address_in_lower_case() {
    let app = TestApp::start().await;
    let body = json!({"email": "Test.User@Example.com", "password": "pass123", "name": " Test User "});
    let user = app.anon.post("/api/auth/register", body).await.expect(201);
    assert_eq!(user["email"], "test.user@example.com");
    assert_eq!(user["name"], "Test User");
    assert!(user["id"].is_i64());
    let keys: Vec<&String> = user.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["id", "email", "name", "createdAt", "updatedAt"]);
}
