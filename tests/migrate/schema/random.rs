//! Random schemas, and random changes to them. Whatever is made loads into an empty database, and no change is one that
//! has to be refused: a column that is added to a table that is there may be null, or fills itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::support::random::Random;

/// Tables, with their schemas.
const TABLES: &[&str] = &["public.users", "public.orders", "public.\"Mixed Case\"", "side.\"select\"", "side.users"];
const COLUMNS: &[&str] = &["a", "b", "\"c d\"", "\"order\"", "\"wi\"\"th\"", "\"ünï\""];
const VALUES: &[&str] = &["'new'", "'it''s'", "'half way'", "'done'", "'void'"];

/// Types; those of one group, and texts and any other, can be made of each other.
const TYPES: &[(&str, Group)] = &[
    ("smallint", Group::Number),
    ("integer", Group::Number),
    ("bigint", Group::Number),
    ("numeric(10,2)", Group::Number),
    ("numeric(12,4)", Group::Number),
    ("text", Group::Text),
    ("varchar(20)", Group::Text),
    ("text collate \"C\"", Group::Text),
    ("date", Group::Time),
    ("timestamptz", Group::Time),
    ("boolean", Group::Truth),
    ("jsonb", Group::Document),
    ("text[]", Group::List),
    ("state", Group::Listed),
    ("side.mood", Group::Listed),
    ("positive", Group::Number),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Number,
    Text,
    Time,
    Truth,
    Document,
    List,
    Listed,
}

#[derive(Debug, Clone)]
struct Column {
    data_type: usize,
    /// 0 is none.
    default: usize,
    required: bool,
    /// Computed from this column.
    computed: Option<(&'static str, bool)>,
    comment: Option<usize>,
    statistics: Option<usize>,
    /// Others may read it.
    granted: bool,
}

#[derive(Debug, Clone)]
struct Index {
    column: &'static str,
    form: usize,
}

#[expect(clippy::struct_excessive_bools, reason = "a table has that many switches")]
#[derive(Debug, Clone, Default)]
struct Table {
    /// How its key is made.
    key: usize,
    columns: BTreeMap<&'static str, Column>,
    indexes: BTreeMap<&'static str, Index>,
    checks: BTreeMap<&'static str, (&'static str, usize)>,
    unique: Option<(&'static str, bool)>,
    /// The table that it points at, what happens to it then, and whether that waits.
    points_at: Option<(&'static str, usize, bool)>,
    trigger: Option<(usize, usize)>,
    policy: Option<(usize, bool)>,
    forced: bool,
    fillfactor: Option<usize>,
    unlogged: bool,
    full_identity: bool,
    comment: Option<usize>,
    granted: usize,
    statistics: bool,
}

#[derive(Debug, Clone)]
struct View {
    table: &'static str,
    column: &'static str,
    materialized: bool,
    limit: usize,
    /// There is another one on it.
    seconded: bool,
    barrier: bool,
}

/// A schema.
#[derive(Debug, Clone, Default)]
pub(super) struct Schema {
    tables: BTreeMap<&'static str, Table>,
    views: BTreeMap<&'static str, View>,
    state: Vec<&'static str>,
    mood: Vec<&'static str>,
    positive: (bool, usize),
    function: (usize, usize),
    touch: usize,
    sequence: usize,
}

/// Whether PostgreSQL makes one type of the other.
fn converts(old: usize, new: usize) -> bool {
    let (from, to) = (TYPES[old].1, TYPES[new].1);
    old == new || from == to && from != Group::Listed || from == Group::Text || to == Group::Text
}

fn is_computed_from(table: &Table, column: &str) -> bool {
    table.columns.values().any(|other| other.computed.is_some_and(|(source, _)| source == column))
}

impl Schema {
    pub(super) fn random(random: &mut Random) -> Self {
        let mut schema =
            Self { state: VALUES[..2 + random.below(3)].to_vec(), mood: VALUES[1..3].to_vec(), ..Self::default() };
        for _ in 0..=random.below(4) {
            let name = random.pick(TABLES);
            schema.tables.insert(name, Table { key: random.below(5), ..Table::default() });
        }
        for _ in 0..15 + random.below(25) {
            schema.change(random, false);
        }
        schema
    }

    /// The same with some changes.
    pub(super) fn changed(&self, random: &mut Random) -> Self {
        loop {
            let mut schema = self.clone();
            for _ in 0..=random.below(8) {
                schema.change(random, true);
            }
            // Two changes of one column may come to one that has to be refused, though each is none.
            if !self.converts_to(&schema) {
                continue;
            }
            // What came in two steps may be required by now; what comes at once may not.
            for (name, table) in &mut schema.tables {
                let Some(before) = self.tables.get(name) else { continue };
                for (column, new) in &mut table.columns {
                    new.required &= before.columns.contains_key(column) || new.default > 0 || new.computed.is_some();
                }
            }
            return schema;
        }
    }

    /// Whether each column that stays has a type that can be made of the one it had.
    fn converts_to(&self, other: &Self) -> bool {
        self.tables.iter().filter_map(|(name, table)| Some((table, other.tables.get(name)?))).all(|(before, after)| {
            let pairs = before.columns.iter().filter_map(|(name, column)| Some((column, after.columns.get(name)?)));
            pairs.into_iter().all(|(old, new)| converts(old.data_type, new.data_type))
        })
    }

    fn change(&mut self, random: &mut Random, later: bool) {
        match random.below(14) {
            0 if later => {
                let name = random.pick(TABLES);
                if self.tables.remove(name).is_none() {
                    self.tables.insert(name, Table { key: random.below(5), ..Table::default() });
                }
            }
            1 => self.change_types(random),
            2 => self.function = (random.below(3), random.below(3)),
            3 => self.touch = random.below(3),
            4 => self.sequence = random.below(4),
            5 | 6 => self.change_view(random),
            _ => {
                let others: Vec<&'static str> = self.tables.keys().copied().collect();
                let name = random.key(&self.tables);
                if let Some(table) = name.and_then(|name| self.tables.get_mut(name)) {
                    change_table(table, &others, random, later);
                }
            }
        }
    }

    fn change_types(&mut self, random: &mut Random) {
        let place = random.below(self.state.len() + 1);
        match random.below(6) {
            0 => self.positive.0 = !self.positive.0,
            1 => self.positive.1 = random.below(3),
            2 => self.mood.reverse(),
            3 if self.state.len() > 1 => drop(self.state.remove(place.min(self.state.len() - 1))),
            _ => {
                let value = random.pick(VALUES);
                if !self.state.contains(&value) {
                    self.state.insert(place, value);
                }
            }
        }
    }

    fn change_view(&mut self, random: &mut Random) {
        let name = random.pick(&["public.\"View\"", "side.v", "public.w"]);
        if self.views.remove(name).is_some() && random.one_in(2) {
            return;
        }
        let view = View {
            table: random.pick(TABLES),
            column: random.pick(COLUMNS),
            materialized: random.one_in(3),
            limit: random.below(3),
            seconded: random.one_in(3),
            barrier: random.one_in(3),
        };
        self.views.insert(name, view);
    }
}

fn change_table(table: &mut Table, others: &[&'static str], random: &mut Random, later: bool) {
    let column = random.pick(COLUMNS);
    match random.below(18) {
        0..=4 => change_column(table, column, random, later),
        5 | 6 => {
            let name = random.pick(&["one", "two"]);
            if table.indexes.remove(name).is_none() || random.one_in(2) {
                table.indexes.insert(name, Index { column, form: random.below(7) });
            }
        }
        7 => {
            if table.checks.remove("c").is_none() || random.one_in(2) {
                table.checks.insert("c", (column, random.below(3)));
            }
        }
        8 => table.unique = random.one_in(2).then(|| (column, random.one_in(2))),
        9 => {
            let target = (random.pick(others), random.below(3), random.one_in(3));
            table.points_at = (!random.one_in(4)).then_some(target);
        }
        10 => table.trigger = (!random.one_in(3)).then(|| (random.below(3), random.below(4))),
        11 => table.policy = (!random.one_in(3)).then(|| (random.below(3), random.one_in(2))),
        12 => table.forced = !table.forced,
        13 => table.fillfactor = random.one_in(2).then(|| 50 + random.below(3) * 10),
        14 => table.full_identity = !table.full_identity,
        15 => table.comment = random.one_in(2).then(|| random.below(3)),
        16 => table.granted = random.below(4),
        _ if random.one_in(3) => table.key = random.below(5),
        _ if random.one_in(3) => table.unlogged = !table.unlogged,
        _ => table.statistics = !table.statistics,
    }
}

fn change_column(table: &mut Table, name: &'static str, random: &mut Random, later: bool) {
    let computed_from = is_computed_from(table, name);
    let Some(column) = table.columns.get_mut(name) else {
        let numbers = |(_, column): &(&&'static str, &Column)| {
            TYPES[column.data_type].1 == Group::Number && column.computed.is_none()
        };
        let source = table.columns.iter().find(numbers).map(|(source, _)| *source).filter(|_| random.one_in(3));
        let column = Column {
            data_type: if source.is_some() { 4 } else { random.below(TYPES.len()) },
            default: random.below(4),
            required: random.one_in(3),
            computed: source.map(|source| (source, random.one_in(2))),
            comment: None,
            statistics: None,
            granted: false,
        };
        table.columns.insert(name, column);
        return;
    };
    match random.below(8) {
        0 if later && !computed_from => drop(table.columns.remove(name)),
        1 | 2 if column.computed.is_none() => {
            let new = random.below(TYPES.len());
            let numbers = [column.data_type, new].into_iter().all(|one| TYPES[one].1 == Group::Number);
            if numbers || !computed_from && converts(column.data_type, new) {
                column.data_type = new;
            }
        }
        3 => column.default = random.below(4),
        4 => column.required = !column.required,
        5 => column.comment = random.one_in(2).then(|| random.below(3)),
        6 => column.statistics = random.one_in(2).then(|| random.below(500)),
        _ => match &mut column.computed {
            Some((_, doubled)) => *doubled = !*doubled,
            None => column.granted = !column.granted,
        },
    }
}

const TEXTS: &[&str] = &["'plain'", "'it''s; -- \"x\" /* y'", "E'back\\\\slash\\nline'"];

impl Schema {
    /// The statements that build it.
    pub(super) fn sql(&self) -> String {
        let mut sql = "create schema side;\n".to_owned();
        let _ = writeln!(sql, "create type state as enum ({});", self.state.join(", "));
        let _ = writeln!(sql, "create type side.mood as enum ({});", self.mood.join(", "));
        let base = if self.positive.0 { "bigint" } else { "integer" };
        let rule = ["", " check (value > 0)", " check (value > 1) not null"][self.positive.1];
        let rule = if self.positive.1 == 2 { " check (value > 1)" } else { rule };
        let _ = writeln!(sql, "create domain positive as {base}{rule};");
        let options = ["", " increment by 2", " start with 7 cache 3", " as integer cycle"][self.sequence];
        let _ = writeln!(sql, "create sequence numbers{options};");
        let body = ["value / 2", "value / 3", "abs(value)"][self.function.0];
        let more = ["", ", more integer default 1", ", more integer default 2"][self.function.1];
        let _ = writeln!(
            sql,
            "create function part(value integer{more}) returns integer language sql immutable as 'select {body}';"
        );
        let body = ["return new;", "return old;", "return null;"][self.touch];
        let _ = writeln!(sql, "create function touch() returns trigger language plpgsql as $$ begin {body} end $$;");
        for (name, table) in &self.tables {
            self.write_table(&mut sql, name, table);
        }
        for (name, table) in &self.tables {
            if let Some((target, action, waits)) =
                table.points_at.filter(|(target, ..)| self.tables.contains_key(target))
            {
                let action = ["", " on delete cascade", " on update cascade on delete set null"][action];
                let waits = if waits { " deferrable initially deferred" } else { "" };
                let _ = writeln!(
                    sql,
                    "alter table {name} add constraint fk foreign key (other) references {target}{action}{waits};"
                );
            }
        }
        for (name, view) in &self.views {
            self.write_view(&mut sql, name, view);
        }
        sql
    }

    fn key_type(&self, table: &str) -> &'static str {
        match self.tables.get(table).map_or(0, |table| table.key) {
            0 | 3 => "integer",
            _ => "bigint",
        }
    }

    fn write_table(&self, sql: &mut String, name: &str, table: &Table) {
        let key = [
            "id integer generated always as identity primary key",
            "id bigint generated by default as identity (start with 5 increment by 3) primary key",
            "id bigserial primary key",
            "id integer primary key",
            "id bigint generated always as identity primary key",
        ][table.key];
        let mut lines = vec![key.to_owned()];
        if let Some((target, ..)) = table.points_at {
            lines.push(format!("other {}", self.key_type(target)));
        }
        lines.extend(table.columns.iter().map(|(column, one)| self.column(column, one)));
        if let Some((column, waits)) = table.unique.filter(|(column, _)| table.columns.contains_key(column)) {
            lines.push(format!(
                "constraint {} unique (id, {column}){}",
                constraint(name, "u"),
                if waits { " deferrable" } else { "" }
            ));
        }
        for (check, (column, limit)) in &table.checks {
            if let Some(condition) = table.columns.get(column).map(|one| self.condition(column, one, *limit)) {
                lines.push(format!("constraint {check} check ({condition})"));
            }
        }
        let unlogged = if table.unlogged && self.stands_alone(name, table) { "unlogged " } else { "" };
        let with = table.fillfactor.map_or_else(String::new, |fill| format!(" with (fillfactor = {fill})"));
        let _ = writeln!(sql, "create {unlogged}table {name} (\n    {}\n){with};", lines.join(",\n    "));
        for (index, one) in &table.indexes {
            if let Some(column) = table.columns.get(one.column) {
                let _ = writeln!(sql, "{};", self.index(name, index, one, column));
            }
        }
        write_attached(sql, name, table);
    }

    /// What is logged must not point at what is not, and the other way round would be one more thing to see to.
    fn stands_alone(&self, name: &str, table: &Table) -> bool {
        let pointed_at = self.tables.values().any(|other| other.points_at.is_some_and(|(target, ..)| target == name));
        table.points_at.is_none() && !pointed_at
    }

    fn column(&self, name: &str, column: &Column) -> String {
        let (data_type, group) = TYPES[column.data_type];
        if let Some((source, doubled)) = column.computed {
            let expression = if doubled { format!("{source} * 2") } else { format!("({source} + 1)::numeric(12, 4)") };
            return format!("{name} numeric(12, 4) generated always as ({expression}) stored");
        }
        let values = if data_type == "state" { &self.state } else { &self.mood };
        let default = match (column.default, group) {
            (0, _) => String::new(),
            (3, Group::Number) if data_type != "positive" => " default nextval('numbers')".to_owned(),
            (number, Group::Number) => format!(" default {}", number + 1),
            (number, Group::Text) => format!(" default {}", ["'a'", "'b;''c'", "'d'"][number - 1]),
            (1, Group::Time) => " default '2026-01-01'".to_owned(),
            (_, Group::Time) => " default now()".to_owned(),
            (number, Group::Truth) => format!(" default {}", number == 1),
            (_, Group::Document | Group::List) => " default '{}'".to_owned(),
            (1, Group::Listed) => format!(" default {}", values[0]),
            (_, Group::Listed) => format!(" default {}", values[values.len() - 1]),
        };
        format!("{name} {data_type}{default}{}", if column.required { " not null" } else { "" })
    }

    fn condition(&self, name: &str, column: &Column, limit: usize) -> String {
        match TYPES[column.data_type] {
            (_, Group::Number) => format!("{name} > {limit}"),
            (_, Group::Text) => format!("char_length({name}) < {}", limit + 10),
            ("state", _) => format!("{name} <> {}", self.state[limit % self.state.len()]),
            _ => format!("{name} is not null or id > {limit}"),
        }
    }

    fn index(&self, table: &str, index: &str, one: &Index, column: &Column) -> String {
        let (name, group) = (one.column, TYPES[column.data_type].1);
        let key = constraint(table, index);
        match (one.form, group) {
            (1, _) => format!("create index {key} on {table} ({name} desc nulls last, id)"),
            (2, _) => format!("create index {key} on {table} (id) where {}", self.condition(name, column, 1)),
            (3, Group::Text) => format!("create unique index {key} on {table} (lower({name}), id)"),
            (3, Group::Number) => format!("create index {key} on {table} (part(({name})::integer))"),
            (4, Group::Text) => format!("create index {key} on {table} ({name} text_pattern_ops) include (id)"),
            (4 | 5, Group::Document | Group::List) => format!("create index {key} on {table} using gin ({name})"),
            (5, _) => format!("create index {key} on {table} using hash ({name})"),
            (6, _) => format!("create unique index {key} on {table} (id, {name}) nulls not distinct"),
            _ => format!("create index {key} on {table} ({name})"),
        }
    }

    fn write_view(&self, sql: &mut String, name: &str, view: &View) {
        let Some(column) = self.tables.get(view.table).filter(|table| table.columns.contains_key(view.column)) else {
            return;
        };
        let kind = if view.materialized { "materialized view" } else { "view" };
        let barrier = if view.barrier && !view.materialized { " with (security_barrier)" } else { "" };
        let (table, one) = (view.table, view.column);
        let condition = self.condition(one, &column.columns[one], view.limit);
        let _ =
            writeln!(sql, "create {kind} {name}{barrier} as select id, {one} as value from {table} where {condition};");
        if view.materialized {
            let _ = writeln!(sql, "create index {} on {name} (id);", constraint(name, "m"));
        }
        if view.seconded {
            let second = constraint(name, "second");
            let _ =
                writeln!(sql, "create view {second} as select max(id) as newest, count(value) as number from {name};");
            let _ = writeln!(sql, "comment on column {second}.newest is 'x';");
        }
    }
}

/// A name for something of a table.
fn constraint(table: &str, suffix: &str) -> String {
    let plain: String = table.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("\"{plain} {suffix}\"")
}

fn write_attached(sql: &mut String, name: &str, table: &Table) {
    if let Some(text) = table.comment {
        let _ = writeln!(sql, "comment on table {name} is {};", TEXTS[text]);
    }
    for (column, one) in &table.columns {
        if let Some(text) = one.comment {
            let _ = writeln!(sql, "comment on column {name}.{column} is {};", TEXTS[text]);
        }
        if let Some(target) = one.statistics {
            let _ = writeln!(sql, "alter table {name} alter column {column} set statistics {target};");
        }
        if one.granted {
            let _ = writeln!(sql, "grant select ({column}), update ({column}) on {name} to pg_monitor;");
        }
    }
    if let Some((form, enabled)) = table.trigger {
        let when = ["before update", "after insert or delete", "before insert"][form];
        let condition = if form == 0 { " when (old.id > 1)" } else { "" };
        let _ = writeln!(sql, "create trigger t {when} on {name} for each row{condition} execute function touch();");
        if let Some(word) =
            ["", "disable", "enable always", "enable replica"].get(enabled).filter(|word| !word.is_empty())
        {
            let _ = writeln!(sql, "alter table {name} {word} trigger t;");
        }
    }
    if let Some((limit, everybody)) = table.policy {
        let who = if everybody { "public" } else { "pg_monitor" };
        let _ = writeln!(sql, "alter table {name} enable row level security;");
        let _ = writeln!(sql, "create policy \"p o\" on {name} for select to {who} using (id > {limit});");
    }
    if table.forced {
        let _ = writeln!(sql, "alter table {name} force row level security;");
    }
    if table.full_identity {
        let _ = writeln!(sql, "alter table {name} replica identity full;");
    }
    let grants = [
        "",
        "grant select on {} to public;",
        "grant select, insert on {} to pg_monitor with grant option;",
        "revoke delete on {} from current_user;",
    ];
    let grant = grants[table.granted].replace("{}", name);
    let _ = writeln!(sql, "{grant}");
    let plain: Vec<&str> = table.columns.keys().copied().take(2).collect::<BTreeSet<_>>().into_iter().collect();
    if table.statistics && plain.len() == 2 {
        let _ = writeln!(
            sql,
            "create statistics {} (dependencies) on {} from {name};",
            constraint(name, "s"),
            plain.join(", ")
        );
    }
}
