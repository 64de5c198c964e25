//! `verify`, for CI: each migration can be rolled back, all build the same schema again, the schema file is what they build,
//! no applied file was edited, and the linter finds nothing harmful.

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
use crate::run::apply::{apply_pending, prepare_all};
use crate::run::empty::empty;
use crate::run::revert::{RollbackTarget, roll_back};
use crate::run::session::MigrationSession;
use crate::schema::catalog::{Catalog, read_catalog};

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
    let mut whole = read_catalog(&mut shadow.connection).await?;
    // Only a fingerprint of each state: a thousand schemas at once would fill the memory.
    let mut before = Vec::new();
    for number in 1..=migrations.len() {
        before.push(whole.fingerprint());
        apply_pending(shadow, &migrations[..number], &mut |_| ()).await?;
        whole = read_catalog(&mut shadow.connection).await?;
    }
    roll_back_each(shadow, migrations, &before, &mut report).await?;
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

/// Rolls the migrations back one by one, and compares with the fingerprint of the state before each.
async fn roll_back_each(
    shadow: &mut MigrationSession<'_>,
    migrations: &[Migration],
    before: &[Vec<u8>],
    report: &mut VerifyReport,
) -> Result<(), MigrateError> {
    for (number, migration) in migrations.iter().enumerate().rev() {
        let name = format!("{} {}", migration.version, migration.name);
        if migration.down.as_ref().is_none_or(is_empty) {
            report.irreversible = Some(name);
            break;
        }
        roll_back(shadow, &migrations[..=number], RollbackTarget::Steps(1), &mut |_| ()).await?;
        let found = read_catalog(&mut shadow.connection).await?;
        if found.fingerprint() == before[number] {
            continue;
        }
        empty(shadow).await?;
        apply_pending(shadow, &migrations[..number], &mut |_| ()).await?;
        let left = found.differences_from(&read_catalog(&mut shadow.connection).await?);
        if !left.is_empty() {
            // The same difference would be found at each earlier migration too.
            report.down = left.iter().map(|line| format!("{name}, rolled back: {line}")).collect();
            break;
        }
    }
    Ok(())
}
