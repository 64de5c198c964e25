//! Renames of random schemas, and rows for them.

use std::collections::BTreeMap;

use super::sql::key;
use super::{COLUMNS, Group, PARTITIONED, Schema, TABLES, TYPES, Table};
use crate::support::random::Random;

impl Schema {
    /// Gives some of what is in both schemas another name.
    pub(super) fn rename(&mut self, before: &Self, random: &mut Random) {
        for _ in 0..random.below(3) {
            self.rename_column(before, random);
        }
        if random.one_in(3) {
            self.rename_table(before, random);
        }
    }

    fn rename_column(&mut self, before: &Self, random: &mut Random) {
        let Some(name) = random.key(&self.tables) else { return };
        let (Some(old), Some(table)) = (before.tables.get(name), self.tables.get_mut(name)) else { return };
        let (from, to) = (random.pick(COLUMNS), random.pick(COLUMNS));
        let is_new = !old.columns.contains_key(to) && !table.columns.contains_key(to);
        if !is_new || !old.columns.contains_key(from) || old.columns[from].computed.is_some() {
            return;
        }
        let Some(column) = table.columns.remove(from).filter(|column| column.computed.is_none()) else { return };
        table.columns.insert(to, column);
        table.renamed.insert(to, from);
        let change = |column: &mut &'static str| {
            if *column == from {
                *column = to;
            }
        };
        table.columns.values_mut().filter_map(|one| one.computed.as_mut()).for_each(|(source, _)| change(source));
        table.indexes.values_mut().for_each(|index| change(&mut index.column));
        table.checks.values_mut().for_each(|(column, _)| change(column));
        table.unique.iter_mut().for_each(|(column, _)| change(column));
        self.views.values_mut().filter(|view| view.table == name).for_each(|view| change(&mut view.column));
        self.reads.iter_mut().filter(|(table, _)| *table == name).for_each(|(_, column)| change(column));
    }

    fn rename_table(&mut self, before: &Self, random: &mut Random) {
        let (from, to) = (random.pick(TABLES), random.pick(TABLES));
        let is_new = !before.tables.contains_key(to) && !self.tables.contains_key(to);
        if !is_new || !before.tables.contains_key(from) || [from, to].iter().any(|name| PARTITIONED.contains(name)) {
            return;
        }
        let Some(mut table) = self.tables.remove(from) else { return };
        table.renamed_from = Some(from);
        self.tables.insert(to, table);
        let change = |table: &mut &'static str| {
            if *table == from {
                *table = to;
            }
        };
        self.tables.values_mut().filter_map(|table| table.points_at.as_mut()).for_each(|(target, ..)| change(target));
        self.views.values_mut().for_each(|view| change(&mut view.table));
        self.reads.iter_mut().for_each(|(table, _)| change(table));
    }

    /// Statements that put rows in, one by one. Where a schema is such that one is refused, it has fewer.
    pub(in super::super) fn rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for (name, table) in &self.tables {
            for number in 1..=3 {
                let plain = table.columns.iter().filter(|(_, column)| column.computed.is_none());
                let mut values: Vec<(&str, String)> =
                    plain.map(|(column, one)| (*column, self.value(table, column, one.data_type, number))).collect();
                if key(name, table) == 3 {
                    values.push(("id", number.to_string()));
                }
                let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
                let list: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
                rows.push(if names.is_empty() {
                    format!("insert into {name} default values")
                } else {
                    format!("insert into {name} ({}) values ({})", names.join(", "), list.join(", "))
                });
            }
        }
        rows
    }

    fn value(&self, table: &Table, column: &str, data_type: usize, number: usize) -> String {
        let checked = table.checks.values().any(|(other, _)| *other == column);
        match TYPES[data_type] {
            ("numeric(12,4)", _) => format!("{number}1.0625"),
            ("numeric(10,2)" | "numeric(12,2)", _) => format!("{number}1.25"),
            (_, Group::Number) => format!("{number}7"),
            ("text" | "varchar(20)", _) if !checked => format!("'longer than nine {number}'"),
            (_, Group::Text) => ["'a'", "'b;''c'", "'d'"][number - 1].to_owned(),
            ("date", _) => format!("'2026-01-0{number}'"),
            (_, Group::Time) => format!("'2026-01-0{number} 10:30:15.125+00'"),
            (_, Group::Truth) => (number == 1).to_string(),
            (_, Group::Document) => format!("'{{\"a\": {number}}}'"),
            (_, Group::List) => format!("'{{a,\"b {number}\"}}'"),
            ("state", _) => self.state[number % self.state.len()].to_owned(),
            (_, Group::Listed) => self.mood[number % self.mood.len()].to_owned(),
        }
    }

    /// The tables of a schema that are in another, with their names there, and whether they give their own numbers there.
    pub(in super::super) fn tables_in<'a>(&'a self, after: &'a Self) -> impl Iterator<Item = Kept> + 'a {
        after.tables.iter().filter_map(|(name, table)| {
            let before = self.tables.get(table.renamed_from.unwrap_or(name))?;
            let columns = table.columns.iter().filter_map(|(column, one)| {
                let old = table.renamed.get(column).copied().unwrap_or(column);
                let same = before.columns.get(old)?.data_type == one.data_type;
                Some((old, (*column, same && one.computed.is_none())))
            });
            Some(Kept {
                before: table.renamed_from.unwrap_or(name),
                after: name,
                columns: columns.collect(),
                numbered: key(name, table) != 3,
            })
        })
    }
}

/// A table that is there before and after.
pub(in super::super) struct Kept {
    pub before: &'static str,
    pub after: &'static str,
    /// Its columns, with their names afterwards, and whether what is in them is the same then.
    pub columns: BTreeMap<&'static str, (&'static str, bool)>,
    pub numbered: bool,
}
