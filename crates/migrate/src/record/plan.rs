//! The plan: the migrations compared with the record of a database.

use std::collections::{HashMap, HashSet};

use crate::file::checksum::{FileChange, file_change};
use crate::file::script::is_empty;
use crate::file::source::Migration;
use crate::file::squashed::{SquashedMigration, squashed};
use crate::problem::{
    BlockedMigration, HistoryProblem, MigrationRef, MigrationState, RunningMigration, UnknownMigration,
};
use crate::profile::MigrationProfile;
use crate::record::attempt::{AttemptAction, AttemptOutcome, MigrationAttempt};
use crate::record::history::{MigrationHistory, MigrationRecord};

/// The migrations compared with the record of a database.
#[derive(Debug, Clone, Default)]
pub struct MigrationPlan {
    /// Migrations to be applied, in order.
    pub pending: Vec<Migration>,
    /// Applied migrations whose files were changed since.
    pub edited: Vec<MigrationRef>,
    /// Applied migrations of whose files only comments or white space were changed since.
    pub cosmetic: Vec<MigrationRef>,
    /// Recorded migrations without a file.
    pub unknown: Vec<UnknownMigration>,
    /// Migrations that failed half-way, and that a person has to resolve.
    pub blocked: Vec<BlockedMigration>,
    /// Running migrations, also those without a file.
    pub running: Vec<RunningMigration>,
    /// Pending migrations that are older than the newest recorded one.
    pub late: Vec<MigrationRef>,
    /// Migrations whose files have no statements yet.
    pub empty: Vec<MigrationRef>,
    /// Files that share their version with another file.
    pub duplicates: Vec<MigrationRef>,
    /// Squashed files of which the database has some of the replaced migrations, but not all.
    pub partly_squashed: Vec<MigrationRef>,
    /// The state of each migration.
    pub(crate) states: HashMap<i64, MigrationState>,
}

fn reference(migration: &Migration) -> MigrationRef {
    MigrationRef { version: migration.version, name: migration.name.clone(), file: migration.up.file.clone() }
}

/// A history by version.
struct HistoryLookup<'a> {
    records: HashMap<i64, &'a MigrationRecord>,
    /// The latest attempt of each version.
    latest: HashMap<i64, &'a MigrationAttempt>,
    /// The normalized checksums of the recorded files, as far as attempts have them.
    normalized: HashMap<i64, &'a [u8]>,
}

impl<'a> HistoryLookup<'a> {
    fn new(history: &'a MigrationHistory) -> Self {
        let records: HashMap<i64, &MigrationRecord> =
            history.records.iter().map(|record| (record.version, record)).collect();
        // Later attempts replace earlier ones.
        let latest = history.attempts.iter().map(|attempt| (attempt.version, attempt)).collect();
        // The normalized checksum of an attempt counts only if the attempt was with the recorded file.
        let normalized = history
            .attempts
            .iter()
            .filter(|attempt| attempt.outcome == AttemptOutcome::Succeeded && attempt.action != AttemptAction::Revert)
            .filter(|attempt| {
                let record = records.get(&attempt.version);
                record.is_some_and(|record| attempt.checksum.as_ref() == Some(&record.checksum))
            })
            .filter_map(|attempt| Some((attempt.version, attempt.normalized_checksum.as_deref()?)))
            .collect();
        Self { records, latest, normalized }
    }
}

impl MigrationPlan {
    /// Compares the migrations with the record.
    pub(crate) fn new(migrations: &[Migration], history: &MigrationHistory) -> Self {
        let mut plan = Self { duplicates: duplicates(migrations), ..Self::default() };
        let lookup = HistoryLookup::new(history);
        let newest_applied = history.records.last().map(|record| record.version);
        for migration in migrations {
            plan.add_file(migration, &lookup, newest_applied);
        }
        let newest_known = migrations.last().map(|migration| migration.version);
        for record in &history.records {
            plan.add_unknown(record, &lookup, newest_known);
        }
        let running = lookup.latest.values().filter(|attempt| attempt.running());
        plan.running = running
            .map(|attempt| RunningMigration {
                version: attempt.version,
                name: attempt.name.clone(),
                is_reverted: attempt.action == AttemptAction::Revert,
                is_known: migrations.iter().any(|migration| migration.version == attempt.version),
                is_applied: lookup.records.get(&attempt.version).is_some_and(|record| record.success),
                since: attempt.started_at,
                role: attempt.role.clone(),
            })
            .collect();
        plan.running.sort_by_key(|one| one.version);
        plan
    }

    /// Adds a migration that has a file.
    fn add_file(&mut self, migration: &Migration, lookup: &HistoryLookup<'_>, newest_applied: Option<i64>) {
        let version = migration.version;
        let (record, attempt) = (lookup.records.get(&version).copied(), lookup.latest.get(&version).copied());
        let is_squashed = self.note_squashed(migration, &lookup.records);
        let state = match record {
            Some(record) if is_squashed && record.success => MigrationState::Applied,
            None => unrecorded_state(attempt),
            Some(record) if !record.success => begun_state(attempt),
            Some(_) if attempt.is_some_and(MigrationAttempt::running) => MigrationState::Running,
            Some(record) => {
                let normalized = lookup.normalized.get(&version).copied();
                match file_change(&migration.up, &record.checksum, normalized) {
                    FileChange::None => MigrationState::Applied,
                    FileChange::Cosmetic => MigrationState::Cosmetic,
                    FileChange::Edited => MigrationState::Edited,
                }
            }
        };
        self.states.insert(version, state);
        match (record, state) {
            (None, _) if self.partly_squashed.last().is_some_and(|one| one.version == version) => {}
            (None, MigrationState::Pending) if is_empty(&migration.up) => {
                self.states.insert(version, MigrationState::Empty);
                self.empty.push(reference(migration));
            }
            (None, _) => {
                if Some(version) < newest_applied {
                    self.late.push(reference(migration));
                }
                self.pending.push(migration.clone());
            }
            (Some(record), MigrationState::Partial | MigrationState::Interrupted) if !record.success => {
                self.blocked.push(blocked(record, attempt));
            }
            (_, MigrationState::Edited) => self.edited.push(reference(migration)),
            (_, MigrationState::Cosmetic) => self.cosmetic.push(reference(migration)),
            _ => {}
        }
    }

    /// Adds a recorded migration if it has no file.
    fn add_unknown(&mut self, record: &MigrationRecord, lookup: &HistoryLookup<'_>, newest_known: Option<i64>) {
        if self.states.contains_key(&record.version) {
            return;
        }
        let ahead = Some(record.version) > newest_known;
        let mut state = if ahead { MigrationState::Ahead } else { MigrationState::Missing };
        if !record.success {
            let attempt = lookup.latest.get(&record.version).copied();
            state = begun_state(attempt);
            if state != MigrationState::Running {
                self.blocked.push(blocked(record, attempt));
            }
        }
        self.states.insert(record.version, state);
        self.unknown.push(UnknownMigration { version: record.version, name: record.name.clone(), ahead, state });
    }

    /// True if a file replaces several, and the database has all of those, unchanged.
    fn note_squashed(&mut self, migration: &Migration, records: &HashMap<i64, &MigrationRecord>) -> bool {
        let lists = squashed(&migration.up);
        let is_there = |one: &SquashedMigration| {
            records.get(&one.version).is_some_and(|record| record.success && one.has_checksum(&record.checksum))
        };
        let whole = lists.iter().any(|list| list.iter().all(is_there));
        let afresh = records.get(&migration.version).is_some_and(|record| record.checksum == migration.up.checksum());
        if !whole && !afresh && lists.iter().flatten().any(is_there) {
            self.partly_squashed.push(reference(migration));
        }
        for one in lists.iter().flatten() {
            if one.version != migration.version && records.contains_key(&one.version) {
                self.states.insert(one.version, MigrationState::Applied);
            }
        }
        whole
    }

    /// The state of a migration.
    pub(crate) fn state(&self, version: i64) -> MigrationState {
        self.states.get(&version).copied().unwrap_or(MigrationState::Pending)
    }

    /// The worst problem that has to be fixed before anything can be applied in this profile.
    #[must_use]
    pub fn problem(&self, profile: MigrationProfile) -> Option<HistoryProblem> {
        self.problem_if(profile == MigrationProfile::Prod)
    }

    /// The same, with an explicit choice about files that are older than the newest applied one.
    #[must_use]
    pub(crate) fn problem_if(&self, refuse_out_of_order: bool) -> Option<HistoryProblem> {
        if !self.duplicates.is_empty() {
            Some(HistoryProblem::Duplicates(self.duplicates.clone()))
        } else if !self.blocked.is_empty() {
            Some(HistoryProblem::Failed(self.blocked.clone()))
        } else if !self.running.is_empty() {
            Some(HistoryProblem::Running(self.running.clone()))
        } else if !self.partly_squashed.is_empty() {
            Some(HistoryProblem::PartlySquashed(self.partly_squashed.clone()))
        } else if !self.edited.is_empty() {
            Some(HistoryProblem::Edited(self.edited.clone()))
        } else if !self.unknown.is_empty() {
            Some(HistoryProblem::Unknown(self.unknown.clone()))
        } else if refuse_out_of_order && !self.late.is_empty() {
            Some(HistoryProblem::OutOfOrder(self.late.clone()))
        } else {
            None
        }
    }
}

impl MigrationHistory {
    /// The migrations that the database has.
    pub(crate) fn applied(&self, migrations: &[Migration]) -> Vec<Migration> {
        let applied: HashSet<i64> =
            self.records.iter().filter(|record| record.success).map(|record| record.version).collect();
        migrations.iter().filter(|migration| applied.contains(&migration.version)).cloned().collect()
    }
}

fn duplicates(migrations: &[Migration]) -> Vec<MigrationRef> {
    let mut found: Vec<MigrationRef> = Vec::new();
    for pair in migrations.windows(2) {
        if let [one, other] = pair
            && one.version == other.version
        {
            found.extend(
                [reference(one), reference(other)]
                    .into_iter()
                    .filter(|named| !found.contains(named))
                    .collect::<Vec<_>>(),
            );
        }
    }
    found
}

/// The state of a migration that is not on record. Most often it was never tried.
fn unrecorded_state(latest: Option<&MigrationAttempt>) -> MigrationState {
    match latest {
        Some(attempt) if attempt.running() => MigrationState::Running,
        Some(attempt) if attempt.action == AttemptAction::Apply && attempt.interrupted() => MigrationState::Interrupted,
        Some(attempt) if attempt.action == AttemptAction::Apply && attempt.outcome == AttemptOutcome::RolledBack => {
            MigrationState::Failed
        }
        _ => MigrationState::Pending,
    }
}

/// The state of a migration that is on record as not completed.
fn begun_state(latest: Option<&MigrationAttempt>) -> MigrationState {
    match latest {
        Some(attempt) if attempt.running() => MigrationState::Running,
        Some(attempt) if attempt.interrupted() => MigrationState::Interrupted,
        _ => MigrationState::Partial,
    }
}

fn blocked(record: &MigrationRecord, latest: Option<&MigrationAttempt>) -> BlockedMigration {
    let why = match latest {
        Some(attempt) if attempt.outcome != AttemptOutcome::Succeeded => remains_of(attempt),
        Some(_) | None => "another tool recorded it as begun and not completed; what it left is unknown".to_owned(),
    };
    BlockedMigration { version: record.version, name: record.name.clone(), why }
}

/// A description of what an attempt without a transaction left.
fn remains_of(attempt: &MigrationAttempt) -> String {
    let mut text = match (attempt.interrupted(), attempt.statement) {
        (true, Some(number)) => format!("the process ended in the middle of its statement {number}"),
        (true, None) => "the process ended in the middle of it".to_owned(),
        (false, Some(number)) => format!("its statement {number} failed"),
        (false, None) => "it failed".to_owned(),
    };
    if attempt.action == AttemptAction::Revert {
        text = format!("while it was rolled back, {text}");
    }
    if let Some(line) = attempt.line {
        text += &format!(" (line {line})");
    }
    match attempt.statement {
        Some(2) => text += "; the one before it was completed",
        Some(number) if number > 2 => text += &format!("; the {} before it were completed", number - 1),
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
    use crate::file::source::Script;

    fn migration(version: i64, sql: &str) -> Migration {
        let up = Script::new(format!("{version}_x.up.sql"), sql.to_owned());
        Migration { version, name: "x".to_owned(), up, down: None }
    }

    fn record(of: &Migration, success: bool) -> MigrationRecord {
        MigrationRecord {
            version: of.version,
            name: of.name.clone(),
            installed_on: chrono::DateTime::UNIX_EPOCH,
            success,
            checksum: of.up.checksum().to_vec(),
            took: None,
        }
    }

    fn plan(migrations: &[Migration], records: &[MigrationRecord]) -> MigrationPlan {
        MigrationPlan::new(migrations, &MigrationHistory { records: records.to_vec(), ..MigrationHistory::default() })
    }

    fn problem(plan: &MigrationPlan, profile: MigrationProfile) -> Option<&'static str> {
        plan.problem(profile).map(|problem| problem.code())
    }

    #[test]
    fn what_is_not_on_record_is_pending() {
        let there = [migration(1, "select 1"), migration(2, "select 2")];
        let plan = plan(&there, &[record(&there[0], true)]);
        assert_eq!(plan.pending.iter().map(|migration| migration.version).collect::<Vec<_>>(), [2]);
        assert_eq!(plan.problem(MigrationProfile::Prod), None);
    }

    #[test]
    fn what_differs_is_named() {
        let there = [migration(1, "select 1"), migration(2, "select 2")];
        let edited = plan(&[migration(1, "select 9")], &[record(&there[0], true)]);
        assert_eq!((problem(&edited, MigrationProfile::Dev), edited.edited[0].version), (Some("edited"), 1));
        let ahead = plan(&there[..1], &[record(&there[0], true), record(&there[1], true)]);
        assert!(problem(&ahead, MigrationProfile::Dev) == Some("unknown") && ahead.unknown[0].ahead);
        let missing = plan(&there[1..], &[record(&there[0], true), record(&there[1], true)]);
        assert!(problem(&missing, MigrationProfile::Dev) == Some("unknown") && !missing.unknown[0].ahead);
        let failed = plan(&there, &[record(&there[0], false)]);
        assert_eq!((problem(&failed, MigrationProfile::Dev), failed.blocked[0].version), (Some("failed_migration"), 1));
    }

    #[test]
    fn a_late_file_is_refused_in_prod_only() {
        let there = [migration(1, "select 1"), migration(2, "select 2")];
        let plan = plan(&there, &[record(&there[1], true)]);
        assert_eq!(problem(&plan, MigrationProfile::Dev), None);
        assert_eq!(problem(&plan, MigrationProfile::Prod), Some("out_of_order"));
    }

    #[test]
    fn two_files_of_one_version_are_refused_first() {
        let plan = plan(&[migration(1, "select 1"), migration(1, "select 2")], &[]);
        assert_eq!(problem(&plan, MigrationProfile::Dev), Some("duplicate_version"));
        assert_eq!(plan.duplicates.len(), 2);
    }
}
