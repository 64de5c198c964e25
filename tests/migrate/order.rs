//! The order of files, and what disturbs it.

use super::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn two_files_of_one_version_are_refused_before_any_sql() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table t ();").write("1_other.up.sql", "create table u ();");
    for profile in ["dev", "prod"] {
        bench.run_in(profile, &["deploy"]).await.expect(4, &["1_one.up.sql", "1_other.up.sql", "Nothing was applied"]);
    }
    assert_eq!(bench.count("select count(*) from pg_class where relnamespace = 'public'::regnamespace").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_came_late_is_refused_in_prod_and_noticed_in_dev() {
    let bench = Bench::new().await;
    bench.write("2_two.up.sql", "create table two ();");
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.write("1_one.up.sql", "create table one ();");
    bench.run(&["deploy"]).await.expect(4, &["1 one", "app migrate rebase 1", "--allow-out-of-order"]);
    assert_eq!(bench.count("select count(*) from pg_class where relname = 'one'").await, 0);
    bench.run_in("dev", &["deploy"]).await.expect(0, &["1 one is older", "applied 1 one"]);
    bench.write("0_zero.up.sql", "create table zero ();");
    bench.run(&["deploy", "--allow-out-of-order"]).await.expect(0, &["applied 0 zero"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rebase_gives_it_a_new_timestamp() {
    let bench = Bench::new().await;
    bench.write("20200102000000_two.up.sql", "create table two ();");
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench
        .write("20200101000000_one.up.sql", "create table one ();")
        .write("20200101000000_one.down.sql", "drop table one;");
    bench.run(&["deploy"]).await.expect(4, &[]);
    bench.run(&["rebase", "20200102000000"]).await.expect(2, &["on record"]);
    let rebased = bench.json(&["rebase", "20200101000000"]).await;
    assert_eq!(rebased["files"].as_array().map(Vec::len), Some(2), "{rebased}");
    bench.run(&["deploy"]).await.expect(0, &["applied"]);
    bench.run(&["rollback", "--yes", bench.options.get_database().expect("a name")]).await.expect(0, &["rolled back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_pair_is_left_out_in_dev_until_something_is_in_it() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one ();");
    let made = bench
        .run_in("dev", &["dev", "--name", "Add more"])
        .await
        .expect(0, &["add_more.up.sql", "1 migration was applied"]);
    bench.run_in("dev", &["dev"]).await.expect(0, &["has no statements yet", "Nothing to apply"]);
    bench.run(&["deploy"]).await.expect(1, &["nothing but comments"]);
    let file = made.stdout.lines().find(|line| line.ends_with("add_more.up.sql")).expect("a file").trim().to_owned();
    std::fs::write(file, "create table more ();").expect("written");
    bench.run_in("dev", &["dev"]).await.expect(0, &["1 migration was applied"]);
    bench.run_in("dev", &["dev", "--create-only", "--name", "x"]).await.expect(0, &["x.down.sql"]);
    bench.run(&["new", "../x"]).await.expect(2, &["nothing was written"]);
}
