//! The rules of docs/architecture.md and CONTRIBUTING.md, held against the sources of the whole workspace.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod imports;
mod workspace;

use std::collections::BTreeMap;

use imports::{Imports, circles};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{ImplItemFn, Item, ItemEnum, ItemFn, ItemStruct, ItemTrait, ItemType, Signature, TraitItemFn};
use workspace::{Source, files, root, sources};

/// What the files under each part of `src` may import of the crate. `app`, `cli`, `jobs` and `server` put it all together.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("config", &[]),
    ("db", &["config"]),
    ("program.rs", &[]),
    ("migrations.rs", &["config", "program"]),
    ("http", &["config", "db", "domain"]),
    ("features", &["config", "db", "domain", "features", "http", "state"]),
    ("jobs", &["config", "db", "domain", "features", "http", "migrations", "program"]),
    ("server", &["config", "http"]),
    ("take_over", &["config", "db", "domain", "features"]),
    ("allocator.rs", &[]),
    ("telemetry.rs", &["config"]),
    ("state.rs", &["config", "db", "domain", "features", "http"]),
    ("app.rs", &["config", "db", "domain", "features", "http", "state"]),
];

/// The parts that may import anything.
const UNBOUND: &[&str] = &["cli", "lib.rs", "main.rs"];

/// The most lines of a file.
const FILE: usize = 500;

/// The most lines of a function.
const FUNCTION: usize = 70;

/// The words with which a doc comment begins that leaves open what it is about.
const BARE: &[&str] = &["What", "Whose", "That", "Whether", "How", "Which"];

/// The name of the part of `app` in which a file is: a folder of `src`, or a file.
fn part(path: &str) -> Option<&str> {
    path.strip_prefix("src/")?.split('/').next()
}

#[test]
fn each_part_imports_only_what_it_may() {
    let sources = sources();
    let imports = Imports::of(&sources);
    for source in &sources {
        let Some(part) = part(&source.path).filter(|part| !UNBOUND.contains(part)) else { continue };
        let rule = MAY_USE.iter().find(|(name, _)| *name == part);
        let (_, allowed) = rule.unwrap_or_else(|| panic!("{part} has no rule in MAY_USE"));
        for (file, path) in imports.from(source) {
            let Some(other) = self::part(file) else { continue };
            let other_name = other.trim_end_matches(".rs");
            let allowed = other == part || other == "lib.rs" || allowed.contains(&other_name);
            assert!(allowed, "{} may not import from {file} ({path})", source.path);
        }
    }
}

#[test]
fn no_file_is_in_a_circle() {
    let sources = sources();
    let imports = Imports::of(&sources);
    let edges: BTreeMap<&str, _> = sources.iter().map(|source| (source.path.as_str(), imports.from(source))).collect();
    let mut told = String::new();
    for circle in circles(&edges) {
        told += &format!("\na circle of {} files:\n", circle.len());
        for file in &circle {
            for (target, path) in edges[file.as_str()].iter().filter(|(target, _)| circle.iter().any(|f| f == *target))
            {
                told += &format!("  {file} imports {path} from {target}\n");
            }
        }
    }
    assert!(told.is_empty(), "{told}");
}

#[test]
fn no_file_outgrows_its_concern() {
    let files = files().into_iter().map(|file| (file.text.lines().count(), file.path));
    let told: Vec<String> =
        files.filter(|(lines, _)| *lines > FILE).map(|(lines, path)| format!("{path} has {lines} lines")).collect();
    assert!(told.is_empty(), "over {FILE} lines:\n{}", told.join("\n"));
}

/// The declarations of a file that have rules of their own.
#[derive(Default)]
struct Declared {
    functions: Vec<(String, usize)>,
    types: Vec<String>,
}

impl Declared {
    fn of<'ast>(items: impl IntoIterator<Item = &'ast Item>) -> Self {
        let mut declared = Self::default();
        items.into_iter().for_each(|item| declared.visit_item(item));
        declared
    }

    fn function(&mut self, signature: &Signature, end: proc_macro2::Span) {
        let lines = end.end().line - signature.span().start().line + 1;
        self.functions.push((signature.ident.to_string(), lines));
    }
}

impl<'ast> Visit<'ast> for Declared {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.function(&function.sig, function.block.span());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.function(&function.sig, function.block.span());
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.function(&function.sig, block.span());
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.types.push(item.ident.to_string());
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        self.types.push(item.ident.to_string());
    }

    fn visit_item_type(&mut self, item: &'ast ItemType) {
        self.types.push(item.ident.to_string());
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.types.push(item.ident.to_string());
        visit::visit_item_trait(self, item);
    }
}

#[test]
fn no_function_outgrows_a_screen() {
    let mut told = Vec::new();
    for file in files() {
        for (name, lines) in Declared::of(file.items()).functions.into_iter().filter(|(_, lines)| *lines > FUNCTION) {
            told.push(format!("{}: {name} has {lines} lines", file.path));
        }
    }
    assert!(told.is_empty(), "over {FUNCTION} lines:\n{}", told.join("\n"));
}

#[test]
fn no_two_types_have_one_name() {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources() {
        for name in Declared::of(source.items_of_program()).types {
            names.entry(name).or_default().push(source.path.clone());
        }
    }
    let told: Vec<String> = names
        .into_iter()
        .filter(|(_, files)| files.len() > 1)
        .map(|(name, files)| format!("{name}: {}", files.join(", ")))
        .collect();
    assert!(told.is_empty(), "one name for several types:\n{}", told.join("\n"));
}

/// The first lines of the doc comments of a text.
fn doc_comments(text: &str) -> impl Iterator<Item = &str> {
    let mut before = "";
    text.lines().map(str::trim_start).filter_map(move |line| {
        let above = std::mem::replace(&mut before, line);
        let marks = ["///", "//!"].into_iter().find(|marks| line.starts_with(marks))?;
        (!above.starts_with(marks)).then(|| line.trim_start_matches(marks).trim_start())
    })
}

#[test]
fn doc_comments_say_what_they_are_about() {
    let (mut all, mut bare) = (0_usize, Vec::new());
    for source in sources() {
        for comment in doc_comments(&source.text) {
            all += 1;
            let first = comment.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
            if BARE.contains(&first) {
                bare.push(format!("{}: {comment}", source.path));
            }
        }
    }
    assert!(
        bare.len() * 100 < all * 3,
        "{} of {all} begin with a bare question word:\n{}",
        bare.len(),
        bare.join("\n")
    );
}

#[test]
fn a_feature_writes_only_its_own_tables() {
    let owners = app::features::owners();
    assert!(owners.len() >= 14, "{owners:?}");
    for Source { path, text, .. } in sources() {
        let Some(feature) = path.strip_prefix("src/features/").and_then(|file| file.split('/').next()) else {
            continue;
        };
        for (table, owner) in &owners {
            for verb in ["insert into", "update", "delete from"] {
                let writes = text.contains(&format!("{verb} {table}"));
                assert!(!writes || feature == *owner, "{path} writes the table {table}");
            }
        }
    }
}

#[test]
fn sql_stands_in_stores_in_the_libraries_and_in_the_take_over() {
    for Source { path, text, .. } in sources() {
        let folders = ["crates/", "src/take_over/", "src/features/reports/"];
        let may = path.ends_with("store.rs") || folders.iter().any(|folder| path.starts_with(folder));
        assert!(may || !text.contains("sqlx::query"), "{path} holds SQL");
    }
}

#[test]
fn the_program_itself_is_a_shim() {
    let main = std::fs::read_to_string(root().join("src/main.rs")).expect("text");
    assert!(main.lines().count() <= 40);
}
