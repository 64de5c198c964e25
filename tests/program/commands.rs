//! Commands that need no server.

use crate::support::process::{SECRET, run, stderr, stdout};

#[test]
fn help_teaches_the_first_steps_and_the_way_to_production() {
    let output = run(&["--help"], &[]);
    assert!(output.status.success());
    for words in ["app db seed", "app migrate deploy", "JWT_SECRET", "app config", "healthcheck"] {
        assert!(stdout(&output).contains(words), "{words}: {}", stdout(&output));
    }
    assert!(!stdout(&output).contains("embedded-keeper"), "nobody types this");
}

#[test]
fn a_wrong_command_line_is_told_and_ends_with_2() {
    for arguments in
        [&["nonsense"][..], &["migrate"], &["migrate", "deploy", "--lock-timeout", "soon"], &["--profile", "staging"]]
    {
        let output = run(arguments, &[]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn config_shows_each_value_with_its_origin_and_no_secret() {
    let environment = [
        ("APP_PROFILE", "prod"),
        ("JWT_SECRET", SECRET),
        ("DATABASE_URL", "postgres://app:hunter2@db/expenses?password=hunter3"),
        ("PORT", "4000"),
    ];
    let output = run(&["config"], &environment);
    let text = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(text.contains("profile = prod"), "{text}");
    let port = text.lines().find(|line| line.starts_with("server.port")).expect("the port");
    assert!(port.contains("= 4000") && port.ends_with("# the environment variable PORT"), "{port}");
    assert!(text.contains("postgres://app:********@db/expenses?password=********"), "{text}");
    assert!(!text.contains("hunter") && !text.contains(SECRET), "{text}");
}

#[test]
fn prod_refuses_to_start_and_names_everything_that_is_missing() {
    let output = run(&["serve"], &[("APP_PROFILE", "prod")]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    for words in
        ["2 mistakes", "auth.jwt_secret: not set", "openssl rand -base64 48", "database.url: not set", "DATABASE_URL"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    for weak in ["short", "your-256-bit-secret-your-256-bit-secret", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let environment = [("APP_PROFILE", "prod"), ("DATABASE_URL", "postgres://h/d"), ("JWT_SECRET", weak)];
        let output = run(&["serve"], &environment);
        assert_eq!(output.status.code(), Some(1), "{weak}");
        let text = stderr(&output);
        assert!(text.contains("auth.jwt_secret") && !text.contains(weak), "{text}");
    }
}

#[test]
fn the_document_is_printed_without_a_database() {
    let output = run(&["openapi"], &[("APP_PROFILE", "prod")]);
    let document: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn there_are_completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell], &[]);
        assert!(output.status.success() && stdout(&output).contains("migrate"), "{shell}");
    }
}

#[test]
fn a_health_check_of_nobody_fails() {
    let output = run(&["healthcheck"], &[("APP_PROFILE", "prod"), ("PORT", "1")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("http://127.0.0.1:1/healthz"), "{}", stderr(&output));
}

#[test]
fn a_database_that_is_not_there_is_told_and_the_password_is_not() {
    let environment = [("APP_PROFILE", "prod"), ("DATABASE_URL", "postgres://app:hunter2@127.0.0.1:1/x")];
    for command in ["deploy", "status"] {
        let output = run(&["migrate", command], &environment);
        assert_eq!(output.status.code(), Some(1));
        let text = stderr(&output);
        assert!(
            text.contains("no connection to the database x on 127.0.0.1:1 as app: connection refused.")
                && text.contains("Nothing was changed.")
                && !text.contains("hunter2"),
            "{text}"
        );
    }
}
