//! The dependency rule of docs/architecture.md, held against the sources.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What the files under each part of `src` may name of the crate. `app`, `cli`, `jobs` and `server` put it all together.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("config", &[]),
    ("db", &["config"]),
    ("program.rs", &[]),
    ("migrations.rs", &["config", "program"]),
    ("http", &["config", "db", "domain"]),
    ("features", &["app", "config", "db", "domain", "features", "http"]),
    ("jobs", &["config", "db", "domain", "features", "http", "migrations", "program"]),
    ("server", &["config", "http"]),
    ("take_over", &["config", "db", "domain", "features"]),
    ("allocator.rs", &[]),
    ("telemetry.rs", &["config"]),
    ("app.rs", &["config", "db", "domain", "features", "http"]),
];

/// The parts that may name anything.
const UNBOUND: &[&str] = &["cli", "lib.rs", "main.rs"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).expect("below src").to_str().expect("text").to_owned();
        (name, std::fs::read_to_string(&path).expect("text"))
    };
    found.into_iter().map(read).collect()
}

/// The parts of the crate that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut names = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        if let Some(group) = part.strip_prefix('{') {
            let group = group.split("};").next().unwrap_or_default();
            let mut depth = 0;
            for item in group.split_inclusive(['{', '}', ',']) {
                let name: String = item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if depth == 0 && !name.is_empty() {
                    names.insert(name);
                }
                depth += i32::from(item.ends_with('{')) - i32::from(item.ends_with('}'));
            }
        } else {
            names.insert(part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    names
}

#[test]
fn each_part_names_only_what_it_may() {
    for (file, text) in all_sources() {
        let part = file.split('/').next().expect("a part");
        if UNBOUND.contains(&part) {
            continue;
        }
        let (_, allowed) =
            MAY_USE.iter().find(|(name, _)| *name == part).unwrap_or_else(|| panic!("{part} has no rule"));
        let text = text.split("#[cfg(test)]").next().expect("a first part");
        for name in named(text) {
            assert!(name == part || allowed.contains(&name.as_str()), "src/{file} may not use crate::{name}");
        }
    }
}

#[test]
fn a_feature_writes_only_its_own_tables() {
    const OWNERS: &[(&str, &str)] = &[
        ("users", "users"),
        ("known_networks", "auth"),
        ("sign_in_failures", "auth"),
        ("invites", "auth"),
        ("categories", "categories"),
        ("tags", "tags"),
        ("transaction_tags", "tags"),
        ("payees", "payees"),
        ("transactions", "transactions"),
        ("operations", "history"),
        ("changes", "history"),
        ("idempotency_keys", "history"),
        ("usage", "quotas"),
        ("usage_deltas", "quotas"),
    ];
    for (file, text) in all_sources() {
        let Some(feature) = file.strip_prefix("features/").and_then(|file| file.split('/').next()) else { continue };
        for (table, owner) in OWNERS {
            for verb in ["insert into", "update", "delete from"] {
                let writes = text.contains(&format!("{verb} {table}"));
                assert!(!writes || feature == *owner, "src/{file} writes the table {table}");
            }
        }
    }
}

#[test]
fn sql_stands_in_stores_and_in_the_take_over() {
    for (file, text) in all_sources() {
        let folders = ["take_over/", "features/reports/"];
        let may = file.ends_with("store.rs") || folders.iter().any(|folder| file.starts_with(folder));
        let does = text.contains("sqlx::query");
        assert!(may || !does, "src/{file} holds SQL");
    }
}

#[test]
fn no_file_outgrows_its_concern() {
    for (file, text) in all_sources() {
        let lines = text.split("#[cfg(test)]\nmod tests").next().expect("a first part").lines().count();
        assert!(lines <= 600, "src/{file} has {lines} lines");
    }
}

#[test]
fn the_program_itself_is_a_shim() {
    let main = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs")).expect("text");
    assert!(main.lines().count() <= 40);
}
