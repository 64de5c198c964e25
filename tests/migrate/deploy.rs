//! `app migrate deploy`: in order, once, one process at a time, and with nothing left behind.

use std::time::{Duration, Instant};

use app::config::Profile;
use app::migrate::{self, MigrateError};
use sqlx::{ConnectOptions as _, PgConnection};

use crate::support::cluster;
use crate::support::process::{run, stderr};

const PATIENCE: Duration = Duration::from_secs(10);

async fn count(connection: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.expect(sql)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_deploy_at_once_each_succeeds_and_each_migration_is_applied_once() {
    let options = cluster::database().await;
    let url = cluster::url(&options);
    let deploys: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            tokio::task::spawn_blocking(move || {
                run(&["migrate", "deploy"], &[("APP_PROFILE", "prod"), ("DATABASE_URL", &url)])
            })
        })
        .collect();
    for deploy in deploys {
        let output = deploy.await.expect("it ran");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    let mut connection = options.connect().await.expect("connected");
    let recorded = count(&mut connection, "select count(*) from _sqlx_migrations where success").await;
    assert_eq!(usize::try_from(recorded), Ok(migrate::embedded().len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_had_in_time_is_told_with_its_holder() {
    let options = cluster::database().await;
    // What sqlx's own tool takes.
    let mut holder = options.clone().application_name("somebody else").connect().await.expect("connected");
    sqlx::migrate::Migrate::lock(&mut holder).await.expect("locked");
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut holder).await.expect("a pid");
    let url = cluster::url(&options);
    let started = Instant::now();
    let arguments = ["migrate", "deploy", "--lock-timeout", "1s"];
    let output =
        tokio::task::spawn_blocking(move || run(&arguments, &[("APP_PROFILE", "prod"), ("DATABASE_URL", &url)]))
            .await
            .expect("it ran");
    assert_eq!(output.status.code(), Some(7));
    assert!((1..4).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    let text = stderr(&output);
    assert!(text.contains(&format!("process {pid} (somebody else)")) && text.contains("nothing was changed"), "{text}");
    assert_eq!(count(&mut holder, "select count(*) from pg_tables where schemaname = 'public'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_deploy_leaves_no_lock_and_nothing_of_the_migration() {
    let options = cluster::database().await;
    let mut connection = options.connect().await.expect("connected");
    // The third migration finds its table taken.
    cluster::run(&mut connection, "create table transactions (id int)".to_owned()).await;
    for _ in 0..2 {
        let failed = migrate::deploy(&options, &migrate::embedded(), Profile::Prod, PATIENCE, |_| ()).await;
        let Err(MigrateError::Failed { version, .. }) = failed else { panic!("{failed:?}") };
        assert_eq!(version, 20_260_216_090_200);
        assert_eq!(count(&mut connection, "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())").await, 0);
        assert_eq!(count(&mut connection, "select count(*) from _sqlx_migrations").await, 2);
    }
    cluster::run(&mut connection, "drop table transactions".to_owned()).await;
    let deployed =
        migrate::deploy(&options, &migrate::embedded(), Profile::Prod, PATIENCE, |_| ()).await.expect("deployed");
    assert_eq!(deployed.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_can_be_taken_back_and_applied_again() {
    static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
    let options = cluster::migrated_database().await;
    let mut connection = options.connect().await.expect("connected");
    MIGRATOR.undo(&mut connection, 0).await.expect("undone");
    assert_eq!(count(&mut connection, "select count(*) from pg_tables where schemaname = 'public'").await, 1);
    assert_eq!(count(&mut connection, "select count(*) from pg_type where typname = 'transaction_type'").await, 0);
    let deployed =
        migrate::deploy(&options, &migrate::embedded(), Profile::Prod, PATIENCE, |_| ()).await.expect("deployed");
    assert_eq!(deployed.len(), migrate::embedded().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlx_itself_agrees_with_the_record() {
    static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
    let options = cluster::migrated_database().await;
    let mut connection = options.connect().await.expect("connected");
    let applied =
        sqlx::migrate::Migrate::list_applied_migrations(&mut connection, "_sqlx_migrations").await.expect("listed");
    for ours in applied {
        let theirs = MIGRATOR.iter().find(|migration| migration.version == ours.version).expect("known");
        assert_eq!(ours.checksum, theirs.checksum);
    }
}
