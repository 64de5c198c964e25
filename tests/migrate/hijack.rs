//! A role that may create in a schema on the search path gets nothing of its own run by who works on the database.

use super::{Bench, Ran};
use crate::support::cluster;
use crate::support::process::ran;

/// Functions and operators that fit better than PostgreSQL's own do for some types, of every name that anything here uses. Each
/// fails, and says so.
const TRAPS: &str = r#"
do $traps$
declare
    types constant text[] := '{name,text,varchar,"\"char\"",oid,regclass,integer,bigint,boolean,bytea,timestamptz,jsonb,name[],text[]}';
    body constant text := $$language plpgsql as 'begin raise exception ''HIJACKED''; end'$$;
    one text;
    other text;
    called text;
begin
    for called in
        select distinct proname
        from pg_catalog.pg_proc
        where proname in (
            'quote_ident', 'quote_literal', 'format', 'array_agg', 'string_agg', 'json_agg', 'jsonb_agg', 'jsonb_build_object',
            'jsonb_object_agg', 'to_jsonb', 'concat', 'concat_ws', 'coalesce', 'current_schema', 'current_schemas',
            'current_setting', 'set_config', 'current_database', 'pg_backend_pid', 'pg_try_advisory_lock', 'pg_cancel_backend',
            'pg_advisory_unlock_all', 'to_regclass', 'to_regnamespace', 'format_type', 'pg_get_expr', 'pg_get_viewdef',
            'pg_get_constraintdef', 'pg_get_indexdef', 'pg_get_functiondef', 'pg_get_triggerdef', 'pg_get_ruledef', 'aclexplode',
            'acldefault', 'unnest', 'array', 'array_append', 'any', 'all', 'count', 'max', 'min', 'sum', 'bool_or', 'bool_and',
            'exists', 'has_table_privilege', 'has_schema_privilege', 'has_sequence_privilege', 'pg_has_role', 'decode', 'encode',
            'now', 'clock_timestamp', 'extract', 'date_part', 'split_part', 'to_hex', 'rtrim', 'replace', 'lower', 'upper', 'length',
            'pg_identify_object', 'pg_describe_object', 'oidvectortypes', 'pg_encoding_to_char', 'pg_get_userbyid', 'lo_unlink',
            'pg_postmaster_start_time', 'regexp_replace', 'substr', 'substring', 'left', 'right', 'host', 'inet_client_addr',
            'generate_series', 'row_number', 'greatest', 'pg_get_statisticsobjdef', 'pg_get_partkeydef', 'hashtextextended', 'like',
            'pg_get_function_arguments', 'pg_get_function_result', 'pg_is_in_recovery', 'jsonb_each_text', 'jsonb_build_array'
        )
    loop
        foreach one in array types loop
            execute pg_catalog.format('create function public.%I(%s) returns text %s', called, one, body);
            foreach other in array types loop
                execute pg_catalog.format('create function public.%I(%s, %s) returns text %s', called, one, other, body);
                execute pg_catalog.format('create function public.%I(%s, %s, %s) returns text %s', called, one, other, other, body);
            end loop;
        end loop;
    end loop;
    foreach one in array types loop
        foreach other in array types loop
            execute pg_catalog.format('create function public.trap(%s, %s) returns boolean %s', one, other, body);
            foreach called in array '{=,<>,<,>,<=,>=,||,+,-,*,/,~,!~,~~,!~~,->,->>,@>,?,<<,|,&&}'::text[] loop
                execute pg_catalog.format('create operator public.%s (leftarg = %s, rightarg = %s, function = public.trap)', called, one, other);
            end loop;
        end loop;
    end loop;
end
$traps$;
"#;

/// What a command ended with, none of whose words is of a trap.
#[track_caller]
fn untouched(ran: Ran, code: i32) {
    assert!(!format!("{ran:?}").contains("HIJACKED"), "{ran:?}");
    ran.expect(code, &[]);
}

/// A database in whose schema `public` a role, which is nobody, could create.
async fn trapped() -> (Bench, Bench) {
    let bench = Bench::new().await;
    let attacker = cluster::unique("attacker");
    bench
        .execute(&format!("create role {attacker} login password 'x'; grant create on schema public to {attacker}"))
        .await;
    let name = bench.options.get_database().expect("a name").to_owned();
    // What stands explicitly behind another is looked up behind it.
    bench.execute(&format!("alter database {name} set search_path = public, pg_catalog")).await;
    let as_attacker = Bench { options: bench.options.clone(), ..Bench::new().await }.with_role(&attacker, "x");
    (bench, as_attacker)
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_and_operators_of_a_schema_that_others_may_create_in_are_never_ours() {
    let (bench, attacker) = trapped().await;
    attacker.execute(&format!("set search_path = pg_catalog; {TRAPS}")).await;
    // The trap is one: whoever does not take care is caught.
    let caught =
        sqlx::query("select quote_ident(nspname) from pg_namespace").fetch_all(&mut bench.connection().await).await;
    assert!(caught.expect_err("a trap").to_string().contains("HIJACKED"));
    let bench = bench.with("APP_MIGRATIONS__IGNORE__TABLES", "*").with("APP_MIGRATIONS__IGNORE__ROLES", "attacker*");
    bench.write("1_one.up.sql", "create table one (id bigint);").write("1_one.down.sql", "drop table one;");
    bench.write("2_two.up.sql", "-- no-transaction\ncreate index concurrently i on one (id);");
    bench.write("2_two.down.sql", "drop index i;");
    bench.desire("create table one (id bigint); create index i on one (id);");
    untouched(bench.run(&["status"]).await, 3);
    untouched(bench.run(&["deploy", "--dry-run"]).await, 0);
    untouched(bench.run(&["deploy"]).await, 0);
    untouched(bench.run(&["status", "--skip-drift"]).await, 0);
    untouched(bench.run(&["status"]).await, 0);
    untouched(bench.run_in("dev", &["dev"]).await, 0);
    untouched(bench.run_in("dev", &["verify"]).await, 0);
    untouched(bench.run_in("dev", &["diff", "--from", "migrations", "--to", "database"]).await, 0);
    untouched(bench.db(&["push"]).await, 0);
    untouched(bench.db(&["pull", "--force"]).await, 0);
    untouched(bench.run_in("dev", &["rollback"]).await, 0);
    untouched(bench.run_in("dev", &["resolve", "--rolled-back", "2"]).await, 2);
    untouched(bench.run(&["deploy"]).await, 0);
    bench.write("1_one.up.sql", "create table public.one (id bigint);");
    untouched(bench.run(&["repair", "1"]).await, 0);
    let bench = Bench { environment: Vec::new(), ..bench };
    untouched(bench.run(&["status"]).await, 6);
    untouched(bench.run_in("dev", &["reset", "--force", "--skip-seed"]).await, 0);
    assert_eq!(bench.count("select count(*) from pg_proc where proname = 'trap'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_somebody_else_prepared_is_neither_read_nor_written() {
    let (bench, attacker) = trapped().await;
    bench.write("1_one.up.sql", "create table one (id bigint);");
    let columns = "version bigint primary key, description text not null, installed_on timestamptz not null default now(), \
                   success boolean not null, checksum bytea not null, execution_time bigint not null";
    attacker.execute(
        "create function fire() returns bigint language plpgsql as 'begin raise exception ''HIJACKED''; end'; create view \
         _sqlx_migrations as select fire() as version, ''::text as description, now() as installed_on, true as success, \
         ''::bytea as checksum, 1::bigint as execution_time",
    ).await;
    for arguments in [&["status"][..], &["deploy", "--beside"]] {
        let ran = bench.run(arguments).await;
        assert!(!format!("{ran:?}").contains("HIJACKED"), "{ran:?}");
        ran.expect(1, &["no plain table"]);
    }
    attacker.execute(&format!(
        "drop view _sqlx_migrations; create table _sqlx_migrations ({columns}); create function fired() returns trigger language \
         plpgsql as 'begin raise exception ''HIJACKED''; end'; create trigger fire before insert on _sqlx_migrations for each row \
         execute function fired(); grant all on _sqlx_migrations to public",
    )).await;
    let ran = bench.run(&["deploy", "--beside"]).await;
    assert!(!format!("{ran:?}").contains("HIJACKED"), "{ran:?}");
    ran.expect(2, &["belongs to the role `attacker", "Nothing was changed"]);
    // What only saves a look is done without.
    attacker.execute(
        "drop table _sqlx_migrations; create table _app_schema_looks (key text primary key, looked_at timestamptz); create \
         trigger fire before insert or delete on _app_schema_looks for each statement execute function fired(); grant all on \
         _app_schema_looks to public",
    ).await;
    let bench =
        bench.with("APP_MIGRATIONS__IGNORE__TABLES", "fire,fired").with("APP_MIGRATIONS__IGNORE__ROLES", "attacker*");
    untouched(bench.run(&["deploy"]).await, 0);
    for _ in 0..2 {
        untouched(bench.run(&["status"]).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_are_made_and_taken_back_among_such_functions() {
    let bench = Bench::new().await;
    let attacker = cluster::unique("attacker");
    bench
        .execute(&format!("create role {attacker} login password 'x'; grant create on schema public to {attacker}"))
        .await;
    let app = async |arguments: &[&str]| {
        let command = bench.program("prod", arguments);
        ran(command).await
    };
    untouched(app(&["migrate", "deploy"]).await, 0);
    let as_attacker = Bench { options: bench.options.clone(), ..Bench::new().await }.with_role(&attacker, "x");
    as_attacker.execute(&format!("set search_path = pg_catalog; {TRAPS}")).await;
    untouched(app(&["user", "invite"]).await, 0);
    untouched(app(&["user", "invites"]).await, 0);
    untouched(app(&["user", "revoke-invite", "1"]).await, 0);
    untouched(app(&["migrate", "status", "--skip-drift"]).await, 0);
    untouched(app(&["migrate", "rollback", "--yes", bench.options.get_database().expect("a name")]).await, 0);
}
