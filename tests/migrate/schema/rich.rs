//! Two schemas with every kind of object, and the way between them on a database with rows.

use std::collections::BTreeSet;
use std::process::Command;

use sqlx::AssertSqlSafe;

use crate::migrate::Bench;

const BEFORE: &str = include_str!("before.sql");
const AFTER: &str = include_str!("after.sql");
const ROWS: &str = include_str!("rows.sql");

/// What must be the same before and after: how many rows there are, and what is in a column with a new name.
const KEPT: &[(&str, &str)] = &[
    ("select count(*)::text from parents", "select count(*)::text from parents"),
    ("select count(*)::text from children", "select count(*)::text from children"),
    ("select count(*)::text from queue", "select count(*)::text from queue"),
    ("select count(*)::text from planned", "select count(*)::text from planned"),
    ("select count(*)::text from scratch", "select count(*)::text from scratch"),
    ("select count(*)::text from billing.invoices", "select count(*)::text from billing.invoices"),
    (
        "select string_agg(value, ',' order by id) from old_table",
        "select string_agg(value, ',' order by id) from new_table",
    ),
    (
        "select string_agg(nick, ',' order by id) from parents",
        "select string_agg(display_name, ',' order by id) from parents",
    ),
    (
        "select string_agg(amount::numeric(14, 4)::text, ',' order by id) from parents",
        "select string_agg(amount::text, ',' order by id) from parents",
    ),
    (
        "select string_agg(concat(state, feeling, size, code), ',' order by id) from parents",
        "select string_agg(concat(state, feeling, size, code), ',' order by id) from parents",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_way_between_two_rich_schemas_keeps_the_rows_and_leads_back() {
    let bench = Bench::new().await;
    bench.write("1_before.up.sql", BEFORE).desire(AFTER);
    bench.run_in("dev", &["deploy"]).await.expect(0, &[]);
    bench.execute(ROWS).await;
    let before = dump(&bench).await;
    let mut kept = Vec::new();
    for (query, _) in KEPT {
        kept.push(text(&bench, query).await);
    }
    let change = ["dev", "--name", "change", "--accept-data-loss", "--drop", "parents.obsolete"];
    bench.run_in("dev", &change).await.expect(0, &["6 migrations were applied"]);
    for ((_, query), kept) in KEPT.iter().zip(&kept) {
        assert_eq!(text(&bench, query).await, *kept, "{query}");
    }
    assert!(text(&bench, "select doubled::text from parents where id = 2").await.starts_with("6.0000"));

    // As another program sees it, it is the schema that was desired.
    let fresh = Bench::new().await;
    fresh.execute(AFTER).await;
    assert_same(&dump(&fresh).await, &dump(&bench).await);
    bench.run_in("dev", &["diff", "--from", "migrations", "--to", "schema.sql"]).await.expect(0, &["No differences"]);
    bench.run_in("dev", &["diff", "--from", "database", "--to", "schema.sql"]).await.expect(0, &["No differences"]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);

    bench.run_in("dev", &["rollback", "--steps", "6"]).await.expect(0, &["6 migrations were rolled back"]);
    assert_same(&dump(&bench).await, &before);
    bench.run_in("dev", &["deploy"]).await.expect(0, &["6 migrations were applied"]);
    assert_same(&dump(&fresh).await, &dump(&bench).await);
}

async fn text(bench: &Bench, query: &str) -> String {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut bench.connection().await).await.expect(query)
}

/// What `pg_dump -s` writes of a database, without the two tables of the record.
async fn dump(bench: &Bench) -> String {
    let programs = text(bench, "select setting from pg_config where name = 'BINDIR'").await;
    let mut command = Command::new(format!("{programs}/pg_dump"));
    command.args(["--schema-only", "--no-owner", "--exclude-table=_sqlx_migrations"]);
    command.args(["--exclude-table=_app_migration_attempts", "--exclude-table=_app_schema_looks", &bench.url]);
    let output = command.output().expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[track_caller]
fn assert_same(one: &str, other: &str) {
    let (one, other) = (lines(one), lines(other));
    let differing: Vec<&String> = one.symmetric_difference(&other).collect();
    assert!(differing.is_empty(), "{differing:#?}");
}

/// The statements of a dump; the order of columns, and of statements, does not count.
fn lines(dump: &str) -> BTreeSet<String> {
    let statement = |block: &str| {
        let lines = block.lines().map(|line| line.trim().trim_end_matches(','));
        let mut lines: Vec<&str> =
            lines.filter(|line| !line.is_empty() && !line.starts_with("--") && !line.starts_with('\\')).collect();
        if lines.first().is_some_and(|first| first.starts_with("CREATE") && first.contains("TABLE")) {
            lines[1..].sort_unstable();
        }
        lines.join("\n")
    };
    dump.split("\n\n").map(statement).filter(|statement| !statement.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_database_has_can_be_written_down_and_built_again() {
    for schema in [BEFORE, AFTER] {
        let bench = Bench::new().await;
        bench.execute(schema).await;
        bench.db(&["pull", "--force"]).await.expect(0, &["schema.sql was written"]);
        let written = std::fs::read_to_string(bench.folder.path().join("schema.sql")).expect("written");
        let fresh = Bench::new().await;
        fresh.execute(&written).await;
        assert_same(&dump(&fresh).await, &dump(&bench).await);
    }
}
