//! `dev`: applies pending migrations, and writes the difference between the schema file and the migrations as the next
//! migration.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::commands::agreement::{Ask, accept_losses, confirmed_renames};
use crate::commands::develop_options::DevelopOptions;
use crate::commands::resolve::record_as_applied;
use crate::commands::sync_schema::append_to_schema;
use crate::error::MigrateError;
use crate::event::{CompletedMigration, MigrateEvent};
use crate::file::checkout::Checkout;
use crate::file::script::unwritten_down;
use crate::file::source::{Migration, Script, read_files, read_folder};
use crate::file::write::{create_pair, write_pair};
use crate::lint::{Finding, LintFilter, lint};
use crate::migrator::Migrator;
use crate::propose::proposal::{Proposal, propose};
use crate::propose::shadow::in_shadow;
use crate::propose::sources::{SchemaSource, SourceFiles, build, propose_between};
use crate::run::apply::apply_pending;
use crate::run::empty::empty;
use crate::run::session::MigrationSession;
use crate::schema::catalog::{Catalog, read_catalog};
use crate::schema::context::PlanMode;
use crate::schema::hints::{RenameHint, rename_hints};

/// The number of earlier states that are compared with a schema file that looks outdated.
const STATES_BACK: usize = 10;

/// The outcome of [`Migrator::develop`].
#[derive(Debug, Clone, Default)]
pub struct DevelopOutcome {
    /// The migrations that were applied.
    pub applied: Vec<CompletedMigration>,
    /// The files that were written.
    pub files: Vec<PathBuf>,
    /// The changes in them.
    pub differences: Vec<String>,
    /// The hazards of the changes.
    pub hazards: Vec<String>,
    /// Changes that a person has to write. The files are unfinished then, and were not applied.
    pub by_hand: Vec<String>,
    /// The linter's findings in the files.
    pub findings: Vec<Finding>,
    /// Down scripts of applied migrations that have no statements yet.
    pub unwritten_downs: Vec<String>,
    /// True if the database had the changes already, and they were recorded as applied.
    pub recorded: bool,
    /// True if there is no schema file.
    pub no_schema: bool,
    /// True if changes that were not written from the schema file were appended to it.
    pub schema_updated: bool,
}

/// The parameters of one run of [`Migrator::develop`].
struct Development<'a> {
    migrator: Migrator,
    checkout: &'a Checkout,
    options: &'a DevelopOptions,
    now: DateTime<Utc>,
}

impl Migrator {
    /// Applies pending migrations of the checkout, and writes and applies the next one if the schema file differs from what
    /// they build. The migrations of the folder take the place of [`Migrator::migrations`].
    ///
    /// # Errors
    /// [`MigrateError`]; then nothing was written, or the message says that written files were not applied.
    pub async fn develop(
        &self,
        checkout: &Checkout,
        options: &DevelopOptions,
        now: DateTime<Utc>,
        mut ask: impl Ask,
        mut report: impl FnMut(MigrateEvent),
    ) -> Result<DevelopOutcome, MigrateError> {
        let migrator = self.clone().with_folder(&checkout.folder)?;
        let mut development = Development { migrator, checkout, options, now };
        let mut applied = Vec::new();
        if !options.create_only {
            applied = development.migrator.deploy(&mut report).await?;
        }
        let new: Vec<i64> = applied.iter().map(|one| one.version).collect();
        let schema_updated = !new.is_empty() && append_to_schema(&development.migrator, checkout, &new).await?;
        let mut outcome = development.write_next(&mut ask, &mut report).await?;
        applied.append(&mut outcome.applied);
        outcome.unwritten_downs = unwritten_downs(&development.migrator.migrations, &applied);
        outcome.schema_updated |= schema_updated && outcome.files.is_empty();
        Ok(DevelopOutcome { applied, ..outcome })
    }
}

impl Development<'_> {
    async fn write_next(
        &mut self,
        ask: &mut impl Ask,
        report: &mut impl FnMut(MigrateEvent),
    ) -> Result<DevelopOutcome, MigrateError> {
        let desired = self.checkout.desired()?;
        if self.options.adopt {
            return self.adopt(ask).await;
        }
        let Some(desired) = desired.as_ref() else {
            let files = self.options.name.as_deref().map_or_else(|| Ok(Vec::new()), |name| self.create_empty(name))?;
            return Ok(DevelopOutcome { no_schema: true, files, ..DevelopOutcome::default() });
        };
        let (proposal, is_pushed) = self.compare_until_confirmed(desired, ask).await?;
        if proposal.differences.is_empty() {
            let name = self.options.name.as_deref().filter(|_| self.options.create_only);
            let files = name.map_or_else(|| Ok(Vec::new()), |name| self.create_empty(name))?;
            return Ok(DevelopOutcome { files, ..DevelopOutcome::default() });
        }
        let Some(name) = &self.options.name else {
            return Err(MigrateError::Differs {
                summary: format!(
                    "{} is not what the migrations build; nothing was written. Write the next migration with `{}`:",
                    desired.file,
                    self.migrator.settings.names.migrate("dev --name NAME")
                ),
                differences: proposal.differences,
            });
        };
        accept_losses(&proposal, self.options, ask)?;
        let outcome = self.write(proposal, name).await?;
        if self.options.create_only || !outcome.by_hand.is_empty() {
            return Ok(outcome);
        }
        self.migrator = self.migrator.clone().with_folder(&self.checkout.folder)?;
        if is_pushed {
            self.record(&outcome).await?;
            return Ok(DevelopOutcome { recorded: true, ..outcome });
        }
        let applied = self.migrator.deploy(report).await?;
        Ok(DevelopOutcome { applied, ..outcome })
    }

    fn create_empty(&self, name: &str) -> Result<Vec<PathBuf>, MigrateError> {
        create_pair(&self.checkout.folder, name, self.now)
    }

    /// Compares again and again until every likely rename is confirmed or denied. The flag is true if the database has the
    /// changes already.
    async fn compare_until_confirmed(
        &self,
        desired: &Script,
        ask: &mut impl Ask,
    ) -> Result<(Proposal, bool), MigrateError> {
        let Migrator { migrations, database, settings } = &self.migrator;
        let sources = SourceFiles { migrations, desired: Some(desired) };
        let mut hints = rename_hints(desired.text());
        loop {
            let found = MigrationSession::with(database, settings, async |session| {
                compare(session, sources, &hints, self.options).await
            })
            .await?;
            let more = confirmed_renames(&found.0, self.options, ask)?;
            if more.is_empty() {
                return Ok(found);
            }
            hints.extend(more);
        }
    }

    /// Writes the files of a proposal. The lock keeps two commands from writing at once.
    async fn write(&self, proposal: Proposal, name: &str) -> Result<DevelopOutcome, MigrateError> {
        let Migrator { migrations, database, settings } = &self.migrator;
        MigrationSession::with_lock(database, settings, async |_| {
            write_files(self.checkout, migrations, proposal, name, self.now)
        })
        .await
    }

    /// Records that the database has the changes of the written files.
    async fn record(&self, outcome: &DevelopOutcome) -> Result<(), MigrateError> {
        let written = |one: &&Migration| outcome.files.iter().any(|path| Path::new(&one.up.file) == path.as_path());
        let versions: Vec<i64> = self.migrator.migrations.iter().filter(written).map(|one| one.version).collect();
        record_as_applied(&self.migrator, &versions).await
    }

    /// Makes a migration of changes that were made by hand, and records it as applied.
    async fn adopt(&mut self, ask: &mut impl Ask) -> Result<DevelopOutcome, MigrateError> {
        let Some(name) = &self.options.name else {
            return Err(MigrateError::InvalidRequest(format!(
                "the migration needs a name: `{}`; nothing was written.",
                self.migrator.settings.names.migrate("dev --adopt --name NAME")
            )));
        };
        let Migrator { migrations, database, settings } = &self.migrator;
        let known: Vec<i64> = migrations.iter().map(|one| one.version).collect();
        let sources = SourceFiles { migrations, desired: None };
        let proposal = MigrationSession::with(database, settings, async |session| {
            let sides = (SchemaSource::Migrations, SchemaSource::Database);
            propose_between(session, sources, sides, &[], PlanMode::Online).await
        })
        .await?;
        if proposal.differences.is_empty() {
            return Ok(DevelopOutcome::default());
        }
        accept_losses(&proposal, self.options, ask)?;
        let outcome = self.write(proposal, name).await?;
        if !outcome.by_hand.is_empty() {
            return Ok(outcome);
        }
        self.migrator = self.migrator.clone().with_folder(&self.checkout.folder)?;
        self.record(&outcome).await?;
        let versions = self.migrator.migrations.iter().map(|one| one.version);
        let new: Vec<i64> = versions.filter(|version| !known.contains(version)).collect();
        let schema_updated = append_to_schema(&self.migrator, self.checkout, &new).await?;
        Ok(DevelopOutcome { recorded: true, schema_updated, ..outcome })
    }
}

fn unwritten_downs(migrations: &[Migration], applied: &[CompletedMigration]) -> Vec<String> {
    let is_applied = |one: &&Migration| applied.iter().any(|done| done.version == one.version);
    migrations.iter().filter(is_applied).filter_map(|one| Some(unwritten_down(one)?.file.clone())).collect()
}

/// The changes to be written, and a flag that is true if the database has them already.
async fn compare(
    session: &mut MigrationSession<'_>,
    sources: SourceFiles<'_>,
    hints: &[RenameHint],
    options: &DevelopOptions,
) -> Result<(Proposal, bool), MigrateError> {
    let database = session.schema().await?;
    let (rows_role, names) = (session.settings.rows_role.clone(), session.settings.names);
    in_shadow(session, async |shadow| {
        let target = build(shadow, sources, SchemaSource::Desired, &Catalog::default()).await?;
        empty(shadow).await?;
        let built = build(shadow, sources, SchemaSource::Migrations, &Catalog::default()).await?;
        let drift = if options.create_only {
            Vec::new()
        } else {
            database.differences_from(&built.clone().without_privileges_of(rows_role.as_deref()))
        };
        let is_pushed = !drift.is_empty() && database.differences_from(&target).is_empty();
        if !drift.is_empty() && !is_pushed {
            return Err(MigrateError::Differs {
                summary: format!(
                    "the database is not what the migrations build; nothing was written. Undo what was done by hand; or make \
                     a migration of it with `{}`; or start over with `{}`:",
                    names.migrate("dev --adopt --name NAME"),
                    names.migrate("reset")
                ),
                differences: drift,
            });
        }
        let agreed = options.accept_data_loss || !options.drop.is_empty();
        if !agreed && built.has_objects_missing_in(&target) {
            empty(shadow).await?;
            refuse_outdated_file(shadow, sources, &target).await?;
        }
        Ok((propose(shadow, &target, hints, PlanMode::Online).await?, is_pushed))
    })
    .await
}

/// Refuses a schema file that is what the migrations built some time ago: it was forgotten, and would undo what was written by
/// hand since. The shadow has all migrations afterwards.
async fn refuse_outdated_file(
    shadow: &mut MigrationSession<'_>,
    sources: SourceFiles<'_>,
    target: &Catalog,
) -> Result<(), MigrateError> {
    let migrations = sources.migrations;
    let first = migrations.len().saturating_sub(STATES_BACK);
    for number in first..=migrations.len() {
        apply_pending(shadow, &migrations[..number], &mut |_| ()).await?;
        let state = read_catalog(&mut shadow.connection).await?;
        if number > 0 && number < migrations.len() && state.differences_from(target).is_empty() {
            let newer: Vec<String> =
                migrations[number..].iter().map(|one| format!("{} {}", one.version, one.name)).collect();
            let pull = shadow
                .settings
                .names
                .pull
                .map_or_else(String::new, |pull| format!(", or write the file anew with `{pull} --force`"));
            return Err(MigrateError::Differs {
                summary: format!(
                    "schema.sql is what the migrations up to {} build, and was not changed with those after it; nothing was \
                     written. Add what they build{pull}; or, if that is to be undone, confirm it with --accept-data-loss:",
                    migrations[number - 1].version
                ),
                differences: newer,
            });
        }
    }
    Ok(())
}

fn write_files(
    checkout: &Checkout,
    known: &[Migration],
    proposal: Proposal,
    name: &str,
    now: DateTime<Utc>,
) -> Result<DevelopOutcome, MigrateError> {
    let versions = |migrations: &[Migration]| migrations.iter().map(|one| one.version).collect::<Vec<_>>();
    if versions(&read_folder(&checkout.folder)?) != versions(known) {
        return Err(MigrateError::Unsafe {
            summary: "another command wrote migrations meanwhile; nothing was written. Run the command again."
                .to_owned(),
            details: Vec::new(),
        });
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    for draft in &proposal.drafts {
        let name = if draft.purpose.is_empty() { name.to_owned() } else { format!("{name} {}", draft.purpose) };
        match write_pair(&checkout.folder, &name, now, (&draft.up, &draft.down)) {
            Ok(pair) => paths.extend(pair),
            Err(error) => {
                // All of them or none. A file that cannot be removed is found by the next command.
                for path in &paths {
                    let _ = std::fs::remove_file(path);
                }
                return Err(error);
            }
        }
    }
    let ups: Vec<PathBuf> = paths.iter().filter(|path| path.to_string_lossy().ends_with(".up.sql")).cloned().collect();
    Ok(DevelopOutcome {
        findings: lint(&read_files(&ups)?, &LintFilter::default()),
        files: paths,
        differences: proposal.differences,
        hazards: proposal.hazards,
        by_hand: proposal.by_hand,
        ..DevelopOutcome::default()
    })
}
