//! What could destroy is refused where it should be, before anything is touched.

use super::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn what_creates_or_destroys_is_refused_in_prod() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one ();").write("1_one.down.sql", "drop table one;");
    bench.run(&["deploy"]).await.expect(0, &[]);
    for arguments in [&["reset", "--force"][..], &["dev"], &["rollback"], &["rollback", "--yes", "somewhere_else"]] {
        bench.run(arguments).await.expect(8, &["nothing was changed"]);
    }
    bench.run_in("dev", &["reset"]).await.expect(2, &["--force"]);
    assert_eq!(bench.states().await, ["applied"]);
    assert_eq!(bench.count("select count(*) from one").await, 0);
    let refused = bench.json(&["reset", "--force"]).await;
    assert_eq!(refused["error"]["code"], "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_drops_everything_and_applies_all() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one (a int);\ncreate schema more;\ncreate type more.e as enum ('a');");
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.execute("create table stray (); insert into one values (1); create view more.v as select * from one").await;
    bench
        .run_in("dev", &["reset", "--force", "--skip-seed"])
        .await
        .expect(0, &["Everything was dropped, and 1 migration was applied"]);
    assert_eq!(bench.count("select count(*) from one").await, 0);
    assert_eq!(bench.count("select count(*) from pg_class where relname in ('stray', 'v')").await, 0);
    bench.write("2_bad.up.sql", "select 'never ends");
    bench.execute("insert into one values (1)").await;
    bench.run_in("dev", &["reset", "--force"]).await.expect(1, &["2_bad.up.sql"]);
    assert_eq!(
        bench.count("select count(*) from one").await,
        1,
        "a file that cannot run stops it before anything is dropped"
    );
}
