//! Each statement of the program is for a single user, so that a cluster can send it to a single server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _};

use super::node_tree::by_id;
use super::places;
use super::walk::{every_request, statements_of};
use crate::support::app::{ServerOptions, TestApp};
use crate::support::cluster::run;
use crate::support::twin::{FOR_ALL_USERS, Seen, explained, faults, spread, twin};

#[tokio::test(flavor = "multi_thread")]
async fn what_requests_send_reads_the_partition_of_one_user() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = Arc::new(Mutex::new(Seen::default()));
    let beside = Some(explained(&twin().await, folder.path(), &seen));
    let app = TestApp::with(ServerOptions { beside, ..ServerOptions::default() }).await;
    every_request(&app).await;
    let seen = std::mem::take(&mut *seen.lock().expect("not poisoned"));
    // PostgreSQL explains what runs in the end: the statements of requests, and those of triggers.
    assert!(seen.plans > seen.prepared.len(), "{} plans of {} statements", seen.plans, seen.prepared.len());
    let (mut faults, used) = faults(&seen.spread);
    assert!(used.is_empty(), "a request runs a statement for all users: {used:?}");
    let mut connection = app.connection().await;
    let names = by_id(&mut connection, "select oid::text, format_type(oid, null) from pg_type").await;
    let of_ids = |types: Vec<u32>| types.iter().map(|id| names[&id.to_string()].clone()).collect();
    let statements: Vec<_> = seen.prepared.into_iter().map(|(text, types)| (text, of_ids(types))).collect();
    faults += &places::faults(&statements).await;
    assert!(faults.is_empty(), "{faults}");
}

#[tokio::test]
async fn checked_statements_call_immutable_functions_where_they_have_to() {
    let mut connection = twin().await.connect().await.expect("connected");
    let faults = places::faults(&statements_of(&mut connection, checked()).await).await;
    assert!(faults.is_empty(), "{faults}");
}

#[tokio::test]
async fn checked_statements_read_the_partition_of_one_user() {
    let mut connection = twin().await.connect().await.expect("connected");
    let mut spread_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (text, types) in statements_of(&mut connection, checked()).await {
        let values: Vec<&str> = types.iter().map(|of_type| value(of_type)).collect();
        let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
        run(&mut connection, format!("prepare checked as {text}")).await;
        let explain = format!("explain (format json) execute checked{values}");
        let plan: Value = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_one(&mut connection).await.expect(&text).get(0);
        let tables = spread(&plan[0]["Plan"]);
        if !tables.is_empty() {
            spread_of.insert(text, tables);
        }
        run(&mut connection, "deallocate checked".to_owned()).await;
    }
    let (faults, used) = faults(&spread_of);
    assert!(faults.is_empty(), "{faults}");
    let unused: Vec<&str> = FOR_ALL_USERS.iter().map(|(part, _)| *part).filter(|part| !used.contains(part)).collect();
    assert!(unused.is_empty(), "no exceptions any more: {unused:?}");
}

/// The statements that are checked while compiling.
fn checked() -> Vec<String> {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.sqlx")).expect("a folder");
    let files = files.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("a text"));
    let texts: Vec<String> = files
        .map(|file| serde_json::from_str::<Value>(&file).expect("JSON")["query"].as_str().expect("a text").to_owned())
        .collect();
    assert!(texts.len() > 50, "{} statements", texts.len());
    texts
}

/// A value of each type that statements have as parameters.
fn value(of_type: &str) -> &'static str {
    match of_type {
        "bigint" | "integer" | "numeric" | "double precision" => "1",
        "boolean" => "true",
        "bigint[]" | "double precision[]" => "'{1}'",
        "text" => "'a'",
        "text[]" => "'{a}'",
        "bytea" => "'\\x00'",
        "bytea[]" => "array['\\x00'::bytea]",
        "date" => "'2026-01-01'",
        "timestamp with time zone" => "'2026-01-01Z'",
        "transaction_type" => "'INCOME'",
        "transaction_type[]" => "'{INCOME}'",
        _ => panic!("no value of the type {of_type}"),
    }
}
