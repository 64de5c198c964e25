//! SQL of constraints, foreign keys, indexes and statistics.

use crate::schema::context::{ObjectChange, PlanContext, StepKind};
use crate::schema::object::SchemaObject;
use crate::schema::render::fragments::{beside, one, options, suffixed};
use crate::schema::statement::{HazardKind, Placement, PlannedStatement};

const NOT_VALID: &str = " NOT VALID";
const NOT_ENFORCED: &str = " NOT ENFORCED";
const NEW: &str = "_new";
const OLD: &str = "_old";

/// True if only the validation of existing rows differs.
pub(crate) fn only_validated(from: &SchemaObject, to: &SchemaObject) -> bool {
    let plain =
        |object: &SchemaObject| object.text("definition").unwrap_or_default().trim_end_matches(NOT_VALID).to_owned();
    plain(from) == plain(to) && !is_unchecked(to)
}

/// True if rows may violate the constraint.
pub(crate) fn is_unchecked(object: &SchemaObject) -> bool {
    let ends = |definition: &str| definition.ends_with(NOT_VALID) || definition.ends_with(NOT_ENFORCED);
    object.text("definition").is_some_and(ends)
}

fn validate(to: &SchemaObject) -> PlannedStatement {
    PlannedStatement::new(format!("alter table {} validate constraint {}", to.address, to.ident))
        .placed(Placement::Later)
        .hazard(HazardKind::MayFail, format!("every row of {} has to satisfy {}", to.address, to.ident))
}

pub(crate) fn create(context: &PlanContext<'_>, to: &SchemaObject) -> Vec<PlannedStatement> {
    let (table, name) = (&to.address, &to.ident);
    let definition = to.sql("definition").unwrap_or_default();
    let sql = format!("alter table {table} add constraint {name} {definition}");
    if !context.in_use(to.parent.as_ref()) {
        return one(sql);
    }
    match to.text("type") {
        Some("c" | "f") if is_unchecked(to) => one(sql),
        Some("c") => vec![PlannedStatement::new(format!("{sql} not valid")), validate(to)],
        Some("f") if !is_partitioned(context, to) => {
            vec![PlannedStatement::new(format!("{sql} not valid")), validate(to)]
        }
        Some("p" | "u") if is_built_beside(context, to) => unique(context, to),
        _ => vec![
            PlannedStatement::new(sql)
                .hazard(HazardKind::MayFail, format!("every row of {table} has to satisfy {name}"))
                .hazard(
                    HazardKind::Lock,
                    format!("{table} is scanned, and cannot be used meanwhile: there is no other way for {name}"),
                ),
        ],
    }
}

/// True if the index of the constraint can be built while others read and write, and while its predecessor serves.
fn is_built_beside(context: &PlanContext<'_>, to: &SchemaObject) -> bool {
    let replaces = context.change_of(&to.key) == Some(ObjectChange::Rebuild);
    to.pretty.contains_key("index")
        && !to.text("definition").unwrap_or_default().contains("WITHOUT OVERLAPS")
        && !is_partitioned(context, to)
        && (!replaces || is_dropped_alone(context, to))
}

/// True for a partitioned table. PostgreSQL builds no index on it concurrently, and validates its foreign keys at once.
fn is_partitioned(context: &PlanContext<'_>, part: &SchemaObject) -> bool {
    let table = part.parent.as_ref().and_then(|table| context.to.get(table).or_else(|| context.from.get(table)));
    table.is_some_and(|table| table.properties.contains_key("partitioned"))
}

/// Builds the index while others read and write, and makes it a constraint then.
fn unique(context: &PlanContext<'_>, to: &SchemaObject) -> Vec<PlannedStatement> {
    let (table, name) = (&to.address, &to.ident);
    let replaces = context.change_of(&to.key) == Some(ObjectChange::Rebuild);
    let built = if replaces { suffixed(context, to, NEW) } else { name.clone() };
    let definition = to.text("definition").unwrap_or_default();
    let kind = if to.text("type") == Some("p") { "primary key" } else { "unique" };
    let deferrable = match definition.split_once(" DEFERRABLE") {
        Some((_, rest)) => format!(" deferrable{}", rest.to_lowercase()),
        None => String::new(),
    };
    let index = to.pretty.get("index").map_or("", String::as_str);
    vec![
        PlannedStatement::new(index_sql(index, name, &built, true)).placed(Placement::Concurrently).hazard(
            HazardKind::MayFail,
            format!(
                "no two rows of {table} may have the same values; otherwise an invalid index is left, which has to be dropped"
            ),
        ),
        PlannedStatement::new(format!("alter table {table} add constraint {name} {kind} using index {built}{deferrable}")),
    ]
}

/// True if only its own creation depends on the drop of an object.
fn is_dropped_alone(context: &PlanContext<'_>, object: &SchemaObject) -> bool {
    let step = (StepKind::Drop, object.key.clone());
    !context.awaited.contains(&step) && !context.merged.contains_key(&step)
}

pub(crate) fn alter(context: &PlanContext<'_>, from: &SchemaObject, to: &SchemaObject) -> Vec<PlannedStatement> {
    let mut statements = Vec::new();
    if from.text("definition") != to.text("definition") {
        statements.push(validate(to));
    }
    let (set, reset) = options(from, to, "index options");
    let index = beside_table(context, to);
    if !set.is_empty() {
        statements.extend(one(format!("alter index {index} set ({})", set.join(", "))));
    }
    if !reset.is_empty() {
        statements.extend(one(format!("alter index {index} reset ({})", reset.join(", "))));
    }
    statements
}

/// The name of the index of a constraint: it is in the schema of the table, and is called like the constraint.
fn beside_table(context: &PlanContext<'_>, constraint: &SchemaObject) -> String {
    let table = constraint.parent.as_ref().and_then(|table| context.to.get(table));
    table.map_or_else(|| constraint.ident.clone(), |table| beside(table, &constraint.ident))
}

pub(crate) fn drop(from: &SchemaObject) -> Vec<PlannedStatement> {
    one(format!("alter table {} drop constraint {}", from.address, from.ident))
}

/// PostgreSQL's definition of an index with another name, concurrent if need be.
fn index_sql(definition: &str, name: &str, new: &str, concurrently: bool) -> String {
    let (unique, rest) = match definition.strip_prefix("CREATE UNIQUE INDEX ") {
        Some(rest) => ("unique ", rest),
        None => ("", definition.strip_prefix("CREATE INDEX ").unwrap_or(definition)),
    };
    // For a partitioned table PostgreSQL writes `on only`, although the partitions are included.
    let rest = rest.strip_prefix(name).unwrap_or(rest).replacen(" ON ONLY ", " ON ", 1);
    let rest = rest.replacen(" ON ", " on ", 1).replacen(" USING ", " using ", 1);
    let rest = rest.replacen(" using btree (", " (", 1);
    let concurrently = if concurrently { "concurrently " } else { "" };
    format!("create {unique}index {concurrently}{new}{rest}")
}

pub(crate) fn create_index(context: &PlanContext<'_>, to: &SchemaObject) -> Vec<PlannedStatement> {
    let definition = to.sql("definition").unwrap_or_default();
    let name = &to.ident;
    let blocking = index_sql(definition, name, name, false);
    if !context.in_use(to.parent.as_ref()) {
        return one(blocking);
    }
    let unique = |statement: PlannedStatement, left: &str| {
        let text = format!("no two rows may have the same values{left}");
        if definition.starts_with("CREATE UNIQUE") { statement.hazard(HazardKind::MayFail, text) } else { statement }
    };
    let rebuilt = context.change_of(&to.key) == Some(ObjectChange::Rebuild);
    let serves_meanwhile = rebuilt && is_dropped_alone(context, to);
    let partitioned = is_partitioned(context, to);
    let build = if partitioned || rebuilt && !serves_meanwhile {
        let table =
            to.parent.as_ref().and_then(|table| context.to.get(table)).map_or("", |table| table.address.as_str());
        let why = if partitioned {
            format!(
                "{table} and its partitions cannot be written to while {name} is built: PostgreSQL does not build it concurrently"
            )
        } else {
            // The drop of the predecessor keeps its lock until the end of the file.
            format!("{table} cannot be used while {name} is built: its predecessor cannot serve meanwhile")
        };
        unique(PlannedStatement::new(blocking), "").hazard(HazardKind::Lock, why)
    } else {
        unique(
            PlannedStatement::new(index_sql(definition, name, name, true)).placed(Placement::Concurrently),
            "; otherwise an invalid index is left, which has to be dropped",
        )
    };
    if !serves_meanwhile {
        return vec![build];
    }
    // The old one serves until the new one does.
    let old = suffixed(context, to, OLD);
    let (when, how) = if partitioned { (Placement::Main, "") } else { (Placement::Concurrently, " concurrently") };
    vec![
        PlannedStatement::new(format!("alter index {} rename to {old}", to.address)).placed(when),
        build,
        PlannedStatement::new(format!("drop index{how} {}", beside(to, &old))).placed(when),
    ]
}

pub(crate) fn drop_index(context: &PlanContext<'_>, from: &SchemaObject) -> Vec<PlannedStatement> {
    let alone = is_dropped_alone(context, from) && context.in_use(from.parent.as_ref());
    if alone && context.change_of(&from.key) == Some(ObjectChange::Rebuild) {
        return Vec::new();
    }
    if !alone || is_partitioned(context, from) {
        return one(format!("drop index {}", from.address));
    }
    vec![PlannedStatement::new(format!("drop index concurrently {}", from.address)).placed(Placement::Concurrently)]
}

pub(crate) fn create_statistics(to: &SchemaObject) -> Vec<PlannedStatement> {
    let definition = to.sql("definition").unwrap_or_default();
    let schema = to.key.name.strip_suffix(&to.address).unwrap_or_default();
    let mut statements = one(definition.replacen(&format!("CREATE STATISTICS {schema}"), "create statistics ", 1));
    if to.number("target").is_some() {
        statements.extend(statistics_target(to));
    }
    statements
}

pub(crate) fn statistics_target(to: &SchemaObject) -> Vec<PlannedStatement> {
    one(format!("alter statistics {} set statistics {}", to.address, to.number("target").unwrap_or(-1)))
}
