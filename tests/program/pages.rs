//! Runs the commands of README.md and docs/api.md word for word in bash on a fresh database, and compares the output
//! with the pages. Like the pages, it needs bash, curl and sed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use regex::Regex;
use sqlx::ConnectOptions as _;

use crate::support::cluster;
use crate::support::process::{stderr, stdout};

/// Replaces values of the pages that differ in the test, as a sed script: the port, which may be in use; the binary,
/// which has been built; the database.
const SUBSTITUTIONS: &str = r"
s|localhost:3000|localhost:$PORT|g
s|target/release/app|app|g
s|^export DATABASE_URL=.*|export DATABASE_URL=$TEST_DATABASE_URL|
";

/// Replacements for commands of the pages. Without arguments, `app` serves in the background, as if in another
/// terminal.
const COMMANDS: &str = r#"
serving=
app() {
    if [ $# != 0 ]; then "$APP" "$@"; return; fi
    if [ -n "$serving" ]; then kill "$serving"; wait "$serving"; fi
    "$APP" >server.log 2>&1 &
    serving=$!
    until curl -s "http://localhost:$PORT/readyz" | grep -q '"ready"'; do
        kill -0 "$serving" || { cat server.log; exit 99; }
        sleep 0.05
    done
}
cargo() {
    case "$1" in
    run) shift; while [ "$1" = -q ] || [ "$1" = -- ]; do shift; done; app "$@" ;;
    build) ;;
    esac
}
command -v openssl >/dev/null || openssl() { head -c "$3" /dev/urandom | base64 | tr -d '\n'; }
trap '[ -z "$serving" ] || { kill "$serving"; wait "$serving"; }' EXIT
"#;

/// Blocks that are tested elsewhere, by their first words: the tests themselves, Docker (`just docker-test`), and
/// commands that ask for a password, whose effect the test creates itself.
const TESTED_ELSEWHERE: &[&str] = &["cargo test", "cp .env.example", "sudo -u postgres"];

/// Marks the end of the output of a step, followed by its exit code.
const END: &str = "\u{1e}";

/// Commands that are run together, and their output according to the page.
struct PageStep {
    line: usize,
    commands: String,
    shown: Option<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The code blocks of a page. A `sh` block is a single step; in a `console` block each command is a step with the
/// output below it.
fn steps(page: &str) -> Vec<PageStep> {
    let text = std::fs::read_to_string(root().join(page)).expect("a page");
    let mut steps: Vec<PageStep> = Vec::new();
    let mut kind = None;
    for (line, text) in (1..).zip(text.lines()) {
        match (kind, text.strip_prefix("```")) {
            (None, Some(name)) => {
                kind = Some(name);
                if name == "sh" {
                    steps.push(PageStep { line: line + 1, commands: String::new(), shown: None });
                }
            }
            (Some(_), Some(_)) => kind = None,
            (Some("sh"), None) => {
                let step = steps.last_mut().expect("a step");
                step.commands += &format!("{text}\n");
            }
            (Some("console"), None) => match (text.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(PageStep { line, commands: format!("{command}\n"), shown: Some(String::new()) });
                }
                (None, Some(PageStep { shown: Some(shown), .. })) => *shown += &format!("{text}\n"),
                (None, _) => panic!("{page}:{line}: an answer to nothing"),
            },
            _ => {}
        }
    }
    steps.retain(|step| !TESTED_ELSEWHERE.iter().any(|words| step.commands.starts_with(words)));
    steps
}

/// Adapts a script of a page to the test.
fn adapt(script: &str, environment: &[(&str, String)]) -> String {
    let mut rules = SUBSTITUTIONS.to_owned();
    for (name, value) in environment {
        rules = rules.replace(&format!("${name}"), value);
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), script).expect("written");
    let output = Command::new("sed").arg(rules).arg(file.path()).output().expect("sed runs");
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

/// Compares output with a page, where `…` matches anything, and so do values that differ each time.
fn looks_like(shown: &str, output: &str) -> bool {
    let each_time = Regex::new(concat!(
        r#"("(?:createdAt|updatedAt|deletedAt|timestamp|at|requestId|nextCursor)":)"[^"]*""#,
        r"|\b[0-9a-z]{5}(?:-[0-9a-z]{5}){5}\b",
    ))
    .expect("an expression");
    let plain = |text: &str| each_time.replace_all(text.trim(), "${1}~").into_owned();
    let pattern: Vec<String> = plain(shown).split('…').map(|part| regex::escape(part.trim())).collect();
    let whole = Regex::new(&format!("(?s)^{}$", pattern.join(".*"))).expect("an expression");
    whole.is_match(&plain(output))
}

/// A folder with those files of a clone that the commands read.
fn clone() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    // If the tests run as root, the server's account has to read it.
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), everybody).expect("opened");
    std::fs::create_dir(folder.path().join("migrations")).expect("a folder");
    let mut files = vec![PathBuf::from("schema.sql")];
    for entry in std::fs::read_dir(root().join("migrations")).expect("a folder") {
        files.push(PathBuf::from("migrations").join(entry.expect("an entry").file_name()));
    }
    for file in files {
        std::fs::copy(root().join(&file), folder.path().join(&file)).expect("copied");
    }
    folder
}

/// A port that is free at the moment.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

/// Runs all steps in a single shell.
fn typed(steps: &[PageStep], before: &str, folder: &Path, database_url: &str) -> Output {
    let environment = [("PORT", free_port().to_string()), ("TEST_DATABASE_URL", database_url.to_owned())];
    let mut script = format!("{COMMANDS}{before}");
    for step in steps {
        script += &format!("{}printf '{END}%s{END}' $?\n", adapt(&step.commands, &environment));
    }
    let mut bash = Command::new("bash");
    bash.current_dir(folder).stdin(Stdio::null()).env_clear().args(["-c", &script]);
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            bash.env(name, value);
        }
    }
    bash.env("APP", env!("CARGO_BIN_EXE_app")).envs(environment.iter().map(|(name, value)| (name, value)));
    // The migrations of the clone are those in the binary, and its server has the internal port to itself.
    bash.env("APP_PROFILE", "dev").env("APP_SERVER__INTERNAL", "off").env("NO_PROXY", "*");
    bash.output().expect("bash runs")
}

fn check(page: &str, steps: &[PageStep], output: &Output) {
    let (text, errors) = (stdout(output), stderr(output));
    let mut told = text.split(END);
    for step in steps {
        let place = format!("{page}:{}\n{}", step.line, step.commands);
        let answer = told.next().unwrap_or_default();
        let code = told.next().unwrap_or_else(|| panic!("{place}was not reached:\n{text}\n{errors}"));
        match &step.shown {
            Some(shown) => assert!(looks_like(shown, answer), "{place}shown:\n{shown}\nanswered:\n{answer}\n{errors}"),
            None => assert!(!answer.contains("\"success\":false"), "{place}{answer}"),
        }
        assert!(["0", "3"].contains(&code), "{place}ended with {code}:\n{answer}\n{errors}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_can_be_followed_word_for_word() {
    let options = cluster::database().await;
    let mut connection = options.connect().await.expect("connected");
    let name = options.get_database().expect("a name");
    let role = cluster::unique("reader");
    cluster::run(&mut connection, format!("create role {role} login password 'password'")).await;
    cluster::run(&mut connection, format!("alter database {name} owner to {role}")).await;
    let mut steps = steps("README.md");
    assert!(steps.len() >= 4, "{} steps were found", steps.len());
    for step in &mut steps {
        // The change of schema.sql that the page describes in words.
        if step.commands.contains("--name add_user_phone") {
            step.commands = format!("sed -i.old '/^create table users/a phone text,' schema.sql\n{}", step.commands);
        }
    }
    let folder = clone();
    let output = typed(&steps, "", folder.path(), &cluster::url_as(&options, &role, "password"));
    check("README.md", &steps, &output);
    let written = std::fs::read_dir(folder.path().join("migrations")).expect("a folder");
    let written = written.filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        name.to_string_lossy().contains("add_user_phone")
    });
    assert_eq!(written.count(), 2, "a migration was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_of_the_api_can_be_followed_from_its_first_line_to_its_last() {
    let steps = steps("docs/api.md");
    let shown = steps.iter().filter(|step| step.shown.is_some()).count();
    assert!(steps.len() >= 20 && shown >= 10, "{} steps were found, {shown} with answers", steps.len());
    let folder = clone();
    let output = typed(&steps, "app\n", folder.path(), "");
    check("docs/api.md", &steps, &output);
}

#[test]
fn an_answer_is_held_against_what_the_page_shows() {
    let answer = r#"{"data":{"id":7,"createdAt":"2026-01-01T00:00:00.000Z"},"meta":{"requestId":"ab"}}"#;
    for shown in [
        r#"{"data":{"id":7,"createdAt":"2025-02-02T00:00:00.000Z"},"meta":{"requestId":"cd"}}"#,
        r#"{"data":{"id":7, … },"meta":{ … }}"#,
        r#"{"data":{"id":7, …"#,
    ] {
        assert!(looks_like(shown, answer), "{shown}");
    }
    for shown in [r#"{"data":{"id":8, …"#, r#"{"data":{"id":7"#, r#"… "requestId":"#, ""] {
        assert!(!looks_like(shown, answer), "{shown}");
    }
}
