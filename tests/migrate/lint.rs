//! What would hurt a database in use is found in the files, with no database at hand.

use super::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn what_hurts_is_named_with_its_place_and_a_way_out() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one (id bigint primary key, a bigint);");
    bench.run(&["lint"]).await.expect(0, &["1 file checked, nothing found."]);
    bench.write("2_two.up.sql", "-- a comment\ncreate index one_a_idx on one (a);\n");
    bench
        .run(&["lint"])
        .await
        .expect(1, &["2_two.up.sql:2:1: error require-concurrent-index-creation", "2 files checked: 1 error."]);
    let document = bench.json(&["lint"]).await;
    let finding = &document["findings"][0];
    assert_eq!((finding["line"].as_u64(), finding["column"].as_u64()), (Some(2), Some(1)), "{document}");
    assert_eq!(finding["rule"], "require-concurrent-index-creation");
    // Silenced where it stands, or done right.
    let silenced = "-- squawk-ignore require-concurrent-index-creation -- because the table is new\n\
        create index one_a_idx on one (a);\n";
    bench.write("2_two.up.sql", silenced);
    bench.run(&["lint"]).await.expect(0, &["2 files checked"]);
    bench.write("2_two.up.sql", "-- no-transaction\ncreate index concurrently one_a_idx on one (a);\n");
    bench.run(&["lint"]).await.expect(0, &["2 files checked"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_looked_at_one_by_one_too() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one (a bigint);\nalter table one alter column a type text;");
    bench.write("2_two.up.sql", "alter table one drop column a;");
    let second = bench.migrations().join("2_two.up.sql");
    let ran = bench.run(&["lint", second.to_str().expect("a path")]).await.expect(1, &["ban-drop-column"]);
    assert!(!ran.stdout.contains("1_one"), "{ran:?}");
    bench.run(&["lint", "nowhere.up.sql"]).await.expect(2, &["nowhere.up.sql: No such file", "nothing was changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_migrations_are_clean() {
    let bench = Bench::new().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    bench.run(&["lint", "--source", folder]).await.expect(0, &["nothing found"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_was_taken_over_is_looked_at_from_a_version_on() {
    let bench = Bench::new().await;
    bench.write("1_old.up.sql", "create table t (id int, a int);").write("1_old.down.sql", "drop table t;");
    bench.write("2_old.up.sql", "create index t_a on t (a);").write("2_old.down.sql", "drop index t_a;");
    bench.write("3_new.up.sql", "alter table t add b int;").write("3_new.down.sql", "alter table t drop b;");
    bench.run(&["lint"]).await.expect(1, &["1 error", "advice prefer-bigint-over-int"]);
    bench.run(&["verify"]).await.expect(1, &["wrong  nothing in them harms"]);
    // What is left is style, which is told and fails nothing unless it is asked for.
    for command in [&["lint", "--since", "2"][..], &["verify", "--since", "2"]] {
        bench.run(command).await.expect(0, &["3_new.up.sql:1:21: advice prefer-bigint-over-int"]);
    }
    bench.run(&["lint", "--since", "2", "--strict"]).await.expect(1, &["1 piece of advice"]);
    let off = ["lint", "--since", "2", "--strict", "--off", "prefer-bigint-over-int"];
    bench.run(&off).await.expect(0, &["nothing found"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_is_read_as_a_deploy_reads_it() {
    let bench = Bench::new().await;
    let dump = "--\n-- PostgreSQL database dump\n--\n\n\\restrict kQ4fQ\n\nSET statement_timeout = 0;\n\
        CREATE TABLE public.t (id bigint NOT NULL);\n\n\\unrestrict kQ4fQ\n\n";
    bench.write("1_baseline.up.sql", dump).write("1_baseline.down.sql", "drop table t;");
    bench.run(&["lint"]).await.expect(0, &["nothing found"]);
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.run(&["verify"]).await.expect(0, &[]);
    // In a file that is no dump, a deploy refuses them.
    bench.write("2_x.up.sql", "select 1;\n\\restrict kQ4fQ\n").write("2_x.down.sql", "select;");
    bench.run(&["lint"]).await.expect(1, &["2_x.up.sql:2", "refused-by-deploy", "a command of psql"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_can_be_had_as_sarif() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "-- x\nupdate t set a = 1;");
    let ran = bench.run(&["lint", "--sarif"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).expect("a document");
    let run = &document["runs"][0];
    assert_eq!(
        (&document["version"], &run["tool"]["driver"]["rules"][0]["id"]),
        (&"2.1.0".into(), &"whole-table-change".into())
    );
    let result = &run["results"][0];
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!((&result["level"], &place["region"]["startLine"]), (&"warning".into(), &2.into()), "{document}");
    assert!(place["artifactLocation"]["uri"].as_str().expect("a file").ends_with("1_one.up.sql"));
}
