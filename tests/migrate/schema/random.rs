//! Random schemas, and random changes to them. Whatever is made loads into an empty database, and no change is one that
//! has to be refused: a column that is added to a table that is there may be null, or fills itself.

mod rows;
mod sql;

use std::collections::BTreeMap;

pub(super) use rows::Kept;

use crate::support::random::Random;

/// Tables, with their schemas.
const TABLES: &[&str] = &[
    "public.users",
    "public.orders",
    "public.\"Mixed Case\"",
    "side.\"select\"",
    "side.users",
    "public.events",
    "side.\"Parts\"",
];
/// Those of them that are partitioned.
const PARTITIONED: &[&str] = &["public.events", "side.\"Parts\""];
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
    ("varchar(9)", Group::Text),
    ("code", Group::Text),
    ("varchar(9)[]", Group::List),
    ("numeric(12,2)", Group::Number),
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
    /// How many partitions it has, if it has any.
    parts: usize,
    /// What columns were called before.
    renamed: BTreeMap<&'static str, &'static str>,
    /// What it was called itself.
    renamed_from: Option<&'static str>,
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
    /// How long a code is, and whether codes are listed.
    code: (usize, bool),
    /// A function in SQL that reads a column of a table.
    reads: Option<(&'static str, &'static str)>,
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
            schema.rename(self, random);
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
        match random.below(16) {
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
            7 => self.code = (random.below(2), random.one_in(2)),
            8 => self.reads = (!random.one_in(4)).then(|| (random.pick(TABLES), random.pick(COLUMNS))),
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
    match random.below(19) {
        18 => table.parts = random.below(4),
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
