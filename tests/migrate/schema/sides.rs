//! `migrate diff`, `migrate verify`, `db push` and `db pull`.

use crate::migrate::Bench;

const USERS: &str = "create table users (id bigint primary key, name text);";

async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.write("1_users.up.sql", USERS).write("1_users.down.sql", "drop table users;").desire(USERS);
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn any_two_sides_are_compared_and_nothing_is_changed() {
    let bench = bench().await;
    let diff = |from: &'static str, to: &'static str, more: &'static [&'static str]| {
        let arguments = [&["diff", "--from", from, "--to", to], more].concat();
        let bench = &bench;
        async move { bench.run_in("dev", &arguments).await }
    };
    diff("migrations", "schema.sql", &[]).await.expect(0, &["No differences"]);
    diff("database", "migrations", &[]).await.expect(6, &["+ table public.users", "1 difference."]);
    diff("empty", "schema.sql", &["--script"]).await.expect(0, &["create table users (\n"]);
    diff("schema.sql", "empty", &["--script"]).await.expect(1, &["data would be lost", "the table public.users"]);
    diff("schema.sql", "empty", &["--script", "--accept-data-loss"])
        .await
        .expect(0, &["-- data loss: the table public.users", "drop table users;"]);
    bench.execute("create table other (id integer)").await;
    diff("database", "schema.sql", &[]).await.expect(6, &["- table public.other", "Data would be lost"]);
    let sides = ["diff", "--from", "migrations", "--to", "database", "--accept-data-loss", "--json"];
    let ran = bench.run_in("prod", &sides).await;
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(document["differences"].as_array().map(Vec::len), Some(2), "{document}");
    assert!(document["files"][0]["up"].as_str().is_some_and(|up| up.contains("create table other")), "{document}");
    assert_eq!(bench.count("select count(*) from pg_class where relname = 'users'").await, 0);
    std::fs::remove_file(bench.folder.path().join("schema.sql")).expect("removed");
    diff("empty", "schema.sql", &[]).await.expect(2, &["there is no schema.sql", "db pull"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_brought_to_the_file_and_the_migration_comes_later() {
    let bench = bench().await;
    bench.run_in("dev", &["deploy"]).await.expect(0, &[]);
    bench.execute("insert into users values (1, 'a')").await;
    bench.desire("create table users (id bigint primary key, name text, age integer); create index on users (age);");
    bench.db(&["push"]).await.expect(0, &["add column age integer", "now matches"]);
    bench.db(&["push"]).await.expect(0, &["Nothing to do"]);
    bench.run_in("dev", &["dev", "--name", "age"]).await.expect(0, &["on record as applied"]);
    bench.run_in("dev", &["status"]).await.expect(0, &["age", "up to date"]);
    bench.desire("create table users (id bigint primary key);");
    bench.db(&["push"]).await.expect(1, &["data would be lost", "public.users.name", "nothing"]);
    assert_eq!(bench.count("select count(*) from users where name = 'a'").await, 1);
    bench.db(&["push", "--accept-data-loss"]).await.expect(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pushing_is_refused_in_prod_and_pulling_does_not_write_over_a_file() {
    let bench = bench().await;
    bench.db(&["pull"]).await.expect(2, &["schema.sql exists", "--force"]);
    bench.db(&["push", "--profile", "prod"]).await.expect(8, &["not for prod", "nothing was changed"]);
    assert_eq!(bench.count("select count(*) from pg_class where relname = 'users'").await, 0);
    let kept = std::fs::read_to_string(bench.folder.path().join("schema.sql")).expect("read");
    assert_eq!(kept, USERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_what_is_wrong_with_the_files() {
    let bench = bench().await;
    bench.run_in("test", &["verify"]).await.expect(0, &["ok     each can be rolled back", "ok     schema.sql"]);
    bench.write("2_more.up.sql", "create table more (id bigint); create index more_id on users (name);");
    bench.write("2_more.down.sql", "drop table more;");
    let ran = bench.run_in("test", &["verify"]).await;
    ran.expect(
        1,
        &["2 more, rolled back: the index public.more_id should not be there", "wrong  schema.sql is what they build"],
    )
    .expect(1, &["require-concurrent-index-creation"]);
    bench.write("2_more.up.sql", "create table more (id bigint);");
    bench.run_in("test", &["verify"]).await.expect(6, &["the table public.more should not be there"]);
    bench.desire(&format!("{USERS} create table more (id bigint);"));
    bench.run_in("test", &["verify"]).await.expect(0, &[]);
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.write("2_more.up.sql", "create table more (id bigint, x text);");
    bench.run_in("test", &["verify"]).await.expect(4, &["edited after it was applied: 2 more"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_migrations_and_our_own_schema_are_verified() {
    let bench = Bench::new().await;
    let checkout = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in checkout.join("migrations").read_dir().expect("a folder") {
        let path = entry.expect("a file").path();
        std::fs::copy(&path, bench.migrations().join(path.file_name().expect("a name"))).expect("copied");
    }
    bench.desire(&std::fs::read_to_string(checkout.join("schema.sql")).expect("a file"));
    bench.run_in("test", &["verify"]).await.expect(0, &["ok     schema.sql is what they build"]);
}
