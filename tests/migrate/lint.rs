//! What would hurt a database in use is found in the files, with no database at hand.

use super::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn what_hurts_is_named_with_its_place_and_a_way_out() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one (id bigint primary key, a bigint);");
    bench.run(&["lint"]).await.expect(0, &["1 file looked at, nothing found."]);
    bench.write("2_two.up.sql", "-- a comment\ncreate index one_a_idx on one (a);\n");
    bench.run(&["lint"]).await.expect(1, &["2_two.up.sql:2:1: require-concurrent-index-creation", "1 thing was found"]);
    let document = bench.json(&["lint"]).await;
    let finding = &document["findings"][0];
    assert_eq!((finding["line"].as_u64(), finding["column"].as_u64()), (Some(2), Some(1)), "{document}");
    assert_eq!(finding["rule"], "require-concurrent-index-creation");
    // Silenced where it stands, or done right.
    let silenced = "-- squawk-ignore require-concurrent-index-creation -- because the table is new\n\
        create index one_a_idx on one (a);\n";
    bench.write("2_two.up.sql", silenced);
    bench.run(&["lint"]).await.expect(0, &["2 files looked at"]);
    bench.write("2_two.up.sql", "-- no-transaction\ncreate index concurrently one_a_idx on one (a);\n");
    bench.run(&["lint"]).await.expect(0, &["2 files looked at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_looked_at_one_by_one_too() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one (a bigint);\nalter table one alter column a type text;");
    bench.write("2_two.up.sql", "alter table one drop column a;");
    let second = bench.migrations().join("2_two.up.sql");
    let ran = bench.run(&["lint", second.to_str().expect("a path")]).await.expect(1, &["ban-drop-column"]);
    assert!(!ran.stdout.contains("1_one"), "{ran:?}");
    bench.run(&["lint", "nowhere.up.sql"]).await.expect(1, &["nowhere.up.sql: No such file", "nothing was changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_migrations_are_clean() {
    let bench = Bench::new().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    bench.run(&["lint", "--source", folder]).await.expect(0, &["nothing found"]);
}
