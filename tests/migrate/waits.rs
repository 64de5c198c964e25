//! What a command waits for, and how a session that ends or a person who stops it is told.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::Connection as _;

use super::{Bench, Ran};
use crate::support::{PATIENCE, cluster, process};

async fn ended(child: std::process::Child) -> Ran {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().expect("it ended"));
    Ran::from(output.await.expect("it ran"))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_a_lock_on_a_table_is_told_while_it_is_waited_for_and_when_it_was_not_had() {
    let bench = Bench::new().await;
    bench.write("1_table.up.sql", "create table t (a int);");
    bench.run(&["deploy"]).await.expect(0, &[]);
    let mut holder = bench.connection().await;
    cluster::run(&mut holder, "set application_name = 'report of march'; begin; select * from t".to_owned()).await;
    bench.write("2_column.up.sql", "-- lock_timeout: 2s\nalter table t add b int;");
    let mut command = bench.command("prod", &["deploy", "--json"]);
    command.env("APP_MIGRATIONS__LOCK_RETRIES", "1");
    let ran = process::ran(command).await;
    let error = serde_json::from_str::<serde_json::Value>(&ran.stdout).expect("a document")["error"].clone();
    let blocker = &error["blocked_by"][0];
    assert_eq!(
        (&blocker["application"], &blocker["state"]),
        (&"report of march".into(), &"idle in transaction".into())
    );
    assert!(blocker["query"].as_str().expect("a query").contains("select * from t"), "{error}");
    ran.expect(1, &["blocked by the server process", "report of march", "idle in transaction"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_a_concurrent_index_waits_for_is_told() {
    let bench = Bench::new().await;
    bench.write("1_table.up.sql", "create table t (a int);");
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.write("2_index.up.sql", "-- no-transaction\ncreate index concurrently t_a on t (a);");
    let mut holder = bench.connection().await;
    cluster::run(&mut holder, "set application_name = 'nightly job'; begin; insert into t values (1)".to_owned()).await;
    let mut deploy = bench.start(&["deploy"]);
    let mut stderr = std::io::BufReader::new(deploy.stderr.take().expect("a pipe"));
    let told = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        while std::io::BufRead::read_line(&mut stderr, &mut line).expect("read") > 0 && !line.contains("blocked by") {}
        (line, stderr)
    });
    let (line, _stderr) = tokio::time::timeout(PATIENCE, told).await.expect("told in time").expect("it ran");
    assert!(line.contains("nightly job"), "{line}");
    cluster::run(&mut holder, "commit".to_owned()).await;
    ended(deploy).await.expect(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_server_ends_is_told_with_the_servers_reason() {
    for (file, text) in [
        ("1_slow.up.sql", "create table t ();\nselect pg_sleep(600);"),
        ("1_slow.up.sql", "-- no-transaction\ncreate table t ();\nselect pg_sleep(600);"),
    ] {
        let bench = Bench::new().await;
        bench.write(file, text);
        let deploy = bench.start(&["deploy"]);
        let sleeps = "select count(*) from pg_stat_activity where datname = current_database() \
                      and application_name = 'app migrate' and wait_event = 'PgSleep'";
        bench.until(sleeps, 1).await;
        bench
            .execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() \
                 and application_name = 'app migrate' and wait_event = 'PgSleep'",
            )
            .await;
        ended(deploy)
            .await
            .expect(1, &["1_slow.up.sql", "57P01", "terminating connection due to administrator command"]);
        bench.run(&["status"]).await.expect(5, &["interrupted"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_parsed_is_told_once_and_without_the_servers_own_warning() {
    let bench = Bench::new().await;
    bench.write("1_bad.up.sql", "create tabel t ();");
    let ran = bench.run(&["deploy"]).await.expect(1, &["42601", "line 1, statement 1 of 1"]);
    assert!(!ran.stderr.contains("no transaction in progress"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_may_take_another_role_for_itself() {
    let bench = Bench::new().await;
    let role = cluster::unique("role");
    bench.execute(&format!("create role {role}; grant create on schema public to {role}")).await;
    bench.write("1_as.up.sql", &format!("set local role {role};\ncreate table t ();"));
    bench.run(&["deploy"]).await.expect(0, &[]);
    assert_eq!(bench.count(&format!("select count(*) from pg_tables where tableowner = '{role}'")).await, 1);
    bench.execute(&format!("drop owned by {role}; drop role {role}")).await;
}

/// A terminal of which the other end is a test.
fn terminal() -> (std::fs::File, impl Fn() -> Stdio) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&controller).expect("granted");
    unlockpt(&controller).expect("unlocked");
    let name = ptsname(&controller, Vec::new()).expect("a name").into_string().expect("text");
    let side = move || Stdio::from(std::fs::OpenOptions::new().read(true).write(true).open(&name).expect("opened"));
    (std::fs::File::from(controller), side)
}

/// Reads the terminal until these words were shown.
fn read_until(controller: &mut std::fs::File, words: &str) -> String {
    let mut shown = Vec::new();
    loop {
        let mut bytes = [0; 1024];
        let count = controller.read(&mut bytes).expect("the terminal is there");
        shown.extend_from_slice(&bytes[..count]);
        let text = String::from_utf8_lossy(&shown).into_owned();
        if text.contains(words) {
            return text;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_can_be_answered_and_a_signal_ends_it() {
    let bench = Bench::new().await;
    bench.desire("create table t (id bigint primary key, name text);");
    bench.run_in("dev", &["dev", "--name", "one"]).await.expect(0, &[]);
    bench.desire("create table t (id bigint primary key, full_name text);");
    let ask = |arguments: &[&str]| {
        let (mut controller, side) = terminal();
        let mut command = bench.command("dev", arguments);
        command.stdin(side()).stdout(side()).stderr(side());
        let child = command.spawn().expect("app starts");
        let shown = read_until(&mut controller, if arguments[0] == "reset" { "Type `yes`" } else { "[y/N]" });
        (controller, child, shown)
    };
    for signal in [Signal::INT, Signal::TERM] {
        for arguments in [&["dev", "--name", "two"][..], &["reset"]] {
            let (_controller, mut child, _) = ask(arguments);
            kill_process(Pid::from_child(&child), signal).expect("it lives");
            let code = tokio::task::spawn_blocking(move || child.wait().expect("it ended").code()).await;
            assert_eq!(code.expect("it ran"), Some(130), "{arguments:?}");
        }
    }
    assert_eq!(bench.texts(".up.sql").matches("create table").count(), 1, "nothing was written");
    let (mut controller, mut child, shown) = ask(&["dev", "--name", "two"]);
    assert!(shown.contains("Is it the same under another name?"), "{shown}");
    controller.write_all(b"y\n").expect("typed");
    let code = tokio::task::spawn_blocking(move || child.wait().expect("it ended").code()).await;
    assert_eq!(code.expect("it ran"), Some(0));
    assert!(bench.texts(".up.sql").contains("rename column name to full_name"));
    bench.connection().await.close().await.expect("closed");
}
