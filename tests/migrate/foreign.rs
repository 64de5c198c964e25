//! Beside another service in the same database: what is somebody else's is neither told nor touched.

use super::Bench;
use crate::support::cluster;
use crate::support::process::{self, SECRET};

/// What a service of somebody else's, a provider and an administrator have made.
const THEIRS: &str = r#"
create type "Kind" as enum ('IN', 'OUT');
create table "User" (id serial primary key, email text not null unique, kind "Kind");
create table "Entry" (id bigint generated always as identity primary key, "userId" integer references "User" on delete cascade);
create view "Entry_list" as select * from "Entry";
create function "Entry_touch"() returns trigger language plpgsql as 'begin return new; end';
create trigger touched before update on "Entry" for each row execute function "Entry_touch"();
create index on "Entry" ("userId");
comment on table "User" is 'theirs';
insert into "User" (email) values ('a'), ('b');
insert into "Entry" ("userId") values (1), (2);
create schema original; create table original.old (id integer); create sequence original.counter;
create schema provider; create extension hstore schema provider; create extension pg_trgm;
create function provider.hook() returns event_trigger language plpgsql as 'begin end';
create event trigger provider_hook on ddl_command_end execute function provider.hook();
create publication theirs for table "User";
create foreign data wrapper theirs; create server theirs foreign data wrapper theirs;
grant usage on schema public to pg_read_all_stats; grant usage on language sql to pg_read_all_stats;
alter default privileges in schema public grant select on tables to pg_read_all_stats;
select lo_create(0);
"#;

/// Everything of it, as the catalogs have it, and its rows.
const CENSUS: &str = r#"
select md5(string_agg(one, E'\n' order by one))
from (
    select format('%s %s %s %s', oid, relname, relacl, relnamespace::regnamespace) from pg_class
    where relname like any (array['User%', 'Entry%', 'old', 'counter'])
    union all select format('%s %s', oid, conname) from pg_constraint where conrelid in ('"User"'::regclass, '"Entry"'::regclass)
    union all select format('%s %s', oid, tgname) from pg_trigger where tgrelid = '"Entry"'::regclass and not tgisinternal
    union all select format('%s %s', oid, proname) from pg_proc where proname in ('Entry_touch', 'hook', 'similarity', 'hstore')
    union all select format('%s %s', oid, typname) from pg_type where typname = 'Kind'
    union all select format('%s %s', oid, extname) from pg_extension
    union all select format('%s %s', oid, pubname) from pg_publication
    union all select format('%s %s', oid, evtname) from pg_event_trigger
    union all select format('%s %s', oid, srvname) from pg_foreign_server
    union all select format('%s', oid) from pg_largeobject_metadata
    union all select format('%s %s', nspname, has_schema_privilege('pg_read_all_stats', oid, 'usage')) from pg_namespace where nspname in ('public', 'original', 'provider')
    union all select format('%s', lanacl) from pg_language where lanname = 'sql'
    union all select format('%s', defaclacl) from pg_default_acl
    union all select obj_description('"User"'::regclass)
    union all select format('%s', u) from "User" u
    union all select format('%s', e) from "Entry" e
) theirs (one)
"#;

async fn beside() -> Bench {
    let bench = Bench::new()
        .await
        .with("APP_MIGRATIONS__IGNORE__TABLES", r"User,Kind,public.Entry*")
        .with("APP_MIGRATIONS__IGNORE__SCHEMAS", "original,prov*")
        .with("APP_MIGRATIONS__IGNORE__EXTENSIONS", "pg_trgm")
        .with("APP_MIGRATIONS__IGNORE__ROLES", "pg_read_*")
        .with("APP_MIGRATIONS__IGNORE__OTHERS", "theirs,provider_*");
    bench.execute(THEIRS).await;
    bench
}

async fn census(bench: &Bench) -> String {
    sqlx::query_scalar(CENSUS).fetch_one(&mut bench.connection().await).await.expect("a census")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_ends_with_0_and_touches_nothing_of_theirs() {
    let bench = beside().await;
    let before = census(&bench).await;
    bench.write("1_one.up.sql", "create table one (id bigint primary key, email text);");
    bench.write("1_one.down.sql", "drop table one;");
    bench.desire("create table one (id bigint primary key, email text);");
    bench.run(&["deploy"]).await.expect(0, &["1 migration was applied"]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);
    bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
    bench.desire("create table one (id bigint primary key, email text, more text);");
    bench.db(&["push"]).await.expect(0, &["add column more"]);
    bench.run_in("dev", &["dev", "--name", "more"]).await.expect(0, &["on record as applied"]);
    bench.db(&["pull", "--force"]).await.expect(0, &[]);
    let pulled = bench.desired();
    assert!(pulled.contains("create table one") && !pulled.contains("User") && !pulled.contains("hstore"), "{pulled}");
    bench.run_in("dev", &["verify"]).await.expect(0, &["ok     schema.sql is what they build"]);
    bench.run_in("dev", &["diff", "--from", "migrations", "--to", "database"]).await.expect(0, &[]);
    bench.run_in("dev", &["diff", "--from", "database", "--to", "schema.sql"]).await.expect(0, &[]);
    bench.write("1_one.up.sql", "create table public.one (id bigint primary key, email text);");
    bench.run_in("dev", &["repair", "1"]).await.expect(0, &[]);
    bench.run_in("dev", &["rollback", "--to", "0"]).await.expect(0, &["2 migrations were rolled back"]);
    bench.run_in("dev", &["deploy"]).await.expect(0, &[]);
    bench.execute("create table stray (); create schema stray; create view stray.v as select 1").await;
    bench.run_in("dev", &["reset", "--force", "--skip-seed"]).await.expect(0, &["2 migrations were applied"]);
    assert_eq!(bench.count("select count(*) from pg_class where relname = 'stray'").await, 0);
    bench.run(&["status"]).await.expect(0, &["up to date"]);
    bench.execute("drop table _sqlx_migrations, _app_migration_attempts; alter table one drop more").await;
    bench.run(&["resolve", "--applied", "1"]).await.expect(0, &["on record as applied"]);
    assert_eq!(census(&bench).await, before, "something of theirs is another");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_settings_all_of_it_is_told() {
    let mut bench = beside().await;
    bench.environment.clear();
    bench.write("1_one.up.sql", "create table one ();");
    bench.run(&["deploy", "--beside"]).await.expect(0, &[]);
    let told = bench.run(&["status"]).await;
    for object in [
        "table public.\"User\" should",
        "enum public.\"Kind\"",
        "view public.\"Entry_list\"",
        "function public.\"Entry_touch\"()",
        "schema provider",
        "extension pg_trgm",
        "publication theirs",
        "event trigger provider_hook",
        "server theirs",
        "privileges of the schema public to pg_read_all_stats",
        "privileges of the language sql",
        "default acl",
    ] {
        assert!(told.stdout.contains(object), "{object}: {told:?}");
    }
    assert!(told.code == 6 && !told.stdout.contains("original"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_theirs_needs_ours_nothing_is_dropped() {
    let bench = beside().await;
    bench.write("1_one.up.sql", "create table one (id bigint primary key);");
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench
        .execute(r#"insert into one values (1); alter table "Entry" add one bigint constraint needs references one"#)
        .await;
    let before = census(&bench).await;
    let ran = bench.run_in("dev", &["reset", "--force", "--skip-seed"]).await;
    ran.expect(2, &["constraint needs on table", "nothing was changed"]);
    assert_eq!((census(&bench).await, bench.count("select count(*) from one").await), (before, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_serves_is_given_nothing_of_theirs() {
    let bench = beside().await;
    let role = cluster::unique("server");
    bench.execute(&format!("create role {role} login password 'x'")).await;
    bench.write("1_one.up.sql", "create table one (id bigint primary key);");
    let url = cluster::url_as(&bench.options, &role, "x");
    let direct = bench.url.clone();
    let bench = Bench { url, ..bench }.with("DATABASE_DIRECT_URL", direct);
    bench.run(&["deploy"]).await.expect(0, &["was granted its privileges"]);
    let rights = |table: &str| format!("select has_table_privilege('{role}', '{table}', 'select')::int::bigint");
    assert_eq!((bench.count(&rights("one")).await, bench.count(&rights("\"User\"")).await), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_empty_and_has_no_record_is_begun_only_if_that_is_said() {
    let bench = Bench::new().await;
    bench.execute("create extension hstore; create schema nothing").await;
    bench.execute("create table customers (id serial); create view seen as select 1").await;
    bench
        .execute("create schema \"A b\"; create function \"A b\".f(int, text) returns int language sql as 'select 1'")
        .await;
    bench.write("1_one.up.sql", "create table one ();");
    for arguments in [&["deploy"][..], &["deploy", "--dry-run"]] {
        let words =
            ["customers", "view public.seen", "has no record", "--beside", "migrations.ignore", "nothing was changed"];
        bench.run(arguments).await.expect(2, &words);
    }
    bench.run_in("dev", &["dev"]).await.expect(2, &["customers"]);
    assert_eq!(bench.json(&["deploy"]).await["error"]["code"], "not_empty");
    assert_eq!(bench.count("select count(*) from pg_class where relname ~ '^_(sqlx|app)_'").await, 0);
    // A server that applies by itself says so, too.
    let mut serve = bench.program("dev", &["serve", "--port", "0"]);
    serve.env("JWT_SECRET", SECRET);
    let served = process::ran(serve).await;
    assert!(served.code == 2 && served.stderr.contains("--beside"), "{served:?}");
    // What is ignored does not count, and a schema and an extension are nothing.
    let ignoring =
        Bench { environment: vec![("APP_MIGRATIONS__IGNORE__TABLES", "customers,seen,A b.*".to_owned())], ..bench };
    ignoring.run(&["deploy", "--dry-run"]).await.expect(0, &["would be applied"]);
    let bench = Bench { environment: Vec::new(), ..ignoring };
    let deployed =
        bench.run(&["deploy", "--beside"]).await.expect(0, &["1 migration was applied", "objects of others"]);
    // It says what to set, so that nothing of it is drift.
    bench.run(&["status"]).await.expect(6, &["the table public.customers should not be there"]);
    let (_, lists) = deployed.stderr.split_once("listed in migrations.ignore: ").expect("lists");
    let lists = lists.lines().next().expect("a line").to_owned();
    assert_eq!(lists, "schemas = A b,nothing; tables = public.customers,public.seen; extensions = hstore");
    let list = |name: &str| {
        let (_, rest) = lists.split_once(&format!("{name} = ")).expect("a list");
        rest.split(';').next().expect("names").to_owned()
    };
    let environment = vec![
        ("APP_MIGRATIONS__IGNORE__SCHEMAS", list("schemas")),
        ("APP_MIGRATIONS__IGNORE__TABLES", list("tables")),
        ("APP_MIGRATIONS__IGNORE__EXTENSIONS", list("extensions")),
    ];
    let ignoring = Bench { environment, ..bench };
    ignoring.run(&["status"]).await.expect(0, &["up to date"]);
    let bench = Bench { environment: Vec::new(), ..ignoring };
    // From then on it has a record.
    bench.write("2_two.up.sql", "create table two ();");
    bench.run(&["deploy"]).await.expect(0, &["applied 2 two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_is_emptied_of_what_has_such_a_name_too() {
    let bench = Bench::new().await.with("APP_MIGRATIONS__IGNORE__TABLES", "one*");
    bench.write("1_one.up.sql", "create table one_way (); create schema original;").desire("create table two ();");
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.run_in("dev", &["dev", "--name", "two"]).await.expect(0, &["+ table public.two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_that_watches_the_server_is_nobodys_drift() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one (id bigint primary key);");
    bench.write("1_one.down.sql", "drop table one;").desire("create table one (id bigint primary key);");
    bench.execute("create extension pg_stat_statements").await;
    bench.run(&["deploy"]).await.expect(0, &["1 migration was applied"]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);
    bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
    bench.db(&["push"]).await.expect(0, &["Nothing to do"]);
    bench.db(&["pull", "--force"]).await.expect(0, &[]);
    assert!(!bench.desired().contains("pg_stat"), "{}", bench.desired());
    bench.run(&["verify"]).await.expect(0, &[]);
    bench.run_in("dev", &["reset", "--force", "--skip-seed"]).await.expect(0, &[]);
    assert_eq!(bench.count("select count(*) from pg_extension where extname = 'pg_stat_statements'").await, 1);
    // Another one is drift.
    bench.execute("create extension hstore").await;
    bench.run(&["status"]).await.expect(6, &["the extension hstore should not be there"]);
}
