//! What CI asks of the migrations: each can be taken back, all build the same schema again, `schema.sql` is what they build,
//! nobody edited what is applied, and nothing hurts a database in use.

use sqlx::postgres::PgConnectOptions;

use super::deploy::{deploy_on, prepare};
use super::lint::{Finding, LintOptions, Severity, lint};
use super::plan::Plan;
use super::problem::Problem;
use super::rollback::{Target, rollback_on};
use super::schema::{self, Catalog};
use super::session::Session;
use super::settings::Settings;
use super::side::{self, Side, Sources};
use super::source::Migration;
use super::{Exit, MigrateError, reset, script};

/// What was found out.
#[derive(Debug, Clone, Default)]
pub struct Verified {
    /// How many migrations there are.
    pub migrations: usize,
    /// What taking one back leaves different, one by one.
    pub down: Vec<String>,
    /// Those with nothing in them yet, which were left out.
    pub unfinished: Vec<String>,
    /// The newest that cannot be taken back; those before it were not tried.
    pub irreversible: Option<String>,
    /// What is different when all are applied again.
    pub again: Vec<String>,
    /// What `schema.sql` says and the migrations do not build, and the other way round; `None` if there is no such file.
    pub desired: Option<Vec<String>>,
    /// What the linter finds.
    pub findings: Vec<Finding>,
    /// What is wrong with the files against the database that is configured, if that has any on record.
    pub history: Option<Problem>,
}

impl Verified {
    /// Whether the linter found more than advice.
    #[must_use]
    pub fn hurts(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity < Severity::Advice)
    }

    /// What the command ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if let Some(problem) = &self.history {
            problem.exit()
        } else if !self.down.is_empty() || !self.again.is_empty() || self.hurts() {
            Exit::Failed
        } else if self.desired.as_ref().is_some_and(|differences| !differences.is_empty()) {
            Exit::Drift
        } else {
            Exit::Done
        }
    }
}

/// Looks at everything; only a shadow database is changed.
///
/// # Errors
/// [`MigrateError`], where a file cannot be run at all.
pub async fn verify(
    options: &PgConnectOptions,
    sources: Sources<'_>,
    settings: &Settings,
    linting: &LintOptions,
) -> Result<Verified, MigrateError> {
    Session::with(options, settings, async |session| {
        let history = session.history(sources.migrations).await?;
        let plan = Plan::new(sources.migrations, &history);
        prepare(&plan.pending, false)?;
        let mut verified = schema::in_shadow(session, async |shadow| on_shadow(shadow, sources).await).await?;
        verified.history = plan.problem_if(false);
        verified.findings = lint(sources.migrations, linting);
        Ok(verified)
    })
    .await
}

async fn on_shadow(shadow: &mut Session<'_>, sources: Sources<'_>) -> Result<Verified, MigrateError> {
    let (unfinished, finished): (Vec<Migration>, Vec<Migration>) =
        sources.migrations.iter().cloned().partition(|migration| script::is_empty(&migration.up));
    let migrations = finished.as_slice();
    let unfinished = unfinished.into_iter().map(|migration| migration.up.file).collect();
    let mut verified = Verified { migrations: migrations.len(), unfinished, ..Verified::default() };
    let mut whole = schema::read(&mut shadow.connection).await?;
    // Of what was there before each, only a fingerprint: a thousand schemas at once would fill the memory.
    let mut before = Vec::new();
    for number in 1..=migrations.len() {
        before.push(whole.fingerprint());
        deploy_on(shadow, &migrations[..number], &mut |_| ()).await?;
        whole = schema::read(&mut shadow.connection).await?;
    }
    for (number, migration) in migrations.iter().enumerate().rev() {
        let name = format!("{} {}", migration.version, migration.name);
        if migration.down.is_none() {
            verified.irreversible = Some(name);
            break;
        }
        rollback_on(shadow, &migrations[..=number], Target::Steps(1), &mut |_| ()).await?;
        let found = schema::read(&mut shadow.connection).await?;
        if found.fingerprint() == before[number] {
            continue;
        }
        reset::empty(shadow).await?;
        deploy_on(shadow, &migrations[..number], &mut |_| ()).await?;
        let left = found.differences_from(&schema::read(&mut shadow.connection).await?);
        if !left.is_empty() {
            // What a script leaves would be found at each one before it as well.
            verified.down = left.iter().map(|line| format!("{name}, taken back: {line}")).collect();
            break;
        }
    }
    if verified.down.is_empty() {
        deploy_on(shadow, migrations, &mut |_| ()).await?;
        verified.again = schema::read(&mut shadow.connection).await?.differences_from(&whole);
    }
    if sources.desired.is_some() {
        reset::empty(shadow).await?;
        let desired = side::build(shadow, sources, Side::Desired, &Catalog::default()).await?;
        verified.desired = Some(whole.differences_from(&desired));
    }
    Ok(verified)
}
