//! Another schema than `public`: where the database's own search path leads.

use super::Bench;
use crate::support::cluster;

const USERS: &str = "create table users (id bigint primary key, name text);";

/// Everything that compares, with the tables in a schema that is not `public`.
async fn everything_works(bench: &Bench, schema: &str) {
    bench.write("1_users.up.sql", USERS).write("1_users.down.sql", "drop table users;").desire(USERS);
    bench.run(&["deploy"]).await.expect(0, &["1 migration was applied"]);
    let there = format!(
        "select count(*) from pg_class where relname in ('users', '_sqlx_migrations') and relnamespace = '{schema}'::regnamespace"
    );
    assert_eq!(bench.count(&there).await, 2);
    bench.run(&["status"]).await.expect(0, &["The database is up to date"]);
    bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
    bench.desire("create table users (id bigint primary key, name text, phone text); create index on users (name);");
    bench.run_in("dev", &["dev", "--name", "phone"]).await.expect(0, &["migrations were applied"]);
    let written = bench.texts("phone.up.sql");
    assert!(written.contains("alter table users add column phone text;"), "{written}");
    bench.run_in("dev", &["status"]).await.expect(0, &["up to date"]);
    let verified = bench.run_in("dev", &["verify"]).await;
    assert!(verified.stdout.contains("ok     schema.sql is what they build"), "{verified:?}");
    assert!(verified.stdout.contains("ok     each can be rolled back"), "{verified:?}");
    bench.write("1_users.up.sql", &USERS.replace("id bigint", "\"id\" bigint"));
    bench.run(&["repair", "1"]).await.expect(0, &[]);
    bench.execute("alter table users add stray integer").await;
    bench.run(&["status"]).await.expect(6, &[&format!("column {schema}.users.stray should not be there")]);
    bench.db(&["push", "--accept-data-loss"]).await.expect(0, &["drop column stray"]);
    bench.db(&["pull", "--force"]).await.expect(0, &[]);
    assert!(bench.desired().contains("create table users ("), "{}", bench.desired());
    bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
    bench.run_in("dev", &["reset", "--force", "--skip-seed"]).await.expect(0, &["migrations were applied"]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);
    assert_eq!(bench.count(&there).await, 2);
    bench.execute("drop table _sqlx_migrations, _app_migration_attempts; alter table users drop phone; drop index users_name_idx").await;
    bench.run(&["resolve", "--applied", "1"]).await.expect(0, &["on record as applied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_path_of_the_database() {
    let bench = Bench::new().await;
    let name = bench.options.get_database().expect("a name").to_owned();
    bench.execute(&format!("create schema place; alter database {name} set search_path = place")).await;
    everything_works(&bench, "place").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_called_like_the_role_which_is_no_superuser() {
    let bench = Bench::new().await;
    let (role, name) = (cluster::unique("Owner"), bench.options.get_database().expect("a name").to_owned());
    bench
        .execute(&format!(
            "create role \"{role}\" login createdb password 'x'; alter database {name} owner to \"{role}\"; create schema \
             authorization \"{role}\""
        ))
        .await;
    let bench = bench.with_role(&role, "x");
    everything_works(&bench, &format!("\"{role}\"")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_options_of_the_url() {
    let bench = Bench::new().await;
    bench.execute("create schema \"my app\"").await;
    let url = format!("{}?options=-csearch_path%3D%22my%5C%20app%22", bench.url);
    let bench = Bench { options: url.parse().expect("a URL"), url, ..bench };
    everything_works(&bench, "\"my app\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_the_first_migration_makes() {
    let bench = Bench::new().await;
    let name = bench.options.get_database().expect("a name").to_owned();
    bench.execute(&format!("alter database {name} set search_path = place, public")).await;
    bench.write("1_one.up.sql", "create schema place; create table place.one (id bigint);");
    bench.write("2_two.up.sql", "create table two (id bigint);");
    bench.run(&["deploy"]).await.expect(0, &["2 migrations were applied"]);
    assert_eq!(bench.count("select count(*) from place.two").await, 0);
    bench.run(&["status"]).await.expect(0, &["The database is up to date"]);
    bench.run_in("dev", &["verify"]).await.expect(0, &["ok     all of them, applied again"]);
    bench.run_in("dev", &["reset", "--force", "--skip-seed"]).await.expect(0, &["2 migrations were applied"]);
    bench.run(&["status"]).await.expect(0, &["The database is up to date"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_stand_alone_in_a_hint_are_those_of_the_schema_of_new_tables() {
    let bench = Bench::new().await;
    let name = bench.options.get_database().expect("a name").to_owned();
    bench.execute(&format!("create schema place; alter database {name} set search_path = place")).await;
    let before = "create table users (id bigint primary key, name text);\ncreate type mood as enum ('a');\n\
                  create function f(a integer, b text) returns integer language sql as 'select 1';";
    bench.write("1_one.up.sql", before).write("1_one.down.sql", "select;").desire(before);
    bench.run_in("dev", &["dev"]).await.expect(0, &["1 migration was applied"]);
    let after = "-- renamed from users\ncreate table people (\n  id bigint primary key,\n  full_name text -- renamed from name\n);\n\
                 create type mood as enum ('b' -- renamed from 'a'\n);\n\
                 create function f(a integer, b text) returns integer language sql as 'select 2';";
    bench.desire(after);
    bench.run_in("dev", &["dev", "--name", "renamed"]).await.expect(0, &["applied."]);
    let written = bench.texts("renamed.up.sql");
    for statement in [
        "alter table users rename to people;",
        "alter table people rename column name to full_name;",
        "alter type mood rename value 'a' to 'b';",
        "create or replace function f(a integer, b text)",
    ] {
        assert!(written.contains(statement), "{statement}: {written}");
    }
    bench.run_in("dev", &["rollback"]).await.expect(0, &[]);
    bench.run_in("dev", &["dev"]).await.expect(0, &["applied."]);
    // `public` is another schema here.
    let moved = after.replace(
        "-- renamed from users\ncreate table people",
        "-- renamed from place.people\ncreate table public.people",
    );
    bench.desire(&moved.replace("-- renamed from name", ""));
    bench.run_in("dev", &["dev", "--name", "moved"]).await.expect(0, &["applied."]);
    let (up, down) = (bench.texts("moved.up.sql"), bench.texts("moved.down.sql"));
    assert!(up.contains("alter table people set schema public;"), "{up}");
    assert!(down.contains("alter table public.people set schema place;"), "{down}");
    bench.run(&["status"]).await.expect(0, &["up to date"]);
}
