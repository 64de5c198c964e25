//! `app migrate dev`: from a change in `schema.sql` to a migration that is applied.

use crate::migrate::Bench;

const FIRST: &str = "\
create table users (
    id bigint generated always as identity primary key,
    email text not null
);";

async fn developing() -> Bench {
    let bench = Bench::new().await;
    bench.write("1_users.up.sql", FIRST).write("1_users.down.sql", "drop table users;").desire(FIRST);
    bench.run_in("dev", &["dev"]).await.expect(0, &["1 migration was applied"]);
    bench
}

fn with(column: &str) -> String {
    FIRST.replace("email text not null", column)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_becomes_a_migration_that_is_applied_and_can_be_taken_back() {
    let bench = developing().await;
    bench.run_in("dev", &["dev", "--name", "nothing"]).await.expect(0, &["Nothing to do"]);
    bench.desire(&with("email text not null, phone text"));
    bench.run_in("dev", &["dev"]).await.expect(6, &["+ column public.users.phone", "--name"]);
    let ran = bench.run_in("dev", &["dev", "--name", "add user phone"]).await;
    ran.expect(
        0,
        &["add_user_phone.up.sql", "add_user_phone.down.sql", "+ column public.users.phone", "1 migration was applied"],
    );
    assert_eq!(bench.texts("_phone.up.sql"), "alter table users add column phone text;\n");
    bench.run_in("dev", &["status"]).await.expect(0, &["up to date"]);
    bench.run_in("dev", &["verify"]).await.expect(0, &["ok     schema.sql is what they build"]);
    bench.run_in("dev", &["rollback"]).await.expect(0, &[]);
    assert_eq!(bench.count("select count(*) from pg_attribute where attname = 'phone'").await, 0);
    bench.run_in("dev", &["deploy"]).await.expect(0, &[]);
    bench.run_in("dev", &["status"]).await.expect(0, &["up to date"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_files_are_written_where_that_is_asked_for() {
    let bench = developing().await;
    bench.desire(&with("email text not null, phone text"));
    bench.run_in("dev", &["dev", "--name", "phone", "--create-only"]).await.expect(0, &["Look at these"]);
    assert_eq!(bench.count("select count(*) from pg_attribute where attname = 'phone'").await, 0);
    bench.run_in("dev", &["dev"]).await.expect(0, &["1 migration was applied"]);
    bench.run_in("dev", &["dev", "--name", "more", "--create-only"]).await.expect(0, &["Fill these in"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_lost_is_named_and_has_to_be_agreed_to() {
    let bench = developing().await;
    bench.execute("insert into users (email) values ('a')").await;
    bench.desire("create table accounts (name text);");
    let refused = ["data would be lost", "the table public.users and all of its rows", "nothing was written"];
    bench.run_in("dev", &["dev", "--name", "drop"]).await.expect(1, &refused);
    assert_eq!(bench.texts("drop.up.sql"), "");
    bench.run_in("dev", &["dev", "--name", "drop", "--accept-data-loss"]).await.expect(0, &["- table public.users"]);
    let written = bench.texts("drop.up.sql");
    assert!(written.contains("-- data loss: the table public.users and all of its rows\n"), "{written}");
    bench.run_in("dev", &["status"]).await.expect(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_and_an_add_that_look_like_a_rename_stop_unless_it_is_said_what_they_are() {
    let bench = developing().await;
    bench.execute("insert into users (email) values ('a'), ('b')").await;
    bench.desire(&with("address text not null"));
    let stopped = ["looks like a rename", "-- renamed from email", "--drop public.users.email", "nothing was written"];
    bench.run_in("dev", &["dev", "--name", "rename", "--accept-data-loss"]).await.expect(1, &stopped);
    bench.desire(&with("address text not null -- renamed from email\n"));
    bench.run_in("dev", &["dev", "--name", "rename"]).await.expect(0, &[]);
    assert_eq!(bench.count("select count(*) from users where address in ('a', 'b')").await, 2);
    // What was done already is passed over.
    bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);

    bench.desire(&with("note text"));
    bench.run_in("dev", &["dev", "--name", "drop", "--drop", "users.address"]).await.expect(0, &[]);
    bench.run_in("dev", &["rollback", "--steps", "1"]).await.expect(1, &["23502"]);

    bench.desire(&with("note text -- renamed from nowhere\n").replace("note text", "other text"));
    bench.run_in("dev", &["dev", "--name", "typo"]).await.expect(1, &["line 3", "no column `nowhere`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_and_a_value_are_renamed_too() {
    let bench = developing().await;
    bench.desire(&format!(
        "{FIRST} create type state as enum ('new', 'done'); create table jobs (id bigint primary key, state state);"
    ));
    bench.run_in("dev", &["dev", "--name", "jobs"]).await.expect(0, &[]);
    bench.execute("insert into jobs values (1, 'new')").await;
    bench.desire(&format!(
        "{FIRST}\ncreate type state as enum (\n    'open', -- renamed from 'new'\n    'done'\n);\ncreate schema work;\n-- renamed \
         from public.jobs\ncreate table work.tasks (id bigint primary key, state state);"
    ));
    bench.run_in("dev", &["dev", "--name", "tasks"]).await.expect(0, &["rename constraint jobs_pkey to tasks_pkey"]);
    assert_eq!(bench.count("select count(*) from work.tasks where state = 'open'").await, 1);
    bench.run_in("dev", &["rollback"]).await.expect(0, &[]);
    assert_eq!(bench.count("select count(*) from jobs where state = 'new'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_safely_is_a_stub_that_cannot_be_applied() {
    let bench = developing().await;
    bench.execute("insert into users (email) values ('a')").await;
    bench.desire(&with("email text not null, born date not null"));
    let ran = bench.run_in("dev", &["dev", "--name", "born"]).await;
    ran.expect(1, &["To be written by hand", "public.users.born", "not null and has no default", "not finished"]);
    let written = bench.texts("born.up.sql");
    assert!(written.starts_with("-- check: select false\n") && written.contains("-- not generated: "), "{written}");
    assert!(!written.lines().any(|line| !line.starts_with("--")), "{written}");
    bench.run_in("dev", &["deploy"]).await.expect(0, &["no statements yet"]);
    bench.run(&["deploy"]).await.expect(1, &["nothing but comments"]);
    assert_eq!(bench.count("select count(*) from pg_attribute where attname = 'born'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_that_no_sql_is_written_for_are_named_and_the_rest_is_written() {
    let bench = developing().await;
    bench.desire(&format!(
        "{} create type pair as (a int, b int); create table logs () inherits (users);",
        with("email text not null, phone text")
    ));
    let ran = bench.run_in("dev", &["dev", "--name", "mixed"]).await;
    ran.expect(1, &["composite type public.pair", "table public.logs", "inherits from another"]);
    let written = bench.texts("mixed.up.sql");
    assert!(
        written.contains("-- check: select false\n") && written.contains("alter table users add column phone text;"),
        "{written}"
    );
    bench.run_in("dev", &["deploy"]).await.expect(1, &["select false"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_by_hand_is_told_and_can_be_adopted() {
    let bench = developing().await;
    bench.execute("alter table users add column age integer; create index users_by_age on users (age)").await;
    bench.run_in("dev", &["dev"]).await.expect(6, &["column public.users.age should not be there", "--adopt", "reset"]);
    bench.run_in("dev", &["dev", "--adopt", "--name", "age"]).await.expect(0, &["on record as applied"]);
    let written = bench.texts("age.up.sql");
    assert!(written.contains("alter table users add column age integer;"), "{written}");
    bench.run_in("dev", &["status"]).await.expect(0, &["age", "up to date"]);
    let kept = bench.desired();
    assert!(kept.starts_with(FIRST) && kept.contains("alter table users add column age integer;"), "{kept}");
    bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
    // A file that was put back does not take back by itself what was made since.
    bench.desire(FIRST);
    let ran = bench.run_in("dev", &["dev", "--name", "back"]).await;
    ran.expect(6, &["was not changed with those after it", "age", "db pull --force", "--accept-data-loss"]);
    bench
        .run_in("dev", &["dev", "--name", "back", "--accept-data-loss"])
        .await
        .expect(0, &["- column public.users.age"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_by_hand_is_put_into_the_desired_schema() {
    let bench = developing().await;
    bench.write(
        "2_hand.up.sql",
        "create view mails as select email from users; insert into users (email) values ('a');",
    );
    let ran = bench.run_in("dev", &["dev"]).await;
    ran.expect(0, &["1 migration was applied", "appended to schema.sql"]);
    let kept = bench.desired();
    assert!(
        kept.starts_with(FIRST) && kept.contains("-- From 2 hand;") && kept.contains("create view mails as"),
        "{kept}"
    );
    bench.run_in("dev", &["verify"]).await.expect(0, &["ok     schema.sql is what they build"]);
    // Where its author has begun something else, it is left alone.
    let changed = format!("{kept}\ncreate table other (id bigint);\n");
    bench.desire(&changed).write("3_hand.up.sql", "create view more as select email from users;");
    bench.run_in("dev", &["dev"]).await.expect(6, &["+ table public.other", "- view public.more"]);
    assert_eq!(bench.desired(), changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_sql_is_told_with_its_line() {
    let bench = developing().await;
    bench.desire("create table users (id bigint);\ncreate tabel x ();");
    bench.run_in("dev", &["dev", "--name", "x"]).await.expect(1, &["schema.sql", "line 2", "42601"]);
    bench.desire("create table users (id bigint);\ncommit;");
    bench.run_in("dev", &["dev", "--name", "x"]).await.expect(1, &["line 2"]);
    bench.run_in("prod", &["dev", "--name", "x"]).await.expect(8, &["nothing was changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_in_use_are_changed_without_holding_others_up() {
    let bench = developing().await;
    bench.execute("insert into users (email) select n::text from generate_series(1, 100) n").await;
    let desired = "create table plans (id bigint primary key);\n".to_owned()
        + &with(
            "email text not null, note text default 'x' not null, plan bigint references plans, check (id > 0), unique (email)",
        )
        + "\ncreate index users_by_note on users (note);";
    bench.desire(&desired);
    bench.run_in("dev", &["dev", "--name", "more"]).await.expect(0, &[]);
    let concurrently = bench.texts("more_concurrently.up.sql");
    for line in [
        "-- no-transaction\n",
        "create unique index concurrently users_email_key on users (email);",
        "create index concurrently users_by_note on users (note);",
    ] {
        assert!(concurrently.contains(line), "{line}: {concurrently}");
    }
    let (first, later) = (bench.texts("more.up.sql"), bench.texts("more_validate.up.sql"));
    for (name, definition) in [("users_plan_fkey", "FOREIGN KEY"), ("users_id_check", "CHECK")] {
        assert!(
            first.contains(&format!("add constraint {name} {definition}")) && first.contains("not valid;"),
            "{first}"
        );
        assert!(later.contains(&format!("validate constraint {name};")), "{later}");
    }
    assert!(later.contains("add constraint users_email_key unique using index users_email_key;"), "{later}");
    bench.desire(&desired.replace("email text not null", "email text").replace("plan bigint", "plan bigint not null"));
    bench.execute("insert into plans values (1); update users set plan = 1").await;
    bench.run_in("dev", &["dev", "--name", "required"]).await.expect(0, &[]);
    let first = bench.texts("required.up.sql");
    assert!(first.contains("add constraint users_plan_present check (plan is not null) not valid;"), "{first}");
    assert!(first.contains("alter table users alter column email drop not null;"), "{first}");
    bench.run_in("dev", &["verify"]).await.expect(0, &["ok     each can be rolled back"]);
}
