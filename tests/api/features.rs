//! The descriptions of features, compared with the catalog of the database, with the sources and with the tests.

use std::collections::BTreeSet;
use std::path::Path;

use app::features;
use app::features::history::recorded::{Incidental, RecordedTable, RowLimit};
use serde_json::Value;
use sqlx::PgConnection;

use crate::support::app::TestApp;

/// The tables with a `user_id` whose changes are not recorded: the record itself, and what belongs to no operation.
const UNRECORDED: [&str; 7] =
    ["changes", "idempotency_keys", "known_networks", "merged", "operations", "usage", "usage_deltas"];

/// Columns of text that do not count for the quota of text: short ones, and those that the program computes.
const UNCOUNTED: [&str; 8] = [
    "categories.color",
    "categories.icon",
    "default_categories.origin",
    "payees.search",
    "tags.color",
    "transactions.category_reason",
    "transactions.currency",
    "transactions.search",
];

const GUIDE: &str = "docs/adding-a-feature.md";

/// The page for a column of a table.
fn guide(table: &RecordedTable) -> &'static str {
    if table.name == "transactions" { "docs/adding-a-column.md" } else { GUIDE }
}

async fn texts(connection: &mut PgConnection, sql: &'static str, table: &str) -> Vec<String> {
    sqlx::query_scalar(sql).bind(table).fetch_all(connection).await.expect(sql)
}

fn recorded(name: &str) -> Option<&'static RecordedTable> {
    features::tables().iter().find(|table| table.name == name)
}

#[tokio::test]
async fn every_table_of_users_is_recorded() {
    let app = TestApp::start().await;
    let mut connection = app.connection().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id'
         where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace order by 1",
    )
    .fetch_all(&mut connection)
    .await
    .expect("tables");
    let described: BTreeSet<String> = features::tables().iter().map(|table| table.name.to_owned()).collect();
    for table in tables.iter().filter(|table| !UNRECORDED.contains(&table.as_str())) {
        assert!(
            described.contains(table),
            "{GUIDE}, step 4: no feature records the table {table}, so that its changes could not be undone"
        );
    }
    for table in &described {
        assert!(
            tables.contains(table),
            "{GUIDE}, steps 1 and 3: there is no table {table} with a user_id in the migrations"
        );
    }
}

#[tokio::test]
async fn undo_knows_every_column_and_the_triggers_record_it() {
    let app = TestApp::start().await;
    let mut connection = app.connection().await;
    let compared: String = sqlx::query_scalar("select prosrc from pg_proc where proname = 'record_transaction_update'")
        .fetch_one(&mut connection)
        .await
        .expect("the function");
    for table in features::tables().iter() {
        let columns = "select attname::text from pg_attribute
             where attrelid = $1::text::regclass and attnum > 0 and not attisdropped
                 -- The key, and a column that the database computes.
                 and attname not in ('user_id', 'id', 'transaction_id', 'tag_id', 'short_search')";
        let columns = texts(&mut connection, columns, table.name).await;
        for column in &columns {
            let known = table.columns.contains(&column.as_str());
            assert!(known, "{}, step 4: undo does not know the column {}.{column}", guide(table), table.name);
            for (one, other) in [("o", "n"), ("n", "o")] {
                let comparison = format!("changed('{column}', {one}.{column}, {other}.{column})");
                assert!(
                    table.name != "transactions" || compared.contains(&comparison),
                    "docs/adding-a-column.md, step 2: record_transaction_update in schema.sql has no {comparison}"
                );
            }
        }
        for column in table.columns {
            assert!(
                columns.iter().any(|known| known == column),
                "{}, steps 1 and 3: the table {} has no column {column} in the migrations",
                guide(table),
                table.name
            );
        }
        let triggers = "select tgname::text from pg_trigger where tgrelid = $1::text::regclass and not tgisinternal";
        let triggers = texts(&mut connection, triggers, table.name).await;
        let is_updated = table.columns.iter().any(|column| !table.derived.contains(column));
        for trigger in ["record_insert", "record_delete", "record_update"] {
            let needed = trigger != "record_update" || is_updated;
            assert!(
                !needed || triggers.iter().any(|known| known == trigger),
                "{GUIDE}, step 2: the table {} has no trigger {trigger}, so that its changes would not be recorded",
                table.name
            );
        }
    }
}

#[tokio::test]
async fn every_text_counts_for_the_quota_of_text() {
    let app = TestApp::start().await;
    let mut connection = app.connection().await;
    for table in features::tables().iter() {
        let columns = "select attname::text from pg_attribute
            where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and atttypid = 'text'::regtype
                and attname <> 'short_search'";
        for column in texts(&mut connection, columns, table.name).await {
            let counted: i64 = sqlx::query_scalar("select text_bytes(jsonb_build_object($1::text, 'four'))")
                .bind(&column)
                .fetch_one(&mut connection)
                .await
                .expect("bytes");
            let name = format!("{}.{column}", table.name);
            let step = if table.name == "transactions" { 2 } else { 4 };
            let expected = if UNCOUNTED.contains(&name.as_str()) { 0 } else { 4 };
            assert_eq!(
                counted,
                expected,
                "{}, step {step}: text_bytes in schema.sql counts {counted} of the 4 bytes of {name}",
                guide(table)
            );
        }
    }
}

#[tokio::test]
async fn every_table_has_a_limit_of_rows_and_every_quota_is_counted() {
    let app = TestApp::start().await;
    let mut connection = app.connection().await;
    let columns = "select attname::text from pg_attribute where attrelid = $1::text::regclass and attnum > 0";
    let columns = texts(&mut connection, columns, "usage").await;
    for table in features::tables().iter() {
        let follows = table.part_of.is_some() || table.incidental == Incidental::Always;
        match table.limit {
            RowLimit::Follows => assert!(follows, "{GUIDE}, step 4: the table {} has no limit of rows", table.name),
            RowLimit::Rows(most) => assert!(most > 0),
            RowLimit::Quota(_) => {
                assert!(columns.iter().any(|column| column == table.name), "usage has no column {}", table.name);
            }
        }
    }
}

#[tokio::test]
async fn undo_has_a_sentence_for_every_constraint_and_knows_every_reference() {
    let app = TestApp::start().await;
    let mut connection = app.connection().await;
    let all = features::tables();
    for table in all.iter() {
        // Primary keys, unique constraints and indexes, foreign keys but those to the user, with whom everything goes.
        let constraints = "select conname::text from pg_constraint where conrelid = $1::text::regclass
                 and contype in ('p', 'u', 'f') and (contype <> 'f' or confrelid <> 'users'::regclass)
             union
             select c.relname::text from pg_index i join pg_class c on c.oid = i.indexrelid
             where i.indrelid = $1::text::regclass and i.indisunique";
        for constraint in texts(&mut connection, constraints, table.name).await {
            assert!(
                all.sentence(|name| name == constraint).is_some(),
                "{GUIDE}, step 4: the table {} has no sentence for the constraint {constraint}, so that an undo that breaks it \
                 would be an internal error",
                table.name
            );
        }
        for (constraint, _) in table.constraints {
            let known = texts(&mut connection, constraints, table.name).await;
            assert!(known.iter().any(|name| name == constraint), "the table {} has no {constraint}", table.name);
        }
        // The columns of foreign keys to this table, without the user and what only repeats a column of it.
        let references = "select f.conrelid::regclass || '.' || a.attname
             from pg_constraint f
             join pg_attribute a on a.attrelid = f.conrelid and a.attnum = f.conkey[2]
             where f.contype = 'f' and f.confrelid = $1::text::regclass";
        for reference in texts(&mut connection, references, table.name).await {
            let (from, column) = reference.split_once('.').expect("a column");
            let from_table = recorded(from).unwrap_or_else(|| panic!("{GUIDE}, step 4: {from} is not recorded"));
            let is_part = from_table.part_of == Some(table.name) || from_table.incidental == Incidental::Always;
            assert!(
                is_part || table.dependents.contains(&(from, column)),
                "{GUIDE}, step 4: {reference} refers to {}, and is not among its dependents",
                table.name
            );
        }
    }
}

fn source(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

#[test]
fn every_feature_is_in_the_list() {
    let list = source("src/features/mod.rs");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/features");
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        // What all features are made with.
        if ["mod", "feature", "reader", "resource"].contains(&name.as_str()) {
            continue;
        }
        for line in [format!("pub mod {name};"), format!("&{name}::FEATURE,")] {
            assert!(list.contains(&line), "{GUIDE}, step 5: src/features/mod.rs has no line `{line}`");
        }
    }
}

#[test]
fn every_collection_has_tests_of_its_own() {
    let document = features::router().1();
    let declared = source("tests/api/mod.rs");
    let mut tests = String::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let is_declared = name == "mod" || declared.contains(&format!("mod {name};"));
        assert!(is_declared, "{GUIDE}, step 7: tests/api/mod.rs has no line `mod {name};`");
        if path.is_file() {
            tests += &std::fs::read_to_string(&path).expect("text");
        }
    }
    for path in document["paths"].as_object().expect("paths").keys() {
        let Some(collection) = path.strip_prefix("/api/").and_then(|path| path.split('/').next()) else { continue };
        let is_tested =
            tests.contains(&format!("/api/{collection}")) || tests.contains(&format!("check(\"{collection}\","));
        assert!(is_tested, "{GUIDE}, step 6: no test in tests/api is about /api/{collection}");
    }
}

fn fields(document: &Value, schema: &str) -> Vec<String> {
    let fields = document["components"]["schemas"][schema]["properties"].as_object();
    fields.expect(schema).keys().cloned().collect()
}

#[test]
fn transactions_are_read_with_every_field() {
    let document = features::router().1();
    let store = source("src/features/transactions/store.rs");
    let columns = store.split("macro_rules! columns").nth(1).and_then(|text| text.split("};").next()).expect("columns");
    for field in fields(&document, "Transaction") {
        let snake: String = field
            .chars()
            .flat_map(|c| if c.is_ascii_uppercase() { vec!['_', c.to_ascii_lowercase()] } else { vec![c] })
            .collect();
        let is_read = [format!("t.{snake}"), format!("as {snake}")].iter().any(|column| columns.contains(column));
        assert!(
            is_read,
            "docs/adding-a-column.md, step 6: no column for {field} in src/features/transactions/store.rs"
        );
    }
}

#[test]
fn every_field_of_a_transaction_is_tested() {
    let document = features::router().1();
    let tests: String = ["transactions", "lists", "history", "expectations", "sorting", "search"]
        .iter()
        .map(|name| source(&format!("tests/api/{name}.rs")))
        .collect();
    for field in fields(&document, "CreateTransaction") {
        let is_tested = tests.contains(&format!("\"{field}\""));
        assert!(is_tested, "docs/adding-a-column.md, step 10: no test of transactions sends or reads {field}");
    }
}
