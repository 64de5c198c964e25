//! Random schemas and random changes: the way between them is found, leads there, and back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use app::config::Profile;
use app::migrate::{self, Migration, Script, Side, Sources};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _, PgConnection};

use super::random::Schema;
use crate::support::cluster;
use crate::support::random::Random;

/// How many pairs a run tries. `PAIRS` says otherwise, and `SEED` where it begins.
const PAIRS: u64 = 500;

/// Every so many pairs the files are run on a database of their own as well, and what they build is compared.
const APPLIED_EVERY: u64 = 10;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[expect(clippy::print_stdout, reason = "who reads of a failure wants to try the same again")]
#[tokio::test(flavor = "multi_thread")]
async fn random_changes_lead_there_and_back() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let first = number("SEED").unwrap_or_else(|| now.as_secs() * 1_000_000);
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

async fn pair(options: &PgConnectOptions, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let before = Schema::random(&mut random);
    let after = before.changed(&mut random);
    let (from, to) = (before.sql(), after.sql());
    let told = |problem: String| format!("{problem}\n\n{from}\n-- and then:\n\n{to}");
    let migrations = [Migration {
        version: 1,
        name: "x".to_owned(),
        up: Script::new("before.sql".to_owned(), from.clone()),
        down: None,
    }];
    let desired = Script::new("after.sql".to_owned(), to.clone());
    let sources = Sources { migrations: &migrations, desired: Some(&desired) };
    let settings = cluster::settings(Profile::Test);
    let way = migrate::diff(options, sources, &settings, (Side::Migrations, Side::Desired)).await;
    let way = way.map_err(|error| told(error.to_string()))?;
    if !way.by_hand.is_empty() {
        return Err(told(way.by_hand.join("\n")));
    }
    if seed.is_multiple_of(APPLIED_EVERY) {
        apply(&from, &way, &to).await.map_err(told)?;
    }
    Ok(())
}

/// Runs the files as anybody would, forth and back, and holds what they build against the schemas themselves.
async fn apply(from: &str, way: &migrate::Difference, to: &str) -> Result<(), String> {
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
    let sources = Sources { migrations: &[], desired: Some(&desired) };
    let settings = cluster::settings(Profile::Test);
    let found = migrate::diff(options, sources, &settings, (Side::Database, Side::Desired)).await;
    let found = found.map_err(|error| error.to_string())?;
    if found.differences.is_empty() { Ok(()) } else { Err(found.differences.join("\n")) }
}
