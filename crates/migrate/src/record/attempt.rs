//! Attempts at migrations, as they are recorded.

use chrono::{DateTime, Utc};

/// One attempt at a migration, or a change of its record.
#[derive(Debug, Clone)]
pub struct MigrationAttempt {
    /// The number of the attempt.
    pub id: i64,
    /// The version of the migration.
    pub version: i64,
    /// The name of the migration.
    pub name: String,
    /// The action that was attempted.
    pub action: AttemptAction,
    /// The outcome.
    pub outcome: AttemptOutcome,
    /// The start.
    pub started_at: DateTime<Utc>,
    /// The end; `None` if it is running, or if its process ended before it could record the end.
    pub ended_at: Option<DateTime<Utc>>,
    /// The number of the statement that failed or is running, from 1. Those before it were completed.
    pub statement: Option<i32>,
    /// The line in the file, from 1.
    pub line: Option<i32>,
    /// The SQLSTATE of the failure, such as `22012`.
    pub sqlstate: Option<String>,
    /// PostgreSQL's message.
    pub message: Option<String>,
    /// Invalid indexes that a failed statement left in the database.
    pub left_behind: Vec<String>,
    /// The role that ran it.
    pub role: String,
    /// The version of the program that ran it.
    pub app_version: String,
    pub(crate) checksum: Option<Vec<u8>>,
    pub(crate) normalized_checksum: Option<Vec<u8>>,
    /// True if its session still exists.
    pub(crate) alive: bool,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* } else $fallback:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// The word for it in the record.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Reads a word of the record. An unknown one was written by a newer version; the cautious value is taken.
            pub(crate) fn from_word(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    _ => Self::$fallback,
                }
            }
        }
    };
}

words! {
    /// The action of an attempt.
    AttemptAction {
        /// Applying the migration.
        Apply = "apply",
        /// Rolling it back.
        Revert = "revert",
        /// Nothing: another tool had applied it, and its file is unchanged.
        Adopt = "adopt",
        /// Recording, on a person's word, that it is applied.
        ResolveApplied = "resolve applied",
        /// Recording, on a person's word, that nothing of it is left.
        ResolveRolledBack = "resolve rolled back",
        /// Replacing the recorded checksum by that of the edited file.
        Repair = "repair",
    } else Apply
}

words! {
    /// The outcome of an attempt.
    AttemptOutcome {
        /// Not ended yet, or its process is gone.
        Running = "running",
        /// Success.
        Succeeded = "succeeded",
        /// Failed, and nothing of it is left.
        RolledBack = "rolled back",
        /// Failed, and the statements before the failed one are kept.
        Partial = "partial",
        /// The process ended before the attempt did.
        Interrupted = "interrupted",
    } else Partial
}

impl MigrationAttempt {
    /// The outcome in a word. An attempt without an end whose process is gone was interrupted.
    #[must_use]
    pub const fn outcome_word(&self) -> &'static str {
        if self.abandoned() { AttemptOutcome::Interrupted.word() } else { self.outcome.word() }
    }

    /// True if it is recorded as running, and its process is gone.
    pub(crate) const fn abandoned(&self) -> bool {
        matches!(self.outcome, AttemptOutcome::Running) && !self.alive
    }

    /// True if its process ended before it did.
    pub(crate) const fn interrupted(&self) -> bool {
        matches!(self.outcome, AttemptOutcome::Interrupted) || self.abandoned()
    }

    /// True if it is running.
    pub(crate) const fn running(&self) -> bool {
        matches!(self.outcome, AttemptOutcome::Running) && self.alive
    }
}
