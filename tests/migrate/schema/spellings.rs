//! What PostgreSQL says otherwise of a thing once its own text was read again is no difference.

use crate::migrate::Bench;

/// Everything that holds an expression, with lists of a `varchar` and conditions within conditions.
fn schema(length: u8) -> String {
    format!(
        "create domain code as varchar({length}) constraint code_listed check (value in ('A', 'B'));
create function known(s varchar) returns boolean language sql immutable begin atomic; select s in ('A', 'B'); end;
create table t (
    id bigint primary key,
    s varchar({length}) constraint listed check (s in ('A', 'B')),
    other code default 'A',
    n integer constraint between check (n between 1 and 9 and id between 1 and 9 and (n > 0 and (id > 0 or (n > 1 or id > 1)))),
    listed boolean generated always as (s not in ('C', 'D')) stored
);
create index listed on t (id) where s in ('A', 'B');
create index expressed on t ((s in ('A', 'B')));
create view v as select id, s in ('A', 'B') as listed from t where s in ('A', 'B') and (n > 1 and id > 1);
create materialized view m as select count(*) filter (where s in ('A', 'B')) as number from t;
create function nothing() returns trigger language plpgsql as 'begin return new; end';
create trigger listed before update on t for each row when (new.s in ('A', 'B')) execute function nothing();
create rule listed as on delete to t where old.s in ('A', 'B') do also nothing;
alter table t enable row level security;
create policy listed on t using (s in ('A', 'B')) with check (s not in ('C', 'D'));
create statistics listed (ndistinct) on (s in ('A', 'B')), n from t;"
    )
}

/// What `pg_dump` writes of a schema.
async fn dump(bench: &Bench) -> String {
    let programs: String = sqlx::query_scalar("select setting from pg_config where name = 'BINDIR'")
        .fetch_one(&mut bench.connection().await)
        .await
        .expect("a folder");
    let mut command = std::process::Command::new(format!("{programs}/pg_dump"));
    command.args(["--schema-only", "--no-owner", &bench.url]);
    let output = command.output().expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_a_varchar_are_written_applied_and_taken_back() {
    let bench = Bench::new().await;
    bench.desire(&schema(9));
    bench.run_in("dev", &["dev", "--name", "a"]).await.expect(0, &["applied."]);
    bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);
    bench.execute("insert into t (id, s, n) values (2, 'A', 2)").await;
    bench.desire(&schema(20));
    bench.run_in("dev", &["dev", "--name", "longer"]).await.expect(0, &["applied."]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);
    bench.run_in("dev", &["rollback"]).await.expect(0, &[]);
    bench.run_in("dev", &["deploy"]).await.expect(0, &[]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);
    bench.desire(&schema(20).replace("varchar(20) constraint", "text constraint"));
    bench.run_in("dev", &["dev", "--name", "text"]).await.expect(0, &["applied."]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_lists_of_a_varchar_is_taken_over_pulled_pushed_and_squashed() {
    let bench = Bench::new().await;
    bench.execute(&schema(9)).await;
    let dump = dump(&bench).await;
    bench.write("1_baseline.up.sql", &format!("-- What there was.\n{dump}")).desire(&schema(9));
    bench.run(&["resolve", "--applied", "1"]).await.expect(0, &["is on record as applied"]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);
    for sides in [["database", "schema.sql"], ["migrations", "database"], ["schema.sql", "migrations"]] {
        let [from, to] = sides;
        bench.run_in("dev", &["diff", "--from", from, "--to", to]).await.expect(0, &["No differences"]);
    }
    bench.db(&["push"]).await.expect(0, &["Nothing to do"]);
    bench.db(&["pull", "--force"]).await.expect(0, &["it creates the schema of the database."]);
    bench.desire(&schema(9).replace("create statistics", "create index more on t (n); create statistics"));
    bench.db(&["push"]).await.expect(0, &["create index more"]);
    bench.execute("drop index more").await;
    bench.write("2_more.up.sql", "create table more (id bigint);");
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.run_in("dev", &["squash", "--to", "2"]).await.expect(0, &["2_squashed.up.sql"]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_was_restored_is_no_drift() {
    let (bench, restored) = (Bench::new().await, Bench::new().await);
    bench.write("1_one.up.sql", &schema(9));
    bench.run(&["deploy"]).await.expect(0, &[]);
    let text = dump(&bench).await;
    let lines = text.lines().filter(|line| !line.starts_with('\\')).collect::<Vec<_>>().join("\n");
    restored.execute(&lines).await;
    restored.write("1_one.up.sql", &schema(9));
    let difference = restored.run_in("dev", &["diff", "--from", "migrations", "--to", "database"]).await;
    difference.expect(0, &["No differences"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_otherwise_is_still_a_difference() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", &schema(9));
    bench.run(&["deploy"]).await.expect(0, &[]);
    let other = "alter table t drop constraint listed, add constraint listed check (s in ('A', 'C'))";
    bench.execute(other).await;
    bench.run(&["status"]).await.expect(6, &["constraint public.t.listed differs"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn line_ends_of_a_checkout_are_no_difference() {
    let bench = Bench::new().await;
    let text = "create function f() returns integer language plpgsql as $$\nbegin\n    return 1;\nend\n$$;\n\
                create table t (a text default 'one\ntwo');\ncomment on table t is 'one\ntwo';\n\
                create function g() returns integer language sql as $$\n  select 1\n$$;\n";
    bench.write("1_one.up.sql", text).desire(text);
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.write("1_one.up.sql", &text.replace('\n', "\r\n")).desire(&text.replace('\n', "\r\n"));
    bench.run(&["status"]).await.expect(0, &["up to date"]);
    bench.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
    let other = Bench::new().await;
    other.write("1_one.up.sql", &text.replace('\n', "\r\n")).desire(text);
    other.run(&["deploy"]).await.expect(0, &[]);
    other.run_in("dev", &["dev"]).await.expect(0, &["Nothing to do"]);
    other.write("1_one.up.sql", text);
    other.run(&["status"]).await.expect(0, &["up to date"]);
}
