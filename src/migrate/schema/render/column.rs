//! Columns.

use super::super::names;
use super::super::object::{Kind, Object};
use super::super::plan::{Manner, Scene};
use super::super::statement::{Danger, Hazard, Statement, When};
use super::conversion::{Conversion, conversion, is_assigned};
use super::types::{base, bridge, is_retired, values_gone};
use super::{Rendered, assignment, numbers, one, options, table};

/// What makes it required is a constraint with a name, since PostgreSQL 18, and need not hold for the rows that are there.
const NOT_NULL_NAME: &str = "not null name";
const UNCHECKED: &str = "not null unchecked";

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
        sql += &format!(" generated {kind} as identity{}", numbers::identity_options(&table.ident, to));
    } else if let Some(default) = to.sql("default") {
        sql += &format!(" default {default}");
    }
    if to.flag(UNCHECKED) {
        // A constraint that rows need not obey yet stands behind the table.
    } else if let Some(name) = to.text(NOT_NULL_NAME) {
        sql += &format!(" constraint {name} not null");
    } else if to.flag("not null") && to.text("identity").is_none() {
        sql += " not null";
    }
    sql
}

/// Gives the constraint that makes a column required the name that it should have, if it has another.
fn name_required(scene: &Scene<'_>, from: &Object, to: &Object) -> Vec<Statement> {
    let usual = || {
        let table = to.parent.as_ref().map_or_else(String::new, |table| names::last(&table.name));
        names::quoted(&names::automatic(&table, &names::unquoted(&to.ident), "not_null"))
    };
    let before = from.pretty.get(NOT_NULL_NAME).filter(|_| from.flag("not null")).cloned().unwrap_or_else(usual);
    let after = to.text(NOT_NULL_NAME).map_or_else(usual, str::to_owned);
    if !scene.stays(&to.key) || !to.flag("not null") || before == after {
        return Vec::new();
    }
    vec![
        Statement::new(format!("alter table {} rename constraint {before} to {after}", to.address))
            .excuse("no program names it"),
    ]
}

pub(super) fn create(scene: &Scene<'_>, to: &Object) -> Rendered {
    let table = to.parent.as_ref().and_then(|table| scene.to.get(table)).ok_or("its table is not there")?;
    let (address, name) = (&table.address, &to.key.name);
    let rebuilt = scene.from.get(&to.key).is_some();
    let filled = ["default", "generated", "identity"].iter().any(|property| to.text(property).is_some());
    let mut statement = Statement::alter_table(address, vec![format!("add column {}", definition(table, to))]);
    if to.flag("not null") && !to.flag(UNCHECKED) && !filled && !rebuilt {
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
    let computed = to.text("generated").is_some() && !to.flag("virtual");
    let volatile = to.text("generated").is_none() && to.pretty.contains_key("volatile");
    if computed || to.text("identity").is_some() || volatile || base(scene.to, &to.key).has_rules {
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
    let no_longer_checked = to.flag(UNCHECKED) && !from.flag(UNCHECKED);
    if from.flag("not null") && (!to.flag("not null") || no_longer_checked) {
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
    statements.extend(numbers::of_new_sequence(scene, to).filter(|_| released || old != new));
    match (from.flag("not null"), from.flag(UNCHECKED), to.flag("not null"), to.flag(UNCHECKED)) {
        (false, _, true, false) => statements.extend(require(scene, to)),
        (true, true, true, false) => statements.push(
            Statement::new(format!("alter table {table} validate constraint {}", not_null_name(from)))
                .when(When::Later)
                .hazard(Danger::MayFail, format!("{} must hold no null in any row", to.key.name)),
        ),
        (_, false, true, true) => statements.extend(required_unchecked(to)),
        _ => {}
    }
    if from.text(NOT_NULL_NAME) != to.text(NOT_NULL_NAME) && !to.flag(UNCHECKED) {
        statements.extend(name_required(scene, from, to));
    }
    statements.extend(numbers::identity(scene, from, to));
    statements
}

/// Makes a column required for rows to come, whatever is in those that are there.
fn required_unchecked(to: &Object) -> Vec<Statement> {
    one(format!("alter table {} add constraint {} not null {} not valid", to.address, not_null_name(to), to.ident))
}

fn not_null_name(column: &Object) -> &str {
    column.pretty.get(NOT_NULL_NAME).map_or("", String::as_str)
}

fn retype(scene: &Scene<'_>, from: &Object, to: &Object, hazards: &mut Vec<Hazard>) -> String {
    let (table, column) = (&to.address, &to.ident);
    let (old, new) = (from.text("type").unwrap_or_default(), to.text("type").unwrap_or_default());
    // With none said, it is the one that the type has by itself.
    let collation = to.text("collation").map_or_else(String::new, |collation| format!(" collate {collation}"));
    let gone = values_gone(scene, &to.key);
    if !gone.is_empty() {
        let text = format!("no row may have {} in {}", gone.join(" or "), to.key.name);
        hazards.push(Hazard { danger: Danger::MayFail, text });
    }
    let (before, after) = (base(scene.from, &to.key), base(scene.to, &to.key));
    let moved = old != new || is_retired(scene, &to.key);
    let bridge = bridge(scene, &to.key);
    let mut what = if bridge.is_some() {
        Conversion::Exact
    } else if after.is_listed && conversion(&before.data_type, "text") == Conversion::Same {
        Conversion::MayFail
    } else {
        conversion(&before.data_type, &after.data_type)
    };
    // Of a domain PostgreSQL does not know the length, and works each value out again that has one afterwards.
    if moved && before.data_type != old && after.data_type.contains('(') {
        what = what.one_by_one();
    }
    if moved && after.has_rules {
        what = what.one_by_one();
        let text = format!("each value of {} has to obey the rules of {new}", to.key.name);
        hazards.push(Hazard { danger: Danger::MayFail, text });
    }
    if what == Conversion::Same && scene.in_use(to.parent.as_ref()) && is_looked_at_again(scene, from, to) {
        let text = format!(
            "{table} is read through, and cannot be used meanwhile: what is built on {column} is worked out again"
        );
        hazards.push(Hazard { danger: Danger::Lock, text });
    }
    hazards.extend(what.hazards(table, &to.key.name, old, new));
    let using = match bridge {
        Some(bridge) => format!(" using {column}::{bridge}::{new}"),
        // What does not fit then fails, where an explicit cast would cut it off.
        None if !moved || is_assigned(&before.data_type, &after.data_type) => String::new(),
        None => format!(" using {column}::{new}"),
    };
    format!("alter column {column} type {new}{collation}{using}")
}

/// Whether PostgreSQL looks through the rows though they stay as they are: for checks, and for indexes that are not on the
/// plain column, or are in another order.
fn is_looked_at_again(scene: &Scene<'_>, from: &Object, to: &Object) -> bool {
    let ordered_anew = from.text("collation") != to.text("collation");
    let Some(table) = to.parent.as_ref() else { return false };
    let on_it = |part: &&Object| scene.stays(&part.key) && scene.from.needs(&part.key).any(|need| *need == to.key);
    scene.from.parts(table).filter(on_it).any(|part| match (part.kind(), part.text("type")) {
        (Kind::Constraint, Some("c" | "x")) => true,
        (Kind::Constraint, _) => ordered_anew,
        (Kind::Index, _) => {
            let definition = part.text("definition").unwrap_or_default();
            ordered_anew || definition.contains(" WHERE ") || definition.matches('(').count() > 1
        }
        _ => false,
    })
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
    let own = names::last(table::name(to.parent.as_ref()));
    let is_taken = |name: &str| {
        let parts = to.parent.as_ref().map(|table| [scene.from, scene.to].map(|catalog| catalog.parts(table)));
        parts.into_iter().flatten().flatten().any(|part| part.ident == name)
    };
    let name = names::free(&format!("{own}_{}", names::unquoted(column)), "_present", is_taken);
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

/// How a column is stored and looked at; nothing of it is part of its definition.
pub(super) fn attributes(to: &Object) -> Vec<Statement> {
    let mut statements = if to.flag(UNCHECKED) { required_unchecked(to) } else { Vec::new() };
    statements.extend(stored(None, to));
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
