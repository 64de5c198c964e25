//! Which file imports from which: `use`, and paths that are written out, followed through re-exports to where a thing is defined.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Item, ItemMod, ItemUse, Macro, UseTree, Visibility};

use crate::workspace::Source;

/// The paths that a file names, as segments, and those of them that it only passes on (`pub use`).
#[derive(Default)]
struct Named {
    paths: Vec<Vec<String>>,
    /// The public name of what is passed on, and its path; `*` for all of a module.
    passed_on: Vec<(String, Vec<String>)>,
    children: BTreeSet<String>,
}

impl Named {
    fn of(source: &Source) -> Self {
        let mut named = Self::default();
        for item in source.items_of_program() {
            named.visit_item(item);
        }
        named
    }
}

fn flatten(tree: &UseTree, prefix: &[String], found: &mut Vec<(String, Vec<String>)>) {
    let below = |name: String| [prefix, &[name]].concat();
    match tree {
        UseTree::Path(path) => flatten(&path.tree, &below(path.ident.to_string()), found),
        UseTree::Name(name) if name.ident == "self" => {
            found.push((prefix.last().cloned().unwrap_or_default(), prefix.to_vec()));
        }
        UseTree::Name(name) => found.push((name.ident.to_string(), below(name.ident.to_string()))),
        UseTree::Rename(name) => found.push((name.rename.to_string(), below(name.ident.to_string()))),
        UseTree::Glob(_) => found.push(("*".to_owned(), prefix.to_vec())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, prefix, found)),
    }
}

/// The paths in what a macro is given, which is not parsed.
fn paths_in(tokens: TokenStream, found: &mut Vec<Vec<String>>) {
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Ident(name) if path.is_empty() || colons == 2 => path.push(name.to_string()),
            TokenTree::Punct(mark) if mark.as_char() == ':' && !path.is_empty() && colons < 2 => {
                colons += 1;
                continue;
            }
            other => {
                found.push(std::mem::take(&mut path));
                match other {
                    TokenTree::Group(group) => paths_in(group.stream(), found),
                    TokenTree::Ident(name) => path.push(name.to_string()),
                    _ => {}
                }
            }
        }
        colons = 0;
    }
    found.push(path);
}

impl<'ast> Visit<'ast> for Named {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.children.insert(module.ident.to_string());
        visit::visit_item_mod(self, module);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let mut found = Vec::new();
        flatten(&item.tree, &[], &mut found);
        if matches!(item.vis, Visibility::Inherited) {
            self.paths.extend(found.into_iter().map(|(_, path)| path));
        } else {
            self.passed_on.extend(found);
        }
    }

    /// The `super` of `pub(super)` imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        paths_in(call.tokens.clone(), &mut self.paths);
        visit::visit_macro(self, call);
    }
}

/// The graph of the files: each with those that it imports from.
pub(crate) struct Imports<'a> {
    modules: BTreeMap<&'a [String], (&'a Source, Named)>,
}

impl<'a> Imports<'a> {
    pub(crate) fn of(sources: &'a [Source]) -> Self {
        let modules = sources.iter().map(|source| (source.module.as_slice(), (source, Named::of(source)))).collect();
        Self { modules }
    }

    /// The files that `source` imports from, with the path by which it names each.
    pub(crate) fn from(&self, source: &Source) -> BTreeMap<&'a str, String> {
        let (_, named) = &self.modules[source.module.as_slice()];
        let mut found = BTreeMap::new();
        for path in &named.paths {
            if let Some(target) = self.resolve(&source.module, path, 0)
                && target != source.path
            {
                found.entry(target).or_insert_with(|| path.join("::"));
            }
        }
        found
    }

    /// The file in which what `path` names in `module` is defined.
    fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Option<&'a str> {
        let (mut at, mut rest) = self.start(module, path)?;
        while let Some((next, after)) = rest.split_first() {
            let below = [at.as_slice(), std::slice::from_ref(next)].concat();
            if !self.modules.contains_key(below.as_slice()) {
                break;
            }
            (at, rest) = (below, after);
        }
        let (source, named) = self.modules.get(at.as_slice())?;
        let Some((item, after)) = rest.split_first().filter(|_| depth < 16) else { return Some(&source.path) };
        for (name, passed_on) in &named.passed_on {
            let onward = match name.as_str() {
                name if name == item => [passed_on, after].concat(),
                "*" if !defines(source, item) => [passed_on, rest].concat(),
                _ => continue,
            };
            if let Some(file) = self.resolve(&at, &onward, depth + 1) {
                return Some(file);
            }
        }
        Some(&source.path)
    }

    /// Where a path begins: the module that its first names lead to, and what is left of it.
    fn start<'p>(&self, module: &[String], path: &'p [String]) -> Option<(Vec<String>, &'p [String])> {
        let (first, rest) = path.split_first()?;
        let (_, named) = self.modules.get(module)?;
        match first.as_str() {
            "crate" => Some((module[..1].to_vec(), rest)),
            "self" => Some((module.to_vec(), rest)),
            "super" => {
                let mut at = module[..module.len() - 1].to_vec();
                let mut rest = rest;
                while let Some(("super", after)) = rest.split_first().map(|(name, after)| (name.as_str(), after)) {
                    at.pop();
                    rest = after;
                }
                Some((at, rest))
            }
            child if named.children.contains(child) && !rest.is_empty() => Some((module.to_vec(), path)),
            name if named.passed_on.iter().any(|(passed_on, _)| passed_on == name) => Some((module.to_vec(), path)),
            name if !rest.is_empty() && self.modules.contains_key([name.to_owned()].as_slice()) => {
                Some((vec![name.to_owned()], rest))
            }
            _ => None,
        }
    }
}

fn defines(source: &Source, name: &str) -> bool {
    source.items_of_program().any(|item| match item {
        Item::Const(item) => item.ident == name,
        Item::Enum(item) => item.ident == name,
        Item::Fn(item) => item.sig.ident == name,
        Item::Mod(item) => item.ident == name,
        Item::Static(item) => item.ident == name,
        Item::Struct(item) => item.ident == name,
        Item::Trait(item) => item.ident == name,
        Item::Type(item) => item.ident == name,
        _ => false,
    })
}

/// The circles: groups of files each of which imports from each other, by way of the rest.
pub(crate) fn circles(edges: &BTreeMap<&str, BTreeMap<&str, String>>) -> Vec<Vec<String>> {
    let reachable = |from: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(file) = open.pop() {
            for next in edges.get(file.as_str()).into_iter().flat_map(BTreeMap::keys) {
                if seen.insert((*next).to_owned()) {
                    open.push((*next).to_owned());
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&str, BTreeSet<String>> = edges.keys().map(|file| (*file, reachable(file))).collect();
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for (file, seen) in &reach {
        if seen.contains(*file) {
            let group = seen.iter().filter(|other| reach.get(other.as_str()).is_some_and(|back| back.contains(*file)));
            circles.insert(group.cloned().collect());
        }
    }
    circles.into_iter().collect()
}
