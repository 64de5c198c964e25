//! What keeps its content under another name: said by a comment in the file, or plain to see.

use std::collections::BTreeMap;

use super::catalog::Catalog;
use super::object::{Key, Kind, Object};
use super::statement::{Danger, Statement};

/// What the comment begins with.
const WORDS: &str = "renamed from ";

/// A comment that says what something was called before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::migrate) struct Hint {
    /// The line that it is about; the first is 1.
    pub line: usize,
    old: String,
    new: Subject,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    /// What a statement makes: its words for it, and its name.
    Made(String, String),
    /// A column, a constraint, or a value of what a statement makes.
    Part(String, String),
}

/// A name that is given, and the one that it takes the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rename {
    pub up: String,
    pub down: String,
}

impl Rename {
    pub(super) fn statement(&self) -> Statement {
        let statement = Statement::new(self.up.clone());
        // Programs name tables, columns and values, and no constraints or indexes.
        let unnamed = self.up.contains(" rename constraint ") || self.up.starts_with("alter index");
        if unnamed || self.up.starts_with("create schema") {
            statement.excuse("no program names it")
        } else {
            statement.hazard(Danger::OlderRelease, "a program that is still running asks for the old name")
        }
    }
}

/// The comments of a file that say `-- renamed from x`: behind what they are about, or on the line before it.
pub(in crate::migrate) fn hints(text: &str) -> Vec<Hint> {
    let lines: Vec<&str> = text.lines().collect();
    let mut hints = Vec::new();
    let mut made: Option<(String, String)> = None;
    for (number, line) in lines.iter().enumerate() {
        let (code, comment) = line.split_once("--").unwrap_or((line, ""));
        if let Some(new) = what_is_made(code) {
            made = Some(new);
        }
        let Some((_, old)) = comment.split_once(WORDS) else { continue };
        let old = name_at(old.trim_start()).to_owned();
        let about = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with("--");
        let place = if about(code) { Some(number) } else { (number + 1..lines.len()).find(|next| about(lines[*next])) };
        let Some(place) = place else { continue };
        let subject = lines[place].split("--").next().unwrap_or_default();
        let new = match (what_is_made(subject), &made) {
            (Some((kind, name)), _) => Subject::Made(kind, name),
            (None, Some((_, whole))) => Subject::Part(whole.clone(), part_at(subject).to_owned()),
            (None, None) => continue,
        };
        hints.push(Hint { line: place + 1, old, new });
    }
    hints
}

/// `create unique index a on b` makes the index `a`.
fn what_is_made(line: &str) -> Option<(String, String)> {
    let mut rest = line.trim_start();
    let word = |rest: &mut &str| {
        let end = rest.find(|char: char| !(char.is_alphanumeric() || char == '_')).unwrap_or(rest.len());
        let word = rest[..end].to_lowercase();
        *rest = rest[end..].trim_start();
        word
    };
    if word(&mut rest) != "create" {
        return None;
    }
    let mut kind = String::new();
    for _ in 0..6 {
        kind = match word(&mut rest).as_str() {
            "or" | "replace" | "unlogged" | "unique" | "materialized" | "if" | "not" | "exists" | "recursive" => kind,
            known @ ("table" | "view" | "type" | "domain" | "sequence" | "index" | "schema") => known.to_owned(),
            "" => break,
            _ => return None,
        };
        let lower = rest.to_lowercase();
        if !kind.is_empty() && !["if ", "not ", "exists "].iter().any(|word| lower.starts_with(word)) {
            break;
        }
    }
    let name = name_at(rest);
    (!kind.is_empty() && !name.is_empty()).then(|| (kind, name.to_owned()))
}

/// The name of what a line within a statement is about.
fn part_at(line: &str) -> &str {
    let line = line.trim_start().trim_start_matches(',').trim_start();
    match line.strip_prefix("constraint ") {
        Some(rest) => name_at(rest.trim_start()),
        None => name_at(line),
    }
}

/// A name at the beginning, with its schema and its quotes; or a value in quotes.
fn name_at(text: &str) -> &str {
    let mut quote = None;
    let end = text.find(|char: char| match quote {
        Some(open) => {
            if char == open {
                quote = None;
            }
            false
        }
        None if char == '"' || char == '\'' => {
            quote = Some(char);
            false
        }
        None => !(char.is_alphanumeric() || char == '_' || char == '.' || char == '$'),
    });
    &text[..end.unwrap_or(text.len())]
}

/// A name as PostgreSQL has it, to be compared only.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    let mut quoted = false;
    for char in name.chars() {
        match char {
            '"' => quoted = !quoted,
            char if quoted => plain.push(char),
            char => plain.extend(char.to_lowercase()),
        }
    }
    plain
}

fn whole(name: &str) -> String {
    let name = plain(name);
    if name.contains('.') { name } else { format!("public.{name}") }
}

/// The statements that do what the comments say. One that was done before is passed over; one that makes no sense is told.
pub(super) fn by_hints(hints: &[Hint], from: &Catalog, to: &Catalog) -> Result<Vec<Rename>, (usize, String)> {
    let mut tables: BTreeMap<Key, Key> = BTreeMap::new();
    let (mut of_wholes, mut of_parts) = (Vec::new(), Vec::new());
    for hint in hints {
        let fail = |why: String| (hint.line, why);
        match &hint.new {
            Subject::Made(_, name) => {
                let new = find(to, |key, _| is_whole(key.kind) && plain(&key.name) == whole(name));
                let new = new.ok_or_else(|| fail(format!("`{name}` is not there to be renamed")))?;
                let old_name = if hint.old.contains('.') { hint.old.clone() } else { beside(&new.key.name, &hint.old) };
                let kind = new.key.kind;
                let old = find(from, |key, _| key.kind == kind && plain(&key.name) == whole(&old_name));
                match (old, from.get(&new.key)) {
                    (Some(_), Some(_)) => {
                        return Err(fail(format!("there is a {kind} {} already, beside {}", new.key.name, hint.old)));
                    }
                    (None, None) => return Err(fail(format!("there is no {kind} `{}` to be renamed", hint.old))),
                    (None, Some(_)) => {}
                    (Some(old), None) => {
                        of_wholes.extend(needed_schema(new, from, &of_wholes));
                        of_wholes.extend(rename_whole(old, new));
                        tables.insert(new.key.clone(), old.key.clone());
                    }
                }
            }
            Subject::Part(table, name) => of_parts.push((hint, table, name)),
        }
    }
    for (hint, table, name) in of_parts {
        let fail = |why: String| (hint.line, why);
        let new = find(to, |key, object| {
            matches!(key.kind, Kind::Column | Kind::Constraint | Kind::ForeignKey)
                && object.parent.as_ref().is_some_and(|parent| plain(&parent.name) == whole(table))
                && plain(&object.ident) == plain(name)
        });
        let Some(new) = new else {
            match value(hint, table, name, from, to) {
                Some(rename) => of_wholes.extend(rename),
                None => return Err(fail(format!("there is no `{name}` in {table} to be renamed"))),
            }
            continue;
        };
        let parent = new.parent.clone().unwrap_or_else(|| new.key.clone());
        let parent_before = tables.get(&parent).unwrap_or(&parent);
        let in_old = |ident: &str| {
            find(from, |key, object| {
                key.kind == new.key.kind
                    && object.parent.as_ref() == Some(parent_before)
                    && plain(&object.ident) == plain(ident)
            })
        };
        match (in_old(&hint.old), in_old(name)) {
            (Some(_), Some(_)) => return Err(fail(format!("{table} has both `{}` and `{name}` already", hint.old))),
            (None, None) => return Err(fail(format!("{table} has no `{}` to be renamed", hint.old))),
            (None, Some(_)) => {}
            (Some(old), None) => of_wholes.push(rename_part(&new.address, old, new)),
        }
    }
    Ok(of_wholes)
}

fn find<'a>(catalog: &'a Catalog, is: impl Fn(&Key, &Object) -> bool) -> Option<&'a Object> {
    catalog.objects.values().find(|object| is(&object.key, object))
}

const fn is_whole(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Table
            | Kind::View
            | Kind::MaterializedView
            | Kind::Enum
            | Kind::Domain
            | Kind::Sequence
            | Kind::Index
            | Kind::Schema
    )
}

/// A name in the schema of another.
fn beside(other: &str, name: &str) -> String {
    other.split_once('.').map_or_else(|| name.to_owned(), |(schema, _)| format!("{schema}.{name}"))
}

/// What moves to a schema that is not there yet waits for it.
fn needed_schema(new: &Object, from: &Catalog, before: &[Rename]) -> Option<Rename> {
    let (schema, _) = new.key.name.split_once('.')?;
    let made = Rename { up: format!("create schema {schema}"), down: format!("drop schema {schema}") };
    let is_there = from.get(&Key::new(Kind::Schema, schema)).is_some() || before.contains(&made);
    (!is_there).then_some(made)
}

fn rename_whole(old: &Object, new: &Object) -> Vec<Rename> {
    let word = if old.kind() == Kind::Enum { "type" } else { old.kind().word() };
    let schema = |object: &Object| object.key.name.split_once('.').map(|(schema, _)| schema.to_owned());
    let mut renames = Vec::new();
    let mut address = old.address.clone();
    if let (Some(before), Some(after)) = (schema(old), schema(new))
        && before != after
        && old.kind() != Kind::Index
    {
        let moved = if after == "public" { old.ident.clone() } else { format!("{after}.{}", old.ident) };
        renames.push(Rename {
            up: format!("alter {word} {address} set schema {after}"),
            down: format!("alter {word} {moved} set schema {before}"),
        });
        address = moved;
    }
    if old.ident != new.ident {
        renames.push(Rename {
            up: format!("alter {word} {address} rename to {}", new.ident),
            down: format!("alter {word} {} rename to {}", new.address, old.ident),
        });
    }
    renames
}

fn rename_part(table: &str, old: &Object, new: &Object) -> Rename {
    let word = if old.kind() == Kind::Column { "column" } else { "constraint" };
    Rename {
        up: format!("alter table {table} rename {word} {} to {}", old.ident, new.ident),
        down: format!("alter table {table} rename {word} {} to {}", new.ident, old.ident),
    }
}

/// A value of an enum; `None` if it is none, and nothing to do if it is renamed already.
fn value(hint: &Hint, name: &str, new: &str, from: &Catalog, to: &Catalog) -> Option<Option<Rename>> {
    let now = find(to, |key, _| key.kind == Kind::Enum && plain(&key.name) == whole(name))?;
    let before = from.get(&now.key)?;
    let (old_values, new_values) = (before.list("values"), now.list("values"));
    let old = hint.old.as_str();
    if !new_values.contains(&new) {
        return None;
    }
    if !old_values.contains(&old) || old_values.contains(&new) {
        return Some(None);
    }
    Some(Some(Rename {
        up: format!("alter type {} rename value {old} to {new}", now.address),
        down: format!("alter type {} rename value {new} to {old}", now.address),
    }))
}

/// What has the same definition under another name, in the same place: constraints, foreign keys and indexes.
pub(super) fn plain_to_see(from: &Catalog, to: &Catalog) -> Vec<Rename> {
    let candidates = |one: &Catalog, other: &Catalog| -> BTreeMap<(Option<Key>, Kind, String), Vec<Object>> {
        let mut found: BTreeMap<_, Vec<Object>> = BTreeMap::new();
        for object in one.objects.values() {
            let kinds = matches!(object.kind(), Kind::Constraint | Kind::ForeignKey | Kind::Index);
            if kinds && other.get(&object.key).is_none() {
                let place = (object.parent.clone(), object.kind(), format!("{:?}", object.properties));
                found.entry(place).or_default().push(object.clone());
            }
        }
        found
    };
    let (gone, come) = (candidates(from, to), candidates(to, from));
    let mut renames = Vec::new();
    for (place, old) in &gone {
        let Some(new) = come.get(place) else { continue };
        for (old, new) in old.iter().zip(new) {
            renames.push(if old.kind() == Kind::Index {
                Rename {
                    up: format!("alter index {} rename to {}", old.address, new.ident),
                    down: format!("alter index {} rename to {}", new.address, old.ident),
                }
            } else {
                rename_part(&old.address, old, new)
            });
        }
    }
    renames
}

/// A drop and an add that may well be one thing under another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LikelyRename {
    /// What would be dropped.
    pub old: Key,
    /// What would be added.
    pub new: Key,
    /// The comment that says that it is one.
    pub hint: String,
    said: Hint,
}

impl LikelyRename {
    /// What a comment in the file would have said.
    pub(in crate::migrate) fn said(&self) -> Hint {
        self.said.clone()
    }
}

/// The drops and adds that look like renames.
pub(super) fn likely(from: &Catalog, to: &Catalog) -> Vec<LikelyRename> {
    let only_in = |one: &Catalog, other: &Catalog, kind: Kind| -> Vec<Object> {
        let objects = one.objects.values().filter(|object| object.kind() == kind && other.get(&object.key).is_none());
        objects.cloned().collect()
    };
    let both = |kind| (only_in(from, to, kind), only_in(to, from, kind));
    let mut likely = Vec::new();
    let (old_columns, new_columns) = both(Kind::Column);
    for old in &old_columns {
        let alike = |new: &&Object| {
            new.parent == old.parent
                && new.text("type") == old.text("type")
                && new.text("generated").is_some() == old.text("generated").is_some()
        };
        let there = old.parent.as_ref().is_some_and(|table| from.get(table).is_some() && to.get(table).is_some());
        likely.extend(new_columns.iter().filter(alike).filter(|_| there && old.text("generated").is_none()).map(
            |new| {
                let table = new.parent.as_ref().map_or_else(String::new, |table| table.name.clone());
                let said = Hint { line: 0, old: old.ident.clone(), new: Subject::Part(table, new.ident.clone()) };
                LikelyRename {
                    old: old.key.clone(),
                    new: new.key.clone(),
                    hint: format!("-- {WORDS}{}", old.ident),
                    said,
                }
            },
        ));
    }
    let (old_tables, new_tables) = both(Kind::Table);
    let columns = |catalog: &Catalog, table: &Object| -> Vec<String> {
        let columns = catalog.parts(&table.key).filter(|part| part.kind() == Kind::Column);
        columns.map(|column| format!("{} {}", column.ident, column.text("type").unwrap_or_default())).collect()
    };
    for old in &old_tables {
        let before = columns(from, old);
        for new in &new_tables {
            let after = columns(to, new);
            let common = before.iter().filter(|column| after.contains(column)).count();
            if common > 0 && common * 2 >= before.len().max(after.len()) {
                let name = old.key.name.strip_prefix("public.").unwrap_or(&old.key.name);
                let hint = format!("-- {WORDS}{name}");
                let new_name = Subject::Made("table".to_owned(), new.key.name.clone());
                let said = Hint { line: 0, old: old.key.name.clone(), new: new_name };
                likely.push(LikelyRename { old: old.key.clone(), new: new.key.clone(), hint, said });
            }
        }
    }
    likely
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_about_what_stands_before_it_or_on_the_next_line() {
        let text = "-- renamed from people\ncreate table if not exists users (\n    id bigint,\n    \"Full Name\" text, -- renamed from \
                    display_name\n    -- renamed from users_a\n    constraint users_b check (true)\n);\ncreate type s as enum (\n    \
                    'new' -- renamed from 'old'\n);";
        let found: Vec<(usize, String, Subject)> =
            hints(text).into_iter().map(|hint| (hint.line, hint.old, hint.new)).collect();
        let part = |whole: &str, name: &str| Subject::Part(whole.to_owned(), name.to_owned());
        assert_eq!(
            found,
            [
                (2, "people".to_owned(), Subject::Made("table".to_owned(), "users".to_owned())),
                (4, "display_name".to_owned(), part("users", "\"Full Name\"")),
                (6, "users_a".to_owned(), part("users", "users_b")),
                (9, "'old'".to_owned(), part("s", "'new'")),
            ]
        );
    }

    #[test]
    fn names_are_compared_as_postgres_has_them() {
        assert_eq!(plain("Users"), "users");
        assert_eq!(plain("\"Full Name\""), "Full Name");
        assert_eq!(whole("Billing.\"X\""), "billing.X");
        assert_eq!(name_at("\"a b\".c, d"), "\"a b\".c");
    }

    #[test]
    fn what_is_made_is_known_by_its_words() {
        let made = |text: &str| what_is_made(text).map(|(kind, name)| format!("{kind} {name}"));
        assert_eq!(made("create table a("), Some("table a".to_owned()));
        assert_eq!(made("  CREATE UNLOGGED TABLE IF NOT EXISTS a.b ("), Some("table a.b".to_owned()));
        assert_eq!(made("create unique index i on t"), Some("index i".to_owned()));
        assert_eq!(made("create materialized view v as"), Some("view v".to_owned()));
        assert_eq!(made("create function f()"), None);
        assert_eq!(made("select 1"), None);
    }
}
