//! Rows that the role cannot see are never left out, and objects of other roles are never run.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::TakeOverBench;
use crate::support::{PATIENCE, cluster};

const HERE: [&str; 5] = ["--from", "here", "--amounts", "baht", "--yes"];

/// A role for one test, of no rights.
async fn role(bench: &TakeOverBench) -> String {
    let name = cluster::unique("stranger_");
    bench.execute(&format!("create role {name} login password 'secret'")).await;
    name
}

async fn drop_role(bench: &TakeOverBench, name: &str) {
    bench.execute(&format!("drop owned by {name} cascade; drop role {name}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_row_level_security_hides_are_not_left_out() {
    let (bench, there) = (TakeOverBench::empty().await, TakeOverBench::original(1000).await);
    let role = role(&there).await;
    there
        .execute(&format!(
            r#"
            grant select on all tables in schema public to {role};
            grant select on all sequences in schema public to {role};
            alter table "Transaction" enable row level security;
            create policy half on "Transaction" to {role} using (id % 2 = 0);
            "#
        ))
        .await;
    let url = cluster::url_as(&there.options, &role, "secret");
    let ran = bench.run(&["--from", &url, "--amounts", "baht", "--yes"]).await;
    ran.expect(2, &["row-level security policy for table \"Transaction\"", "Nothing was changed"]);
    bench.untouched().await;

    // Without the sequences' rights it is the same kind of refusal.
    there.execute(&format!(r#"alter table "Transaction" disable row level security; revoke all on all sequences in schema public from {role}"#)).await;
    bench.run(&["--from", &url, "--amounts", "baht", "--yes"]).await.expect(2, &["permission denied for sequence"]);
    bench.untouched().await;
    there.execute(&format!("grant select on all sequences in schema public to {role}")).await;
    bench.run(&["--from", &url, "--amounts", "baht", "--yes"]).await.expect(0, &["990 transactions"]);
    drop_role(&there, &role).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_another_role_are_named_and_not_run() {
    let bench = TakeOverBench::beside(1000).await;
    let role = role(&bench).await;
    bench.execute(&format!("grant create, usage on schema public to {role}")).await;
    let body = "language plpgsql as $$begin raise exception 'HIJACKED'; end$$";
    let traps = [
        (
            format!("create function public.unnest(bigint[]) returns setof bigint {body}"),
            "drop function public.unnest(bigint[])",
            "the function public.unnest(bigint[])",
        ),
        (
            format!("create function public.name_key(varchar) returns text {body}"),
            "drop function public.name_key(varchar)",
            "the function public.name_key(character varying)",
        ),
        (
            format!(
                "create function public.same(transaction_type, transaction_type) returns boolean {body}; create operator public.= \
                 (leftarg = transaction_type, rightarg = transaction_type, function = public.same)"
            ),
            "drop function public.same cascade",
            "the operator public.=(public.transaction_type,public.transaction_type)",
        ),
    ];
    for (create, drop, named) in traps {
        bench.execute(&format!("set role {role}; {create}")).await;
        for arguments in [&HERE[..], &["--from", "here"], &["--undo", "--yes"]] {
            let ran = bench.run(arguments).await;
            assert!(!format!("{ran:?}").contains("HIJACKED"), "{ran:?}");
            ran.expect(2, &[named, &format!("owned by {role}"), "nothing was changed"]);
        }
        bench.untouched().await;
        bench.execute(drop).await;
    }
    bench
        .execute(
            r#"
            create function tt("TransactionType") returns text language sql immutable as $$select 'INCOME'$$;
            create cast ("TransactionType" as text) with function tt("TransactionType");
            "#,
        )
        .await;
    bench.run(&HERE).await.expect(2, &["the cast from public.\"TransactionType\" to text"]);
    bench.untouched().await;
    bench.execute(r#"drop function tt("TransactionType") cascade"#).await;
    // A search path with the catalog at its end, and a function of the owner's that hides the catalog's, change nothing.
    bench
        .execute(
            "
            create function public.format_type(oid, integer) returns text language sql as $$select 'x'$$;
            do $$begin execute format('alter database %I set search_path = public, pg_catalog', current_database()); end$$;
            ",
        )
        .await;
    bench.run(&HERE).await.expect(0, &["990 transactions"]);
    drop_role(&bench, &role).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_role_in_a_schema_that_is_called_like_this_one_are_passed_over() {
    let bench = TakeOverBench::beside(1000).await;
    let role = role(&bench).await;
    let own = bench.options.get_username().to_owned();
    bench
        .execute(&format!(
            "
            create schema {own} authorization {role};
            create table {own}.users (like public.users including all);
            create table {own}.transactions (like public.transactions);
            alter table {own}.users owner to {role};
            alter table {own}.transactions owner to {role};
            "
        ))
        .await;
    let first = format!("select (to_regclass('users') = '{own}.users'::regclass)::integer");
    assert_eq!(bench.count(&first).await, 1);
    bench.run(&HERE).await.expect(0, &["50 users and 990 transactions were taken over"]);
    assert_eq!(bench.count(&format!("select count(*) from {own}.users")).await, 0);
    assert_eq!(bench.count("select count(*) from public.users").await, 50);
    bench.run(&["--undo", "--yes"]).await.expect(0, &["50 users"]);
    // A record there is not trusted, whatever it says.
    bench
        .execute(&format!(
            "create table {own}._sqlx_migrations as table public._sqlx_migrations; \
             alter table {own}._sqlx_migrations owner to {role}"
        ))
        .await;
    bench.run(&HERE).await.expect(2, &[&format!("belongs to the role `{role}`"), "Nothing was changed"]);
    assert_eq!(bench.count("select count(*) from public.users").await, 0);
    drop_role(&bench, &role).await;
}

/// Waits until so many sessions of a take-over wait for a lock.
async fn until(bench: &TakeOverBench, sessions: i64) {
    let waits = "select count(*) from pg_stat_activity where application_name = 'app db take-over' \
                 and datname = current_database() and wait_event_type = 'Lock'";
    let deadline = Instant::now() + PATIENCE;
    while bench.count(waits).await != sessions {
        assert!(Instant::now() < deadline, "there are never {sessions} that wait");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_it_with_130_and_nothing_is_changed() {
    let bench = TakeOverBench::beside(1000).await;
    let mut holder = bench.connection().await;
    cluster::run(&mut holder, r#"begin; lock table "Transaction" in access exclusive mode"#.to_owned()).await;
    for signal in ["TERM", "INT"] {
        let mut command = bench.command(&HERE);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("started");
        until(&bench, 1).await;
        let killed = std::process::Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(killed.expect("sent").success());
        let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await.expect("joined").expect("ended");
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("cancelled; nothing was changed"), "{output:?}");
        until(&bench, 0).await;
    }
    cluster::run(&mut holder, "rollback".to_owned()).await;
    bench.untouched().await;
}
