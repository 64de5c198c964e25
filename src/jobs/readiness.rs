//! Finds out whether the API can work: does the database answer, and has it the schema that this binary needs?

use std::time::Duration;

use migrate_toolkit::{HistoryProblem, Migration, MigrationPlan, MigrationState, RunningMigration, plan_on};

use crate::config::Profile;
use crate::db::explain::Chain;
use crate::db::pool::{Lease, Pools, is_read_only};
use crate::http::readiness::{Readiness, ReadinessState};
use crate::migrations;
use crate::program::MIGRATION_NAMES;

/// While the API cannot work, it has to be ready soon after it could: within 2 s of a deploy.
const PAUSE_NOT_READY: Duration = Duration::from_millis(500);
const PAUSE_READY: Duration = Duration::from_secs(2);

/// Longer than this, and the database counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks again and again.
pub(super) async fn watch(pools: Pools, profile: Profile, state: ReadinessState) {
    let migrations = migrations::compiled();
    let mut told = None;
    loop {
        state.set(look(&pools, profile, &migrations, &mut told).await);
        tokio::time::sleep(if state.serves() { PAUSE_READY } else { PAUSE_NOT_READY }).await;
    }
}

/// `told` is the last thing that the log said of the database, so that it is said once and not twice a second.
async fn look(pools: &Pools, profile: Profile, migrations: &[Migration], told: &mut Option<String>) -> Readiness {
    let mut lease = None;
    let looked = tokio::time::timeout(PATIENCE, find_out(pools, migrations, &mut lease)).await;
    let problem = match looked {
        Ok(Ok(Found::Plan(plan))) => {
            if told.take().is_some() {
                tracing::info!("the database can be used again");
            }
            // Its every answer was read.
            if let Some(lease) = lease {
                lease.release();
            }
            return readiness(*plan, profile);
        }
        Ok(Ok(Found::Forbidden)) => {
            return Readiness::MigrationsWrong {
                problem:
                    "the role that serves may not read the database's tables; run `app migrate deploy`, which gives \
                          it the right"
                        .to_owned(),
            };
        }
        Ok(Ok(Found::ReadOnly)) => {
            // So new connections reach the new primary once the name or the proxy leads there.
            pools.renew();
            "it is read-only: a standby, or a primary that was demoted".to_owned()
        }
        Ok(Err(error)) => Chain(error.as_ref()).to_string(),
        Err(_) => format!("it does not answer within {}", humantime::format_duration(PATIENCE)),
    };
    if let Some(lease) = lease {
        lease.discard();
    }
    if told.as_ref() != Some(&problem) {
        tracing::warn!("the database cannot be used: {problem}");
        *told = Some(problem);
    }
    Readiness::DatabaseUnavailable
}

enum Found {
    Plan(Box<MigrationPlan>),
    ReadOnly,
    /// The role is another than the one that migrates, and was given no rights yet.
    Forbidden,
}

/// Leaves the connection in `lease`, for the caller to give back or to close: this may be dropped in the middle.
async fn find_out(pools: &Pools, migrations: &[Migration], lease: &mut Option<Lease>) -> anyhow::Result<Found> {
    let acquired = pools.readiness.acquire().await;
    let connection = lease.insert(acquired.map_err(|error| pools.readiness.no_connection(error))?);
    if is_read_only(connection).await? {
        return Ok(Found::ReadOnly);
    }
    match plan_on(connection, migrations).await {
        Ok(plan) => Ok(Found::Plan(Box::new(plan))),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => Ok(Found::Forbidden),
        Err(error) => Err(error.into()),
    }
}

/// What the state of the migrations means for a server that runs. What only the database knows is a newer release's matter,
/// whether it was applied, failed or is being run: the schema has all that this binary needs.
fn readiness(mut plan: MigrationPlan, profile: Profile) -> Readiness {
    let running: Vec<String> =
        plan.running.iter().filter(|one| one.is_known && !one.is_applied).map(RunningMigration::to_string).collect();
    if !running.is_empty() {
        return Readiness::MigrationRunning { running: running.join("; ") };
    }
    plan.blocked.retain(|one| plan.unknown.iter().all(|unknown| unknown.version != one.version));
    plan.running.clear();
    match plan.problem(profile.into()) {
        Some(HistoryProblem::Unknown(unknown)) if plan.pending.is_empty() => {
            let word = |state: MigrationState| match state {
                MigrationState::Ahead | MigrationState::Missing => "applied",
                other => other.word(),
            };
            Readiness::Ahead { unknown: unknown.into_iter().map(|one| (one.version, word(one.state))).collect() }
        }
        Some(problem) => Readiness::MigrationsWrong { problem: problem.describe(&MIGRATION_NAMES) },
        None if plan.pending.is_empty() => Readiness::Ready,
        None => Readiness::MigrationsPending { count: plan.pending.len() },
    }
}
