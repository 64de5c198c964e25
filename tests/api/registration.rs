//! The right to register: `auth.registration`.

use std::time::Duration;

use app::features::auth::{invites_store, registration};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Answer;

const REGISTER: &str = "/api/auth/register";
const CLOSED: &str = "Registration is closed on this server. Ask whoever runs it for an account";
const BY_INVITATION: &str = "Registration is by invitation: send its code as inviteCode";
const NOT_VALID: &str =
    "The invitation is not valid: it was used up, revoked, is too old, or was mistyped. Ask for another one";

async fn register(app: &TestApp, name: &str, code: Option<&str>) -> Answer {
    let mut body = json!({"email": format!("{name}@example.com"), "password": "pass123"});
    if let Some(code) = code {
        body["inviteCode"] = json!(code);
    }
    app.anon.post(REGISTER, body).await
}

fn mode(mode: &'static str) -> [(&'static str, &'static str); 1] {
    [("APP_AUTH__REGISTRATION", mode)]
}

/// A code that is good for so many registrations and seconds, and the id of its invitation.
async fn invitation(app: &TestApp, uses: i64, seconds: f64) -> (String, i64) {
    let (code, hash) = registration::new_code().expect("a code");
    let invite = invites_store::insert(&mut app.connection().await, &hash, uses, seconds).await.expect("an invitation");
    (code.expose().clone(), invite.id)
}

#[tokio::test]
async fn closed_is_closed_to_everybody_in_the_same_words() {
    let open = TestApp::start().await;
    open.user("alice").await;
    let app = open.beside(&mode("closed")).await;
    for name in ["alice", "nobody"] {
        register(&app, name, None).await.refused(403, "REGISTRATION_CLOSED", CLOSED);
        register(&app, name, Some("abcde-fghjk")).await.refused(403, "REGISTRATION_CLOSED", CLOSED);
    }
    let body = json!({"email": "alice@example.com", "password": "x"});
    app.anon.post(REGISTER, body).await.refused(403, "REGISTRATION_CLOSED", CLOSED);
    assert_eq!(app.count("select count(*) from users").await, 1);
    let login = json!({"email": "alice@example.com", "password": "pass123"});
    app.anon.post("/api/auth/login", login).await.expect(200);
}

#[tokio::test]
async fn the_first_user_registers_and_of_many_at_once_exactly_one_is_first() {
    let app = TestApp::configured(&mode("first_user")).await;
    let beside = app.beside(&mode("first_user")).await;
    let tries: Vec<_> = (0..12)
        .map(|number| {
            let anon = if number % 2 == 0 { app.anon.clone() } else { beside.anon.clone() };
            let body = json!({"email": format!("{number}@example.com"), "password": "pass123"});
            tokio::spawn(async move { anon.post(REGISTER, body).await })
        })
        .collect();
    let mut created = 0;
    for attempt in tries {
        let answer = attempt.await.expect("an answer");
        if answer.status == 201 {
            created += 1;
        } else {
            answer.refused(403, "REGISTRATION_CLOSED", CLOSED);
        }
    }
    assert_eq!((created, app.count("select count(*) from users").await), (1, 1));
    register(&app, "late", None).await.refused(403, "REGISTRATION_CLOSED", CLOSED);
}

#[tokio::test]
async fn the_first_user_who_sends_the_request_again_gets_the_same_answer() {
    let app = TestApp::configured(&mode("first_user")).await;
    let send = async |password: &str| {
        let body = json!({"email": "alice@example.com", "password": password});
        let request = app.anon.request(reqwest::Method::POST, REGISTER).header("idempotency-key", "k1");
        app.anon.send(request.json(&body)).await
    };
    let first = send("pass123").await.expect(201);
    assert_eq!(send("pass123").await.expect(201), first);
    send("pass124").await.refused(403, "REGISTRATION_CLOSED", CLOSED);
}

#[tokio::test]
async fn an_invitation_lets_in_as_many_as_it_says() {
    let app = TestApp::configured(&mode("invite")).await;
    let (code, _) = invitation(&app, 2, 60.0).await;
    register(&app, "a", None).await.refused(403, "REGISTRATION_CLOSED", BY_INVITATION);
    register(&app, "a", Some("")).await.refused(403, "REGISTRATION_CLOSED", BY_INVITATION);
    for wrong in ["abcde-fghjk-mnpqr-stuvw", &code[1..], "x"] {
        register(&app, "a", Some(wrong)).await.refused(403, "REGISTRATION_CLOSED", NOT_VALID);
    }
    register(&app, "a", Some(&code)).await.expect(201);
    register(&app, "b", Some(&code.to_uppercase().replace('-', " "))).await.expect(201);
    register(&app, "c", Some(&code)).await.refused(403, "REGISTRATION_CLOSED", NOT_VALID);
    // Of a number of codes in the table none can be read.
    let hash: Vec<u8> = sqlx::query_scalar("select code_hash from invites")
        .fetch_one(&mut app.connection().await)
        .await
        .expect("a hash");
    assert_eq!(hash.len(), 32);
}

#[tokio::test]
async fn of_many_with_the_same_code_at_once_exactly_as_many_as_it_says_register() {
    let app = TestApp::configured(&mode("invite")).await;
    let (code, _) = invitation(&app, 3, 60.0).await;
    let tries: Vec<_> = (0..12)
        .map(|number| {
            let (anon, code) = (app.anon.clone(), code.clone());
            let body = json!({"email": format!("{number}@example.com"), "password": "pass123", "inviteCode": code});
            tokio::spawn(async move { anon.post(REGISTER, body).await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for attempt in tries {
        statuses.push(attempt.await.expect("an answer"));
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[201; 3].as_slice(), &[403; 9]].concat());
    assert_eq!(app.count("select uses_left from invites").await, 0);
}

#[tokio::test]
async fn an_invitation_is_given_back_by_a_registration_that_fails() {
    let app = TestApp::configured(&mode("invite")).await;
    let (code, _) = invitation(&app, 2, 60.0).await;
    register(&app, "alice", Some(&code)).await.expect(201);
    let taken = "Email already exists: alice@example.com";
    register(&app, "alice", Some(&code)).await.refused(409, "EMAIL_ALREADY_EXISTS", taken);
    let short = json!({"email": "bob@example.com", "password": "short", "inviteCode": code});
    app.anon.post(REGISTER, short).await.invalid(&["password must be longer than or equal to 6 characters"]);
    assert_eq!(app.count("select uses_left from invites").await, 1);
    // Sent again under its key it is one registration.
    let body = json!({"email": "bob@example.com", "password": "pass123", "inviteCode": code});
    let mut answers: Vec<Value> = Vec::new();
    for _ in 0..3 {
        let request = app.anon.request(reqwest::Method::POST, REGISTER).header("idempotency-key", "k1");
        answers.push(app.anon.send(request.json(&body)).await.expect(201));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(app.count("select uses_left from invites").await, 0);
}

#[tokio::test]
async fn an_invitation_that_is_over_or_revoked_lets_nobody_in() {
    let app = TestApp::configured(&mode("invite")).await;
    let (over, _) = invitation(&app, 1, 0.05).await;
    let (revoked, id) = invitation(&app, 1, 60.0).await;
    assert!(invites_store::delete(&mut app.connection().await, id).await.expect("revoked"));
    assert!(!invites_store::delete(&mut app.connection().await, id).await.expect("nothing there"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    for code in [over, revoked] {
        register(&app, "a", Some(&code)).await.refused(403, "REGISTRATION_CLOSED", NOT_VALID);
    }
    assert_eq!(app.count("select count(*) from users").await, 0);
}

#[tokio::test]
async fn where_registration_is_open_a_code_is_not_looked_at() {
    let app = TestApp::start().await;
    register(&app, "a", Some("whatever")).await.expect(201);
    let body = json!({"email": "b@example.com", "password": "pass123", "inviteCode": 5});
    app.anon.post(REGISTER, body).await.invalid(&["inviteCode must be a string"]);
    let body = json!({"email": "b@example.com", "password": "pass123", "inviteCode": null});
    app.anon.post(REGISTER, body).await.expect(201);
}

#[tokio::test]
async fn invitations_that_ended_a_month_ago_are_forgotten() {
    let app = TestApp::configured(&mode("invite")).await;
    invitation(&app, 1, 60.0).await;
    let (_, old) = invitation(&app, 1, 60.0).await;
    let mut connection = app.connection().await;
    sqlx::query("update invites set expires_at = now() - interval '31 days' where id = $1")
        .bind(old)
        .execute(&mut connection)
        .await
        .expect("updated");
    assert_eq!(invites_store::forget_old(&mut connection).await.expect("removed"), 1);
    assert_eq!(app.count("select count(*) from invites").await, 1);
}
