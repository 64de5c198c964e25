//! Variants of the original's database.

use super::TakeOverBench;

const HERE: [&str; 5] = ["--from", "here", "--amounts", "baht", "--yes"];

#[tokio::test(flavor = "multi_thread")]
async fn a_database_at_the_first_migration_only_is_taken_over() {
    let (bench, there) = (TakeOverBench::beside(1000).await, TakeOverBench::original(1000).await);
    let first = r#"alter table "Transaction" drop column "titleEn"; delete from _prisma_migrations where id like '%2'"#;
    bench.execute(first).await;
    there.execute(first).await;
    let elsewhere = TakeOverBench::empty().await;
    let file = elsewhere.folder.path().join("first.sql");
    there.dump(&file, &[]).await;
    bench.run(&HERE).await.expect(0, &["50 users and 990 transactions were taken over"]);
    assert_eq!(bench.count("select count(*) from transactions where title_en is null").await, 990);
    let file = ["--from", file.to_str().expect("a path"), "--amounts", "baht", "--dry-run"];
    elsewhere.run(&file).await.expect(0, &["50 users and 990 transactions would be"]);
    elsewhere.run(&["--from", &there.url, "--amounts", "baht", "--yes"]).await.expect(0, &[]);
    assert!(elsewhere.rows().await == bench.rows().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_made_by_db_push_is_taken_over() {
    let bench = TakeOverBench::beside(1000).await;
    bench.execute("drop table _prisma_migrations").await;
    bench.run(&HERE).await.expect(0, &["50 users and 990 transactions were taken over"]);
    let aside = "select count(*) from pg_class where relnamespace = 'original'::regnamespace and relkind = 'r'";
    assert_eq!(bench.count(aside).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_in_another_schema_are_taken_over_when_it_is_named() {
    let bench = TakeOverBench::empty().await;
    let inside = format!("create schema \"Old one\"; set search_path = \"Old one\"; {}", super::original(1000));
    bench.execute(&inside).await;
    let hint = "The schema \"Old one\" has such a table: --schema \"Old one\".";
    bench.run(&HERE).await.expect(2, &["there is no table \"User\"", hint]);
    bench.untouched().await;
    bench.run(&[&HERE[..], &["--schema", "Old one"]].concat()).await.expect(0, &["in the schema `original`"]);
    assert_eq!(bench.count(r#"select count(*) from original."Transaction""#).await, 990);
    bench.run(&["--undo", "--yes", "--schema", "Old one"]).await.expect(0, &[]);
    assert_eq!(bench.count(r#"select count(*) from "Old one"."Transaction""#).await, 990);

    let there = TakeOverBench::on(crate::support::cluster::database().await);
    there.execute(&inside.replace("\"Old one\"", "old")).await;
    let url = format!("{}?schema=old&connection_limit=5", there.url);
    bench.run(&["--from", &there.url, "--amounts", "baht", "--yes"]).await.expect(2, &["--schema \"old\""]);
    // The URL in the original's form.
    bench.run(&["--from", &url, "--amounts", "baht", "--yes"]).await.expect(0, &["50 users and 990 transactions"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_originals_is_told_column_by_column() {
    let bench = TakeOverBench::beside(1000).await;
    bench
        .execute(
            r#"
            alter table "User" drop column password;
            alter table "User" alter column email drop not null;
            alter table "Transaction" alter column amount type numeric"#,
        )
        .await;
    let told = [
        "the column password of \"User\" is not there",
        "the column email of \"User\" may be null",
        "the column amount of \"Transaction\" is of the type numeric, not integer",
        "nothing was changed",
    ];
    bench.run(&HERE).await.expect(2, &told);
    bench.untouched().await;
    TakeOverBench::empty()
        .await
        .run(&HERE)
        .await
        .expect(2, &["there is no table \"User\"", "there is no table \"Transaction\""]);
    let fresh = TakeOverBench::on(crate::support::cluster::database().await);
    fresh.run(&HERE).await.expect(3, &["app migrate deploy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_is_told_and_no_password_where_the_other_database_cannot_be_reached() {
    let bench = TakeOverBench::empty().await;
    let at = |url: &str| {
        ["--from".to_owned(), url.to_owned(), "--amounts".to_owned(), "baht".to_owned(), "--yes".to_owned()]
    };
    for (url, code, words) in [
        ("postgres://app:hunter2@127.0.0.1:1/x", 1, "no connection to the database x on 127.0.0.1:1 as app"),
        ("postgres://app:hun#ter2@127.0.0.1:1/x", 2, "percent-encoded"),
        ("mysql://app:hunter2@127.0.0.1:1/x", 2, "is not a PostgreSQL URL"),
    ] {
        let arguments = at(url);
        let ran = bench.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await.expect(code, &[words]);
        assert!(ran.stderr.to_lowercase().contains("nothing was changed"), "{ran:?}");
        assert!(!ran.stderr.contains("hunter2") && !ran.stderr.contains("ter2"), "{ran:?}");
    }
    // A role without the right to read.
    let there = TakeOverBench::original(1000).await;
    let role = crate::support::cluster::unique("stranger");
    there.execute(&format!("create role {role} login password 'hunter2'")).await;
    let arguments = at(&crate::support::cluster::url_as(&there.options, &role, "hunter2"));
    let ran = bench.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let ran = ran.expect(2, &["permission denied for table User", &role]);
    assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
    bench.untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_that_name_with_such_tables_is_not_touched() {
    let bench = TakeOverBench::beside(1000).await;
    bench.execute(r#"create schema original; create table original."User" (mine text)"#).await;
    let told = bench.run(&HERE).await;
    told.expect(2, &["the schema \"original\" already has such objects", "--keep-in-place"]);
    bench.untouched().await;
    assert_eq!(bench.count(r#"select count(*) from public."User""#).await, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_a_database_that_is_not_there_yet_as_long_as_it_is_told_to() {
    let bench = TakeOverBench::empty().await;
    let name = crate::support::cluster::unique("late_");
    let url = bench.url.replace(bench.options.get_database().expect("a name"), &name);
    let waiting = |time: &str| {
        let mut command = bench.command(&[&HERE[..], &["--wait", time]].concat());
        command.env("DATABASE_URL", &url);
        crate::support::process::ran(command)
    };
    waiting("0s").await.expect(1, &["there is no database"]);
    let (ran, ()) = tokio::join!(waiting("60s"), async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        bench.execute(&format!("create database {name}")).await;
    });
    ran.expect(3, &["Run `app migrate deploy` first"]);
    bench.execute(&format!("drop database {name}")).await;
}
