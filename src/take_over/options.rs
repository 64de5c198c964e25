//! The options of a take-over.

use std::collections::HashMap;
use std::path::PathBuf;

use chrono_tz::Tz;
use sqlx::postgres::PgConnectOptions;

use crate::domain::currency::Currency;

/// The schema that the original's tables are moved to, where the old service does not find them.
pub const SET_ASIDE_SCHEMA: &str = "original";

/// The location of the original's rows.
#[derive(Debug, Clone)]
pub enum SourceLocation {
    /// This database.
    Here {
        /// Leave the original's tables in place.
        keep_in_place: bool,
    },
    /// Another database.
    Url(Box<PgConnectOptions>),
    /// A file written by `pg_dump`.
    Dump(PathBuf),
}

impl SourceLocation {
    /// Returns true if the original's tables are moved.
    pub(super) fn moves(&self, schema: &str) -> bool {
        matches!(self, Self::Here { keep_in_place: false }) && schema != SET_ASIDE_SCHEMA
    }
}

/// The unit of the original's integer amounts. Its source code says satang, its client shows baht; only its users know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amounts {
    /// Major units.
    Baht,
    /// Hundredths.
    Satang,
}

/// The rule for the day of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayRule {
    /// The day in the users' time zone; midnight in UTC counts as a plain date.
    Zone,
    /// The day in UTC.
    Utc,
}

/// The options of a take-over.
#[derive(Debug, Clone)]
pub struct TakeOverRequest {
    /// The schema of the original's tables.
    pub schema: String,
    /// The unit of the amounts. `None` reports both readings and changes nothing.
    pub amounts: Option<Amounts>,
    /// The rule for days.
    pub days: DayRule,
    /// The users' time zone.
    pub zone: Tz,
    /// The currency of the amounts.
    pub currency: Currency,
    /// Replacements of e-mail addresses, by user id.
    pub addresses: HashMap<i32, String>,
    /// The treatment of rows that cannot be taken over as they are.
    pub repairs: Repairs,
    /// Roll everything back after the proof.
    pub dry_run: bool,
}

/// The treatment of rows that cannot be taken over as they are. By default they are refused.
#[derive(Debug, Clone, Copy)]
pub struct Repairs {
    /// Cut texts that are too long, and keep the full text in the note.
    pub cut_long: bool,
    /// Leave out rows with the amount 0.
    pub skip_zero: bool,
    /// Give rows with negative amounts the other type.
    pub flip_negative: bool,
}
