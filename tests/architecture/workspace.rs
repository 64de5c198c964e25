//! The sources of the workspace: each file, parsed, with the module that it is.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item};

/// A source file of the workspace.
pub(crate) struct Source {
    /// The path, from the root of the workspace.
    pub path: String,
    /// The crate's name and the names of the modules, outermost first; empty for a test.
    pub module: Vec<String>,
    /// The text.
    pub text: String,
    items: OnceCell<Vec<Item>>,
}

impl Source {
    /// The declarations.
    pub(crate) fn items(&self) -> &[Item] {
        let parse = || syn::parse_file(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.path));
        self.items.get_or_init(|| parse().items)
    }

    /// The declarations without the unit tests.
    pub(crate) fn items_of_program(&self) -> impl Iterator<Item = &Item> {
        self.items().iter().filter(|item| !is_test(item))
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

/// All files of Rust: the sources, the tests, the examples.
pub(crate) fn files() -> Vec<Source> {
    let mut found = Vec::new();
    for (name, folder) in crates() {
        read(&folder, &[name], &mut found);
        let package = folder.parent().expect("a package");
        for folder in ["tests", "examples"].map(|name| package.join(name)).iter().filter(|folder| folder.is_dir()) {
            read(folder, &[], &mut found);
        }
    }
    found
}

/// All sources of the workspace, without tests.
pub(crate) fn sources() -> Vec<Source> {
    files().into_iter().filter(|file| !file.module.is_empty() && !file.path.ends_with("/tests.rs")).collect()
}

fn read(folder: &Path, module: &[String], found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("text").to_owned();
        let below = |name: String| if module.is_empty() { Vec::new() } else { [module, &[name]].concat() };
        if path.is_dir() {
            read(&path, &below(stem), found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
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
