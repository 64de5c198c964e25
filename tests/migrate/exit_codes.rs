//! Exit codes that tell the truth: what `status` ends with is what a deploy would meet, and what cannot be read is no success.

use serde_json::Value;

use super::Bench;
use crate::support::process;

#[tokio::test(flavor = "multi_thread")]
async fn the_status_tells_of_everything_that_a_deploy_refuses() {
    let late = Bench::new().await;
    late.write("2_two.up.sql", "create table two ();");
    late.run(&["deploy"]).await.expect(0, &[]);
    late.write("1_one.up.sql", "create table one ();");
    for arguments in [&["deploy"][..], &["status"], &["status", "--skip-drift"], &["deploy", "--dry-run"]] {
        late.run(arguments).await.expect(4, &["older than the newest applied migration", "1 one"]);
    }
    // In dev it would be applied.
    late.run_in("dev", &["status"]).await.expect(3, &["pending"]);

    let empty = Bench::new().await;
    empty.write("1_one.up.sql", "create table one ();");
    empty.run(&["deploy"]).await.expect(0, &[]);
    empty.write("2_two.up.sql", "-- to be written");
    for arguments in [&["deploy"][..], &["status"], &["status", "--skip-drift"]] {
        empty.run(arguments).await.expect(1, &["2_two.up.sql", "nothing but comments"]);
    }

    let in_part = Bench::new().await;
    in_part.write("1_one.up.sql", "create table one ();").write("2_two.up.sql", "create table two ();");
    in_part.write("3_three.up.sql", "create table three ();");
    let other = Bench::new().await;
    for file in ["1_one", "2_two", "3_three"] {
        let name = format!("{file}.up.sql");
        other.write(&name, &std::fs::read_to_string(in_part.migrations().join(&name)).expect("read"));
    }
    in_part.run(&["deploy", "--to", "1"]).await.expect(0, &[]);
    other.run_in("dev", &["squash", "--to", "2"]).await.expect(0, &[]);
    for name in ["1_one.up.sql", "2_two.up.sql", "3_three.up.sql"] {
        in_part.remove(name);
    }
    for entry in std::fs::read_dir(other.migrations()).expect("a folder") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, in_part.migrations().join(path.file_name().expect("a name"))).expect("copied");
    }
    for arguments in [&["deploy"][..], &["status"], &["status", "--skip-drift"]] {
        in_part.run(arguments).await.expect(4, &["some of the migrations that this file replaces"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_could_not_be_looked_at_is_no_success() {
    let bench = Bench::new().await;
    let sqlx_only = "do $$ begin if current_database() like 'app_shadow%' then raise 'not here'; end if; end $$;\ncreate table t ();";
    bench.write("1_one.up.sql", sqlx_only);
    bench.run(&["deploy"]).await.expect(0, &[]);
    let ran = bench.run(&["status"]).await.expect(1, &["could not be compared", "not here", "run the command again"]);
    assert!(!ran.stdout.contains("up to date") && !ran.stdout.contains("app migrate deploy"), "{ran:?}");
    bench.run(&["status", "--skip-drift"]).await.expect(0, &["up to date"]);
    let json = bench.json(&["status"]).await;
    assert_eq!((&json["drift"]["looked"], &json["up_to_date"]), (&Value::Bool(false), &Value::Bool(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_stops_where_it_is_told_to() {
    let bench = Bench::new().await;
    for version in 1..=3 {
        bench.write(&format!("{version}_t.up.sql"), &format!("create table t{version} ();"));
    }
    bench.run(&["deploy", "--to", "7"]).await.expect(2, &["there is no migration 7"]);
    let preview = bench.json(&["deploy", "--to", "2", "--dry-run"]).await;
    assert_eq!(preview["pending"].as_array().map(Vec::len), Some(2));
    bench.run(&["deploy", "--to", "2"]).await.expect(0, &["2 migrations were applied"]);
    assert_eq!(bench.states().await, ["applied", "applied", "pending"]);
    bench.run(&["deploy", "--to", "1"]).await.expect(0, &["Nothing to do"]);
    bench.run(&["deploy"]).await.expect(0, &["1 migration was applied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_the_wrong_one_is_refused() {
    let bench = Bench::new().await;
    for command in [&["deploy"][..], &["status"], &["verify"], &["lint"], &["reset", "--force"]] {
        let profile = if command[0] == "reset" { "dev" } else { "prod" };
        bench.run_in(profile, command).await.expect(2, &["it has no migrations"]);
    }
    bench.write("1_one.up.sql", "create table one ();");
    // As Prisma has them.
    let folder = bench.migrations().join("20260212104303_migrat_db");
    std::fs::create_dir(&folder).expect("made");
    bench.run(&["deploy"]).await.expect(2, &["20260212104303_migrat_db", "it is a folder"]);
    std::fs::remove_dir(&folder).expect("removed");
    bench.write("2_two.up.SQL", "create table two ();");
    bench.run(&["deploy"]).await.expect(2, &["2_two.up.SQL", "small letters"]);
    bench.remove("2_two.up.SQL");
    bench.write("3_three.down.sql", "drop table three;");
    bench.run(&["deploy"]).await.expect(2, &["3_three.down.sql", "no `.up.sql`"]);
    bench.remove("3_three.down.sql");
    std::os::unix::fs::symlink("nowhere.sql", bench.migrations().join("4_four.up.sql")).expect("linked");
    bench.run(&["deploy"]).await.expect(2, &["4_four.up.sql", "No such file"]);
    bench.remove("4_four.up.sql");
    bench.write("5_nul.up.sql", "select 1;\nselect '\0';");
    bench.run(&["deploy"]).await.expect(1, &["5_nul.up.sql, line 2", "NUL"]);
    bench.remove("5_nul.up.sql");
    bench.write("README.md", "x").write("notes_on_this.txt", "x");
    bench.run(&["deploy"]).await.expect(0, &["1 migration was applied"]);
}

#[test]
fn a_command_line_that_is_not_understood_is_answered_in_json_to_who_reads_that() {
    for arguments in
        [&["migrate", "deploy", "--json", "--nope"][..], &["migrate", "--json"], &["migrate", "resolve", "--json"]]
    {
        let output = process::run(arguments, &[]);
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", process::stdout(&output)));
        assert_eq!((output.status.code(), &document["exit_code"]), (Some(2), &2.into()), "{arguments:?}");
        assert_eq!(document["error"]["code"], "usage");
        assert!(document["error"]["message"].as_str().expect("text").contains("Usage:"), "{document}");
    }
    let plain = process::run(&["migrate", "deploy", "--nope"], &[]);
    assert!(plain.stdout.is_empty() && process::stderr(&plain).contains("--nope"));
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_leaves_out_what_has_nothing_in_it_yet() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one ();").write("1_one.down.sql", "drop table one;");
    bench.write("2_two.up.sql", "-- later").write("2_two.down.sql", "");
    bench.run(&["verify"]).await.expect(0, &["2_two.up.sql has no statements yet; it was skipped", "1 migration was"]);
    // Over one that cannot be taken back.
    bench.remove("1_one.down.sql");
    bench.run(&["verify"]).await.expect(0, &["1 one has no .down.sql", "2_two.up.sql"]);
}
