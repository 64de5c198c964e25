//! Taking over a database that was made without the tool.

use super::Bench;
use crate::support::cluster;

/// What `pg_dump -s` writes of `populated.sql`, preamble and psql's own commands included; only the role is another here.
fn dump() -> String {
    include_str!("dump.sql").replace(" OWNER TO postgres;", " OWNER TO current_user;")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_is_verified_and_recorded_without_being_run_and_builds_an_empty_database() {
    let bench = Bench::new().await;
    bench.execute(include_str!("populated.sql")).await;
    bench.write("1_baseline.up.sql", &dump());
    bench.run(&["deploy"]).await.expect(2, &["has no record", "table shop.", "--applied"]);
    bench
        .run(&["resolve", "--applied", "1"])
        .await
        .expect(0, &["1 baseline is on record as applied", "the schema is the one"]);
    assert_eq!(bench.count("select count(*) from shop.orders").await, 1);
    bench.write("2_more.up.sql", "create table more ();");
    bench.run(&["deploy"]).await.expect(0, &["applied 2 more"]);

    let empty = Bench { options: cluster::database().await, ..Bench::new().await };
    let empty = Bench { url: cluster::url(&empty.options), ..empty };
    empty.write("1_baseline.up.sql", &dump()).write("2_more.up.sql", "create table more ();");
    empty.run(&["deploy"]).await.expect(0, &["applied 1 baseline", "applied 2 more"]);
    // What the dump set for its own session is put back.
    assert_eq!(empty.count("select count(*) from pg_class where oid = to_regclass('public.more')").await, 1);
    assert_eq!(empty.count("select count(*) from shop.orders").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_another_one_is_told_object_by_object_and_not_recorded() {
    let bench = Bench::new().await;
    bench.execute(include_str!("populated.sql")).await;
    bench.execute("alter table shop.orders alter total drop not null; create index stray on shop.orders (note)").await;
    bench.write("1_baseline.up.sql", &dump());
    let differs = bench.json(&["resolve", "--applied", "1"]).await;
    assert_eq!(differs["exit_code"], 6, "{differs}");
    let text = differs["error"]["differences"].to_string();
    assert!(text.contains("column shop.orders.total") && text.contains("shop.stray"), "{text}");
    assert_eq!(bench.states().await, ["pending"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_after_another_in_order() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one ();").write("2_two.up.sql", "create table two ();");
    bench.execute("create table one (); create table two ()").await;
    bench.run(&["resolve", "--applied", "2"]).await.expect(2, &["1 one comes before it"]);
}
