//! Shadow databases: none is left behind, and nobody takes another's.

use std::process::Stdio;
use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;

use crate::migrate::Bench;
use crate::support::PATIENCE;
use crate::support::cluster;
use crate::support::process::ran;

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_killed_leaves_no_shadow_after_the_next_one() {
    let bench = Bench::new().await;
    let mark = cluster::unique("slow");
    bench.write("1_slow.up.sql", &format!("select pg_sleep(3) as {mark};")).desire("create table one (id bigint);");
    let mut command = bench.command("dev", &["diff", "--from", "migrations", "--to", "schema.sql"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("app starts");
    // The sleeping statement runs in the shadow.
    let shadow =
        format!("select datname::text from pg_stat_activity where query ~ 'as {mark}' and datname ~ '^app_shadow_'");
    let deadline = Instant::now() + PATIENCE;
    let shadow: String = loop {
        let found =
            sqlx::query_scalar(AssertSqlSafe(shadow.clone())).fetch_optional(&mut bench.connection().await).await;
        if let Some(name) = found.expect("an answer") {
            break name;
        }
        assert!(Instant::now() < deadline, "it does not begin");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    child.kill().expect("it lives");
    child.wait().expect("a child");
    // The server notices within a second that nobody is there any more.
    bench.until("select count(*) from pg_stat_activity where application_name = 'app migrate' and datname = current_database()", 0).await;
    let left = format!("select count(*) from pg_database where datname = '{shadow}'");
    assert_eq!(bench.count(&left).await, 1);
    bench.run_in("dev", &["diff", "--from", "empty", "--to", "empty"]).await.expect(0, &[]);
    assert_eq!(bench.count(&left).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_at_once_do_not_disturb_each_other() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one (id bigint);").desire("create table two (id bigint);");
    let sides = ["diff", "--from", "migrations", "--to", "schema.sql"];
    let one = || async { bench.run_in("dev", &sides).await };
    let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
    for ran in [a, b, c, d] {
        ran.expect(6, &["- table public.one", "+ table public.two"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_shadow_for_two_is_used_in_turn() {
    let (bench, shadow) = (Bench::new().await, Bench::new().await);
    bench.write("1_one.up.sql", "create table one (id bigint);").desire("create table two (id bigint);");
    shadow.execute("create table rubbish (id integer)").await;
    let run = || {
        let mut command = bench.command("dev", &["diff", "--from", "migrations", "--to", "schema.sql"]);
        command.env("SHADOW_DATABASE_URL", &shadow.url);
        ran(command)
    };
    let (a, b, c) = tokio::join!(run(), run(), run());
    for ran in [a, b, c] {
        ran.expect(6, &["- table public.one", "+ table public.two"]);
    }
    assert_eq!(shadow.count("select count(*) from pg_class where relnamespace = 'public'::regnamespace").await, 0);
}
