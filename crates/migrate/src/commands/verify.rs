//! `verify`, for CI: each migration can be rolled back, all build the same schema again, the schema file is what they build,
//! no applied file was edited, and the linter finds nothing harmful.

use std::ops::ControlFlow;

use crate::error::MigrateError;
use crate::exit::Exit;
use crate::file::script::is_empty;
use crate::file::source::{Migration, Script};
use crate::lint::{Finding, LintFilter, Severity, lint};
use crate::migrator::Migrator;
use crate::problem::HistoryProblem;
use crate::propose::shadow::in_shadow;
use crate::propose::sources::{SchemaSource, SourceFiles, build};
use crate::record::plan::MigrationPlan;
use crate::run::apply::{apply_pending, apply_with, prepare_all};
use crate::run::empty::empty;
use crate::run::revert::{RollbackTarget, roll_back_with};
use crate::run::session::MigrationSession;
use crate::schema::catalog::{Catalog, read_catalog};
use crate::schema::tracker::{SchemaFingerprint, SchemaTracker};

/// The outcome of [`Migrator::verify`].
#[derive(Debug, Clone, Default)]
pub struct VerifyReport {
    /// The number of migrations.
    pub migrations: usize,
    /// Differences that rolling back a migration leaves.
    pub down: Vec<String>,
    /// Files without statements, which were skipped.
    pub unfinished: Vec<String>,
    /// The newest migration that cannot be rolled back. Those before it were not rolled back.
    pub irreversible: Option<String>,
    /// Differences after all migrations were applied again.
    pub again: Vec<String>,
    /// Differences between the schema file and what the migrations build; `None` if there is no such file.
    pub desired: Option<Vec<String>>,
    /// The linter's findings.
    pub findings: Vec<Finding>,
    /// The problem of the files with the record of the configured database, if it has one.
    pub history: Option<HistoryProblem>,
}

impl VerifyReport {
    /// True if the linter found more than advice.
    #[must_use]
    pub fn has_harmful_findings(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity < Severity::Advice)
    }

    /// The exit code of the command.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if let Some(problem) = &self.history {
            problem.exit()
        } else if !self.down.is_empty() || !self.again.is_empty() || self.has_harmful_findings() {
            Exit::Failed
        } else if self.desired.as_ref().is_some_and(|differences| !differences.is_empty()) {
            Exit::Drift
        } else {
            Exit::Done
        }
    }
}

impl Migrator {
    /// Verifies the migrations. `desired` is the schema file. Only a shadow database is changed.
    ///
    /// # Errors
    /// [`MigrateError`] if a file cannot be run at all.
    pub async fn verify(&self, desired: Option<&Script>, filter: &LintFilter) -> Result<VerifyReport, MigrateError> {
        let sources = SourceFiles { migrations: &self.migrations, desired };
        MigrationSession::with(&self.database, &self.settings, async |session| {
            let history = session.history(sources.migrations).await?;
            let plan = MigrationPlan::new(sources.migrations, &history);
            prepare_all(&plan.pending, false)?;
            let mut report = in_shadow(session, async |shadow| verify_in(shadow, sources).await).await?;
            report.history = plan.problem_if(false);
            report.findings = lint(sources.migrations, filter);
            Ok(report)
        })
        .await
    }
}

async fn verify_in(shadow: &mut MigrationSession<'_>, sources: SourceFiles<'_>) -> Result<VerifyReport, MigrateError> {
    let (unfinished, finished): (Vec<Migration>, Vec<Migration>) =
        sources.migrations.iter().cloned().partition(|migration| is_empty(&migration.up));
    let migrations = finished.as_slice();
    let unfinished = unfinished.into_iter().map(|migration| migration.up.file).collect();
    let mut report = VerifyReport { migrations: migrations.len(), unfinished, ..VerifyReport::default() };
    let (mut whole, is_reliable) =
        apply_and_roll_back(shadow, migrations, SchemaTracker::default(), &mut report).await?;
    if !is_reliable {
        // The tracker has missed a change.
        empty(shadow).await?;
        report.down.clear();
        (whole, _) = apply_and_roll_back(shadow, migrations, SchemaTracker::thorough(), &mut report).await?;
    }
    if report.down.is_empty() {
        apply_pending(shadow, migrations, &mut |_| ()).await?;
        report.again = read_catalog(&mut shadow.connection).await?.differences_from(&whole);
    }
    if sources.desired.is_some() {
        empty(shadow).await?;
        let desired = build(shadow, sources, SchemaSource::Desired, &Catalog::default()).await?;
        report.desired = Some(whole.differences_from(&desired));
    }
    Ok(report)
}

/// Applies the migrations one by one, and rolls them back. Returns the schema that they build, and false if the tracker is not
/// reliable.
async fn apply_and_roll_back(
    shadow: &mut MigrationSession<'_>,
    migrations: &[Migration],
    mut tracker: SchemaTracker,
    report: &mut VerifyReport,
) -> Result<(Catalog, bool), MigrateError> {
    // Only a fingerprint of each state: a thousand schemas at once would fill the memory.
    let mut states = vec![tracker.read(&mut shadow.connection).await?];
    apply_with(shadow, migrations, &mut |_| (), &mut async |shadow| {
        states.push(tracker.read(&mut shadow.connection).await?);
        Ok(())
    })
    .await?;
    let whole = read_catalog(&mut shadow.connection).await?;
    if !is_reliable(shadow, &mut tracker).await? {
        return Ok((whole, false));
    }
    roll_back_each(shadow, migrations, (&states, &mut tracker), report).await?;
    let is_reliable = is_reliable(shadow, &mut tracker).await?;
    Ok((whole, is_reliable))
}

/// True if a tracker has noticed all changes.
async fn is_reliable(shadow: &mut MigrationSession<'_>, tracker: &mut SchemaTracker) -> Result<bool, MigrateError> {
    Ok(tracker.read(&mut shadow.connection).await? == tracker.read_all(&mut shadow.connection).await?)
}

/// Rolls the migrations back one by one, and compares with the fingerprint of the state before each.
async fn roll_back_each(
    shadow: &mut MigrationSession<'_>,
    migrations: &[Migration],
    (states, tracker): (&[SchemaFingerprint], &mut SchemaTracker),
    report: &mut VerifyReport,
) -> Result<(), MigrateError> {
    let irreversible = migrations.iter().rposition(|migration| migration.down.as_ref().is_none_or(is_empty));
    report.irreversible = irreversible.map(|number| title(&migrations[number]));
    let last = irreversible.map_or(0, |number| number + 1);
    // The number of migrations that are applied.
    let mut applied = migrations.len();
    while applied > last {
        let steps = RollbackTarget::Steps(applied - last);
        let mut differs = false;
        roll_back_with(shadow, &migrations[..applied], steps, &mut |_| (), &mut async |shadow| {
            applied -= 1;
            differs = Some(&tracker.read(&mut shadow.connection).await?) != states.get(applied);
            Ok(if differs { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .await?;
        if !differs {
            break;
        }
        let found = read_catalog(&mut shadow.connection).await?;
        empty(shadow).await?;
        apply_pending(shadow, &migrations[..applied], &mut |_| ()).await?;
        let left = found.differences_from(&read_catalog(&mut shadow.connection).await?);
        if !left.is_empty() {
            // The same difference would be found at each earlier migration too.
            let name = title(&migrations[applied]);
            report.down = left.iter().map(|line| format!("{name}, rolled back: {line}")).collect();
            break;
        }
    }
    Ok(())
}

fn title(migration: &Migration) -> String {
    format!("{} {}", migration.version, migration.name)
}
