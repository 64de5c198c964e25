//! What was tried, and how it ended.

use chrono::{DateTime, Utc};

/// One attempt at a migration, or something done to its record.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Their order.
    pub id: i64,
    /// The migration's version.
    pub version: i64,
    /// The migration's name.
    pub name: String,
    /// What was tried.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; `None` if it did not, or nobody was left to note it.
    pub ended_at: Option<DateTime<Utc>>,
    /// The statement that failed, or is being run: the first is 1. Those before it were done.
    pub statement: Option<i32>,
    /// The line of the file.
    pub line: Option<i32>,
    /// PostgreSQL's code of the failure, such as `22012`.
    pub sqlstate: Option<String>,
    /// What PostgreSQL said.
    pub message: Option<String>,
    /// What a failed statement left in the database: invalid indexes.
    pub left_behind: Vec<String>,
    /// The role that tried.
    pub role: String,
    /// The version of this program that tried.
    pub app_version: String,
    pub(super) checksum: Option<Vec<u8>>,
    pub(super) normalized_checksum: Option<Vec<u8>>,
    /// Its session is there still.
    pub(super) alive: bool,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* } else $fallback:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// As it stands in the record.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// A word that this version does not know was written by a later one; the careful reading is taken.
            pub(super) fn from_word(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    _ => Self::$fallback,
                }
            }
        }
    };
}

words! {
    /// What was tried.
    Action {
        /// To apply it.
        Apply = "apply",
        /// To take it back.
        Revert = "revert",
        /// Nothing: it had been applied by another tool, and was found as it should be.
        Adopt = "adopt",
        /// Somebody said that it is applied.
        ResolveApplied = "resolve applied",
        /// Somebody said that nothing of it is left.
        ResolveRolledBack = "resolve rolled back",
        /// The checksum on record was made that of the file as it is now.
        Repair = "repair",
    } else Apply
}

words! {
    /// How it ended.
    Outcome {
        /// It did not yet, or the process is gone.
        Running = "running",
        /// Well.
        Succeeded = "succeeded",
        /// It failed, and nothing of it is left.
        RolledBack = "rolled back",
        /// It failed, and what came before the failing statement stands.
        Partial = "partial",
        /// The process ended in the middle of it.
        Interrupted = "interrupted",
    } else Partial
}

impl Attempt {
    /// How it ended, in words: whoever did not end was interrupted, if nobody works for it any more.
    #[must_use]
    pub const fn standing(&self) -> &'static str {
        if self.abandoned() { Outcome::Interrupted.word() } else { self.outcome.word() }
    }

    /// It says that it runs, and nobody does it.
    pub(super) const fn abandoned(&self) -> bool {
        matches!(self.outcome, Outcome::Running) && !self.alive
    }

    /// Whether its process ended in the middle of it.
    pub(super) const fn interrupted(&self) -> bool {
        matches!(self.outcome, Outcome::Interrupted) || self.abandoned()
    }

    /// Whether it is being run at this moment.
    pub(super) const fn running(&self) -> bool {
        matches!(self.outcome, Outcome::Running) && self.alive
    }
}
