//! Types, sequences and extensions.

use super::super::catalog::Catalog;
use super::super::object::{Key, Kind, Object};
use super::super::plan::{Fate, Manner, Scene};
use super::super::statement::{Danger, Statement, When};
use super::{beside, one, suffixed};

const OLD: &str = "_replaced";

pub(super) fn create_extension(to: &Object) -> Vec<Statement> {
    let schema = to.text("schema").filter(|schema| *schema != "public" && *schema != "pg_catalog");
    let schema = schema.map_or_else(String::new, |schema| format!(" with schema {schema}"));
    one(format!("create extension {}{schema}", to.address))
}

pub(super) fn alter_extension(from: &Object, to: &Object) -> Vec<Statement> {
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

pub(super) fn create_enum(to: &Object) -> Vec<Statement> {
    one(format!("create type {} as enum ({})", to.address, to.list("values").join(", ")))
}

/// Whether the values that are there keep their order, and others come between them.
pub(super) fn only_added(from: &Object, to: &Object) -> bool {
    let mut new = to.list("values").into_iter();
    from.list("values").into_iter().all(|old| new.any(|value| value == old))
}

/// Whether anything else that is done may use the type's new values.
pub(in super::super) fn is_used(scene: &Scene<'_>, key: &Key) -> bool {
    scene.fates.keys().any(|other| {
        let uses = other != key && scene.to.get(other).is_some() && scene.to.needs(other).any(|need| need == key);
        uses && !matches!(other.kind, Kind::Comment | Kind::Privileges | Kind::Owner)
    })
}

pub(super) fn alter_enum(scene: &Scene<'_>, from: &Object, to: &Object) -> Vec<Statement> {
    let when = if scene.manner == Manner::Online && is_used(scene, &to.key) { When::First } else { When::Main };
    let mut there = from.list("values");
    let mut statements = Vec::new();
    let new = to.list("values");
    for (number, value) in new.iter().enumerate() {
        if there.contains(value) {
            continue;
        }
        // Behind the one that it comes after, which is there by now; the first before all.
        let place = match number.checked_sub(1).and_then(|before| new.get(before)) {
            Some(before) => format!("after {before}"),
            None => there.first().map_or_else(String::new, |first| format!("before {first}")),
        };
        let sql = format!("alter type {} add value {value} {place}", to.address);
        statements.push(Statement::new(sql.trim_end()).when(when));
        there.push(value);
    }
    statements
}

/// Another name for a type that is made anew under its own.
pub(super) fn release(scene: &Scene<'_>, from: &Object) -> Vec<Statement> {
    one(format!("alter {} {} rename to {}", word(from), from.address, suffixed(scene, from, OLD)))
}

pub(super) fn drop_released(scene: &Scene<'_>, from: &Object) -> Vec<Statement> {
    one(format!("drop {} {}", word(from), beside(from, &suffixed(scene, from, OLD))))
}

fn word(object: &Object) -> &'static str {
    if object.kind() == Kind::Domain { "domain" } else { "type" }
}

pub(super) fn create_domain(to: &Object) -> Vec<Statement> {
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

pub(super) fn alter_domain(from: &Object, to: &Object) -> Vec<Statement> {
    let domain = &to.address;
    let mut statements = Vec::new();
    if from.text("default") != to.text("default") {
        let change =
            to.text("default").map_or_else(|| "drop default".to_owned(), |value| format!("set default {value}"));
        statements.extend(one(format!("alter domain {domain} {change}")));
    }
    match (from.flag("not null"), to.flag("not null")) {
        (false, true) => statements.push(
            Statement::new(format!("alter domain {domain} set not null"))
                .hazard(Danger::MayFail, format!("a column of the type {domain} must not hold null"))
                .hazard(Danger::Lock, format!("every table with a column of the type {domain} is read through, and cannot be written to meanwhile")),
        ),
        (true, false) => statements.extend(one(format!("alter domain {domain} drop not null"))),
        _ => {}
    }
    statements
}

pub(super) fn create_domain_constraint(scene: &Scene<'_>, to: &Object) -> Vec<Statement> {
    let (domain, name) = (&to.address, &to.ident);
    let definition = to.sql("definition").unwrap_or_default();
    let sql = format!("alter domain {domain} add constraint {name} {definition}");
    let in_use = to.parent.as_ref().is_some_and(|parent| scene.stays(parent)) && scene.manner == Manner::Online;
    if !in_use || definition.ends_with("NOT VALID") {
        return one(sql);
    }
    vec![
        Statement::new(format!("{sql} not valid")),
        Statement::new(format!("alter domain {domain} validate constraint {name}"))
            .when(When::Later)
            .hazard(Danger::MayFail, format!("what columns of the type {domain} hold has to obey {name}"))
            .hazard(
                Danger::Lock,
                format!(
                    "every table with a column of the type {domain} is read through, and cannot be written to meanwhile"
                ),
            ),
    ]
}

/// The greatest value that a sequence of a type goes to by itself.
pub(super) fn greatest(data_type: &str) -> i64 {
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

/// The options of a sequence that are not what they are by themselves.
pub(super) fn sequence_options(data_type: &str, number: impl Fn(&str) -> Option<i64>, cycle: bool) -> Vec<String> {
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

pub(super) fn create_sequence(to: &Object) -> Vec<Statement> {
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

/// The words of all options that differ.
pub(super) fn changed_options(
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

pub(super) fn alter_sequence(from: &Object, to: &Object) -> Vec<Statement> {
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
        let word = if to.flag("unlogged") { "unlogged" } else { "logged" };
        statements.extend(one(format!("alter sequence {} set {word}", to.address)));
    }
    statements
}

pub(super) fn own_sequence(to: &Object) -> Vec<Statement> {
    one(format!("alter sequence {} owned by {}", to.address, to.text("column").unwrap_or("none")))
}

/// The values of a column's type that are there no more.
pub(super) fn values_gone(scene: &Scene<'_>, column: &Key) -> Vec<String> {
    let types = scene.from.needs(column).filter(|need| need.kind == Kind::Enum);
    let pairs = types.filter_map(|one| Some((scene.from.get(one)?, scene.to.get(one)?)));
    let gone = pairs.flat_map(|(old, new)| {
        let kept = new.list("values");
        old.list("values").into_iter().filter(move |value| !kept.contains(value))
    });
    gone.map(str::to_owned).collect()
}

/// What a column's values are, under the names that were given to that.
pub(super) struct Base {
    pub data_type: String,
    /// Whether a domain on the way has rules.
    pub has_rules: bool,
    /// Whether they are listed.
    pub is_listed: bool,
}

pub(super) fn base(catalog: &Catalog, column: &Key) -> Base {
    let data_type = catalog.get(column).and_then(|column| column.text("type")).unwrap_or_default().to_owned();
    let mut base = Base { data_type, has_rules: false, is_listed: false };
    let mut at = column.clone();
    loop {
        let (plain, array) = match base.data_type.strip_suffix("[]") {
            Some(element) => (element.to_owned(), "[]"),
            None => (base.data_type.clone(), ""),
        };
        let is_it = |object: &&Object| matches!(object.kind(), Kind::Domain | Kind::Enum) && object.address == plain;
        let Some(named) = catalog.needs(&at).filter_map(|need| catalog.get(need)).find(is_it) else { return base };
        let rules = |part: &Object| part.kind() == Kind::DomainConstraint;
        base.is_listed = named.kind() == Kind::Enum;
        if base.is_listed {
            return base;
        }
        base.has_rules |= named.flag("not null") || catalog.parts(&named.key).any(rules);
        base.data_type = format!("{}{array}", named.text("type").unwrap_or_default());
        at = named.key.clone();
    }
}

/// Whether the column's type is made anew.
pub(super) fn is_retired(scene: &Scene<'_>, column: &Key) -> bool {
    scene.from.needs(column).any(|need| scene.fate(need) == Some(Fate::Retire))
}

/// The type that a listed value of a column goes through on its way from a type that is retired to its successor: neither
/// knows the other, and both are known by their text.
pub(super) fn bridge(scene: &Scene<'_>, column: &Key) -> Option<&'static str> {
    let mut retired = scene.from.needs(column).filter(|need| scene.fate(need) == Some(Fate::Retire));
    let is_enum = |need: &Key| need.kind == Kind::Enum && scene.fate(need) == Some(Fate::Retire);
    let listed = retired.any(|one| is_enum(one) || scene.from.needs(one).any(is_enum));
    let array = scene.to.get(column)?.text("type")?.ends_with("[]");
    listed.then_some(if array { "text[]" } else { "text" })
}
