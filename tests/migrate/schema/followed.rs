//! `verify` notices each kind of object that a migration changes, although it reads only changed objects again.

use futures_util::StreamExt as _;

use crate::migrate::Bench;

const BASE: &str = "
create table parents (id bigint primary key, name text not null, note text);
create table t (
    id bigint primary key,
    parent bigint constraint t_parent references parents,
    name text constraint t_name check (name <> ''),
    number integer default 1,
    doubled integer generated always as (number * 2) stored
);
create index t_number on t (number);
create sequence numbers;
create type mood as enum ('good');
create domain positive as integer check (value > 0);
create function f(a integer) returns integer language sql immutable as 'select 1';
create view v as select id, name from t;
create materialized view m as select id from t;
create table parted (id bigint) partition by range (id);
create table part_one partition of parted for values from (1) to (2);
create table part_two (id bigint);
create function touch() returns trigger language plpgsql as 'begin return new; end';
create trigger touch before update on t for each row execute function touch();
create policy only_own on t using (id > 0);
create statistics t_statistics (ndistinct) on id, number from t;
create rule nothing as on delete to v do instead nothing;
comment on column t.name is 'a name';
";

/// Changes that a down script leaves behind, with the words that tell of them.
const LEFT: &[(&str, &str)] = &[
    ("comment on table t is 'x'", "comment of the table public.t"),
    ("comment on column t.name is null", "comment of the column public.t.name"),
    ("comment on function f(integer) is 'x'", "comment of the function public.f(integer)"),
    ("comment on constraint t_name on t is 'x'", "comment of the constraint public.t.t_name"),
    ("comment on index t_pkey is 'x'", "comment of what belongs to the constraint public.t.t_pkey"),
    ("comment on type mood is 'x'", "comment of the enum public.mood"),
    ("grant select on t to pg_monitor", "privileges of the table public.t to pg_monitor"),
    ("grant select (name) on t to pg_monitor", "privileges of the column public.t.name to pg_monitor"),
    ("grant usage on sequence numbers to pg_monitor", "privileges of the sequence public.numbers"),
    ("revoke execute on function f(integer) from public", "privileges of the function public.f(integer)"),
    ("revoke usage on type mood from public", "privileges of the enum public.mood"),
    ("alter default privileges grant select on tables to pg_monitor", "default"),
    ("alter table t alter name set not null", "column public.t.name"),
    ("alter table t alter number set default 2", "column public.t.number"),
    ("alter table t alter number drop default", "column public.t.number"),
    ("alter table parents alter note type varchar(9)", "column public.parents.note"),
    ("alter table t alter name set storage external", "column public.t.name"),
    ("alter table t alter name set statistics 7", "column public.t.name"),
    ("alter table t add more text", "column public.t.more"),
    ("alter table t drop doubled", "column public.t.doubled"),
    ("alter table t rename constraint t_name to t_named", "constraint public.t.t_named"),
    ("alter table t drop constraint t_name", "constraint public.t.t_name"),
    ("alter table t drop constraint t_parent", "foreign key public.t.t_parent"),
    ("alter table parents disable trigger all", "foreign key public.t.t_parent"),
    ("alter table t disable trigger touch", "trigger public.t.touch"),
    ("alter table t enable row level security", "table public.t"),
    ("alter table t set (fillfactor = 50)", "table public.t"),
    ("alter table t set (toast.autovacuum_enabled = false)", "table public.t"),
    ("alter table t replica identity full", "replica identity public.t"),
    ("alter table t cluster on t_number", "clustering public.t"),
    ("alter table parents rename to elders", "table public.elders"),
    ("alter table parents rename note to remark", "column public.parents.remark"),
    ("drop index t_number", "index public.t_number"),
    ("alter index t_number rename to t_numbers", "index public.t_numbers"),
    ("alter index t_number set (fillfactor = 50)", "index public.t_number"),
    ("create index on m (id)", "index public.m_id_idx"),
    ("alter sequence numbers owned by t.id", "sequence ownership public.numbers"),
    ("alter sequence numbers increment by 2", "sequence public.numbers"),
    ("alter table t alter id add generated always as identity", "column public.t.id"),
    ("alter type mood add value 'bad'", "enum public.mood"),
    ("alter type mood rename value 'good' to 'fine'", "enum public.mood"),
    ("alter domain positive add constraint less check (value < 9)", "domain constraint public.positive.less"),
    (
        "create or replace function f(a integer) returns integer language sql immutable as 'select 2'",
        "function public.f(integer)",
    ),
    ("create or replace view v as select id, name, number from t", "view public.v"),
    ("alter view v alter name set default 'x'", "view column public.v.name"),
    ("alter view v set (security_barrier)", "view public.v"),
    ("drop rule nothing on v", "rule public.v.nothing"),
    ("alter policy only_own on t using (id > 1)", "policy public.t.only_own"),
    ("alter statistics t_statistics set statistics 5", "statistics public.t_statistics"),
    ("alter table parted attach partition part_two for values from (2) to (3)", "table public.part_two"),
    ("alter table parted detach partition part_one", "table public.part_one"),
    ("create table child () inherits (t)", "table public.child"),
    ("create schema more", "schema more"),
    ("create extension hstore", "extension hstore"),
    ("create publication p for table t", "publication p"),
    ("create type span as range (subtype = integer)", "range type public.span"),
    ("create cast (mood as integer) with inout", "cast"),
];

/// `verify` of the base, and a migration whose down script leaves a change.
async fn verified(left: &str) -> String {
    let bench = Bench::new().await;
    bench.write("1_base.up.sql", BASE);
    bench.write("2_left.up.sql", &format!("{left};")).write("2_left.down.sql", "select;");
    bench.write("3_more.up.sql", "create table more_of_it (id bigint references t);");
    bench.write("3_more.down.sql", "drop table more_of_it;");
    format!("{:?}", bench.run_in("dev", &["verify"]).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_down_script_leaves_is_told() {
    let all = LEFT.iter().map(|(left, words)| async move {
        let said = verified(left).await;
        (!said.contains("2 left, rolled back:") || !said.contains(words)).then(|| format!("{left}: {words}: {said}"))
    });
    let wrong: Vec<String> =
        futures_util::stream::iter(all).buffer_unordered(3).filter_map(async |one| one).collect().await;
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), LEFT.len(), wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_renamed_back_with_all_that_names_it_is_as_before() {
    let bench = Bench::new().await;
    bench.write("01_base.up.sql", BASE);
    for (number, (up, down)) in [
        ("alter table parents rename to elders", "alter table elders rename to parents"),
        ("alter table t rename name to title", "alter table t rename title to name"),
        ("alter type mood rename to feeling", "alter type feeling rename to mood"),
        ("alter function f(integer) rename to g", "alter function g(integer) rename to f"),
        (
            "create schema other; alter table t set schema other",
            "alter table other.t set schema public; drop schema other",
        ),
        ("alter sequence numbers rename to figures", "alter sequence figures rename to numbers"),
        (
            "alter table parted detach partition part_one; drop table part_one",
            "create table part_one partition of parted for values from (1) to (2)",
        ),
        ("drop materialized view m", "create materialized view m as select id from other.t"),
        ("create extension hstore; create table h (h hstore)", "drop table h; drop extension hstore"),
    ]
    .into_iter()
    .enumerate()
    {
        bench.write(&format!("1{number}_step.up.sql"), &format!("{up};"));
        bench.write(&format!("1{number}_step.down.sql"), &format!("{down};"));
    }
    let said = bench.run_in("dev", &["verify"]).await;
    assert!(said.stdout.contains("ok     all of them, applied again"), "{said:?}");
    assert!(said.stdout.contains("1 base has no .down.sql"), "{said:?}");
    assert!(!said.stdout.contains("rolled back:"), "{said:?}");
}
