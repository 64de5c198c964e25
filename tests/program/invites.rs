//! `app user …`: invitations, from the command to the registration.

use serde_json::{Value, json};

use super::modes::until_ready;
use crate::support::cluster;
use crate::support::process::{SECRET, Server, run, stderr, stdout};

const REGISTER: &str = "/api/auth/register";

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_made_listed_used_and_revoked() {
    let url = cluster::url(&cluster::migrated_database().await);
    let environment = [
        ("APP_PROFILE", "prod"),
        ("DATABASE_URL", url.as_str()),
        ("JWT_SECRET", SECRET),
        ("APP_AUTH__REGISTRATION", "invite"),
    ];
    let json_of = |arguments: &[&str]| -> Value {
        let output = run(arguments, &environment);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        serde_json::from_str(&stdout(&output)).expect("JSON")
    };
    let none = run(&["user", "invites"], &environment);
    assert!(stdout(&none).contains("`app user invite` creates one"), "{}", stdout(&none));

    // The text for people: the code on the first line, then its validity.
    let made = run(&["user", "invite", "--expires", "2h"], &environment);
    assert!(made.status.success(), "{}", stderr(&made));
    let text = stdout(&made);
    let code = text.lines().next().expect("a code").to_owned();
    assert!(text.contains("valid once until") && text.contains("app user revoke-invite 1"), "{text}");
    assert!(stderr(&made).contains("invite_made") && !stderr(&made).contains(&code), "{}", stderr(&made));

    let many = json_of(&["user", "invite", "--uses", "3", "--json"]);
    assert_eq!((&many["invite"]["usesLeft"], &many["invite"]["state"]), (&json!(3), &json!("open")));
    let list = json_of(&["user", "invites", "--json"]);
    let of = |list: &Value, key: &str| -> Vec<Value> {
        list["invites"].as_array().expect("a list").iter().map(|invite| invite[key].clone()).collect()
    };
    assert_eq!(of(&list, "id"), [2, 1]);
    assert!(!list.to_string().contains(&code), "{list}");

    let server = Server::start(&environment);
    until_ready(&server.client).await;
    let register = |name: &str, code: &Value| {
        let email = format!("{name}@example.com");
        server.client.post(REGISTER, json!({"email": email, "password": "correct horse battery", "inviteCode": code}))
    };
    register("alice", &json!(code)).await.expect(201);
    assert_eq!(register("bob", &json!(code)).await.status, 403);
    register("bob", &many["code"]).await.expect(201);
    assert_eq!(of(&json_of(&["user", "invites", "--json"]), "state"), ["open", "used up"]);

    assert_eq!(json_of(&["user", "revoke-invite", "2", "--json"])["revoked"], 2);
    assert_eq!(register("carol", &many["code"]).await.status, 403);
    let again = run(&["user", "revoke-invite", "2"], &environment);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("there is no invitation 2; nothing was changed"), "{}", stderr(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_for_an_invitation_is_refused() {
    let url = cluster::url(&cluster::database().await);
    let environment = [("APP_PROFILE", "prod"), ("DATABASE_URL", url.as_str())];
    for arguments in [
        &["user", "invite", "--uses", "0"][..],
        &["user", "invite", "--uses", "1001"],
        &["user", "invite", "--expires", "0s"],
        &["user", "invite", "--expires", "3years"],
        &["user", "revoke-invite", "x"],
        &["user"],
    ] {
        assert_eq!(run(arguments, &environment).status.code(), Some(2), "{arguments:?}");
    }
    let pending = run(&["user", "invite"], &environment);
    assert_eq!(pending.status.code(), Some(3), "{}", stderr(&pending));
    assert!(
        stderr(&pending).contains("run `app migrate deploy`") || stderr(&pending).contains("Run `app migrate deploy`")
    );
}
