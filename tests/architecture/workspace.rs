//! The sources of the workspace: each file, parsed, with the module that it is.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item};

/// A source file of one of the workspace's crates.
pub(crate) struct Source {
    /// The path, from the root of the workspace.
    pub path: String,
    /// The crate's name and the names of the modules, outermost first.
    pub module: Vec<String>,
    /// The text.
    pub text: String,
    items: OnceCell<Vec<Item>>,
}

impl Source {
    /// The declarations, without the unit tests.
    pub(crate) fn items(&self) -> &[Item] {
        self.items.get_or_init(|| {
            let parsed = syn::parse_file(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.path));
            parsed.items.into_iter().filter(|item| !is_test(item)).collect()
        })
    }

    /// The number of lines without the unit tests, which stand at the end.
    pub(crate) fn lines(&self) -> usize {
        self.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().lines().count()
    }
}

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Each crate: its name in `use`, and the folder of its sources.
fn crates() -> Vec<(String, PathBuf)> {
    let mut found = vec![("app".to_owned(), root().join("src"))];
    let members = std::fs::read_dir(root().join("crates")).into_iter().flatten();
    for member in members {
        let folder = member.expect("a member").path();
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = ")).expect("a name");
        found.push((name.trim_matches('"').replace('-', "_"), folder.join("src")));
    }
    found
}

/// All sources of the workspace.
pub(crate) fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for (name, folder) in crates() {
        read(&folder, &[name], &mut found);
    }
    found
}

fn read(folder: &Path, module: &[String], found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("text").to_owned();
        let below = |name: String| [module, &[name]].concat();
        if path.is_dir() {
            read(&path, &below(stem), found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && stem != "tests" {
            let module = if matches!(stem.as_str(), "lib" | "mod") { module.to_vec() } else { below(stem) };
            let text = std::fs::read_to_string(&path).expect("text");
            let path = path.strip_prefix(root()).expect("below the root").to_str().expect("text").to_owned();
            found.push(Source { path, module, text, items: OnceCell::new() });
        }
    }
}

fn is_test(item: &Item) -> bool {
    attributes(item).iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|what| what.is_ident("test"))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
