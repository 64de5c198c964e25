//! Random schemas and random changes: the way between them is found, leads there, and back.

use std::sync::atomic::{AtomicU64, Ordering};

use app::config::Profile;
use migrate_toolkit::{Migration, Migrator, SchemaDiff, SchemaSource, Script};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _, PgConnection};

use super::online_proof as online;
use super::random::{Kept, Schema};
use super::rows_proof as rows;
use crate::support::PATIENCE;
use crate::support::cluster;
use crate::support::random::Random;

/// How many pairs a run tries, and where it begins. `PAIRS` and `SEED` say otherwise: the same ones each time tell what a
/// change broke, and `just pairs` looks for what nobody has come across yet.
const PAIRS: u64 = 500;
const SEED: u64 = 1;

/// Every so many pairs the files are run on a database of their own as well, with rows in it.
const APPLIED_EVERY: u64 = 5;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[expect(clippy::print_stdout, reason = "who reads of a failure wants to try the same again")]
#[tokio::test(flavor = "multi_thread")]
async fn random_changes_lead_there_and_back() {
    let first = number("SEED").unwrap_or(SEED);
    let pairs = number("PAIRS").unwrap_or(PAIRS);
    println!("seeds {first} to {}", first + pairs - 1);
    let next = AtomicU64::new(first);
    let worker = || async {
        let options = cluster::database().await;
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + pairs || failed.len() > 3 {
                return failed;
            }
            if let Err(problem) = pair(&options, seed).await {
                failed.push(format!("SEED={seed} PAIRS=1: {problem}"));
            }
        }
    };
    let (one, two) = tokio::join!(worker(), worker());
    let failed = [one, two].concat();
    assert!(failed.is_empty(), "{} of {pairs} pairs failed:\n{}", failed.len(), failed.join("\n\n"));
}

/// A migrator that waits for a machine with more to do.
fn migrator(options: &PgConnectOptions, migrations: Vec<Migration>) -> Migrator {
    let mut migrator = cluster::migrator_of(options, migrations, Profile::Test);
    migrator.settings.wait = PATIENCE;
    migrator
}

async fn pair(options: &PgConnectOptions, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let before = Schema::random(&mut random);
    let after = before.changed(&mut random);
    let (from, to) = (before.sql(), after.sql());
    let told = |problem: String| format!("{problem}\n\n{from}\n-- and then:\n\n{to}");
    let way = way(options, &from, &to).await.map_err(told)?;
    if seed.is_multiple_of(APPLIED_EVERY) {
        let options = cluster::database().await;
        let rows = apply_to_rows(&options, (&before, &from), &way, (&after, &to)).await;
        rows.map_err(|problem| told(format!("{problem}\n{}", files(&way))))?;
    }
    Ok(())
}

fn files(way: &SchemaDiff) -> String {
    way.files.iter().map(|(up, down)| format!("-- forth:\n{up}\n-- back:\n{down}")).collect::<Vec<_>>().join("\n")
}

/// Runs the files as anybody would, forth and back, on a database with rows: nothing is held up for long or lost that is not
/// said to be.
async fn apply_to_rows(
    options: &PgConnectOptions,
    (before, from): (&Schema, &str),
    way: &SchemaDiff,
    (after, to): (&Schema, &str),
) -> Result<(), String> {
    let mut connection = options.connect().await.map_err(|error| error.to_string())?;
    run(&mut connection, from).await?;
    for row in before.rows() {
        let _ = connection.execute(AssertSqlSafe(row)).await;
    }
    let kept: Vec<Kept> = before.tables_in(after).collect();
    let first = rows::read(&mut connection, kept.iter().map(|table| table.before)).await?;
    let ups = way.files.iter().map(|(up, _)| up.as_str());
    if let Err(problem) = online::run(&mut connection, ups).await? {
        // Rows may stand in the way; that has to be said.
        let said = way.hazards.iter().any(|hazard| hazard.starts_with("may fail")) || !way.losses.is_empty();
        return if said { Ok(()) } else { Err(problem) };
    }
    same(options, to).await?;
    let then = rows::read(&mut connection, kept.iter().map(|table| table.after)).await?;
    rows::kept(&kept, (&first, &then), &way.losses, false)?;
    rows::numbers_go_on(&mut connection, &kept).await?;
    let mut losses = way.losses.clone();
    for (_, down) in way.files.iter().rev() {
        let said: Vec<String> =
            down.lines().filter_map(|line| line.strip_prefix("-- data loss: ")).map(str::to_owned).collect();
        if let Err(problem) = run(&mut connection, down).await {
            let said = !said.is_empty() || down.contains("-- may fail: ");
            return if said { Ok(()) } else { Err(problem) };
        }
        losses.extend(said);
    }
    same(options, from).await?;
    let last = rows::read(&mut connection, kept.iter().map(|table| table.before)).await?;
    rows::kept(&kept, (&first, &last), &losses, true)
}

/// The way from one schema to another, forth and back, of which nothing is left to be written by hand.
async fn way(options: &PgConnectOptions, from: &str, to: &str) -> Result<SchemaDiff, String> {
    let migrations = vec![Migration {
        version: 1,
        name: "x".to_owned(),
        up: Script::new("before.sql".to_owned(), from.to_owned()),
        down: None,
    }];
    let desired = Script::new("after.sql".to_owned(), to.to_owned());
    let migrator = migrator(options, migrations);
    let way = migrator.diff(Some(&desired), SchemaSource::Migrations, SchemaSource::Desired).await;
    let way = way.map_err(|error| error.to_string())?;
    if way.by_hand.is_empty() { Ok(way) } else { Err(way.by_hand.join("\n")) }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_go_together_with_what_is_computed_from_them_and_what_is_on_both() {
    let both = "create table t (id integer primary key, a integer, b integer generated always as (a * 2) stored);";
    for on_both in ["create statistics s (dependencies) on a, b from t;", "create index i on t (a, b);", ""] {
        let from = format!("{both}\n{on_both}");
        let to = "create table t (id integer primary key);";
        let options = cluster::database().await;
        let way = way(&options, &from, to).await.unwrap_or_else(|problem| panic!("{on_both}: {problem}"));
        apply(&from, &way, to).await.unwrap_or_else(|problem| panic!("{on_both}: {problem}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_worked_out_is_worked_out_again_when_it_becomes_another() {
    let schema = |factor: u8| {
        let body = format!("'select value * {factor}'");
        format!(
            "create function f(value integer) returns integer language sql immutable as {body};
            create table t (id integer primary key, a integer, b integer generated always as (f(a)) stored);
            create index i on t (f(a));"
        )
    };
    let (from, to) = (schema(2), schema(3));
    let options = cluster::database().await;
    let way = way(&options, &from, &to).await.unwrap_or_else(|problem| panic!("{problem}"));
    let options = cluster::database().await;
    let mut connection = options.connect().await.expect("connected");
    run(&mut connection, &from).await.expect("built");
    run(&mut connection, "insert into t (id, a) select n, n from generate_series(1, 1000) n").await.expect("filled");
    let found = async |connection: &mut PgConnection, factor: u8| {
        run(connection, "analyze t; set enable_seqscan = off").await.expect("set");
        let sql = format!("select count(*) from t where f(a) = {factor} * 500 and b = {factor} * 500");
        sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).fetch_one(connection).await.expect("counted")
    };
    assert_eq!(found(&mut connection, 2).await, 1);
    for (up, _) in &way.files {
        run(&mut connection, up).await.expect("forth");
    }
    assert_eq!(found(&mut connection, 3).await, 1, "{:?}", way.files);
    for (_, down) in way.files.iter().rev() {
        run(&mut connection, down).await.expect("back");
    }
    assert_eq!(found(&mut connection, 2).await, 1, "{:?}", way.files);
}

/// Runs the files as anybody would, forth and back, and holds what they build against the schemas themselves.
async fn apply(from: &str, way: &SchemaDiff, to: &str) -> Result<(), String> {
    let options = cluster::database().await;
    let mut connection = options.connect().await.map_err(|error| error.to_string())?;
    run(&mut connection, from).await?;
    for (up, _) in &way.files {
        run(&mut connection, up).await?;
    }
    same(&options, to).await?;
    for (_, down) in way.files.iter().rev() {
        run(&mut connection, down).await?;
    }
    same(&options, from).await
}

/// A file at once, or, without a transaction, line by line: each of its statements is one.
async fn run(connection: &mut PgConnection, text: &str) -> Result<(), String> {
    let at_once = !text.starts_with("-- no-transaction");
    let statements = if at_once { vec![text] } else { text.split(";\n").collect() };
    for statement in statements {
        let outcome = connection.execute(AssertSqlSafe(statement.to_owned())).await;
        outcome.map_err(|error| format!("{error} in {statement}"))?;
    }
    Ok(())
}

async fn same(options: &PgConnectOptions, desired: &str) -> Result<(), String> {
    let desired = Script::new("desired.sql".to_owned(), desired.to_owned());
    let migrator = migrator(options, Vec::new());
    let found = migrator.diff(Some(&desired), SchemaSource::Database, SchemaSource::Desired).await;
    let found = found.map_err(|error| error.to_string())?;
    if found.differences.is_empty() { Ok(()) } else { Err(found.differences.join("\n")) }
}
