//! What a stranger meets who gets something wrong: the message says where, why, and what to do next.

use sqlx::ConnectOptions as _;

use crate::support::cluster;
use crate::support::process::{SECRET, Server, run, stderr, stdout};

/// The commands that work on a database, each the shortest way.
const COMMANDS: &[&[&str]] = &[
    &["migrate", "deploy"],
    &["migrate", "status"],
    &["db", "seed"],
    &["db", "wait", "--timeout", "0s"],
    &["user", "invites"],
    &["serve", "--port", "0"],
];

/// What a command says that fails, without anything that no person understands.
fn told(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(arguments, environment);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
    let text = stderr(&output);
    for chatter in
        ["error returned from database", "error communicating with database", " at line ", "os error", "password@"]
    {
        assert!(!text.contains(chatter), "{arguments:?}: {chatter}: {text}");
    }
    let causes = ["refused", "does not exist", "permission denied", "there is no database", "no such host"];
    let last = text.lines().last().unwrap_or_default();
    for cause in causes {
        assert!(last.matches(cause).count() <= 1, "{arguments:?} says it twice: {last}");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_keeps_a_command_from_its_database_is_told_with_the_place_and_the_next_step() {
    let options = cluster::migrated_database().await;
    let url = cluster::url(&options);
    let name = options.get_database().expect("a name");
    let missing = cluster::unique("missing");
    let wrong_password = cluster::url_as(&options, "app", "wrong-password");
    let missing_url = url.replace(name, &missing);
    let cases: [(&str, &str, Vec<String>); 4] = [
        (
            "refused",
            "postgres://user:password@127.0.0.1:1/x",
            vec!["the database x on 127.0.0.1:1 as user: connection refused. Is PostgreSQL running there?".to_owned()],
        ),
        (
            "no such host",
            "postgres://user:password@nowhere.invalid/x",
            vec!["the database x on nowhere.invalid:5432 as user: no such host is known.".to_owned()],
        ),
        (
            "password",
            &wrong_password,
            vec![format!("the database {name} on "), " as app: password refused for app.".to_owned()],
        ),
        (
            "missing",
            &missing_url,
            vec![format!("there is no database {missing}. Create it with `createdb -O app {missing}`.")],
        ),
    ];
    for (case, url, words) in cases {
        for arguments in COMMANDS {
            // A server waits for a database that may come.
            if arguments[0] == "serve" && case != "password" {
                continue;
            }
            let text = told(arguments, &[("APP_PROFILE", "dev"), ("DATABASE_URL", url)]);
            for words in &words {
                assert!(text.contains(words), "{case}, {arguments:?}: {words}: {text}");
            }
            assert!(text.contains("othing was changed."), "{case}, {arguments:?}: {text}");
            assert!(!text.contains("wrong-password"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_make_no_tables_is_told_who_has_to_own_the_database() {
    let options = cluster::database().await;
    let name = options.get_database().expect("a name");
    let role = cluster::unique("stranger");
    let mut owner = options.connect().await.expect("connected");
    cluster::run(&mut owner, format!("create role {role} login password 'password'")).await;
    let url = cluster::url_as(&options, &role, "password");
    let text = told(&["migrate", "deploy"], &[("APP_PROFILE", "prod"), ("DATABASE_URL", &url)]);
    assert!(text.contains(&format!("the database {name} on ")), "{text}");
    assert!(text.contains("permission denied for schema public. As a superuser: "), "{text}");
    assert!(text.contains(&format!("`alter database {name} owner to {role}`")), "{text}");
    cluster::run(&mut owner, format!("alter database {name} owner to {role}")).await;
    let output = run(&["migrate", "deploy"], &[("APP_PROFILE", "prod"), ("DATABASE_URL", &url)]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_wait_says_what_it_is_for() {
    let environment = [("APP_PROFILE", "dev"), ("DATABASE_URL", "postgres://user:password@127.0.0.1:1/x")];
    for arguments in [&["db", "wait", "--timeout", "3s"][..], &["migrate", "deploy", "--wait", "3s"]] {
        let text = told(arguments, &environment);
        let waits = "waiting for the database at 127.0.0.1:1 (3 s at most): connection refused";
        assert_eq!(text.matches(waits).count(), 1, "{arguments:?}: {text}");
    }
    let json = run(&["migrate", "status", "--json"], &environment);
    let document: serde_json::Value = serde_json::from_str(&stdout(&json)).expect("JSON");
    let message = document["error"]["message"].as_str().expect("a message");
    assert_eq!(
        (&document["error"]["code"], message.matches("refused").count()),
        (&"unreachable".into(), 1),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_waits_for_its_database_and_says_so() {
    let options = cluster::database().await;
    let late = cluster::unique("late");
    let url = cluster::url(&options).replace(options.get_database().expect("a name"), &late);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("a path").to_owned();
    let starting = tokio::task::spawn_blocking(move || {
        Server::start(&[("APP_PROFILE", "dev"), ("DATABASE_URL", &url), ("APP_DATABASE__DATA_DIR", &data)])
    });
    // Long enough for a word on it.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let mut owner = options.connect().await.expect("connected");
    cluster::run(&mut owner, format!("create database {late}")).await;
    let server = starting.await.expect("it started");
    let waits = server.before_listening.iter().any(|line| line.contains(&format!("there is no database {late}")));
    assert!(waits, "{:#?}", server.before_listening);
}

#[test]
fn a_url_that_is_none_is_told_why_and_its_password_is_not() {
    let config =
        |url: &str| run(&["config"], &[("APP_PROFILE", "prod"), ("JWT_SECRET", SECRET), ("DATABASE_URL", url)]);
    for password in ["hunter2#x", "hunter2/x", "hunter2?x"] {
        let output = config(&format!("postgres://user:{password}@localhost:5432/db"));
        let text = stderr(&output);
        assert!(!output.status.success() && text.contains("percent-encoded"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(text.matches("nothing was started").count(), 1, "{text}");
    }
    let prisma = config("postgres://user:password@localhost:5432/db?schema=public&connection_limit=5");
    assert!(prisma.status.success() && stderr(&prisma).is_empty(), "{}", stderr(&prisma));
    let other = stderr(&config("postgres://user:password@localhost:5432/db?schema=other"));
    assert!(other.contains("names another schema than public"), "{other}");
}

#[test]
fn a_level_of_the_log_that_is_none_is_refused() {
    for typo in ["loud", "inf", "info,verbose"] {
        let output = run(&["config"], &[("APP_PROFILE", "dev"), ("RUST_LOG", typo)]);
        let text = stderr(&output);
        assert!(!output.status.success() && text.contains("is no level; there are off, error, warn"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_the_log_says_which_path_was_not_found_and_nothing_that_was_asked_for() {
    let url = cluster::url(&cluster::database().await);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("a path");
    // Without a command it serves.
    let environment = [("APP_PROFILE", "dev"), ("DATABASE_URL", url.as_str()), ("APP_DATABASE__DATA_DIR", data)];
    let server = Server::start_with(crate::support::process::command(&["--port", "0"], &environment));
    let client = &server.client;
    client.get("/api/nope?word=private").await.expect_status(404);
    client.get(&format!("/api/{}", "long/".repeat(200))).await.expect_status(404);
    client.get("/api/%1b[31mred%0d%0aINFO").await.expect_status(404);
    let log = server.log_so_far().await;
    let text = log.join("\n");
    let nope = log.iter().find(|line| line.contains("GET /api/nope 404 ")).unwrap_or_else(|| panic!("{text}"));
    assert!(nope.contains(" ms NOT_FOUND") && nope.contains("id="), "{nope}");
    assert!(!text.contains("private") && !text.contains('\u{1b}'), "{text}");
    assert!(log.iter().all(|line| line.chars().count() < 400), "{text}");
}

#[test]
fn what_people_type_first_is_understood() {
    for arguments in [&["help"][..], &["help", "migrate"], &["version"], &["migrate", "help"], &["db", "help", "seed"]]
    {
        let output = run(arguments, &[]);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    }
    let output = run(&["--port", "3001", "migrate", "status"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("for serving"), "{}", stderr(&output));
}

#[test]
fn config_says_what_stands_in_for_what_is_not_set() {
    let output = run(&["config"], &[("APP_PROFILE", "dev")]);
    let text = stdout(&output);
    let line = |key: &str| text.lines().find(|line| line.starts_with(key)).expect(key).to_owned();
    assert!(line("database.url").ends_with("# not set: a private PostgreSQL in .data/postgres"), "{text}");
    assert!(line("auth.jwt_secret").contains("# not set: the key in .data/jwt-secret"), "{text}");
    assert!(line("database.embedded").contains("= true"), "{text}");
    let json = run(&["config", "--json"], &[("APP_PROFILE", "dev"), ("JWT_SECRET", SECRET)]);
    let document: serde_json::Value = serde_json::from_str(&stdout(&json)).expect("JSON");
    assert!(document["settings"].as_array().expect("settings").len() > 40 && !stdout(&json).contains(SECRET));
}
