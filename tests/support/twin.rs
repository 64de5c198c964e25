//! A twin of the schema in which the users' tables are partitioned by hash of `user_id`, as a cluster would shard them, and the plans
//! of everything that a program sends to it.
//!
//! A statement that a cluster can send to a single server reads one partition only here: the planner has derived the user's id for
//! each table that the statement names.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use super::cluster::{self, run, unique};
use super::wire::{Message, Side, Watcher, watched};

/// The end of the names of partitions, before their number: they are named as the shards of a cluster are.
const PART: &str = "_10200";

/// Names the indexes of the partitions, and so their constraints, as those of shards are.
const INDEXES: &str = "do $$
declare
    part record;
begin
    for part in
        select i.inhrelid::regclass as name, w.relname || right(t.relname, 7) as shard
        from pg_inherits i
        join pg_class w on w.oid = i.inhparent and w.relkind = 'I' and w.relnamespace = current_schema()::regnamespace
        join pg_index x on x.indexrelid = i.inhrelid
        join pg_class t on t.oid = x.indrelid
    loop
        execute format('alter index %s rename to %I', part.name, part.shard);
    end loop;
end
$$";

/// The tables of the schema that have a column `user_id`, with the text of the schema in which they are partitioned.
pub(crate) fn partitioned(schema: &str) -> (Vec<&str>, String) {
    let (mut tables, mut text) = (Vec::new(), String::new());
    let mut rest = schema;
    while let Some(start) = rest.find("\ncreate table ") {
        let body = start + rest[start..].find("\n)").expect("the end of the columns") + 2;
        let end = body + rest[body..].find(";\n").expect("the end of the statement");
        let name = rest[start..].split_whitespace().nth(2).expect("a name");
        if rest[start..body].contains("\n    user_id bigint") {
            tables.push(name);
            // Partitioned tables have no storage parameters.
            text += &format!("{} partition by hash (user_id)", &rest[..body]);
        } else {
            text += &rest[..end];
        }
        rest = &rest[end..];
    }
    (tables, text + rest)
}

/// Creates the twin, in a schema of its own.
pub(crate) async fn twin() -> PgConnectOptions {
    let schema = unique("twin");
    let options = cluster::options().options([("search_path", schema.as_str())]);
    let mut connection = options.connect().await.expect("connected");
    run(&mut connection, format!("create schema {schema}")).await;
    let (tables, text) = partitioned(include_str!("../../schema.sql"));
    run(&mut connection, text).await;
    for table in tables {
        for remainder in 0..4 {
            let part = format!("{table}{PART}{remainder} partition of {table}");
            let bounds = format!("for values with (modulus 4, remainder {remainder})");
            run(&mut connection, format!("create table {part} {bounds}")).await;
        }
    }
    run(&mut connection, INDEXES.to_owned()).await;
    options
}

/// The statements that a program has sent, and what PostgreSQL did for them.
#[derive(Default)]
pub(crate) struct Seen {
    /// The texts that were prepared, with the types of their parameters as the program gave them.
    pub(crate) prepared: BTreeMap<String, Vec<u32>>,
    /// Statements that were executed and read several partitions, with their tables. Includes those of triggers.
    pub(crate) spread: BTreeMap<String, BTreeSet<String>>,
    /// The number of plans that were looked at.
    pub(crate) plans: usize,
}

/// Connection options for a program whose statements are looked at, with a socket in a folder.
pub(crate) fn explained(options: &PgConnectOptions, folder: &Path, seen: &Arc<Mutex<Seen>>) -> PgConnectOptions {
    let options = options.clone().options([
        // A generic plan of a change names all partitions, and leaves some out when it is run.
        ("plan_cache_mode", "force_custom_plan"),
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_nested_statements", "on"),
        ("auto_explain.log_format", "json"),
        ("auto_explain.log_level", "notice"),
    ]);
    watched(&options, folder, watcher(Arc::clone(seen)))
}

fn watcher(seen: Arc<Mutex<Seen>>) -> Watcher {
    Arc::new(move |message: &Message<'_>| match (message.from, message.kind) {
        (Side::Client, b'P') => {
            let mut parts = message.body.splitn(3, |byte| *byte == 0);
            let (_, text, types) = (parts.next(), parts.next().expect("a text"), parts.next().expect("types"));
            let types = types[2..].chunks_exact(4).map(|id| u32::from_be_bytes(id.try_into().expect("four bytes")));
            let text = String::from_utf8_lossy(text).into_owned();
            seen.lock().expect("not poisoned").prepared.insert(text, types.collect());
        }
        (Side::Server, b'N') => {
            let mut fields = message.body.split(|byte| *byte == 0);
            let text = fields.find_map(|field| field.strip_prefix(b"M")).unwrap_or_default();
            if let Some((_, plan)) = String::from_utf8_lossy(text).split_once("plan:\n") {
                let plan: Value = serde_json::from_str(plan).unwrap_or_else(|error| panic!("{error}: {plan}"));
                let mut seen = seen.lock().expect("not poisoned");
                seen.plans += 1;
                let spread = spread(&plan["Plan"]);
                if !spread.is_empty() {
                    seen.spread.insert(plan["Query Text"].as_str().expect("a text").to_owned(), spread);
                }
            }
        }
        _ => {}
    })
}

/// The tables of which a plan reads several partitions; all, if the tables' partitions are of several users.
pub(crate) fn spread(plan: &Value) -> BTreeSet<String> {
    let mut parts: BTreeSet<(String, String)> = BTreeSet::new();
    collect(plan, &mut parts);
    let remainders: BTreeSet<&str> = parts.iter().map(|(_, remainder)| remainder.as_str()).collect();
    if remainders.len() <= 1 {
        return BTreeSet::new();
    }
    let several = |table: &str| parts.iter().filter(|(other, _)| other == table).count() > 1;
    let tables: BTreeSet<String> = parts.iter().map(|(table, _)| table.clone()).collect();
    let spread: BTreeSet<String> = tables.iter().filter(|table| several(table)).cloned().collect();
    if spread.is_empty() { tables } else { spread }
}

fn collect(value: &Value, parts: &mut BTreeSet<(String, String)>) {
    match value {
        Value::Object(fields) => {
            if let Some((table, remainder)) =
                fields.get("Relation Name").and_then(Value::as_str).and_then(|name| name.rsplit_once(PART))
            {
                parts.insert((table.to_owned(), remainder.to_owned()));
            }
            fields.values().for_each(|field| collect(field, parts));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, parts)),
        _ => {}
    }
}

/// Parts of the statements that are for all users. None of them is run for a request, but the last.
pub(crate) const FOR_ALL_USERS: &[(&str, &str)] = &[
    ("right(search, 2) <> E'\\n2' limit 1", "a job looks for users whose payees have to be folded"),
    (
        "select user_id from transactions\n        where search is null",
        "a job looks for users whose rows have to be folded",
    ),
    ("from trash d", "a job empties the trash of all users"),
    ("(select id from users where id > $1 order by id limit $5) u", "a job looks for users with old operations"),
    ("delete from idempotency_keys where created_at", "a job deletes keys by their age"),
    ("update idempotency_keys\n        set data = null", "a job deletes large answers by their age"),
    ("count(*) as kept from idempotency_keys group by user_id", "a job counts keys"),
    ("left join usage s on s.user_id = u.id\n        where s.counted_at is null", "a job looks for users to count"),
    ("delete from usage_deltas\n            returning", "a job adds up the usage of all users"),
    ("delete from known_networks where last_used_at", "a job deletes networks by their age"),
];

/// The statements that read several partitions, unless they are for all users; and the exceptions that were used.
pub(crate) fn faults(spread_of: &BTreeMap<String, BTreeSet<String>>) -> (String, BTreeSet<&'static str>) {
    let mut used = BTreeSet::new();
    let mut faults = String::new();
    for (text, tables) in spread_of {
        match FOR_ALL_USERS.iter().find(|(part, _)| text.contains(part)) {
            Some((part, _)) => drop(used.insert(*part)),
            None => {
                faults += &format!(
                    "\n--- several partitions of {tables:?}, which are to be compared with the user's id:\n{text}"
                );
            }
        }
    }
    (faults, used)
}

/// A program whose statements are looked at because `TEST_TWIN` names a file, to which those that read several partitions are added.
pub(crate) struct TwinLog {
    file: PathBuf,
    folder: TempDir,
    seen: Arc<Mutex<Seen>>,
}

impl TwinLog {
    /// A log, if one is asked for.
    pub(crate) fn wanted() -> Option<Self> {
        let file = std::env::var_os("TEST_TWIN")?.into();
        Some(Self { file, folder: tempfile::tempdir().expect("a folder"), seen: Arc::default() })
    }

    /// Connection options for the program.
    pub(crate) fn options(&self, twin: &PgConnectOptions) -> PgConnectOptions {
        explained(twin, self.folder.path(), &self.seen)
    }
}

impl Drop for TwinLog {
    fn drop(&mut self) {
        let (faults, _) = self.seen.lock().map(|seen| faults(&seen.spread)).unwrap_or_default();
        if !faults.is_empty() {
            let file = std::fs::File::options().append(true).create(true).open(&self.file);
            file.and_then(|mut file| file.write_all(faults.as_bytes())).expect("written");
        }
    }
}
