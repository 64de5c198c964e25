//! A statement that brings one schema nearer to another, and what it may do to those who use the database meanwhile.

use std::fmt;

/// A statement of a migration that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub sql: String,
    pub when: When,
    pub hazards: Vec<Hazard>,
    /// Why what the linter finds in it is no finding, if nothing that is named above it says so.
    pub excuse: Option<&'static str>,
    /// The table that it changes, and its changes one by one, where that is all it does.
    changes: Option<(String, Vec<String>)>,
}

/// In which file it stands: each is a transaction, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// In a file before all others.
    First,
    /// With the others.
    Main,
    /// In a file without a transaction.
    Concurrently,
    /// In a transaction after the one of the statement before it, so that the locks of that are given up.
    Later,
    /// The same, and what needs it comes after it.
    Apart,
}

/// What a statement may do to those who use the database, or to what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hazard {
    /// Of which sort.
    pub danger: Danger,
    /// What exactly.
    pub text: String,
}

/// Sorts of hazards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Danger {
    /// Something that is in the database will not be there afterwards.
    DataLoss,
    /// It fails if what is in the database does not allow it; nothing is changed then.
    MayFail,
    /// A release that is still running knows it otherwise.
    OlderRelease,
    /// A table is written anew, and nobody can use it meanwhile.
    Rewrite,
    /// Others wait while it runs.
    Lock,
}

impl Danger {
    /// In a word or two.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::DataLoss => "data loss",
            Self::MayFail => "may fail",
            Self::OlderRelease => "older release",
            Self::Rewrite => "rewrite",
            Self::Lock => "lock",
        }
    }
}

impl fmt::Display for Hazard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.danger.word(), self.text)
    }
}

impl Statement {
    pub(super) fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), when: When::Main, hazards: Vec::new(), excuse: None, changes: None }
    }

    /// `alter table`, with one change or several.
    pub(super) fn alter_table(table: &str, changes: Vec<String>) -> Self {
        let sql = match changes.as_slice() {
            [change] => format!("alter table {table} {change}"),
            changes => format!("alter table {table}\n    {}", changes.join(",\n    ")),
        };
        Self { changes: Some((table.to_owned(), changes)), ..Self::new(sql) }
    }

    /// Whether another can be made part of this one, and it is worth it.
    pub(super) fn takes(&self, other: &Self) -> bool {
        let rewrites = |one: &Self| one.hazards.iter().any(|hazard| hazard.danger == Danger::Rewrite);
        let table = |one: &Self| one.changes.as_ref().map(|(table, _)| table.clone());
        table(self).is_some() && table(self) == table(other) && rewrites(self) && rewrites(other)
    }

    /// Makes it part of this one.
    pub(super) fn take(&mut self, other: Self) {
        let (Some((table, mut changes)), Some((_, more))) = (self.changes.take(), other.changes) else { return };
        changes.extend(more);
        let mut hazards = std::mem::take(&mut self.hazards);
        // It is written anew once, and that has been said.
        let new =
            other.hazards.into_iter().filter(|hazard| hazard.danger != Danger::Rewrite && !hazards.contains(hazard));
        let new = new.collect::<Vec<_>>();
        hazards.extend(new);
        hazards.sort_by_key(|hazard| hazard.danger);
        *self = Self { hazards, ..Self::alter_table(&table, changes) };
    }

    pub(super) fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    pub(super) fn excuse(self, excuse: &'static str) -> Self {
        Self { excuse: Some(excuse), ..self }
    }

    pub(super) fn hazard(mut self, danger: Danger, text: impl Into<String>) -> Self {
        self.hazards.push(Hazard { danger, text: text.into() });
        self
    }

    pub(super) fn hazards(mut self, hazards: Vec<Hazard>) -> Self {
        self.hazards.extend(hazards);
        self
    }
}
