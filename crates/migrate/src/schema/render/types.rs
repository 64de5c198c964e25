//! SQL of types, sequences and extensions.

use crate::schema::catalog::Catalog;
use crate::schema::context::{ObjectChange, PlanContext, PlanMode};
use crate::schema::object::{ObjectKey, ObjectKind, SchemaObject};
use crate::schema::render::fragments::{beside, one, suffixed};
use crate::schema::statement::{HazardKind, Placement, PlannedStatement};

const OLD: &str = "_replaced";

pub(crate) fn create_extension(to: &SchemaObject) -> Vec<PlannedStatement> {
    let schema = to.text("schema").filter(|schema| *schema != "public" && *schema != "pg_catalog");
    let schema = schema.map_or_else(String::new, |schema| format!(" with schema {schema}"));
    one(format!("create extension {}{schema}", to.address))
}

pub(crate) fn alter_extension(from: &SchemaObject, to: &SchemaObject) -> Vec<PlannedStatement> {
    let mut statements = Vec::new();
    if from.text("version") != to.text("version") {
        statements.extend(one(format!(
            "alter extension {} update to '{}'",
            to.address,
            to.text("version").unwrap_or_default()
        )));
    }
    if let Some(schema) = to.text("schema").filter(|schema| from.text("schema") != Some(schema)) {
        statements.extend(one(format!("alter extension {} set schema {schema}", to.address)));
    }
    statements
}

pub(crate) fn create_enum(to: &SchemaObject) -> Vec<PlannedStatement> {
    one(format!("create type {} as enum ({})", to.address, to.list("values").join(", ")))
}

/// True if values were only added, and the existing ones keep their order.
pub(crate) fn only_added(from: &SchemaObject, to: &SchemaObject) -> bool {
    let mut new = to.list("values").into_iter();
    from.list("values").into_iter().all(|old| new.any(|value| value == old))
}

/// True if another changed object needs the type, and may use its new values.
pub(crate) fn is_used(context: &PlanContext<'_>, key: &ObjectKey) -> bool {
    context.changes.keys().any(|other| {
        let uses = other != key && context.to.get(other).is_some() && context.to.needs(other).any(|need| need == key);
        uses && !matches!(other.kind, ObjectKind::Comment | ObjectKind::Privileges | ObjectKind::Owner)
    })
}

pub(crate) fn alter_enum(context: &PlanContext<'_>, from: &SchemaObject, to: &SchemaObject) -> Vec<PlannedStatement> {
    let when =
        if context.mode == PlanMode::Online && is_used(context, &to.key) { Placement::First } else { Placement::Main };
    let mut there = from.list("values");
    let mut statements = Vec::new();
    let new = to.list("values");
    for (number, value) in new.iter().enumerate() {
        if there.contains(value) {
            continue;
        }
        // After the preceding value, which exists by now; the first one before all others.
        let place = match number.checked_sub(1).and_then(|before| new.get(before)) {
            Some(before) => format!("after {before}"),
            None => there.first().map_or_else(String::new, |first| format!("before {first}")),
        };
        let sql = format!("alter type {} add value {value} {place}", to.address);
        statements.push(PlannedStatement::new(sql.trim_end()).placed(when));
        there.push(value);
    }
    statements
}

/// Renames a type that is replaced.
pub(crate) fn release(context: &PlanContext<'_>, from: &SchemaObject) -> Vec<PlannedStatement> {
    one(format!("alter {} {} rename to {}", word(from), from.address, suffixed(context, from, OLD)))
}

pub(crate) fn drop_released(context: &PlanContext<'_>, from: &SchemaObject) -> Vec<PlannedStatement> {
    one(format!("drop {} {}", word(from), beside(from, &suffixed(context, from, OLD))))
}

fn word(object: &SchemaObject) -> &'static str {
    if object.kind() == ObjectKind::Domain { "domain" } else { "type" }
}

pub(crate) fn create_domain(to: &SchemaObject) -> Vec<PlannedStatement> {
    let mut sql = format!("create domain {} as {}", to.address, to.text("type").unwrap_or_default());
    if let Some(collation) = to.text("collation") {
        sql += &format!(" collate {collation}");
    }
    if let Some(default) = to.text("default") {
        sql += &format!(" default {default}");
    }
    if to.flag("not null") {
        sql += " not null";
    }
    one(sql)
}

pub(crate) fn alter_domain(from: &SchemaObject, to: &SchemaObject) -> Vec<PlannedStatement> {
    let domain = &to.address;
    let mut statements = Vec::new();
    if from.text("default") != to.text("default") {
        let change =
            to.text("default").map_or_else(|| "drop default".to_owned(), |value| format!("set default {value}"));
        statements.extend(one(format!("alter domain {domain} {change}")));
    }
    match (from.flag("not null"), to.flag("not null")) {
        (false, true) => statements.push(
            PlannedStatement::new(format!("alter domain {domain} set not null"))
                .hazard(HazardKind::MayFail, format!("a column of the type {domain} must not hold null"))
                .hazard(
                    HazardKind::Lock,
                    format!(
                        "every table with a column of the type {domain} is scanned, and cannot be written to meanwhile"
                    ),
                ),
        ),
        (true, false) => statements.extend(one(format!("alter domain {domain} drop not null"))),
        _ => {}
    }
    statements
}

/// True if a column has arrays of a domain. PostgreSQL changes no constraint of such a domain.
pub(crate) fn is_in_arrays(catalog: &Catalog, domain: &ObjectKey) -> bool {
    catalog.objects.values().any(|column| {
        column.kind() == ObjectKind::Column
            && column.text("type").is_some_and(|data_type| data_type.ends_with("[]"))
            && catalog.needs(&column.key).any(|need| need == domain)
    })
}

/// True if a domain is replaced whose constraints have to be there before a column gets it.
pub(crate) fn is_replaced_whole(context: &PlanContext<'_>, domain: &ObjectKey) -> bool {
    domain.kind == ObjectKind::Domain
        && context.change_of(domain) == Some(ObjectChange::Retire)
        && is_in_arrays(context.to, domain)
}

pub(crate) fn create_domain_constraint(context: &PlanContext<'_>, to: &SchemaObject) -> Vec<PlannedStatement> {
    let (domain, name) = (&to.address, &to.ident);
    let definition = to.sql("definition").unwrap_or_default();
    let sql = format!("alter domain {domain} add constraint {name} {definition}");
    let is_there = |domain: &ObjectKey| context.stays(domain) && !is_replaced_whole(context, domain);
    let in_use = to.parent.as_ref().is_some_and(is_there) && context.mode == PlanMode::Online;
    if !in_use || definition.ends_with("NOT VALID") {
        return one(sql);
    }
    vec![
        PlannedStatement::new(format!("{sql} not valid")),
        PlannedStatement::new(format!("alter domain {domain} validate constraint {name}"))
            .placed(Placement::Later)
            .hazard(HazardKind::MayFail, format!("every value of a column of the type {domain} has to satisfy {name}"))
            .hazard(
                HazardKind::Lock,
                format!(
                    "every table with a column of the type {domain} is scanned, and cannot be written to meanwhile"
                ),
            ),
    ]
}

/// The default maximum of a sequence of a type.
pub(crate) fn greatest(data_type: &str) -> i64 {
    match data_type {
        "smallint" => i64::from(i16::MAX),
        "integer" => i64::from(i32::MAX),
        _ => i64::MAX,
    }
}

fn least(data_type: &str) -> i64 {
    match data_type {
        "smallint" => i64::from(i16::MIN),
        "integer" => i64::from(i32::MIN),
        _ => i64::MIN,
    }
}

/// The options of a sequence that differ from the defaults.
pub(crate) fn sequence_options(data_type: &str, number: impl Fn(&str) -> Option<i64>, cycle: bool) -> Vec<String> {
    let increment = number("increment").unwrap_or(1);
    let (minimum, maximum) = if increment > 0 { (1, greatest(data_type)) } else { (least(data_type), -1) };
    let mut options = Vec::new();
    let mut option = |words: &str, name: &str, usual: i64| {
        if let Some(value) = number(name).filter(|value| *value != usual) {
            options.push(format!("{words} {value}"));
        }
    };
    option("increment by", "increment", 1);
    option("minvalue", "minimum", minimum);
    option("maxvalue", "maximum", maximum);
    let (minimum, maximum) = (number("minimum").unwrap_or(minimum), number("maximum").unwrap_or(maximum));
    option("start with", "start", if increment > 0 { minimum } else { maximum });
    option("cache", "cache", 1);
    if cycle {
        options.push("cycle".to_owned());
    }
    options
}

pub(crate) fn create_sequence(to: &SchemaObject) -> Vec<PlannedStatement> {
    let data_type = to.text("type").unwrap_or("bigint");
    let unlogged = if to.flag("unlogged") { "unlogged " } else { "" };
    let mut sql = format!("create {unlogged}sequence {}", to.address);
    if data_type != "bigint" {
        sql += &format!(" as {data_type}");
    }
    for option in sequence_options(data_type, |name| to.number(name), to.flag("cycle")) {
        sql += &format!(" {option}");
    }
    one(sql)
}

/// The options that differ.
pub(crate) fn changed_options(
    old: impl Fn(&str) -> Option<i64>,
    new: impl Fn(&str) -> Option<i64>,
    cycle: (bool, bool),
) -> Vec<String> {
    let words = [
        ("increment by", "increment"),
        ("minvalue", "minimum"),
        ("maxvalue", "maximum"),
        ("start with", "start"),
        ("cache", "cache"),
    ];
    let mut options: Vec<String> = words
        .iter()
        .filter(|(_, name)| old(name) != new(name))
        .filter_map(|(words, name)| Some(format!("{words} {}", new(name)?)))
        .collect();
    match cycle {
        (false, true) => options.push("cycle".to_owned()),
        (true, false) => options.push("no cycle".to_owned()),
        _ => {}
    }
    options
}

pub(crate) fn alter_sequence(from: &SchemaObject, to: &SchemaObject) -> Vec<PlannedStatement> {
    let mut options = Vec::new();
    if from.text("type") != to.text("type") {
        options.push(format!("as {}", to.text("type").unwrap_or("bigint")));
    }
    let cycle = (from.flag("cycle"), to.flag("cycle"));
    options.extend(changed_options(|name| from.number(name), |name| to.number(name), cycle));
    let mut statements = Vec::new();
    if !options.is_empty() {
        statements.extend(one(format!("alter sequence {} {}", to.address, options.join(" "))));
    }
    if from.flag("unlogged") != to.flag("unlogged") {
        let is_unlogged = to.flag("unlogged");
        let word = if is_unlogged { "unlogged" } else { "logged" };
        let mut set = PlannedStatement::new(format!("alter sequence {} set {word}", to.address));
        if is_unlogged {
            set = set.hazard(HazardKind::DataLoss, format!("{} when the server crashes", position(&to.key.name)));
        }
        statements.push(set);
    }
    statements
}

/// The description of what is lost with a sequence.
pub(crate) fn position(sequence: &str) -> String {
    format!("the position of the sequence {sequence}")
}

pub(crate) fn own_sequence(to: &SchemaObject) -> Vec<PlannedStatement> {
    one(format!("alter sequence {} owned by {}", to.address, to.text("column").unwrap_or("none")))
}

/// The enum values that the type of a column loses.
pub(crate) fn removed_values(context: &PlanContext<'_>, column: &ObjectKey) -> Vec<String> {
    let types = context.from.needs(column).filter(|need| need.kind == ObjectKind::Enum);
    let pairs = types.filter_map(|one| Some((context.from.get(one)?, context.to.get(one)?)));
    let gone = pairs.flat_map(|(old, new)| {
        let kept = new.list("values");
        old.list("values").into_iter().filter(move |value| !kept.contains(value))
    });
    gone.map(str::to_owned).collect()
}

/// The type of the values of a column, without domains.
pub(crate) struct BaseType {
    pub data_type: String,
    /// True if one of the domains has constraints.
    pub has_constraints: bool,
    /// True for an enum.
    pub is_enum: bool,
}

pub(crate) fn base_type(catalog: &Catalog, column: &ObjectKey) -> BaseType {
    let data_type = catalog.get(column).and_then(|column| column.text("type")).unwrap_or_default().to_owned();
    let mut base = BaseType { data_type, has_constraints: false, is_enum: false };
    let mut at = column.clone();
    loop {
        let (plain, array) = match base.data_type.strip_suffix("[]") {
            Some(element) => (element.to_owned(), "[]"),
            None => (base.data_type.clone(), ""),
        };
        let is_it = |object: &&SchemaObject| {
            matches!(object.kind(), ObjectKind::Domain | ObjectKind::Enum) && object.address == plain
        };
        let Some(named) = catalog.needs(&at).filter_map(|need| catalog.get(need)).find(is_it) else { return base };
        let rules = |part: &SchemaObject| part.kind() == ObjectKind::DomainConstraint;
        base.is_enum = named.kind() == ObjectKind::Enum;
        if base.is_enum {
            return base;
        }
        base.has_constraints |= named.flag("not null") || catalog.parts(&named.key).any(rules);
        base.data_type = format!("{}{array}", named.text("type").unwrap_or_default());
        at = named.key.clone();
    }
}

/// True if the type of the column is replaced.
pub(crate) fn is_retired(context: &PlanContext<'_>, column: &ObjectKey) -> bool {
    context.from.needs(column).any(|need| context.change_of(need) == Some(ObjectChange::Retire))
}

/// The intermediate type for enum values whose type is replaced: the two types have no cast, but both have one to text.
pub(crate) fn bridge(context: &PlanContext<'_>, column: &ObjectKey) -> Option<&'static str> {
    let mut retired = context.from.needs(column).filter(|need| context.change_of(need) == Some(ObjectChange::Retire));
    let is_retired_enum =
        |need: &ObjectKey| need.kind == ObjectKind::Enum && context.change_of(need) == Some(ObjectChange::Retire);
    let via_text = retired.any(|one| is_retired_enum(one) || context.from.needs(one).any(is_retired_enum));
    let array = context.to.get(column)?.text("type")?.ends_with("[]");
    via_text.then_some(if array { "text[]" } else { "text" })
}
