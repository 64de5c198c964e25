//! Columns.

use serde_json::Value;

use super::super::object::Object;
use super::super::plan::{Manner, Scene};
use super::super::statement::{Danger, Hazard, Statement, When};
use super::conversion::conversion;
use super::table;
use super::types::{bridge, changed_options, greatest, sequence_options, values_gone};
use super::{Rendered, assignment, one, options, suffixed};

/// A column as `create table` and `add column` have it.
pub(super) fn definition(table: &Object, to: &Object) -> String {
    let data_type = to.text("type").unwrap_or_default();
    let mut sql = format!("{} {data_type}", to.ident);
    if let Some(collation) = to.text("collation") {
        sql += &format!(" collate {collation}");
    }
    if let Some(expression) = to.sql("generated") {
        let stored = if to.flag("virtual") { "virtual" } else { "stored" };
        sql += &format!(" generated always as ({expression}) {stored}");
    } else if let Some(kind) = to.text("identity") {
        sql += &format!(" generated {kind} as identity{}", identity_options(&table.ident, to));
    } else if let Some(default) = to.sql("default") {
        sql += &format!(" default {default}");
    }
    if let Some(name) = to.text("not null name") {
        sql += &format!(" constraint {name} not null");
    } else if to.flag("not null") && to.text("identity").is_none() {
        sql += " not null";
    }
    sql
}

/// Gives the constraint that makes a column required the name that it should have, if it has another.
fn name_required(scene: &Scene<'_>, from: &Object, to: &Object) -> Vec<Statement> {
    let usual = |column: &Object| {
        let table = column.parent.as_ref().and_then(|table| scene.to.get(table)).map_or("", |table| &table.ident);
        let (table, name) = (table.trim_matches('"').to_owned(), column.ident.trim_matches('"').to_owned());
        let plain = |name: &str| name.chars().all(|char| matches!(char, 'a'..='z' | '0'..='9' | '_'));
        let whole = format!("{table}_{name}_not_null");
        if plain(&whole) { whole } else { format!("\"{whole}\"") }
    };
    let name = |column: &Object| column.text("not null name").map_or_else(|| usual(column), str::to_owned);
    let before = if from.flag("not null") { name(from) } else { usual(to) };
    let after = name(to);
    if !to.flag("not null") || before == after {
        return Vec::new();
    }
    vec![
        Statement::new(format!("alter table {} rename constraint {before} to {after}", to.address))
            .excuse("no program names it"),
    ]
}

fn sequence(object: &Object) -> impl Fn(&str) -> Option<i64> {
    let sequence = object.properties.get("sequence");
    move |name| sequence.and_then(|sequence| sequence.get(name)).and_then(Value::as_i64)
}

fn cycles(object: &Object) -> bool {
    object.properties.get("sequence").and_then(|sequence| sequence.get("cycle")).and_then(Value::as_bool) == Some(true)
}

fn sequence_name(object: &Object) -> Option<&str> {
    object.properties.get("sequence").and_then(|sequence| sequence.get("name")).and_then(Value::as_str)
}

/// In parentheses, what is not as it is by itself; the sequence's name too.
fn identity_options(table: &str, to: &Object) -> String {
    let mut options = Vec::new();
    let usual = format!("{table}_{}_seq", to.ident);
    if let Some(name) = sequence_name(to).filter(|name| name.rsplit('.').next() != Some(usual.as_str())) {
        options.push(format!("sequence name {name}"));
    }
    options.extend(sequence_options(to.text("type").unwrap_or_default(), sequence(to), cycles(to)));
    if options.is_empty() { String::new() } else { format!(" ({})", options.join(" ")) }
}

pub(super) fn create(scene: &Scene<'_>, to: &Object) -> Rendered {
    let table = to.parent.as_ref().and_then(|table| scene.to.get(table)).ok_or("its table is not there")?;
    let (address, name) = (&table.address, &to.key.name);
    let rebuilt = scene.from.get(&to.key).is_some();
    let filled = ["default", "generated", "identity"].iter().any(|property| to.text(property).is_some());
    let mut statement = Statement::new(format!("alter table {address} add column {}", definition(table, to)));
    if to.flag("not null") && !filled && !rebuilt {
        if scene.manner == Manner::Online {
            return Err(format!(
                "it is required and has no default, so the rows that {address} has would have no value; add it without \
                 `not null`, fill it in, and make it required in the next migration, or give it a default"
            ));
        }
        statement = statement.hazard(
            Danger::MayFail,
            format!("{name} is required and has no default: rows that are there have no value for it"),
        );
    }
    let volatile = to.text("default").is_some_and(|default| {
        default.contains('(') && !["now()", "CURRENT_TIMESTAMP", "CURRENT_DATE"].contains(&default)
    });
    let computed = to.text("generated").is_some() && !to.flag("virtual");
    if computed || to.text("identity").is_some() || volatile {
        let text = format!("{address} is written anew to fill {}, and cannot be used meanwhile", to.ident);
        statement = statement.hazard(Danger::Rewrite, text);
    }
    let mut statements = vec![statement];
    statements.extend(attributes(to));
    Ok(statements)
}

pub(super) fn drop(from: &Object) -> Vec<Statement> {
    let statement = Statement::new(format!("alter table {} drop column {}", from.address, from.ident));
    // What is computed can be computed again.
    let computed = from.text("generated").is_some();
    vec![if computed {
        statement
    } else {
        statement.hazard(Danger::DataLoss, format!("the column {} and what is in it", from.key.name))
    }]
}

/// Takes the default or the identity away before what it is built on goes.
pub(super) fn release(scene: &Scene<'_>, from: &Object) -> Vec<Statement> {
    let stays = scene.to.get(&from.key).is_some_and(|to| to.text("identity").is_none());
    let what = if from.text("identity").is_some() && stays { "identity" } else { "default" };
    one(format!("alter table {} alter column {} drop {what}", from.address, from.ident))
}

pub(super) fn alter(scene: &Scene<'_>, from: &Object, to: &Object) -> Vec<Statement> {
    let (table, column) = (&to.address, &to.ident);
    let released = scene.released.contains(&to.key);
    let retyped = scene.retyped.contains(&to.key);
    let (old, new) = (from.text("default"), to.text("default"));
    let mut changes = Vec::new();
    let mut hazards = Vec::new();
    if from.text("generated").is_some() && to.text("generated").is_none() {
        changes.push(format!("alter column {column} drop expression"));
    }
    if old.is_some() && !released && (retyped || new.is_none()) {
        changes.push(format!("alter column {column} drop default"));
    }
    if retyped {
        changes.push(retype(scene, from, to, &mut hazards));
    }
    if let Some(default) = to.sql("default").filter(|_| released || retyped || old != new) {
        changes.push(format!("alter column {column} set default {default}"));
    }
    if from.flag("not null") && !to.flag("not null") {
        changes.push(format!("alter column {column} drop not null"));
    }
    let mut statements = Vec::new();
    if !changes.is_empty() {
        statements.push(Statement::alter_table(table, changes).hazards(hazards));
    }
    // With its type a column gets that type's storage.
    let storage = if retyped { None } else { from.text("storage") };
    statements.extend(stored(storage, to));
    statements.extend(attributes_but_storage(Some(from), to));
    if !from.flag("not null") && to.flag("not null") {
        statements.extend(require(scene, to));
    }
    if from.text("not null name") != to.text("not null name") {
        statements.extend(name_required(scene, from, to));
    }
    statements.extend(identity(scene, from, to));
    statements
}

fn retype(scene: &Scene<'_>, from: &Object, to: &Object, hazards: &mut Vec<Hazard>) -> String {
    let column = &to.ident;
    let (old, new) = (from.text("type").unwrap_or_default(), to.text("type").unwrap_or_default());
    // With none said, it is the one that the type has by itself.
    let collation = to.text("collation").map_or_else(String::new, |collation| format!(" collate {collation}"));
    let through = bridge(scene, &to.key).map_or_else(String::new, |bridge| format!("::{bridge}"));
    let gone = values_gone(scene, &to.key);
    if !gone.is_empty() {
        let text = format!("no row may have {} in {}", gone.join(" or "), to.key.name);
        hazards.push(Hazard { danger: Danger::MayFail, text });
    }
    hazards.extend(conversion(old, new).hazards(&to.address, &to.key.name, old, new));
    let using =
        if old == new && through.is_empty() { String::new() } else { format!(" using {column}{through}::{new}") };
    format!("alter column {column} type {new}{collation}{using}")
}

/// Makes a column required. In a database that is in use a constraint is checked first, while others read and write.
fn require(scene: &Scene<'_>, to: &Object) -> Vec<Statement> {
    let (table, column) = (&to.address, &to.ident);
    let may_fail = || (Danger::MayFail, format!("{} must hold no null in any row", to.key.name));
    let set = format!("alter table {table} alter column {column} set not null");
    if !scene.in_use(to.parent.as_ref()) {
        let (danger, text) = may_fail();
        return vec![Statement::new(set).hazard(danger, text)];
    }
    let plain = table::name(to.parent.as_ref()).rsplit('.').next().unwrap_or_default().trim_matches('"').to_owned();
    let name = format!("{plain}_{}", column.trim_matches('"'));
    let odd = plain.contains('"')
        || !name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_');
    let name = suffixed(&if odd { format!("\"{name}\"") } else { name }, "_present");
    let (danger, text) = may_fail();
    vec![
        Statement::new(format!("alter table {table} add constraint {name} check ({column} is not null) not valid")),
        Statement::new(format!("alter table {table} validate constraint {name}"))
            .when(When::Later)
            .hazard(danger, text),
        Statement::new(set).excuse("the constraint above says so already, and nothing is read through"),
        Statement::new(format!("alter table {table} drop constraint {name}")).excuse("it was made for this alone"),
    ]
}

/// The numbers that a column gives by itself.
fn identity(scene: &Scene<'_>, from: &Object, to: &Object) -> Vec<Statement> {
    let (table, column) = (&to.address, &to.ident);
    let alter = format!("alter table {table} alter column {column}");
    let Some(kind) = to.text("identity") else { return Vec::new() };
    let Some(before) = from.text("identity") else {
        let own = to.parent.as_ref().and_then(|table| scene.to.get(table)).map_or("", |table| table.ident.as_str());
        let mut statements = one(format!("{alter} add generated {kind} as identity{}", identity_options(own, to)));
        let sequence = sequence_name(to).unwrap_or_default();
        statements.extend(one(format!(
            "select setval('{}', max({column})) from {table} having max({column}) is not null",
            sequence.replace('\'', "''")
        )));
        return statements;
    };
    let mut statements = Vec::new();
    if let (Some(old), Some(new)) = (sequence_name(from), sequence_name(to))
        && old != new
    {
        let new = new.rsplit('.').next().unwrap_or(new);
        statements.extend(one(format!("alter sequence {old} rename to {new}")));
    }
    let mut changes = Vec::new();
    if before != kind {
        changes.push(format!("set generated {kind}"));
    }
    let (old_type, new_type) = (from.text("type").unwrap_or_default(), to.text("type").unwrap_or_default());
    let (old, new) = (sequence(from), sequence(to));
    // With the column the sequence gets the new type, and its greatest value by itself.
    let by_itself = |name: &str| {
        let old = old(name);
        if name == "maximum" && old_type != new_type && old == Some(greatest(old_type)) {
            Some(greatest(new_type))
        } else {
            old
        }
    };
    let options = changed_options(by_itself, &new, (cycles(from), cycles(to)));
    changes.extend(options.iter().map(|option| format!("set {option}")));
    if !changes.is_empty() {
        statements.extend(one(format!("{alter} {}", changes.join(" "))));
    }
    statements
}

/// How a column is stored and looked at; nothing of it is part of its definition.
pub(super) fn attributes(to: &Object) -> Vec<Statement> {
    let mut statements = stored(None, to);
    statements.extend(attributes_but_storage(None, to));
    statements
}

fn stored(before: Option<&str>, to: &Object) -> Vec<Statement> {
    let storage = to.text("storage");
    if before == storage {
        return Vec::new();
    }
    let usual = to.pretty.get("usual storage").map_or("plain", String::as_str);
    one(format!("alter table {} alter column {} set storage {}", to.address, to.ident, storage.unwrap_or(usual)))
}

fn attributes_but_storage(from: Option<&Object>, to: &Object) -> Vec<Statement> {
    let alter = format!("alter table {} alter column {}", to.address, to.ident);
    let before = |property: &str| from.and_then(|from| from.text(property));
    let mut statements = Vec::new();
    if before("compression") != to.text("compression") {
        statements.extend(one(format!("{alter} set compression {}", to.text("compression").unwrap_or("default"))));
    }
    if from.and_then(|from| from.number("statistics")) != to.number("statistics") {
        statements.extend(one(format!("{alter} set statistics {}", to.number("statistics").unwrap_or(-1))));
    }
    let (set, reset) = match from {
        Some(from) => options(from, to, "options"),
        None => (to.list("options").into_iter().map(assignment).collect(), Vec::new()),
    };
    if !set.is_empty() {
        statements.extend(one(format!("{alter} set ({})", set.join(", "))));
    }
    if !reset.is_empty() {
        statements.extend(one(format!("{alter} reset ({})", reset.join(", "))));
    }
    statements
}
