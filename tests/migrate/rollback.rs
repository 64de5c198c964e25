//! Taking back.

use rustix::process::{Pid, Signal, kill_process};

use super::Bench;

async fn three() -> Bench {
    let bench = Bench::new().await;
    for name in ["one", "two", "three"] {
        let version = bench.migrations().read_dir().expect("a folder").count() / 2 + 1;
        bench.write(&format!("{version}_{name}.up.sql"), &format!("create table {name} ();"));
        bench.write(&format!("{version}_{name}.down.sql"), &format!("drop table {name};"));
    }
    bench.run(&["deploy"]).await.expect(0, &["3 migrations were applied"]);
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn newest_first_by_steps_or_to_a_version() {
    let bench = three().await;
    bench.run_in("dev", &["rollback"]).await.expect(0, &["rolled back 3 three", "1 migration was rolled back"]);
    assert_eq!(bench.states().await, ["applied", "applied", "pending"]);
    bench.run(&["deploy"]).await.expect(0, &["applied 3 three"]);
    bench.run_in("dev", &["rollback", "--steps", "2"]).await.expect(0, &["2 migrations were rolled back"]);
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.run_in("dev", &["rollback", "--to", "9"]).await.expect(2, &["no way back"]);
    let name = bench.options.get_database().expect("a name");
    bench.run(&["rollback", "--to", "0", "--yes", name]).await.expect(0, &["3 migrations were rolled back"]);
    assert_eq!(bench.count("select count(*) from _sqlx_migrations").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_leaves_it_applied() {
    let bench = three().await;
    bench.execute("create view v as select * from three").await;
    bench
        .run_in("dev", &["rollback"])
        .await
        .expect(1, &["rolling back the migration 3 three failed", "2BP01", "nothing of it"]);
    assert_eq!(bench.states().await, ["applied", "applied", "applied"]);
    bench.run(&["status"]).await.expect(6, &["the view public.v should not be there"]);
    bench.execute("drop view v").await;
    bench.run_in("dev", &["rollback"]).await.expect(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_back_is_told_before_anything_is() {
    let bench = three().await;
    bench.remove("2_two.down.sql");
    bench.run_in("dev", &["rollback", "--steps", "3"]).await.expect(2, &["2 two", ".down.sql", "nothing was changed"]);
    assert_eq!(bench.states().await, ["applied", "applied", "applied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_down_script_is_found_and_refused_and_one_that_does_nothing_says_so() {
    let bench = Bench::new().await;
    bench.write("1_a.up.sql", "create table a (id bigint primary key);").write("1_a.down.sql", "drop table a;");
    let down = bench.write("2_b.up.sql", "create table b (id bigint primary key);").write("2_b.down.sql", "");
    bench
        .run_in("dev", &["dev"])
        .await
        .expect(0, &["2_b.down.sql has no statements, so the migration cannot be rolled back", "`select;`"]);
    for text in ["", "-- To be written by hand.\n"] {
        down.write("2_b.down.sql", text);
        let refused = bench.run_in("dev", &["rollback", "--steps", "2"]).await;
        refused.expect(2, &["the down script of 2 b has no statements", "nothing was changed", "`select;`"]);
        assert_eq!(bench.states().await, ["applied", "applied"]);
        bench.run(&["lint"]).await.expect(1, &["2_b.down.sql:1:1: warning empty-down-script"]);
        bench.run(&["verify"]).await.expect(1, &["2_b.down.sql:1:1: warning empty-down-script", "or an empty one"]);
    }
    bench.write("2_b.down.sql", "select; -- the table may stay");
    bench.run(&["lint"]).await.expect(0, &[]);
    bench.run_in("dev", &["rollback"]).await.expect(0, &["1 migration was rolled back"]);
    // A pair that nobody has begun to write is no finding.
    bench.write("3_c.up.sql", "-- later").write("3_c.down.sql", "");
    bench.run(&["lint"]).await.expect(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_was_killed_or_failed_does_not_change_who_applied_it() {
    let bench = Bench::new().await;
    bench.write("1_a.up.sql", "create table a ();").write("1_a.down.sql", "drop table a;\nselect pg_sleep(600);");
    bench.run(&["deploy"]).await.expect(0, &[]);
    let name = bench.options.get_database().expect("a name").to_owned();
    let mut rollback = bench.start(&["rollback", "--yes", &name]);
    let sessions =
        "select count(*) from pg_stat_activity where application_name = 'app migrate' and datname = current_database()";
    bench.until(&format!("{sessions} and query ~ '^select pg_sleep'"), 1).await;
    kill_process(Pid::from_child(&rollback), Signal::KILL).expect("killed");
    let _ = rollback.wait();
    bench.until(sessions, 0).await;
    let status = bench.run(&["status"]).await.expect(0, &["1 a", "revert 1 a: interrupted", "up to date"]);
    assert!(!status.stdout.contains("another tool"), "{status:?}");
    bench.write("1_a.down.sql", "drop table a;\nselect 1 / 0;");
    bench.run_in("dev", &["rollback"]).await.expect(1, &["22012"]);
    let status = bench.run(&["status"]).await.expect(0, &["revert 1 a: rolled back"]);
    assert!(!status.stdout.contains("another tool"), "{status:?}");
}
