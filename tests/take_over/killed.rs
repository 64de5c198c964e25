//! A take-over that is killed at any moment changes nothing.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::TakeOverBench;
use crate::support::PATIENCE;

/// Waits until the server has noticed that its client is gone.
async fn until_alone(bench: &TakeOverBench) {
    let sessions =
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    let deadline = Instant::now() + PATIENCE;
    while bench.count(sessions).await > 0 {
        assert!(Instant::now() < deadline, "its session does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_over_that_is_killed_at_any_moment_has_done_all_or_nothing() {
    const MOMENTS: u32 = 20;
    let rows = super::rows(4000);
    let bench = TakeOverBench::beside(rows).await;
    let all = i64::from(rows - 10);
    let take_over = ["--from", "here", "--amounts", "baht", "--yes"];
    let begun = Instant::now();
    bench.run(&["--from", "here", "--amounts", "baht", "--dry-run"]).await.expect(0, &[]);
    let whole = begun.elapsed();
    let (mut nothing, mut everything) = (0, 0);
    for moment in 0..MOMENTS {
        let mut child =
            bench.command(&take_over).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("app starts");
        tokio::time::sleep(whole * moment / MOMENTS).await;
        // The process may have ended already.
        let _ = child.kill();
        child.wait().expect("its end");
        until_alone(&bench).await;
        let count = async |what: &str| bench.count(&format!("select count(*) from {what}")).await;
        if count("users").await == 0 {
            bench.untouched().await;
            assert_eq!(count("public.\"Transaction\"").await, all);
            nothing += 1;
        } else {
            assert_eq!((count("users").await, count("transactions").await), (50, all));
            assert_eq!(count("original.\"Transaction\"").await, all);
            bench.run(&["--undo", "--yes"]).await.expect(0, &[]);
            everything += 1;
        }
    }
    assert!(nothing >= MOMENTS / 4, "only {nothing} of {MOMENTS} were killed before their end, {everything} after it");
    bench.run(&take_over).await.expect(0, &["transactions were taken over"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_into_the_tables_is_waited_for_and_told_of() {
    let bench = TakeOverBench::beside(1000).await;
    let mut writer = bench.connection().await;
    crate::support::cluster::run(&mut writer, "begin; update \"User\" set name = 'x' where id = 1".to_owned()).await;
    // A dry run reads a snapshot, and blocks nobody.
    bench.run(&["--from", "here", "--amounts", "baht", "--dry-run"]).await.expect(0, &[]);
    for more in [&[][..], &["--keep-in-place"]] {
        let told = bench.json(&[&["--from", "here", "--amounts", "baht", "--yes"], more].concat(), 7).await;
        assert_eq!(told["error"]["code"], "locked", "{told}");
        bench.untouched().await;
    }
    crate::support::cluster::run(&mut writer, "commit".to_owned()).await;
    bench.run(&["--from", "here", "--amounts", "baht", "--yes"]).await.expect(0, &[]);
    assert_eq!(bench.text("select name from users where id = 1").await, "x");
}
