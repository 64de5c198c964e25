//! The commands of README.md and docs/api.md, typed word for word by bash on a fresh database, and what the pages show of the
//! answers. It needs what the pages ask for: bash, curl and sed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use regex::Regex;
use sqlx::ConnectOptions as _;

use crate::support::cluster;
use crate::support::process::{stderr, stdout};

/// What stands in the pages and is another here, as a script of sed: the port, which may be in use; the binary, which is built
/// already; the database, which is that of the tests; the log, which is read here.
const OTHER_HERE: &str = r"
s|localhost:3000|localhost:$PORT|g
s|target/release/app|app|g
s|^export DATABASE_URL=.*|export DATABASE_URL=$TEST_DATABASE_URL|
";

/// What the commands of the pages are here. Without arguments, `app` serves: as in another terminal.
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

/// Blocks that are tried elsewhere, by their first words: the tests themselves, Docker by `just docker-test`, and what asks for a
/// password, whose database the test makes.
const ELSEWHERE: &[&str] = &["cargo test", "cp .env.example", "sudo -u postgres"];

/// Ends the output of a command, with its exit code behind it.
const END: &str = "\u{1e}";

/// Commands that are typed together, and what the page shows of their output.
struct Step {
    line: usize,
    commands: String,
    shown: Option<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The blocks of a page: of `sh` all that is in it, of `console` each command with what is under it.
fn steps(page: &str) -> Vec<Step> {
    let text = std::fs::read_to_string(root().join(page)).expect("a page");
    let mut steps: Vec<Step> = Vec::new();
    let mut kind = None;
    for (line, text) in (1..).zip(text.lines()) {
        match (kind, text.strip_prefix("```")) {
            (None, Some(name)) => {
                kind = Some(name);
                if name == "sh" {
                    steps.push(Step { line: line + 1, commands: String::new(), shown: None });
                }
            }
            (Some(_), Some(_)) => kind = None,
            (Some("sh"), None) => {
                let step = steps.last_mut().expect("a step");
                step.commands += &format!("{text}\n");
            }
            (Some("console"), None) => match (text.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { line, commands: format!("{command}\n"), shown: Some(String::new()) });
                }
                (None, Some(Step { shown: Some(shown), .. })) => *shown += &format!("{text}\n"),
                (None, _) => panic!("{page}:{line}: an answer to nothing"),
            },
            _ => {}
        }
    }
    steps.retain(|step| !ELSEWHERE.iter().any(|words| step.commands.starts_with(words)));
    steps
}

/// Changes what stands in a page to what is here.
fn as_here(script: &str, environment: &[(&str, String)]) -> String {
    let mut rules = OTHER_HERE.to_owned();
    for (name, value) in environment {
        rules = rules.replace(&format!("${name}"), value);
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), script).expect("written");
    let output = Command::new("sed").arg(rules).arg(file.path()).output().expect("sed runs");
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

/// What a page shows: `…` stands for anything, and what is another each time for itself.
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

/// A folder like a fresh clone, as far as the commands look into it.
fn clone() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    // The server's account has to pass, where the tests run as root.
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

/// A port that nobody has at this moment.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

/// Types all steps into one shell.
fn typed(steps: &[Step], before: &str, folder: &Path, database_url: &str) -> Output {
    let environment = [("PORT", free_port().to_string()), ("TEST_DATABASE_URL", database_url.to_owned())];
    let mut script = format!("{COMMANDS}{before}");
    for step in steps {
        script += &format!("{}printf '{END}%s{END}' $?\n", as_here(&step.commands, &environment));
    }
    let mut bash = Command::new("bash");
    bash.current_dir(folder).stdin(Stdio::null()).env_clear().args(["-c", &script]);
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            bash.env(name, value);
        }
    }
    bash.env("APP", env!("CARGO_BIN_EXE_app")).envs(environment.iter().map(|(name, value)| (name, value)));
    // The migrations of the clone are those that the binary holds, and its server has the port to itself.
    bash.env("APP_PROFILE", "dev").env("APP_SERVER__INTERNAL", "off").env("NO_PROXY", "*");
    bash.output().expect("bash runs")
}

fn check(page: &str, steps: &[Step], output: &Output) {
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
        // What the sentence before it says.
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
