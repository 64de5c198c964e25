//! Whether rows are after a change what they were before.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};

use super::random::Kept;

/// The rows of tables, by table and key.
pub(super) type Rows = BTreeMap<(String, String), Value>;

pub(super) async fn read(
    connection: &mut PgConnection,
    tables: impl Iterator<Item = &'static str>,
) -> Result<Rows, String> {
    let mut rows = Rows::new();
    for table in tables {
        let query = format!("select id::text, to_jsonb(one)::text from {table} one");
        let found: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(query))
            .fetch_all(&mut *connection)
            .await
            .map_err(|error| format!("{table}: {error}"))?;
        for (id, row) in found {
            let row = serde_json::from_str(&row).map_err(|error| error.to_string())?;
            rows.insert((table.to_owned(), id), row);
        }
    }
    Ok(rows)
}

/// Nothing in them is another, but what was said to be lost. Back again, what had another type meanwhile counts too.
pub(super) fn kept(
    tables: &[Kept],
    (before, after): (&Rows, &Rows),
    losses: &[String],
    back: bool,
) -> Result<(), String> {
    let is_said = |words: &str| losses.iter().any(|loss| format!("{loss} ").contains(words));
    for table in tables {
        let now = if back { table.before } else { table.after };
        let plain: String = table.before.chars().filter(char::is_ascii_alphanumeric).collect();
        if is_said(&format!("\"{plain} p")) {
            continue;
        }
        for ((_, id), row) in before.iter().filter(|((name, _), _)| name == table.before) {
            let Some(other) = after.get(&(now.to_owned(), id.clone())) else {
                return Err(format!("the row {id} of {} is gone", table.before));
            };
            for (old, (new, same)) in &table.columns {
                let names = [format!("{}.{old} ", table.before), format!("{}.{new} ", table.after)];
                let mixed = [format!("{}.{old} ", table.after), format!("{}.{new} ", table.before)];
                if !(back || *same) || names.iter().chain(&mixed).any(|words| is_said(words)) {
                    continue;
                }
                let column = if back { old } else { new };
                let (was, is) = (&row[unquoted(old)], &other[unquoted(column)]);
                if was != is {
                    return Err(format!("{}.{old} of the row {id} was {was}, and is {is}", table.before));
                }
            }
        }
    }
    Ok(())
}

fn unquoted(name: &str) -> String {
    name.trim_matches('"').replace("\"\"", "\"")
}

/// The numbers that tables give by themselves are none that a row has.
pub(super) async fn numbers_go_on(connection: &mut PgConnection, tables: &[Kept]) -> Result<(), String> {
    for table in tables.iter().filter(|table| table.numbered) {
        let name = table.after;
        let query = format!(
            "select nextval(pg_get_serial_sequence('{name}', 'id')) > coalesce((select max(id) from {name}), 0)"
        );
        let goes_on: bool = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| format!("{name}: {error}"))?;
        if !goes_on {
            return Err(format!("{name} gives numbers that rows have"));
        }
    }
    Ok(())
}
