//! Edited, missing, ahead: what is forgiven, what is refused, and what `repair` accepts.

use super::Bench;
use crate::support::process;

const TABLE: &str = "-- A table.\ncreate table t (\n    a int,\n    b text default 'x  y'\n);\n";

async fn applied() -> Bench {
    let bench = Bench::new().await;
    bench.write("1_table.up.sql", TABLE);
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_byte_is_refused_by_name() {
    let bench = applied().await;
    bench.write("1_table.up.sql", &TABLE.replace("'x  y'", "'x y'"));
    bench.run(&["status"]).await.expect(4, &["edited", "1 table", "app migrate repair 1"]);
    bench.run(&["deploy"]).await.expect(4, &["1 table", "Nothing was applied"]);
    bench.run_in("dev", &["dev"]).await.expect(4, &["app migrate repair 1", "app migrate reset"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn line_ends_a_bom_comments_and_white_space_are_forgiven() {
    let bench = applied().await;
    let crlf = TABLE.replace('\n', "\r\n");
    for same in [crlf.clone(), format!("\u{feff}{TABLE}"), format!("\u{feff}{crlf}")] {
        bench.write("1_table.up.sql", &same);
        let status = bench.json(&["status"]).await;
        assert_eq!(status["exit_code"], 0, "{status}");
        assert_eq!(status["migrations"][0]["comments_changed"], false, "{status}");
    }
    let told = TABLE.replace("-- A table.", "/* The table. */").replace("    a int", "  a  int");
    bench.write("1_table.up.sql", &told);
    let status = bench.json(&["status"]).await;
    assert_eq!((&status["exit_code"], &status["migrations"][0]["comments_changed"]), (&0.into(), &true.into()));
    bench.run(&["deploy"]).await.expect(0, &["comments or white space"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn repair_accepts_what_builds_the_same_schema_and_nothing_else() {
    let bench = applied().await;
    bench.run(&["repair", "1"]).await.expect(2, &["its file is unchanged"]);
    bench.write("1_table.up.sql", "create table t (\n    b text default 'x  y',\n    a integer\n);\n");
    bench.run(&["status"]).await.expect(4, &[]);
    bench.run(&["repair", "1"]).await.expect(0, &["same schema"]);
    bench.run(&["status"]).await.expect(0, &[]);
    bench.write("1_table.up.sql", "create table t (\n    a bigint,\n    b text default 'x  y'\n);\n");
    bench
        .run(&["repair", "1"])
        .await
        .expect(6, &["the column public.t.a differs: type is `integer`, and should be `bigint`"]);
    bench.run(&["status"]).await.expect(4, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_create_a_database_names_one() {
    let (bench, other) = (applied().await, Bench::new().await);
    other.execute("create table old (a int)").await;
    bench.write("1_table.up.sql", &TABLE.replace("int", "integer"));
    let repair = |shadow: String| {
        let mut command = bench.command("prod", &["repair", "1"]);
        command.env("SHADOW_DATABASE_URL", shadow);
        process::ran(command)
    };
    repair(bench.url.clone()).await.expect(2, &["the database itself", "nothing was changed"]);
    assert_eq!(bench.count("select count(*) from t").await, 0);
    repair(other.url.clone()).await.expect(0, &[]);
    assert_eq!(other.count("select count(*) from pg_class where relnamespace = 'public'::regnamespace").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_is_missing_and_a_newer_one_is_ahead() {
    let bench = applied().await;
    bench.write("2_more.up.sql", "create table u ();");
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.remove("2_more.up.sql");
    bench.run(&["deploy"]).await.expect(4, &["does not know: 2 more"]);
    assert_eq!(bench.states().await, ["applied", "ahead"]);
    bench.write("2_more.up.sql", "create table u ();");
    bench.remove("1_table.up.sql");
    bench.run(&["deploy"]).await.expect(4, &["is missing: 1 table"]);
    assert_eq!(bench.states().await, ["missing", "applied"]);
}
