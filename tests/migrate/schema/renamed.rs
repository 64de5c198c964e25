//! Renames: said wherever a person says them, in turn, and with what speaks of the old names.

use crate::migrate::Bench;

async fn bench(before: &str, after: &str) -> Bench {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", before).write("1_one.down.sql", "select 1;").desire(after);
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_is_heeded_wherever_it_stands() {
    let before = "create table t (id bigint primary key, name text, constraint c_old check (id > 0), constraint u unique (name));";
    for after in [
        "create table t (id bigint primary key, full_name text -- renamed from name\n, constraint c_new check (id > 0), constraint u unique (full_name));",
        "create table t (\n id bigint primary key,\n -- Renamed From NAME\n FULL_NAME text,\n CONSTRAINT c_new CHECK (id > 0), -- renamed from C_OLD\n constraint u unique (full_name));",
        "create table\n t (id bigint primary key, constraint c_old check (id > 0));\nalter table only t\n  add column full_name text; -- renamed from name\nALTER TABLE t ADD CONSTRAINT u UNIQUE (full_name);",
    ] {
        let bench = bench(before, after).await;
        bench.execute("insert into t values (2, 'kept')").await;
        bench.run_in("dev", &["dev", "--name", "rename"]).await.expect(0, &["applied."]);
        assert_eq!(bench.count("select count(*) from t where full_name = 'kept'").await, 1, "{after}");
        bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
        bench.run_in("dev", &["rollback"]).await.expect(0, &[]);
        assert_eq!(bench.count("select count(*) from t where name = 'kept'").await, 1, "{after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_swapped_once() {
    let before = "create table t (id bigint primary key, a text, b integer);\ncreate table one (x integer);\ncreate table two (y text);\n\
                  create type s as enum ('new', 'done');";
    let after = "create table t (id bigint primary key, b text, -- renamed from a\n a integer -- renamed from b\n);\n\
                 -- renamed from two\ncreate table one (y text);\n-- renamed from one\ncreate table two (x integer);\n\
                 create type s as enum (\n 'done', -- renamed from 'new'\n 'new' -- renamed from 'done'\n);";
    let bench = bench(before, after).await;
    bench
        .execute("insert into t values (1, 'text', 7); insert into one values (1); insert into two values ('two')")
        .await;
    bench.run_in("dev", &["dev", "--name", "swap"]).await.expect(0, &["applied."]);
    assert_eq!(
        bench.count("select count(*) from t, one, two where a = 7 and b = 'text' and y = 'two' and x = 1").await,
        1
    );
    bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
    bench.desire(&format!("{after}\ncreate table more (id bigint);"));
    bench.run_in("dev", &["dev", "--name", "more"]).await.expect(0, &["applied."]);
    bench.run_in("dev", &["rollback", "--steps", "2"]).await.expect(0, &[]);
    assert_eq!(
        bench.count("select count(*) from t, one, two where b = 7 and a = 'text' and y = 'two' and x = 1").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_elsewhere_is_passed_over_in_a_fresh_database() {
    let text =
        "-- renamed from people\ncreate table users (id bigint primary key, full_name text -- renamed from name\n);";
    let bench = Bench::new().await;
    bench.desire(text);
    bench
        .run_in("dev", &["diff", "--from", "empty", "--to", "schema.sql", "--script"])
        .await
        .expect(0, &["create table"]);
    bench.db(&["push"]).await.expect(0, &["create table users"]);
    bench.desire(&format!("{text}\ncreate table more (id bigint, b text -- renamed from a\n);"));
    bench.db(&["push"]).await.expect(0, &["create table more"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_given_on() {
    let before = "create table t (id bigint primary key, a text, b text);";
    let after = "create table t (id bigint primary key, b text, -- renamed from a\n c text -- renamed from b\n);";
    let bench = bench(before, after).await;
    bench.execute("insert into t values (1, 'a', 'b')").await;
    bench.run_in("dev", &["dev", "--name", "on"]).await.expect(0, &["applied."]);
    assert_eq!(bench.count("select count(*) from t where b = 'a' and c = 'b'").await, 1);
    // What was done stays done, whatever else comes.
    bench.desire(&after.replace("c text", "a integer, c text"));
    bench.run_in("dev", &["dev", "--name", "a"]).await.expect(0, &["applied."]);
    assert_eq!(bench.count("select count(*) from t where b = 'a' and c = 'b' and a is null").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_can_be_told_of_is_refused() {
    let before = "create table t (id bigint primary key, a text, b text);\ncreate function f() returns integer language sql as 'select 1';";
    let swap = "create table t (id bigint primary key, b text, -- renamed from a\n a text -- renamed from b\n);\ncreate function f() returns integer language sql as 'select 1';";
    let bench = bench(before, swap).await;
    let refused = ["line 1", "take each other's names", "migrate new"];
    bench.run_in("dev", &["dev", "--name", "swap"]).await.expect(1, &refused);
    bench.db(&["push"]).await.expect(1, &refused);
    bench.desire(&format!("{before}\ncreate table more (id bigint); -- renamed from nothing\n"));
    bench.run_in("dev", &["dev", "--name", "more"]).await.expect(1, &["line 3", "no table `nothing`"]);
    bench.desire(&before.replace("'select 1';", "'select 2'; -- renamed from g"));
    bench.run_in("dev", &["dev", "--name", "f"]).await.expect(1, &["line 2", "cannot be renamed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_with_more_room_is_suspected_and_done() {
    for (old, new) in
        [("integer", "bigint"), ("varchar(5)", "text"), ("varchar(5)", "varchar(9)"), ("numeric(5,2)", "numeric(9,2)")]
    {
        let before = format!("create table t (id bigint primary key, a {old});");
        let after = |hint: &str| format!("create table t (id bigint primary key, b {new}{hint}\n);");
        let bench = bench(&before, &after("")).await;
        bench.execute("insert into t values (1, '7')").await;
        bench.run_in("dev", &["dev", "--name", "b"]).await.expect(1, &["looks like a rename", "-- renamed from a"]);
        bench.desire(&after(" -- renamed from a"));
        bench.run_in("dev", &["dev", "--name", "b"]).await.expect(0, &["applied."]);
        assert_eq!(bench.count("select count(*) from t where b::text like '7%'").await, 1);
    }
    let bench =
        bench("create table t (id bigint primary key, a integer);", "create table t (id bigint primary key, b text);")
            .await;
    bench.run_in("dev", &["dev", "--name", "b"]).await.expect(1, &["data would be lost"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_speak_of_the_old_name_are_taken_back_too() {
    let function = |which: usize, table: &str, column: &str| match which {
        0 => format!(
            "create function f() returns text language sql stable as 'select {column} from {table} order by id desc limit 1';"
        ),
        1 => format!(
            "create function f() returns text language plpgsql as $$ declare one {table}.{column}%type; \
             begin select max({column}) into one from {table}; return one; end $$;"
        ),
        _ => format!(
            "create function g(value {table}) returns text language sql as 'select value.{column}';\n\
             create function f() returns text language plpgsql as $$ begin return (select g(one) from {table} one); end $$;"
        ),
    };
    for which in 0..3 {
        let schema = |table: &str, column: &str, hints: (&str, &str)| {
            let function = function(which, table, column);
            format!(
                "create schema side;\n{}\ncreate table {table} (id bigint primary key, {column} text{}\n);\n{function}",
                hints.0, hints.1
            )
        };
        for (table, column, hints) in [
            ("users", "full_name", ("", " -- renamed from name")),
            ("people", "name", ("-- renamed from users", "")),
            ("side.users", "name", ("-- renamed from public.users", "")),
            ("side.people", "full_name", ("-- renamed from public.users", " -- renamed from name")),
        ] {
            let bench = bench(&schema("users", "name", ("", "")), &schema(table, column, hints)).await;
            bench.execute("insert into users values (1, 'Ada')").await;
            bench.run_in("dev", &["dev", "--name", "rename"]).await.expect(0, &["applied."]);
            let asked = "select count(*) from (select f() = 'Ada' as so) x where so";
            assert_eq!(bench.count(asked).await, 1, "{table}.{column}");
            bench.run_in("dev", &["rollback"]).await.expect(0, &[]);
            assert_eq!(bench.count(asked).await, 1, "{table}.{column}: {}", bench.texts("rename.down.sql"));
            bench.run_in("dev", &["deploy"]).await.expect(0, &[]);
            bench.run_in("dev", &["status"]).await.expect(0, &["up to date"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_an_enum_is_renamed_with_quotes_or_without_and_asked_about() {
    let before =
        "create type st as enum ('aa', 'b');\ncreate table a (id int primary key, x st not null default 'aa');";
    let after = |hint: &str| {
        format!(
            "create type st as enum (\n 'aa',\n 'bb'{hint}\n);\ncreate table a (id int primary key, x st not null default 'aa');"
        )
    };
    for hint in [" -- renamed from b", " -- renamed from 'b'"] {
        let bench = bench(before, &after("")).await;
        bench.execute("insert into a values (1, 'b')").await;
        let asked =
            ["looks like a rename", "the enum value public.st.'b'", "`-- renamed from 'b'`", "--drop public.st.'b'"];
        bench.run_in("dev", &["dev", "--name", "bb"]).await.expect(1, &asked);
        bench.desire(&after(" -- renamed from bbb"));
        bench.run_in("dev", &["dev", "--name", "bb"]).await.expect(1, &["line 3", "no value `bbb`"]);
        bench.desire(&after(hint));
        bench.run_in("dev", &["dev", "--name", "bb"]).await.expect(0, &["applied."]);
        assert!(bench.texts("bb.up.sql").contains("rename value 'b' to 'bb'"), "{}", bench.texts("bb.up.sql"));
        assert_eq!(bench.count("select count(*) from a where x = 'bb'").await, 1);
        bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
    }
    // As a shell hands it over.
    let bench = bench(before, &after("")).await;
    bench.run_in("dev", &["dev", "--name", "bb", "--drop", "st.b"]).await.expect(0, &["applied."]);
    assert!(!bench.texts("bb.up.sql").contains("rename value"), "{}", bench.texts("bb.up.sql"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_is_suspected_and_its_position_is_lost_only_by_agreement() {
    let before = "create sequence inv; create sequence free;";
    let bench = bench(before, "create sequence inv2;").await;
    bench.execute("select setval('inv', 41)").await;
    let asked =
        ["looks like a rename", "the sequence public.inv would", "the sequence public.free would", "public.inv2"];
    bench.run_in("dev", &["dev", "--name", "inv"]).await.expect(1, &asked);
    bench.desire("create sequence inv2; -- renamed from inv\n");
    let lost = ["data would be lost", "the position of the sequence public.free"];
    bench.run_in("dev", &["dev", "--name", "inv"]).await.expect(1, &lost);
    bench.run_in("dev", &["dev", "--name", "inv", "--drop", "free"]).await.expect(0, &["applied."]);
    assert_eq!(bench.count("select nextval('inv2')").await, 42);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_use_the_old_name_are_named() {
    let schema = |column: &str, body: &str, table: (&str, &str)| {
        format!(
            "{}create table {} (id bigint primary key, {column}\n);\n\
             create function f() returns text language plpgsql as $$ begin return (select max({body}) from {}); end $$;\n\
             create function other() returns text language sql as 'select ''name''';\n\
             create function touch() returns trigger language plpgsql as $$ begin new.{body} := ''; return new; end $$;\n\
             create trigger touch before insert on {} for each row execute function touch();",
            table.1, table.0, table.0, table.0
        )
    };
    let before = schema("name text", "name", ("users", ""));
    let renamed = "full_name text -- renamed from name";
    let bench = bench(&before, &schema(renamed, "name", ("users", ""))).await;
    let ran = bench.run_in("dev", &["dev", "--name", "rename"]).await;
    let ran =
        ran.expect(0, &["the function public.f() still seems to use the old name", "the function public.touch()"]);
    assert!(!ran.stdout.contains("public.other()"), "{ran:?}");
    assert!(bench.texts("rename.up.sql").contains("-- older release: the function public.f()"));
    for desired in [
        schema(renamed, "full_name", ("users", "")),
        schema("name text", "name", ("people", "-- renamed from users\n")),
    ] {
        let bench = self::bench(&before, &desired).await;
        let ran = bench.run_in("dev", &["dev", "--name", "rename"]).await.expect(0, &["older release:"]);
        assert!(!ran.stdout.contains("still seems"), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_moves_to_a_schema_where_the_names_of_its_indexes_and_sequences_are_taken() {
    let other = "create schema side;\n\
                 create table side.users (id bigserial primary key, name text constraint users_once unique);\n\
                 create index users_names on side.users (lower(name));\n";
    let columns = "(\n id bigint generated always as identity primary key,\n name text constraint users_once unique,\n \
                   number serial\n);\n";
    let before = format!("{other}create table users {columns}create index users_names on users (name);");
    // An index there has the name of the table.
    let people = "create index people on side.users (id);";
    let (before, moved) = (
        format!("{before}\n{people}"),
        format!(
            "{other}-- renamed from public.users\ncreate table side.people {}create index people_names on side.people (name);",
            columns.replace("users_once", "people_once")
        ),
    );
    let bench = bench(&before, &moved).await;
    bench.execute("insert into users (name) values ('a'), ('b')").await;
    bench.run_in("dev", &["dev", "--name", "moved"]).await.expect(0, &["applied."]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);
    let up = bench.texts("moved.up.sql");
    for statement in [
        "alter table users rename constraint users_once to people_once;",
        "alter table users rename constraint users_pkey to people_pkey;",
        "alter index users_names rename to people_names;",
        "alter sequence users_id_seq rename to people_id_seq;",
        "alter index side.people rename to people_aside;",
    ] {
        assert!(up.contains(statement), "{statement}: {up}");
    }
    assert_eq!(bench.count("select count(*) from side.people").await, 2);
    bench.execute("insert into side.people (name) values ('c')").await;
    assert_eq!(bench.count("select max(id) from side.people").await, 3);
    bench.run_in("dev", &["rollback", "--to", "1"]).await.expect(0, &[]);
    bench.run(&["status", "--skip-drift"]).await.expect(3, &["pending"]);
    let names = "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relname in ('users', \
                 'users_pkey', 'users_once', 'users_names', 'users_id_seq')";
    assert_eq!(bench.count(names).await, 5);
    assert_eq!(
        bench.count("select count(*) from pg_class where oid = to_regclass('side.people') and relkind = 'i'").await,
        1
    );
}
