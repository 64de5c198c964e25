//! Shadow databases: none is left behind, and nobody takes another's.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::migrate::{Bench, Ran};

/// Shadows whose session is gone, of whatever test.
const STALE: &str = "select count(*) from pg_database where datname ~ '^app_shadow_[0-9]+_' and not exists (select from \
                     pg_stat_activity where pid::text = split_part(datname, '_', 3))";

/// Takes its time, so that it can be killed in the middle.
const SLOW: &str = "create table slow (id bigint); select pg_sleep(3);";

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_killed_leaves_no_shadow_after_the_next_one() {
    let bench = Bench::new().await;
    bench.write("1_slow.up.sql", SLOW).desire("create table slow (id bigint);");
    let mut command = bench.command("dev", &["diff", "--from", "migrations", "--to", "schema.sql"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("app starts");
    let pid = child.id();
    // The sleeping statement runs in the shadow.
    let sleeping = "select count(*) from pg_stat_activity where datname ~ '^app_shadow_' and query ~ 'pg_sleep' and state = 'active'";
    let deadline = Instant::now() + Duration::from_secs(20);
    while bench.count(sleeping).await == 0 {
        assert!(Instant::now() < deadline, "it does not begin");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().expect("it lives");
    child.wait().expect("a child");
    assert!(pid > 0);
    // The server notices within a second that nobody is there any more.
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        bench.run_in("dev", &["diff", "--from", "empty", "--to", "empty"]).await.expect(0, &[]);
        if bench.count(STALE).await == 0 && bench.count(sleeping).await == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "a shadow is left behind");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
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
        async move {
            Ran::from(tokio::task::spawn_blocking(move || command.output().expect("app runs")).await.expect("it ran"))
        }
    };
    let (a, b, c) = tokio::join!(run(), run(), run());
    for ran in [a, b, c] {
        ran.expect(6, &["- table public.one", "+ table public.two"]);
    }
    assert_eq!(shadow.count("select count(*) from pg_class where relnamespace = 'public'::regnamespace").await, 0);
}
