//! SQL of columns.

use crate::schema::context::{PlanContext, PlanMode};
use crate::schema::names;
use crate::schema::object::{ObjectKind, SchemaObject};
use crate::schema::render::conversion::{Conversion, conversion, is_assigned};
use crate::schema::render::fragments::{RenderResult, assignment, one, options, table_name};
use crate::schema::render::numbers;
use crate::schema::render::types::{base_type, bridge, is_retired, removed_values};
use crate::schema::statement::{Hazard, HazardKind, Placement, PlannedStatement};
use crate::sql_text::identifier;

/// Since PostgreSQL 18, not null is a constraint with a name, and need not be valid for existing rows.
const NOT_NULL_NAME: &str = "not null name";
const UNCHECKED: &str = "not null unchecked";

/// The definition of a column in `create table` and `add column`.
pub(crate) fn definition(table: &SchemaObject, to: &SchemaObject) -> String {
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
        // A constraint that is not validated yet is added after the table.
    } else if let Some(name) = to.text(NOT_NULL_NAME) {
        sql += &format!(" constraint {name} not null");
    } else if to.flag("not null") && to.text("identity").is_none() {
        sql += " not null";
    }
    sql
}

/// Renames the not-null constraint of a column, if its name differs.
fn rename_not_null(context: &PlanContext<'_>, from: &SchemaObject, to: &SchemaObject) -> Vec<PlannedStatement> {
    let usual = || {
        let table = to.parent.as_ref().map_or_else(String::new, |table| names::last(&table.name));
        identifier(&names::automatic(&table, &names::unquoted(&to.ident), "not_null"))
    };
    let before = from.pretty.get(NOT_NULL_NAME).filter(|_| from.flag("not null")).cloned().unwrap_or_else(usual);
    let after = to.text(NOT_NULL_NAME).map_or_else(usual, str::to_owned);
    if !context.stays(&to.key) || !to.flag("not null") || before == after {
        return Vec::new();
    }
    vec![
        PlannedStatement::new(format!("alter table {} rename constraint {before} to {after}", to.address))
            .suppress_lint("no program uses the name"),
    ]
}

pub(crate) fn create(context: &PlanContext<'_>, to: &SchemaObject) -> RenderResult {
    let table = to.parent.as_ref().and_then(|table| context.to.get(table)).ok_or("its table does not exist")?;
    let (address, name) = (&table.address, &to.key.name);
    let rebuilt = context.from.get(&to.key).is_some();
    let filled = ["default", "generated", "identity"].iter().any(|property| to.text(property).is_some());
    let mut statement = PlannedStatement::alter_table(address, vec![format!("add column {}", definition(table, to))]);
    if to.flag("not null") && !to.flag(UNCHECKED) && !filled && !rebuilt {
        if context.mode == PlanMode::Online {
            return Err(format!(
                "it is not null and has no default, so the existing rows of {address} would have no value; add it without \
                 `not null`, fill it in, and make it `not null` in the next migration, or give it a default"
            ));
        }
        statement = statement.hazard(
            HazardKind::MayFail,
            format!("{name} is not null and has no default: existing rows have no value for it"),
        );
    }
    let computed = to.text("generated").is_some() && !to.flag("virtual");
    let volatile = to.text("generated").is_none() && to.pretty.contains_key("volatile");
    if computed || to.text("identity").is_some() || volatile || base_type(context.to, &to.key).has_constraints {
        let text = format!("{address} is rewritten to fill {}, and cannot be used meanwhile", to.ident);
        statement = statement.hazard(HazardKind::Rewrite, text);
    }
    let mut statements = vec![statement];
    statements.extend(attributes(to));
    Ok(statements)
}

pub(crate) fn drop(from: &SchemaObject) -> Vec<PlannedStatement> {
    let statement = PlannedStatement::new(format!("alter table {} drop column {}", from.address, from.ident));
    // Computed values can be computed again.
    let computed = from.text("generated").is_some();
    vec![if computed {
        statement
    } else {
        statement.hazard(HazardKind::DataLoss, format!("the column {} and its data", from.key.name))
    }]
}

/// Drops the default or the identity before an object that it needs is dropped.
pub(crate) fn release(context: &PlanContext<'_>, from: &SchemaObject) -> Vec<PlannedStatement> {
    let stays = context.to.get(&from.key).is_some_and(|to| to.text("identity").is_none());
    if from.text("identity").is_some() && stays {
        return numbers::drop_identity(context, from);
    }
    one(format!("alter table {} alter column {} drop default", from.address, from.ident))
}

pub(crate) fn alter(context: &PlanContext<'_>, from: &SchemaObject, to: &SchemaObject) -> Vec<PlannedStatement> {
    let (table, column) = (&to.address, &to.ident);
    let released = context.released.contains(&to.key);
    let retyped = context.retyped.contains(&to.key);
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
        changes.push(retype(context, from, to, &mut hazards));
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
        statements.push(PlannedStatement::alter_table(table, changes).hazards(hazards));
    }
    // A new type brings its own storage.
    let storage = if retyped { None } else { from.text("storage") };
    statements.extend(stored(storage, to));
    statements.extend(attributes_but_storage(Some(from), to));
    statements.extend(numbers::of_new_sequence(context, to).filter(|_| released || old != new));
    match (from.flag("not null"), from.flag(UNCHECKED), to.flag("not null"), to.flag(UNCHECKED)) {
        (false, _, true, false) => statements.extend(set_not_null(context, to)),
        (true, true, true, false) => statements.push(
            PlannedStatement::new(format!("alter table {table} validate constraint {}", not_null_name(from)))
                .placed(Placement::Later)
                .hazard(HazardKind::MayFail, format!("{} must hold no null in any row", to.key.name)),
        ),
        (_, false, true, true) => statements.extend(not_null_unchecked(to)),
        _ => {}
    }
    if from.text(NOT_NULL_NAME) != to.text(NOT_NULL_NAME) && !to.flag(UNCHECKED) {
        statements.extend(rename_not_null(context, from, to));
    }
    statements.extend(numbers::identity(context, from, to));
    statements
}

/// Makes a column not null for new rows only.
fn not_null_unchecked(to: &SchemaObject) -> Vec<PlannedStatement> {
    one(format!("alter table {} add constraint {} not null {} not valid", to.address, not_null_name(to), to.ident))
}

fn not_null_name(column: &SchemaObject) -> &str {
    column.pretty.get(NOT_NULL_NAME).map_or("", String::as_str)
}

fn retype(context: &PlanContext<'_>, from: &SchemaObject, to: &SchemaObject, hazards: &mut Vec<Hazard>) -> String {
    let (table, column) = (&to.address, &to.ident);
    let (old, new) = (from.text("type").unwrap_or_default(), to.text("type").unwrap_or_default());
    // Without one, it is the default collation of the type.
    let collation = to.text("collation").map_or_else(String::new, |collation| format!(" collate {collation}"));
    let gone = removed_values(context, &to.key);
    if !gone.is_empty() {
        let text = format!("no row may have {} in {}", gone.join(" or "), to.key.name);
        hazards.push(Hazard { kind: HazardKind::MayFail, text });
    }
    let (before, after) = (base_type(context.from, &to.key), base_type(context.to, &to.key));
    let moved = old != new || is_retired(context, &to.key);
    let bridge = bridge(context, &to.key);
    let mut what = if bridge.is_some() {
        Conversion::Exact
    } else if after.is_enum && conversion(&before.data_type, "text") == Conversion::Same {
        Conversion::MayFail
    } else {
        conversion(&before.data_type, &after.data_type)
    };
    // PostgreSQL does not know the length of a domain, and converts each value if the new type has a length.
    if moved && before.data_type != old && after.data_type.contains('(') {
        what = what.one_by_one();
    }
    if moved && after.has_constraints {
        what = what.one_by_one();
        let text = format!("each value of {} has to satisfy the constraints of {new}", to.key.name);
        hazards.push(Hazard { kind: HazardKind::MayFail, text });
    }
    if what == Conversion::Same && context.in_use(to.parent.as_ref()) && is_scanned_again(context, from, to) {
        let text = format!(
            "{table} is scanned, and cannot be used meanwhile: objects that depend on {column} are checked again"
        );
        hazards.push(Hazard { kind: HazardKind::Lock, text });
    }
    hazards.extend(what.hazards(table, &to.key.name, old, new));
    let using = match bridge {
        Some(bridge) => format!(" using {column}::{bridge}::{new}"),
        // Values that do not fit make it fail, where an explicit cast would truncate them.
        None if !moved || is_assigned(&before.data_type, &after.data_type) => String::new(),
        None => format!(" using {column}::{new}"),
    };
    format!("alter column {column} type {new}{collation}{using}")
}

/// True if PostgreSQL scans the rows although they stay unchanged: for checks, and for indexes on expressions or with another
/// order.
fn is_scanned_again(context: &PlanContext<'_>, from: &SchemaObject, to: &SchemaObject) -> bool {
    let ordered_anew = from.text("collation") != to.text("collation");
    let Some(table) = to.parent.as_ref() else { return false };
    let on_it =
        |part: &&SchemaObject| context.stays(&part.key) && context.from.needs(&part.key).any(|need| *need == to.key);
    context.from.parts(table).filter(on_it).any(|part| match (part.kind(), part.text("type")) {
        (ObjectKind::Constraint, Some("c" | "x")) => true,
        (ObjectKind::Constraint, _) => ordered_anew,
        (ObjectKind::Index, _) => {
            let definition = part.text("definition").unwrap_or_default();
            ordered_anew || definition.contains(" WHERE ") || definition.matches('(').count() > 1
        }
        _ => false,
    })
}

/// Makes a column not null. In a database in use, a constraint is validated first, while others read and write.
fn set_not_null(context: &PlanContext<'_>, to: &SchemaObject) -> Vec<PlannedStatement> {
    let (table, column) = (&to.address, &to.ident);
    let may_fail = || (HazardKind::MayFail, format!("{} must hold no null in any row", to.key.name));
    let set = format!("alter table {table} alter column {column} set not null");
    if !context.in_use(to.parent.as_ref()) {
        let (kind, text) = may_fail();
        return vec![PlannedStatement::new(set).hazard(kind, text)];
    }
    let own = names::last(table_name(to.parent.as_ref()));
    let is_taken = |name: &str| {
        let parts = to.parent.as_ref().map(|table| [context.from, context.to].map(|catalog| catalog.parts(table)));
        parts.into_iter().flatten().flatten().any(|part| part.ident == name)
    };
    let name = names::free(&format!("{own}_{}", names::unquoted(column)), "_present", is_taken);
    let (kind, text) = may_fail();
    vec![
        PlannedStatement::new(format!(
            "alter table {table} add constraint {name} check ({column} is not null) not valid"
        )),
        PlannedStatement::new(format!("alter table {table} validate constraint {name}"))
            .placed(Placement::Later)
            .hazard(kind, text),
        PlannedStatement::new(set).suppress_lint("the constraint above proves it, and nothing is scanned"),
        PlannedStatement::new(format!("alter table {table} drop constraint {name}"))
            .suppress_lint("it was created only for this"),
    ]
}

/// The attributes of a column that are not part of its definition: storage, compression, statistics, options.
pub(crate) fn attributes(to: &SchemaObject) -> Vec<PlannedStatement> {
    let mut statements = if to.flag(UNCHECKED) { not_null_unchecked(to) } else { Vec::new() };
    statements.extend(stored(None, to));
    statements.extend(attributes_but_storage(None, to));
    statements
}

fn stored(before: Option<&str>, to: &SchemaObject) -> Vec<PlannedStatement> {
    let storage = to.text("storage");
    if before == storage {
        return Vec::new();
    }
    let usual = to.pretty.get("usual storage").map_or("plain", String::as_str);
    one(format!("alter table {} alter column {} set storage {}", to.address, to.ident, storage.unwrap_or(usual)))
}

fn attributes_but_storage(from: Option<&SchemaObject>, to: &SchemaObject) -> Vec<PlannedStatement> {
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
