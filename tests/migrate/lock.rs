//! The lock: waited for, told, and never left behind.

use std::time::Instant;

use app::config::Profile;
use migrate_toolkit::{MigrateError, read_folder};
use sqlx::ConnectOptions as _;

use super::Bench;
use crate::support::cluster;

const ADVISORY_LOCKS: &str = "select count(*) from pg_locks where locktype = 'advisory' \
                              and database = (select oid from pg_database where datname = current_database())";

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_deploy_leaves_no_lock_in_a_process_that_lives_on() {
    let bench = Bench::new().await;
    bench.write("1_bad.up.sql", "select 1/0;");
    let migrations = read_folder(&bench.migrations()).expect("read");
    let migrator = cluster::migrator_of(&bench.options, migrations, Profile::Prod);
    for _ in 0..2 {
        let failed = migrator.deploy(|_| ()).await;
        assert!(matches!(&failed, Err(MigrateError::Failed(failed)) if failed.version == 1), "{failed:?}");
        assert_eq!(bench.count(ADVISORY_LOCKS).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_had_in_time_is_told_with_its_holder() {
    let bench = Bench::new().await;
    bench.write("1_table.up.sql", "create table t ();");
    // What sqlx's own tool takes.
    let mut holder = bench.options.clone().application_name("somebody else").connect().await.expect("connected");
    sqlx::migrate::Migrate::lock(&mut holder).await.expect("locked");
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut holder).await.expect("a pid");
    let started = Instant::now();
    let ran = bench.run(&["deploy", "--lock-timeout", "2s"]).await;
    let took = started.elapsed();
    assert!(took.as_secs_f64() >= 2.0, "{took:?}");
    let waits = "waiting for another process that is migrating (2 s at most)";
    ran.expect(7, &[&format!("process {pid} (somebody else)"), "nothing was changed", waits]);
    assert_eq!(bench.count("select count(*) from pg_class where relnamespace = 'public'::regnamespace").await, 0);
    let json = bench.json(&["deploy", "--lock-timeout", "0s"]).await;
    assert_eq!(json["error"]["holder"]["pid"], pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_on_a_table_is_waited_for_shortly_again_and_again() {
    let bench = Bench::new().await;
    bench.write("1_table.up.sql", "create table t (a int);");
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.write("2_column.up.sql", "-- lock_timeout: 1s\ncreate table u ();\nalter table t add b int;");
    let mut holder = bench.connection().await;
    cluster::run(&mut holder, "begin; select * from t".to_owned()).await;
    let deploy = bench.start(&["deploy"]);
    // Whoever comes after the migration in the queue gets through between two tries.
    let waits = "select count(*) from pg_stat_activity where datname = current_database() \
                 and application_name = 'app migrate' and wait_event_type = 'Lock'";
    for _ in 0..2 {
        bench.until(waits, 1).await;
        bench.execute("select * from t").await;
        bench.until(waits, 0).await;
    }
    cluster::run(&mut holder, "commit".to_owned()).await;
    let output = tokio::task::spawn_blocking(move || deploy.wait_with_output().expect("it ended"));
    super::Ran::from(output.await.expect("it ran")).expect(0, &["the lock was not acquired in time"]);
}
