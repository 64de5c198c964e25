//! Emptying a database: a second build of the same finds nothing of the first one.

use super::{Bench, Ran};
use crate::support::cluster;

/// One of each kind that stands in no schema, or that is given to what will be made.
const OUTSIDE: &str = "\
create table t (a bigint primary key);
create publication p for table t;
create foreign data wrapper w;
create server s foreign data wrapper w;
create user mapping for public server s;
create function e() returns event_trigger language plpgsql as 'begin end';
create event trigger stop on sql_drop execute function e();
alter event trigger stop disable;
create type pair as (a integer);
create type stretch as range (subtype = float8);
create function c(pair) returns stretch language sql as 'select null::stretch';
create cast (pair as stretch) with function c(pair);
create language lang handler plpgsql_call_handler;
create access method am type index handler bthandler;
create transform for integer language plpgsql (from sql with function numeric_support(internal));
create aggregate product(integer) (sfunc = int4mul, stype = integer);
create operator ### (leftarg = integer, rightarg = integer, function = int4pl);
create text search configuration plain (copy = simple);
create collation swedish from \"C\";
create extension hstore;
create table of_hstore (h hstore);
create subscription far connection 'host=nowhere' publication p with (connect = false, slot_name = none);
alter default privileges grant select on tables to pg_monitor;
alter default privileges revoke execute on functions from public;
alter default privileges in schema public grant usage on sequences to pg_monitor;
grant create on schema public to pg_monitor;
select lo_create(4711);
";

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_no_schema_goes_too() {
    let bench = Bench::new().await;
    bench.write("1_all.up.sql", OUTSIDE);
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.run(&["status"]).await.expect(0, &["The database is up to date"]);
    for _ in 0..2 {
        bench.run_in("dev", &["reset", "--force", "--skip-seed"]).await.expect(0, &["1 migration was applied"]);
        bench.run(&["status"]).await.expect(0, &["The database is up to date"]);
    }
    bench.desire(OUTSIDE);
    bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
    let verified = bench.run_in("dev", &["verify"]).await;
    assert!(verified.stdout.contains("ok     schema.sql is what they build"), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn default_privileges_of_a_later_migration_are_gone_for_the_first_one() {
    let bench = Bench::new().await;
    let more = "alter default privileges grant select on tables to pg_monitor;";
    bench.write("1_one.up.sql", "create table one ();").write("2_two.up.sql", more);
    bench.desire(&format!("create table one (); {more}"));
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.run_in("dev", &["reset", "--force", "--skip-seed"]).await.expect(0, &[]);
    bench.run(&["status"]).await.expect(0, &["The database is up to date"]);
    bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
    bench.run_in("dev", &["verify"]).await.expect(0, &["ok     schema.sql is what they build"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_superuser_prepared_in_a_shadow_stays_usable() {
    let (bench, shadow) = (Bench::new().await, Bench::new().await);
    let role = cluster::unique("plain");
    bench.execute(&format!("create role {role} login password 'x'")).await;
    for one in [&bench, &shadow] {
        let name = one.options.get_database().expect("a name").to_owned();
        // An extension that only a superuser may create, with a member in public.
        one.execute(&format!("alter database {name} owner to {role}; create extension pageinspect")).await;
    }
    // And something that the database itself has not.
    shadow.execute("create foreign data wrapper prepared; create extension pg_freespacemap").await;
    let shadow_url = cluster::url_as(&shadow.options, &role, "x");
    let bench = bench.with_role(&role, "x").with("SHADOW_DATABASE_URL", shadow_url);
    let users = "create extension if not exists pageinspect; create table users (id bigint primary key);";
    bench.write("1_users.up.sql", users).desire(users);
    bench.run(&["deploy"]).await.expect(0, &[]);
    for _ in 0..2 {
        let ran: Ran = bench.run(&["status"]).await.expect(0, &["up to date"]);
        assert!(!ran.stdout.contains("not looked"), "{ran:?}");
        bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
    }
    let left = "select count(*) from pg_extension where extname in ('pageinspect', 'pg_freespacemap')";
    assert_eq!(shadow.count(left).await, 2);
    assert_eq!(shadow.count("select count(*) from pg_class where relname = 'users'").await, 0);
    bench.run_in("dev", &["reset", "--force", "--skip-seed"]).await.expect(0, &["1 migration was applied"]);
    assert_eq!(bench.count("select count(*) from pg_extension where extname = 'pageinspect'").await, 1);
}
