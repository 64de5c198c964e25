//! `app migrate deploy`: in order, once, however many try at once.

use app::config::Profile;
use migrate_toolkit::RollbackTarget;
use sqlx::ConnectOptions as _;

use super::{Bench, Ran};
use crate::support::cluster;

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_deploy_at_once_each_succeeds_with_concurrent_indexes_too() {
    let bench = Bench::new().await;
    bench
        .write(
            "1_table.up.sql",
            "create table t (a int, b int);\ninsert into t select i, i from generate_series(1, 20000) i;",
        )
        .write(
            "2_indexes.up.sql",
            "-- no-transaction\ncreate index concurrently t_a on t (a);\ncreate index concurrently t_b on t (b);\n",
        )
        .write("3_more.up.sql", "create table u ();");
    let before = bench.count("select deadlocks from pg_stat_database where datname = current_database()").await;
    let deploys: Vec<_> = (0..3).map(|_| bench.start(&["deploy", "--lock-timeout", "60s"])).collect();
    for deploy in deploys {
        let output = tokio::task::spawn_blocking(move || deploy.wait_with_output().expect("it ended"));
        Ran::from(output.await.expect("it ran")).expect(0, &[]);
    }
    assert_eq!(bench.count("select count(*) from _sqlx_migrations where success").await, 3);
    assert_eq!(bench.count("select count(*) from _app_migration_attempts where outcome = 'succeeded'").await, 3);
    assert_eq!(bench.count("select count(*) from pg_index where not indisvalid").await, 0);
    assert_eq!(bench.count("select count(*) from pg_indexes where tablename = 't'").await, 2);
    let after = bench.count("select deadlocks from pg_stat_database where datname = current_database()").await;
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_would_be_done_and_does_nothing() {
    let bench = Bench::new().await;
    bench.write("1_table.up.sql", "create table t ();");
    bench.run(&["deploy", "--dry-run"]).await.expect(0, &["1 migration would be applied", "create table t ();"]);
    assert_eq!(bench.count("select count(*) from pg_class where relnamespace = 'public'::regnamespace").await, 0);
    let preview = bench.json(&["deploy", "--dry-run"]).await;
    assert_eq!(preview["pending"][0]["sql"], "create table t ();");
    bench.write("1_table.up.sql", "create table t (); commit;");
    bench.run(&["deploy", "--dry-run"]).await.expect(1, &["1_table.up.sql, line 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_is_not_true_stops_its_file() {
    let bench = Bench::new().await;
    let text = "-- Every row has a name.\n-- check: select count(*) = 0 from t where name is null\nalter table t alter name set not null;\n";
    bench
        .write("1_table.up.sql", "create table t (name text); insert into t values (null);")
        .write("2_name.up.sql", text);
    bench.run(&["deploy"]).await.expect(1, &["2_name.up.sql, line 2", "select count(*) = 0 from t", "not true"]);
    bench.execute("update t set name = 'x'").await;
    bench.run(&["deploy"]).await.expect(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_one_document_and_nothing_else_on_failure_too() {
    let bench = Bench::new().await;
    bench.write("1_table.up.sql", "create table t ();").write("2_bad.up.sql", "select 1;\nselect nonsense;");
    let failed = bench.json(&["deploy"]).await;
    assert_eq!(failed["applied"][0]["version"], 1);
    let error = &failed["error"];
    assert_eq!((error["code"].as_str(), error["sqlstate"].as_str()), (Some("migration_failed"), Some("42703")));
    assert_eq!((error["line"].as_u64(), error["statement"].as_u64()), (Some(2), Some(2)));
    let unreachable = Bench { url: "postgres://127.0.0.1:1/x".to_owned(), ..bench };
    assert_eq!(unreachable.json(&["status"]).await["error"]["code"], "unreachable");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binarys_own_can_be_taken_back_and_applied_again() {
    let options = cluster::migrated_database().await;
    let migrator = cluster::migrator(&options, Profile::Test);
    let back = migrator.rollback(RollbackTarget::To(0), None, |_| ()).await;
    assert_eq!(back.expect("taken back").len(), migrator.migrations.len());
    let mut connection = options.connect().await.expect("connected");
    let left: i64 = sqlx::query_scalar(
        "select (select count(*) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace)
            + (select count(*) from pg_type where typname = 'transaction_type')",
    )
    .fetch_one(&mut connection)
    .await
    .expect("counted");
    assert_eq!(left, 2, "the two tables of the record");
    let again = migrator.deploy(|_| ()).await.expect("deployed");
    assert_eq!(again.len(), migrator.migrations.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_just_starting_is_waited_for() {
    let bench = Bench::new().await;
    bench.write("1_table.up.sql", "create table t ();");
    let database = cluster::unique("late");
    let late = Bench {
        url: bench.url.replace(bench.options.get_database().expect("a name"), &database),
        ..Bench::new().await
    };
    late.write("1_table.up.sql", "create table t ();");
    let deploy = late.start(&["deploy", "--wait", "20s"]);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    bench.execute(&format!("create database {database}")).await;
    let output = tokio::task::spawn_blocking(move || deploy.wait_with_output().expect("it ended"));
    Ran::from(output.await.expect("it ran")).expect(0, &["1 migration was applied"]);
}
