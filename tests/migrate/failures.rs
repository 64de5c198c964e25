//! What goes wrong, what is left of it, and how it is mended.

use rustix::process::{Pid, Signal, kill_process};

use super::{Bench, Ran};
use crate::support::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_fails_leaves_nothing_and_needs_no_resolve() {
    let bench = Bench::new().await;
    bench.write("1_table.up.sql", "-- A table.\ncreate table t (a int);\n\ninsert into t\nselect 1 / 0;\n");
    let failed = bench.json(&["deploy"]).await;
    assert_eq!(failed["exit_code"], 1);
    let error = &failed["error"];
    assert_eq!((error["statement"].as_u64(), error["sqlstate"].as_str()), (Some(2), Some("22012")), "{failed}");
    assert_eq!((error["line"].as_u64(), error["left"]["state"].as_str()), (Some(4), Some("nothing")), "{failed}");
    assert!(error["file"].as_str().expect("a file").ends_with("1_table.up.sql"));
    assert_eq!(bench.count("select count(*) from pg_class where relname = 't'").await, 0);
    bench
        .run(&["status"])
        .await
        .expect(5, &["failed", "statement 2, line 4: 22012 division by zero", "nothing of it is left"]);

    bench.write("1_table.up.sql", "create table t (a int);");
    bench.run(&["resolve", "--rolled-back", "1"]).await.expect(2, &["nothing to resolve"]);
    bench.run(&["deploy"]).await.expect(0, &[]);
    let outcomes: Vec<String> = bench.json(&["status"]).await["attempts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|attempt| attempt["outcome"].as_str().expect("a word").to_owned())
        .collect();
    assert_eq!(outcomes, ["rolled back", "succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_names_the_line_in_the_middle_of_a_statement() {
    let bench = Bench::new().await;
    bench.write("1_a.up.sql", "create table t (a int);\n\n-- ä\nselect a,\n    nonsense\nfrom t;\n");
    bench.run(&["deploy"]).await.expect(1, &["1_a.up.sql, line 5, statement 2 of 2", "42703"]);
    bench.write("1_a.up.sql", "create table t (a int);\nselect a from t;\n\nselect 1 frm\n  t where;");
    bench.run(&["deploy"]).await.expect(1, &["line 5, statement 3 of 3", "42601"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_at_the_end_of_the_transaction_is_told_as_such() {
    let bench = Bench::new().await;
    bench.write(
        "1_a.up.sql",
        "create table t (a int primary key, b int references t deferrable initially deferred);\ninsert into t values (1, 2);",
    );
    bench.run(&["deploy"]).await.expect(1, &["23503", "nothing of it"]);
    assert_eq!(bench.count("select count(*) from pg_class where relname = 't'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_failure_is_told_and_stands_in_the_way_until_it_is_resolved() {
    let bench = Bench::new().await;
    bench.write("1_table.up.sql", "create table t (a int); insert into t values (1), (1);").write(
        "2_index.up.sql",
        "-- no-transaction\nalter table t add b int;\ncreate unique index concurrently t_a on t (a);\n",
    );
    bench
        .run(&["deploy"])
        .await
        .expect(1, &["line 3, statement 2 of 2", "23505", "public.t_a", "resolve --rolled-back 2"]);
    assert_eq!(bench.states().await, ["applied", "partial"]);
    bench.run(&["status"]).await.expect(5, &["public.t_a", "the one before it was completed"]);
    bench.run(&["deploy"]).await.expect(5, &["2 index", "public.t_a", "resolve"]);
    // sqlx's own tool refuses too.
    assert_eq!(bench.count("select count(*) from _sqlx_migrations where not success").await, 1);

    bench.run(&["resolve", "--applied", "2"]).await.expect(2, &["public.t_a", "invalid"]);
    bench.run(&["resolve", "--rolled-back", "2"]).await.expect(2, &["public.t_a", "drop index concurrently"]);
    bench.execute("drop index t_a").await;
    bench.execute("alter table t drop b").await;
    bench.execute("delete from t").await;
    bench.run(&["resolve", "--rolled-back", "2"]).await.expect(0, &[]);
    assert_eq!(bench.states().await, ["applied", "pending"]);
    bench.run(&["deploy"]).await.expect(0, &[]);
    assert_eq!(bench.count("select count(*) from pg_index where not indisvalid").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_a_transaction_is_never_said_to_have_been_rolled_back() {
    let bench = Bench::new().await;
    bench.write("1_two.up.sql", "-- no-transaction\ncreate table t ();\ncreate table u ();\nselect 1/0;\n");
    bench.run(&["deploy"]).await.expect(1, &["its first 2 statements were completed and are kept"]);
    let resolved = bench.run(&["resolve", "--rolled-back", "1"]).await;
    resolved
        .expect(0, &["on record as rolled back", "its last attempt completed 2 statements", "begins with its first"]);
    // The table of the first attempt is still there.
    let kept = "what an earlier attempt completed is kept";
    let failed = bench.run(&["deploy"]).await.expect(1, &["42P07", "runs without a transaction", kept]);
    let status = bench.run(&["status"]).await.expect(5, &["none of its statements was completed", kept]);
    for ran in [failed, status] {
        for text in [ran.stdout, ran.stderr] {
            assert!(!text.contains("transaction was rolled back") && !text.contains("nothing of it"), "{text}");
        }
    }
    bench.execute("drop table t, u").await;
    bench.write("1_two.up.sql", "-- no-transaction\ncreate table t ();\n");
    bench.run(&["deploy"]).await.expect(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_may_be_done_by_hand() {
    let bench = Bench::new().await;
    bench.write("1_two.up.sql", "-- no-transaction\ncreate table t ();\nselect 1/0;\n");
    bench.run(&["deploy"]).await.expect(1, &["its first statement was completed and is kept"]);
    bench.run(&["resolve", "--applied", "1"]).await.expect(0, &["on record as applied"]);
    bench.run(&["status", "--skip-drift"]).await.expect(0, &["up to date"]);
    // What the file builds is still not to be found out.
    bench.run(&["status"]).await.expect(1, &["could not be compared", "division by zero"]);
    bench.run(&["resolve", "--applied", "1"]).await.expect(2, &["applied already"]);
    bench.run(&["resolve", "--rolled-back", "1"]).await.expect(2, &["rollback"]);
    bench.run(&["resolve", "--applied", "7"]).await.expect(2, &["no such migration"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_status_says_so_and_the_next_deploy_does_it_once() {
    let bench = Bench::new().await;
    bench.write("1_slow.up.sql", "create table t (a int);\ninsert into t values (1);\nselect pg_sleep(30);\n");
    let mut deploy = bench.start(&["deploy"]);
    bench.until("select count(*) from pg_stat_activity where datname = current_database() and query ~ 'pg_sleep' and application_name = 'app migrate'", 1).await;
    assert_eq!(bench.states().await, ["running"]);
    kill_process(Pid::from_child(&deploy), Signal::KILL).expect("killed");
    let _ = deploy.wait();
    // The server's process notices that nobody waits for it any more.
    bench.until("select count(*) from pg_stat_activity where application_name = 'app migrate' and datname = current_database()", 0).await;
    bench.run(&["status"]).await.expect(5, &["interrupted", "nothing of it is left"]);
    bench.write("1_slow.up.sql", "create table t (a int);\ninsert into t values (1);\n");
    bench.run(&["deploy"]).await.expect(0, &[]);
    assert_eq!(bench.count("select count(*) from t").await, 1);
    assert_eq!(bench.count("select count(*) from _app_migration_attempts where outcome = 'interrupted'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_a_file_without_a_transaction_has_to_be_looked_at() {
    let bench = Bench::new().await;
    bench.write("1_slow.up.sql", "-- no-transaction\ncreate table t (a int);\nselect pg_sleep(600);\n");
    let mut deploy = bench.start(&["deploy"]);
    bench.until("select count(*) from pg_stat_activity where datname = current_database() and query ~ '^select pg_sleep' and application_name = 'app migrate'", 1).await;
    kill_process(Pid::from_child(&deploy), Signal::KILL).expect("killed");
    let _ = deploy.wait();
    bench.until("select count(*) from pg_stat_activity where application_name = 'app migrate' and datname = current_database()", 0).await;
    bench.run(&["status"]).await.expect(5, &["interrupted", "its statement 2", "the one before it was completed"]);
    bench.run(&["deploy"]).await.expect(5, &["resolve --rolled-back 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_stops_the_statement_and_is_noted() {
    let bench = Bench::new().await;
    bench.write("1_slow.up.sql", "create table t (a int);\nselect pg_sleep(600);\n");
    let deploy = bench.start(&["deploy"]);
    bench.until("select count(*) from pg_stat_activity where datname = current_database() and query ~ 'pg_sleep' and application_name = 'app migrate'", 1).await;
    kill_process(Pid::from_child(&deploy), Signal::INT).expect("told");
    let output = tokio::time::timeout(
        PATIENCE,
        tokio::task::spawn_blocking(move || deploy.wait_with_output().expect("it ended")),
    );
    Ran::from(output.await.expect("soon").expect("it ran")).expect(130, &["57014", "nothing of it"]);
    assert_eq!(bench.states().await, ["failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_would_end_its_transaction_is_refused_before_anything_runs() {
    for statement in ["commit", "rollback", "set search_path = x", "begin"] {
        let bench = Bench::new().await;
        bench.write("1_a.up.sql", "create table t ();").write("2_b.up.sql", &format!("select 1;\n\n{statement};"));
        bench.run(&["deploy"]).await.expect(1, &["2_b.up.sql, line 3", "Nothing was applied"]);
        assert_eq!(bench.count("select count(*) from pg_class where relname in ('t', '_sqlx_migrations')").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn awkward_files_are_split_as_postgresql_reads_them() {
    let bench = Bench::new().await;
    let text = "\u{feff}-- A comment; with a semicolon.\n/* nested /* ; */ ; */\ncreate table t (a text);\n\
                create function f() returns int language plpgsql as $body$\nbegin\n  perform 1; return 2;\nend\n$body$;\n\
                insert into t values (E'\\';'), ('a''; b'), ($$;$$);\nselect 1/0;\n";
    bench.write("1_a.up.sql", text);
    bench.run(&["deploy"]).await.expect(1, &["line 10, statement 4 of 4", "22012"]);
    bench.write("1_a.up.sql", &text.replace("select 1/0;", ""));
    bench.run(&["deploy"]).await.expect(0, &[]);
    assert_eq!(bench.count("select count(*) from t").await, 3);
}
