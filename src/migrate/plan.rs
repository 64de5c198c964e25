//! What there is held against what the database has.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use super::attempt::{Action, Attempt, Outcome};
use super::checksum::{self, Change};
use super::history::{History, Record};
use super::problem::Problem;
use super::script;
use super::source::Migration;
use super::squash::{self, Squashed};
use crate::config::Profile;

/// What a database needs to be in step with the binary.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// To be applied, in order.
    pub pending: Vec<Migration>,
    /// Applied, and changed since.
    pub edited: Vec<Named>,
    /// Applied, and changed since in comments or white space only.
    pub cosmetic: Vec<Named>,
    /// On record, and not among the migrations there are.
    pub unknown: Vec<Unknown>,
    /// Begun, never ended well, and not to be tried again before somebody has looked.
    pub blocked: Vec<Blocked>,
    /// Being run at this moment; those that only the database knows too.
    pub running: Vec<RunningMigration>,
    /// Pending, and older than the newest on record.
    pub late: Vec<Named>,
    /// Not applied, and with nothing in them yet: `new` wrote them.
    pub empty: Vec<Named>,
    /// Files that have one version.
    pub duplicates: Vec<Named>,
    /// Stand for several, of which the database has some and lacks others.
    pub in_part: Vec<Named>,
    /// What became of each that is on record.
    pub(super) states: HashMap<i64, State>,
}

/// A migration, by what people call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
}

/// One that only the database knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Newer than any there is: the database is ahead. Otherwise its file is gone.
    pub ahead: bool,
    /// What became of it: [`State::Ahead`] or [`State::Missing`] where it is applied.
    pub state: State,
}

/// One that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// What is known of it.
    pub why: String,
}

/// A migration that is being run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningMigration {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Whether it is being taken back.
    pub is_reverted: bool,
    /// Whether its file is there. One that only the database knows is a newer release's matter.
    pub is_known: bool,
    /// Whether it is on record as applied: until the transaction that takes it back ends, all of it is there.
    pub is_applied: bool,
    /// When it began.
    pub since: DateTime<Utc>,
    /// The role that runs it.
    pub role: String,
}

/// What became of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is applied.
    Applied,
    /// It is applied, and comments or white space of its file were changed since.
    Cosmetic,
    /// It is applied, and its file was changed since.
    Edited,
    /// It is applied, and its file is gone.
    Missing,
    /// It is applied, and is newer than any that this binary knows.
    Ahead,
    /// It waits.
    Pending,
    /// It is not applied, and there is nothing in it yet.
    Empty,
    /// It is being run at this moment.
    Running,
    /// It failed, and nothing of it is left; the next deploy tries again.
    Failed,
    /// The process ended in the middle of it.
    Interrupted,
    /// It failed, and a part of it stands.
    Partial,
}

impl State {
    /// In a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied | Self::Cosmetic => "applied",
            Self::Edited => "edited",
            Self::Missing => "missing",
            Self::Ahead => "ahead",
            Self::Pending => "pending",
            Self::Empty => "empty",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Partial => "partial",
        }
    }
}

impl Named {
    pub(super) fn of(migration: &Migration) -> Self {
        Self { version: migration.version, name: migration.name.clone(), file: migration.up.file.clone() }
    }
}

impl Plan {
    pub(super) fn new(migrations: &[Migration], history: &History) -> Self {
        let mut plan = Self { duplicates: duplicates(migrations), ..Self::default() };
        let records: HashMap<i64, &Record> = history.records.iter().map(|record| (record.version, record)).collect();
        // Later ones take the place of earlier ones.
        let latest: HashMap<i64, &Attempt> =
            history.attempts.iter().map(|attempt| (attempt.version, attempt)).collect();
        // What was seen of a file counts only for the very file that is on record.
        let normalized: HashMap<i64, &[u8]> = history
            .attempts
            .iter()
            .filter(|attempt| attempt.outcome == Outcome::Succeeded && attempt.action != Action::Revert)
            .filter(|attempt| {
                let record = records.get(&attempt.version);
                record.is_some_and(|record| attempt.checksum.as_ref() == Some(&record.checksum))
            })
            .filter_map(|attempt| Some((attempt.version, attempt.normalized_checksum.as_deref()?)))
            .collect();
        let newest_applied = history.records.last().map(|record| record.version);
        let newest_known = migrations.last().map(|migration| migration.version);
        for migration in migrations {
            let version = migration.version;
            let attempt = latest.get(&version).copied();
            let squashed = plan.squashed(migration, &records);
            let state = match records.get(&version) {
                Some(record) if squashed && record.success => State::Applied,
                None => waiting(attempt),
                Some(record) if !record.success => begun(attempt),
                Some(_) if attempt.is_some_and(Attempt::running) => State::Running,
                Some(record) => {
                    match checksum::change(&migration.up, &record.checksum, normalized.get(&version).copied()) {
                        Change::None => State::Applied,
                        Change::Cosmetic => State::Cosmetic,
                        Change::Edited => State::Edited,
                    }
                }
            };
            plan.states.insert(version, state);
            match (records.get(&version), state) {
                (None, _) if plan.in_part.last().is_some_and(|named| named.version == version) => {}
                (None, State::Pending) if script::is_empty(&migration.up) => {
                    plan.states.insert(version, State::Empty);
                    plan.empty.push(Named::of(migration));
                }
                (None, _) => {
                    if Some(version) < newest_applied {
                        plan.late.push(Named::of(migration));
                    }
                    plan.pending.push(migration.clone());
                }
                (Some(record), State::Partial | State::Interrupted) if !record.success => {
                    plan.blocked.push(blocked(record, attempt));
                }
                (_, State::Edited) => plan.edited.push(Named::of(migration)),
                (_, State::Cosmetic) => plan.cosmetic.push(Named::of(migration)),
                _ => {}
            }
        }
        for record in &history.records {
            if plan.states.contains_key(&record.version) {
                continue;
            }
            let ahead = Some(record.version) > newest_known;
            let mut state = if ahead { State::Ahead } else { State::Missing };
            if !record.success {
                let attempt = latest.get(&record.version).copied();
                state = begun(attempt);
                if state != State::Running {
                    plan.blocked.push(blocked(record, attempt));
                }
            }
            plan.states.insert(record.version, state);
            plan.unknown.push(Unknown { version: record.version, name: record.name.clone(), ahead, state });
        }
        let running = latest.values().filter(|attempt| attempt.running());
        plan.running = running
            .map(|attempt| RunningMigration {
                version: attempt.version,
                name: attempt.name.clone(),
                is_reverted: attempt.action == Action::Revert,
                is_known: migrations.iter().any(|migration| migration.version == attempt.version),
                is_applied: records.get(&attempt.version).is_some_and(|record| record.success),
                since: attempt.started_at,
                role: attempt.role.clone(),
            })
            .collect();
        plan.running.sort_by_key(|one| one.version);
        plan
    }

    /// Whether a file stands for several, and the database has those, each as it was.
    fn squashed(&mut self, migration: &Migration, records: &HashMap<i64, &Record>) -> bool {
        let lists = squash::squashed(&migration.up);
        let is_there =
            |one: &Squashed| records.get(&one.version).is_some_and(|record| record.success && one.is(&record.checksum));
        let whole = lists.iter().any(|list| list.iter().all(is_there));
        let afresh = records.get(&migration.version).is_some_and(|record| record.checksum == migration.up.checksum());
        if !whole && !afresh && lists.iter().flatten().any(is_there) {
            self.in_part.push(Named::of(migration));
        }
        for one in lists.iter().flatten() {
            if one.version != migration.version && records.contains_key(&one.version) {
                self.states.insert(one.version, State::Applied);
            }
        }
        whole
    }

    /// What became of one.
    pub(super) fn state(&self, version: i64) -> State {
        self.states.get(&version).copied().unwrap_or(State::Pending)
    }

    /// What has to be mended before anything can be applied in this profile; the worst first.
    #[must_use]
    pub fn problem(&self, profile: Profile) -> Option<Problem> {
        self.problem_if(profile == Profile::Prod)
    }

    /// The same, for one who says whether files that came late are refused.
    #[must_use]
    pub(super) fn problem_if(&self, refuse_late: bool) -> Option<Problem> {
        if !self.duplicates.is_empty() {
            Some(Problem::Duplicates(self.duplicates.clone()))
        } else if !self.blocked.is_empty() {
            Some(Problem::Failed(self.blocked.clone()))
        } else if !self.running.is_empty() {
            Some(Problem::Running(self.running.clone()))
        } else if !self.in_part.is_empty() {
            Some(Problem::InPart(self.in_part.clone()))
        } else if !self.edited.is_empty() {
            Some(Problem::Edited(self.edited.clone()))
        } else if !self.unknown.is_empty() {
            Some(Problem::Unknown(self.unknown.clone()))
        } else if refuse_late && !self.late.is_empty() {
            Some(Problem::OutOfOrder(self.late.clone()))
        } else {
            None
        }
    }
}

fn duplicates(migrations: &[Migration]) -> Vec<Named> {
    let mut found: Vec<Named> = Vec::new();
    for pair in migrations.windows(2) {
        if let [one, other] = pair
            && one.version == other.version
        {
            found.extend(
                [Named::of(one), Named::of(other)]
                    .into_iter()
                    .filter(|named| !found.contains(named))
                    .collect::<Vec<_>>(),
            );
        }
    }
    found
}

/// One that is not on record: most often it was never tried.
fn waiting(latest: Option<&Attempt>) -> State {
    match latest {
        Some(attempt) if attempt.running() => State::Running,
        Some(attempt) if attempt.action == Action::Apply && attempt.interrupted() => State::Interrupted,
        Some(attempt) if attempt.action == Action::Apply && attempt.outcome == Outcome::RolledBack => State::Failed,
        _ => State::Pending,
    }
}

/// One that is on record as not done.
fn begun(latest: Option<&Attempt>) -> State {
    match latest {
        Some(attempt) if attempt.running() => State::Running,
        Some(attempt) if attempt.interrupted() => State::Interrupted,
        _ => State::Partial,
    }
}

impl fmt::Display for RunningMigration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.is_reverted { "taken back" } else { "applied" };
        let since = self.since.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(formatter, "{} {} is being {verb} since {since} by the role {}", self.version, self.name, self.role)
    }
}

fn blocked(record: &Record, latest: Option<&Attempt>) -> Blocked {
    let why = match latest {
        Some(attempt) if attempt.outcome != Outcome::Succeeded => left(attempt),
        Some(_) | None => {
            "another tool has put it on record as begun and not done; what it left is not known".to_owned()
        }
    };
    Blocked { version: record.version, name: record.name.clone(), why }
}

/// What an attempt at a file without a transaction left.
fn left(attempt: &Attempt) -> String {
    let mut text = match (attempt.interrupted(), attempt.statement) {
        (true, Some(number)) => format!("the process ended in the middle of its statement {number}"),
        (true, None) => "the process ended in the middle of it".to_owned(),
        (false, Some(number)) => format!("its statement {number} failed"),
        (false, None) => "it failed".to_owned(),
    };
    if let Some(line) = attempt.line {
        text += &format!(" (line {line})");
    }
    match attempt.statement {
        Some(2) => text += "; the one before it was done",
        Some(number) if number > 2 => text += &format!("; the {} before it were done", number - 1),
        _ => {}
    }
    if !attempt.left_behind.is_empty() {
        let noun = if attempt.left_behind.len() == 1 { "the invalid index" } else { "the invalid indexes" };
        text += &format!("; it left {noun} {}", attempt.left_behind.join(", "));
    }
    if let Some(message) = &attempt.message {
        text += &format!(": {message}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::source::Script;

    fn migration(version: i64, sql: &str) -> Migration {
        let up = Script::new(format!("{version}_x.up.sql"), sql.to_owned());
        Migration { version, name: "x".to_owned(), up, down: None }
    }

    fn record(of: &Migration, success: bool) -> Record {
        Record {
            version: of.version,
            name: of.name.clone(),
            installed_on: chrono::DateTime::UNIX_EPOCH,
            success,
            checksum: of.up.checksum().to_vec(),
            took: None,
        }
    }

    fn plan(migrations: &[Migration], records: &[Record]) -> Plan {
        Plan::new(migrations, &History { records: records.to_vec(), ..History::default() })
    }

    fn problem(plan: &Plan, profile: Profile) -> Option<&'static str> {
        plan.problem(profile).map(|problem| problem.code())
    }

    #[test]
    fn what_is_not_on_record_is_pending() {
        let there = [migration(1, "select 1"), migration(2, "select 2")];
        let plan = plan(&there, &[record(&there[0], true)]);
        assert_eq!(plan.pending.iter().map(|migration| migration.version).collect::<Vec<_>>(), [2]);
        assert_eq!(plan.problem(Profile::Prod), None);
    }

    #[test]
    fn what_differs_is_named() {
        let there = [migration(1, "select 1"), migration(2, "select 2")];
        let edited = plan(&[migration(1, "select 9")], &[record(&there[0], true)]);
        assert_eq!((problem(&edited, Profile::Dev), edited.edited[0].version), (Some("edited"), 1));
        let ahead = plan(&there[..1], &[record(&there[0], true), record(&there[1], true)]);
        assert!(problem(&ahead, Profile::Dev) == Some("unknown") && ahead.unknown[0].ahead);
        let missing = plan(&there[1..], &[record(&there[0], true), record(&there[1], true)]);
        assert!(problem(&missing, Profile::Dev) == Some("unknown") && !missing.unknown[0].ahead);
        let failed = plan(&there, &[record(&there[0], false)]);
        assert_eq!((problem(&failed, Profile::Dev), failed.blocked[0].version), (Some("failed_migration"), 1));
    }

    #[test]
    fn a_late_file_is_refused_in_prod_only() {
        let there = [migration(1, "select 1"), migration(2, "select 2")];
        let plan = plan(&there, &[record(&there[1], true)]);
        assert_eq!(problem(&plan, Profile::Dev), None);
        assert_eq!(problem(&plan, Profile::Prod), Some("out_of_order"));
    }

    #[test]
    fn two_files_of_one_version_are_refused_first() {
        let plan = plan(&[migration(1, "select 1"), migration(1, "select 2")], &[]);
        assert_eq!(problem(&plan, Profile::Dev), Some("duplicate_version"));
        assert_eq!(plan.duplicates.len(), 2);
    }
}
