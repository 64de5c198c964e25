//! The tables whose changes are recorded. Each feature describes its own; undo works on all of them by these descriptions.

use crate::config::QuotasConfig;

/// A table whose changes are recorded, so that they can be undone. A test compares the descriptions with the catalog of the database.
#[derive(Debug)]
pub struct RecordedTable {
    /// The name.
    pub name: &'static str,
    /// The word for one row.
    pub noun: &'static str,
    /// All columns but the key.
    pub columns: &'static [&'static str],
    /// The columns that are computed from others, and are no change of their own.
    pub derived: &'static [&'static str],
    /// The columns that refer to its rows: table and column.
    pub dependents: &'static [(&'static str, &'static str)],
    /// The sentences for constraints that an undo may break.
    pub constraints: &'static [(&'static str, &'static str)],
    /// The table whose rows the rows of this one are parts of.
    pub part_of: Option<&'static str>,
    /// The operations that create its rows on the way to something else.
    pub incidental: Incidental,
    /// The most rows of one user.
    pub limit: RowLimit,
    /// The column that `entity_id` of a change holds.
    pub id: &'static str,
    /// The peculiarities for undo.
    pub undo: UndoRules,
}

/// The most rows of one user. It holds however they come in: by a creation, on the way to something else, or by undo.
#[derive(Debug, Clone, Copy)]
pub enum RowLimit {
    /// None of its own: the rows follow from those of other tables.
    Follows,
    /// A setting, checked with the user's [usage](crate::features::quotas), which has a column of the table's name.
    Quota(fn(&QuotasConfig) -> i64),
    /// This many, counted at each creation.
    Rows(i64),
}

/// The operations that create rows on the way to something else. Undoing those leaves rows that are needed meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incidental {
    /// None: a row is created for itself.
    Never,
    /// Operations on transactions, which create the categories, payees and tags that they name.
    WithTransactions,
    /// All: rows follow from others, and are not counted.
    Always,
}

/// SQL that undo uses for one table only. `$1` is the user; sub-selects compare each of their tables with it.
#[derive(Debug, Clone, Copy)]
pub struct UndoRules {
    /// The join of the row `t` with its change `c`.
    pub row_of_change: &'static str,
    /// A further condition, beginning with `or`, under which a created row counts as changed since.
    pub changed_since: &'static str,
    /// The restored row, as JSON, from the change `c`; `$4`, `$5` and `$6` replace categories, payees and tags that are gone.
    pub restored: &'static str,
    /// A further condition, beginning with `and`, for changes whose rows are restored.
    pub restored_if: &'static str,
    /// The end of the statement that restores rows, such as `on conflict do nothing`.
    pub on_conflict: &'static str,
    /// A further condition, beginning with `and`, for changes whose columns are put back.
    pub reverted_if: &'static str,
    /// The value, as JSON, of a derived column `key` where only some of the columns that it is computed from are put back.
    pub recomputed: &'static str,
}

/// The rules of a table without peculiarities.
pub const PLAIN: UndoRules = UndoRules {
    row_of_change: "t.user_id = c.user_id and t.id = c.entity_id",
    changed_since: "",
    restored: "c.before",
    restored_if: "",
    on_conflict: "",
    reverted_if: "",
    recomputed: "c.before -> key",
};

impl RecordedTable {
    /// A table without columns, to begin a description with.
    pub const EMPTY: Self = Self {
        name: "",
        noun: "",
        columns: &[],
        derived: &["updated_at"],
        dependents: &[],
        constraints: &[],
        part_of: None,
        incidental: Incidental::Never,
        limit: RowLimit::Follows,
        id: "id",
        undo: PLAIN,
    };

    /// Tells if its rows are of `table`, or are parts of its rows.
    #[must_use]
    pub fn belongs_to(&self, table: &str) -> bool {
        self.name == table || self.part_of == Some(table)
    }

    /// Tells if an operation of this kind creates its rows on the way to something else.
    #[must_use]
    pub fn is_incidental_to(&self, kind: &str) -> bool {
        match self.incidental {
            Incidental::Never => false,
            Incidental::WithTransactions => kind.starts_with("transaction"),
            Incidental::Always => true,
        }
    }

    /// The sentence for the constraint of this table that is broken, if one is.
    #[must_use]
    pub fn sentence(&self, is_broken: impl Fn(&str) -> bool) -> Option<String> {
        let described = self.constraints.iter().find(|(name, _)| is_broken(name));
        let is_primary_key = || is_broken(&format!("{}_pkey", self.name));
        described
            .map(|(_, sentence)| (*sentence).to_owned())
            .or_else(|| is_primary_key().then(|| format!("a {} is there again", self.noun)))
    }
}

/// All recorded tables, each after those that its rows refer to: in this order rows can be restored.
#[derive(Debug)]
pub struct RecordedTables(Vec<&'static RecordedTable>);

impl RecordedTables {
    /// Puts the tables in order.
    #[must_use]
    pub fn new(tables: impl IntoIterator<Item = &'static RecordedTable>) -> Self {
        let mut left: Vec<_> = tables.into_iter().collect();
        left.sort_unstable_by_key(|table| table.name);
        let mut ordered = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let is_free = |table: &&RecordedTable| !left.iter().any(|other| refers(table, other));
            // Tables that refer to each other have no order.
            let next = left.iter().position(is_free).unwrap_or(0);
            ordered.push(left.remove(next));
        }
        Self(ordered)
    }

    /// The tables in the order in which rows can be restored.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'static RecordedTable> {
        self.0.iter().copied()
    }

    /// The tables with a quota of rows, each with its setting.
    pub fn with_quotas(&self) -> impl Iterator<Item = (&'static str, fn(&QuotasConfig) -> i64)> {
        self.iter().filter_map(|table| match table.limit {
            RowLimit::Quota(quota) => Some((table.name, quota)),
            RowLimit::Follows | RowLimit::Rows(_) => None,
        })
    }

    /// The sentence for the constraint that is broken, if one of these tables has it.
    #[must_use]
    pub fn sentence(&self, is_broken: impl Fn(&str) -> bool) -> Option<String> {
        self.iter().find_map(|table| table.sentence(&is_broken))
    }
}

/// Tells if rows of `table` refer to rows of another table.
fn refers(table: &RecordedTable, other: &RecordedTable) -> bool {
    let is_part = table.part_of == Some(other.name);
    table.name != other.name && (is_part || other.dependents.iter().any(|(dependent, _)| *dependent == table.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_come_after_those_that_they_refer_to() {
        const A: RecordedTable = RecordedTable { name: "a", part_of: Some("c"), ..RecordedTable::EMPTY };
        const B: RecordedTable = RecordedTable { name: "b", ..RecordedTable::EMPTY };
        const C: RecordedTable = RecordedTable { name: "c", dependents: &[("c", "parent_id")], ..RecordedTable::EMPTY };
        const D: RecordedTable = RecordedTable { name: "d", dependents: &[("b", "d_id")], ..RecordedTable::EMPTY };
        let tables = RecordedTables::new([&A, &B, &C, &D]);
        let names: Vec<&str> = tables.iter().map(|table| table.name).collect();
        assert_eq!(names, ["c", "a", "d", "b"]);
    }
}
