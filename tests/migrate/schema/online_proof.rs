//! Whether files hold nobody up who was not warned, and take nothing away before its successor is there.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

/// What has to be there all the time, if it is there before and after.
const THINGS: &str = "
    select format('constraint %s of %s', conname, conrelid::regclass) from pg_constraint
    where connamespace = any (array['public', 'side']::regnamespace[]) and conrelid <> 0
    union all
    select format('index %s', indexrelid::regclass) from pg_index i join pg_class c on c.oid = i.indexrelid
    where c.relnamespace = any (array['public', 'side']::regnamespace[])
    union all
    select format('policy %s of %s', polname, polrelid::regclass) from pg_policy
    union all
    select format('trigger %s of %s', tgname, tgrelid::regclass) from pg_trigger where not tgisinternal
    union all
    select format('relation %s', oid::regclass) from pg_class
    where relkind in ('r', 'p', 'v', 'm') and relnamespace = any (array['public', 'side']::regnamespace[])";

/// Tables with what shows that one was read through or rewritten, and whether others can write to it.
const TABLES: &str = "
    select c.oid::regclass::text, c.relfilenode::bigint, coalesce(s.seq_scan, 0), exists (
        select from pg_locks l
        where l.relation = c.oid and l.pid = pg_backend_pid() and l.granted
            and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    )
    from pg_class c
    left join pg_stat_xact_all_tables s on s.relid = c.oid
    where c.oid = any ($1) and c.relkind = 'r'";

type Table = (String, i64, i64, bool);

async fn things(connection: &mut PgConnection) -> Result<BTreeSet<String>, sqlx::Error> {
    Ok(sqlx::query_scalar(THINGS).fetch_all(connection).await?.into_iter().collect())
}

/// Runs the files that make a change. What stands in its way, if something does, comes second.
pub(super) async fn run<'a>(
    connection: &mut PgConnection,
    files: impl Iterator<Item = &'a str>,
) -> Result<Result<(), String>, String> {
    let told = |error: sqlx::Error| error.to_string();
    let tables: Vec<sqlx::postgres::types::Oid> = sqlx::query_scalar(
        "select oid from pg_class where relkind = 'r' and relnamespace = any (array['public', 'side']::regnamespace[])",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(told)?;
    // A key is looked for in its index, however few rows there are.
    connection.execute("set enable_seqscan = off").await.map_err(told)?;
    let mut states = vec![things(connection).await.map_err(told)?];
    for file in files {
        let transaction = !file.starts_with("-- no-transaction");
        if transaction {
            connection.execute("begin").await.map_err(told)?;
        }
        for statement in file.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            let before: Vec<Table> =
                sqlx::query_as(TABLES).bind(&tables).fetch_all(&mut *connection).await.map_err(told)?;
            if let Err(error) = connection.execute(AssertSqlSafe(statement.to_owned())).await {
                return Ok(Err(format!("{error} in {statement}")));
            }
            let after: Vec<Table> =
                sqlx::query_as(TABLES).bind(&tables).fetch_all(&mut *connection).await.map_err(told)?;
            if transaction {
                held_up(statement, &before, &after)?;
            }
        }
        if transaction && let Err(error) = connection.execute("commit").await {
            return Ok(Err(format!("{error} at the end of {file}")));
        }
        states.push(things(connection).await.map_err(told)?);
    }
    let (first, last) = (&states[0], &states[states.len() - 1]);
    for state in &states {
        if let Some(gone) = first.intersection(last).find(|thing| !state.contains(*thing)) {
            return Err(format!("the {gone} is gone in between"));
        }
    }
    Ok(Ok(()))
}

/// A table that is scanned or rewritten while others cannot write to it is said to be.
fn held_up(statement: &str, before: &[Table], after: &[Table]) -> Result<(), String> {
    let said = statement.lines().any(|line| line.starts_with("-- lock: ") || line.starts_with("-- rewrite: "));
    let before: BTreeMap<&str, (i64, i64)> =
        before.iter().map(|(name, file, scans, _)| (name.as_str(), (*file, *scans))).collect();
    for (name, file, scans, locked) in after {
        let Some((file_before, scans_before)) = before.get(name.as_str()) else { continue };
        if *locked && !said && (file != file_before || scans > scans_before) {
            return Err(format!("{name} is scanned under a lock, and nothing says so: {statement}"));
        }
    }
    Ok(())
}
