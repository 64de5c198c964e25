//! Statements of a plan, and their hazards for those who use the database meanwhile.

use std::fmt;

/// A statement of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedStatement {
    pub sql: String,
    pub placement: Placement,
    pub hazards: Vec<Hazard>,
    /// The reason why findings of the linter in it are suppressed, if the hazards do not say it.
    pub lint_reason: Option<&'static str>,
    /// The table and the changes of an `alter table`.
    changes: Option<(String, Vec<String>)>,
}

/// The file of a statement. Each file is one transaction or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// A file before all others.
    First,
    /// The main file.
    Main,
    /// A file without a transaction.
    Concurrently,
    /// A transaction after that of the preceding statement, so that the locks of that are released.
    Later,
    /// The same, and steps that depend on it come after it.
    Apart,
}

/// A hazard of a statement for those who use the database, or for the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hazard {
    /// The kind.
    pub kind: HazardKind,
    /// The description.
    pub text: String,
}

/// The kind of a hazard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HazardKind {
    /// Data will be lost.
    DataLoss,
    /// It fails if the data does not allow it; then nothing is changed.
    MayFail,
    /// An older release that is still running knows the object under its old name.
    OlderRelease,
    /// A table is rewritten, and nobody can use it meanwhile.
    Rewrite,
    /// Others wait while it runs.
    Lock,
}

impl HazardKind {
    /// The words for it.
    pub(crate) const fn word(self) -> &'static str {
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
        write!(formatter, "{}: {}", self.kind.word(), self.text)
    }
}

impl PlannedStatement {
    pub(crate) fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), placement: Placement::Main, hazards: Vec::new(), lint_reason: None, changes: None }
    }

    /// `alter table`, with one change or several.
    pub(crate) fn alter_table(table: &str, changes: Vec<String>) -> Self {
        let sql = match changes.as_slice() {
            [change] => format!("alter table {table} {change}"),
            changes => format!("alter table {table}\n    {}", changes.join(",\n    ")),
        };
        Self { changes: Some((table.to_owned(), changes)), ..Self::new(sql) }
    }

    /// True if merging the other statement into this one saves a rewrite of a table.
    pub(crate) fn can_merge(&self, other: &Self) -> bool {
        let rewrites = |one: &Self| one.hazards.iter().any(|hazard| hazard.kind == HazardKind::Rewrite);
        let table = |one: &Self| one.changes.as_ref().map(|(table, _)| table.clone());
        table(self).is_some() && table(self) == table(other) && rewrites(self) && rewrites(other)
    }

    /// Merges the other statement into this one.
    pub(crate) fn merge(&mut self, other: Self) {
        let (Some((table, mut changes)), Some((_, more))) = (self.changes.take(), other.changes) else { return };
        changes.extend(more);
        let mut hazards = std::mem::take(&mut self.hazards);
        // The table is rewritten once, and one hazard says so.
        let new =
            other.hazards.into_iter().filter(|hazard| hazard.kind != HazardKind::Rewrite && !hazards.contains(hazard));
        let new = new.collect::<Vec<_>>();
        hazards.extend(new);
        hazards.sort_by_key(|hazard| hazard.kind);
        *self = Self { hazards, ..Self::alter_table(&table, changes) };
    }

    pub(crate) fn placed(self, placement: Placement) -> Self {
        Self { placement, ..self }
    }

    /// Suppresses findings of the linter, for this reason.
    pub(crate) fn suppress_lint(self, reason: &'static str) -> Self {
        Self { lint_reason: Some(reason), ..self }
    }

    pub(crate) fn hazard(mut self, kind: HazardKind, text: impl Into<String>) -> Self {
        self.hazards.push(Hazard { kind, text: text.into() });
        self
    }

    pub(crate) fn hazards(mut self, hazards: Vec<Hazard>) -> Self {
        self.hazards.extend(hazards);
        self
    }
}
