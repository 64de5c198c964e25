//! Checks pages against the sources: every test, recipe and default that the pages about security mention exists, and so does
//! every line that a guide refers to.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

const PAGES: &[&str] = &["docs/security.md", "docs/security/asvs.md", "docs/security/owasp-api-top-10.md"];

/// Texts that look like tests, but are log targets.
const NO_TESTS: &[&str] = &["app::security", "app::request"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path)).expect("text")
}

/// Files below a folder with this suffix.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.to_str().expect("text").ends_with(ending) {
            found.push(path);
        }
    }
}

/// Texts between backticks in a page, with the page's name.
fn quoted() -> Vec<(&'static str, String)> {
    let of_page = |page: &'static str| {
        let text = read(page);
        text.split('`').skip(1).step_by(2).map(|quoted| (page, quoted.to_owned())).collect::<Vec<_>>()
    };
    PAGES.iter().copied().flat_map(of_page).collect()
}

/// A source file, as a module path with its text.
struct SourceFile {
    modules: Vec<String>,
    text: String,
}

fn sources() -> Vec<SourceFile> {
    let mut found = Vec::new();
    for folder in ["src", "tests"] {
        files(&root().join(folder), ".rs", &mut found);
    }
    let source = |path: PathBuf| {
        let name = path.strip_prefix(root()).expect("below the root").with_extension("");
        let parts = name.iter().skip(1).map(|part| part.to_str().expect("text").to_owned());
        SourceFile {
            modules: parts.filter(|part| part != "mod").collect(),
            text: std::fs::read_to_string(&path).expect("text"),
        }
    };
    found.into_iter().map(source).collect()
}

impl SourceFile {
    /// Returns true if the file has this test, in the form `cargo test` shows; `modules` may be the end of a path.
    fn has(&self, modules: &[&str], test: &str) -> bool {
        let mut path: Vec<&str> = self.modules.iter().map(String::as_str).collect();
        if self.text.contains("\nmod tests {") {
            path.push("tests");
        }
        let Some((before, _)) = self.text.split_once(&format!("fn {test}(")) else { return false };
        let attributes: Vec<&str> = before.lines().rev().take(3).collect();
        let is_test = attributes.iter().any(|line| line.trim().starts_with("#[") && line.contains("test"));
        path.ends_with(modules) && is_test
    }
}

#[test]
fn every_test_that_a_page_names_is_there() {
    let sources = sources();
    let mut named = 0;
    for (page, text) in quoted() {
        let parts: Vec<&str> = text.split("::").collect();
        let is_name = |part: &&str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let [modules @ .., test] = parts.as_slice() else { continue };
        if modules.is_empty() || !parts.iter().all(is_name) || NO_TESTS.contains(&text.as_str()) {
            continue;
        }
        named += 1;
        assert!(sources.iter().any(|source| source.has(modules, test)), "{page} names {text}, which is no test");
    }
    assert!(named > 100, "only {named} tests were found in the pages");
}

#[test]
fn every_recipe_that_a_page_names_is_there() {
    let justfile = read("justfile");
    let mut found = Vec::new();
    files(&root().join("attacks"), ".py", &mut found);
    let attacks: String = found.iter().map(|path| std::fs::read_to_string(path).expect("text")).collect();
    for (page, text) in quoted() {
        let words: Vec<&str> = text.split(' ').collect();
        match words.as_slice() {
            ["just", "attack", "NAME"] | ["just", "…"] => {}
            ["just", "attack", attack] => {
                assert!(attacks.contains(&format!("@attack(\"{attack}\"")), "{page} names {text}");
            }
            ["just", recipe, ..] => {
                let begins =
                    |line: &str| line.starts_with(&format!("{recipe}:")) || line.starts_with(&format!("{recipe} "));
                assert!(justfile.lines().any(begins), "{page} names {text}");
            }
            ["cargo", "test", "--test", file] => {
                let is_there = [format!("tests/{file}.rs"), format!("tests/{file}/main.rs")]
                    .iter()
                    .any(|path| root().join(path).exists());
                assert!(is_there, "{page} names {text}");
            }
            _ => {}
        }
    }
}

#[test]
fn every_default_that_the_page_names_is_the_one_of_prod() {
    let (page, settings) = (read("docs/security.md"), read("app.toml"));
    let value = |section: &str, key: &str| {
        let lines = settings.lines().skip_while(|line| *line != format!("[{section}]")).skip(1);
        let mut lines = lines.take_while(|line| !line.starts_with('['));
        let value = lines.find_map(|line| line.strip_prefix(&format!("{key} = ")))?;
        Some(value.trim_matches('"').to_owned())
    };
    let mut named = 0;
    for row in page.lines() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let ["", setting, default, .., ""] = cells.as_slice() else { continue };
        let quoted = |cell: &str| cell.strip_prefix('`')?.strip_suffix('`').map(str::to_owned);
        let Some((setting, default)) = quoted(setting).zip(quoted(default)) else { continue };
        let Some((section, key)) = setting.split_once('.') else { continue };
        let found = value(&format!("prod.{section}"), key).or_else(|| value(&format!("default.{section}"), key));
        assert_eq!(found, Some(default), "{setting}");
        named += 1;
    }
    assert!(named > 30, "only {named} settings were found in the page");
}

#[test]
fn every_line_that_a_guide_refers_to_is_there_once() {
    for guide in ["docs/adding-a-feature.md", "docs/adding-a-column.md"] {
        let mut steps = 0;
        let page = read(guide);
        for line in page.lines() {
            let quoted: Vec<&str> = line.split('`').collect();
            let ["In ", file, ", before the line " | ", behind the line ", anchor, ":"] = quoted.as_slice() else {
                continue;
            };
            let count = read(file).lines().filter(|line| line == anchor).count();
            assert_eq!(count, 1, "{guide}: {file} has {count} lines `{anchor}`");
            steps += 1;
        }
        assert!(steps >= 4, "only {steps} edits were found in {guide}");
    }
}
