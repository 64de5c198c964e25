//! Finds out whether the API can work: does the database answer, and has it the schema that this binary needs?

use std::time::Duration;

use crate::config::Profile;
use crate::db::pool::Pool;
use crate::http::readiness::{Readiness, ReadinessState};
use crate::migrate::{self, Migration, Plan, Problem};

/// While the API cannot work, it has to be ready soon after it could: within 2 s of a deploy.
const PAUSE_NOT_READY: Duration = Duration::from_millis(500);
const PAUSE_READY: Duration = Duration::from_secs(2);

/// Longer than this, and the database counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks again and again.
pub(super) async fn watch(pool: Pool, profile: Profile, state: ReadinessState) {
    let migrations = migrate::embedded();
    let mut told = None;
    loop {
        state.set(look(&pool, profile, &migrations, &mut told).await);
        tokio::time::sleep(if state.serves() { PAUSE_READY } else { PAUSE_NOT_READY }).await;
    }
}

/// `told` is the last thing that the log said of the database, so that it is said once and not twice a second.
async fn look(pool: &Pool, profile: Profile, migrations: &[Migration], told: &mut Option<String>) -> Readiness {
    let looked = async {
        let mut connection = pool.acquire().await?;
        let status = migrate::status_on(&mut connection, migrations).await?;
        connection.release();
        Ok::<_, anyhow::Error>(status)
    };
    let problem = match tokio::time::timeout(PATIENCE, looked).await {
        Ok(Ok(status)) => {
            if told.take().is_some() {
                tracing::info!("the database answers again");
            }
            return readiness(&status.plan, profile);
        }
        Ok(Err(error)) => format!("{error:#}"),
        Err(_) => format!("no answer in {}", humantime::format_duration(PATIENCE)),
    };
    if told.as_ref() != Some(&problem) {
        tracing::warn!("the database does not answer: {problem}");
        *told = Some(problem);
    }
    Readiness::DatabaseUnavailable
}

/// What the state of the migrations means for a server that runs.
pub(super) fn readiness(plan: &Plan, profile: Profile) -> Readiness {
    match plan.problem(profile) {
        // A release was rolled back, or a newer one is being rolled out: the schema has all that this binary needs.
        Some(Problem::Unknown(unknown)) if plan.pending.is_empty() => {
            Readiness::Ahead { unknown: unknown.into_iter().map(|one| one.version).collect() }
        }
        Some(problem) => Readiness::MigrationsWrong { problem: problem.to_string() },
        None if plan.pending.is_empty() => Readiness::Ready,
        None => Readiness::MigrationsPending { count: plan.pending.len() },
    }
}
