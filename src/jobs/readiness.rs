//! Checks periodically if the API can work: if the database answers and has the schema that this binary needs.

use std::time::Duration;

use migrate_toolkit::{HistoryProblem, Migration, MigrationPlan, MigrationState, RunningMigration, plan_on};

use crate::config::Profile;
use crate::db::explain::Chain;
use crate::db::pool::{Lease, Pools, is_read_only};
use crate::http::readiness::{Readiness, ReadinessState};
use crate::migrations;
use crate::program::MIGRATION_NAMES;

/// The pause while the API is not ready. Short, so that it is ready within 2 s of a deploy.
const PAUSE_NOT_READY: Duration = Duration::from_millis(500);
const PAUSE_READY: Duration = Duration::from_secs(2);

/// The time limit of a check, after which the database counts as unavailable.
const PATIENCE: Duration = Duration::from_secs(2);

/// Checks in a loop.
pub(super) async fn watch(pools: Pools, profile: Profile, state: ReadinessState) {
    let migrations = migrations::compiled();
    let mut last_problem = None;
    loop {
        state.set(check(&pools, profile, &migrations, &mut last_problem).await);
        tokio::time::sleep(if state.serves() { PAUSE_READY } else { PAUSE_NOT_READY }).await;
    }
}

/// Checks once. `last_problem` is the last problem logged, so that it is not logged twice a second.
async fn check(
    pools: &Pools,
    profile: Profile,
    migrations: &[Migration],
    last_problem: &mut Option<String>,
) -> Readiness {
    let mut lease = None;
    let probed = tokio::time::timeout(PATIENCE, probe(pools, migrations, &mut lease)).await;
    let problem = match probed {
        Ok(Ok(Probe::Plan(plan))) => {
            if last_problem.take().is_some() {
                tracing::info!("the database can be used again");
            }
            // All answers have been read, so the connection can be returned as it is.
            if let Some(lease) = lease {
                lease.release();
            }
            return readiness(*plan, profile);
        }
        Ok(Ok(Probe::Forbidden)) => {
            return Readiness::MigrationsWrong {
                problem:
                    "the serving role may not read the database's tables; run `app migrate deploy`, which grants it \
                     the rights"
                        .to_owned(),
            };
        }
        Ok(Ok(Probe::ReadOnly)) => {
            // New connections reach the new primary once the host name or the proxy leads to it.
            pools.renew();
            "it is read-only: a standby, or a primary that was demoted".to_owned()
        }
        Ok(Err(error)) => Chain(error.as_ref()).to_string(),
        Err(_) => format!("it does not answer within {}", humantime::format_duration(PATIENCE)),
    };
    if let Some(lease) = lease {
        lease.discard();
    }
    if last_problem.as_ref() != Some(&problem) {
        tracing::warn!("the database cannot be used: {problem}");
        *last_problem = Some(problem);
    }
    Readiness::DatabaseUnavailable
}

enum Probe {
    Plan(Box<MigrationPlan>),
    ReadOnly,
    /// The serving role is not the migrating role, and has not been granted its rights yet.
    Forbidden,
}

/// Leaves the connection in `lease` for the caller to return or to close, because this future may be dropped at any
/// point.
async fn probe(pools: &Pools, migrations: &[Migration], lease: &mut Option<Lease>) -> anyhow::Result<Probe> {
    let acquired = pools.readiness.acquire().await;
    let connection = lease.insert(acquired.map_err(|error| pools.readiness.no_connection(error))?);
    if is_read_only(connection).await? {
        return Ok(Probe::ReadOnly);
    }
    match plan_on(connection, migrations).await {
        Ok(plan) => Ok(Probe::Plan(Box::new(plan))),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => Ok(Probe::Forbidden),
        Err(error) => Err(error.into()),
    }
}

/// The readiness that follows from the state of the migrations. Migrations that only the database knows belong to a
/// newer release; whether they were applied, failed or are running, the schema has everything that this binary needs.
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
