//! Applying what is pending.

use sqlx::postgres::PgConnectOptions;

use super::MigrateError;
use super::attempt::Action;
use super::event::{Deployed, Event};
use super::execute::{self, Job, Purpose};
use super::history::{self, History};
use super::plan::{Plan, State};
use super::record::Recorder;
use super::rights;
use super::script::Prepared;
use super::session::{Place, Session};
use super::settings::Settings;
use super::source::Migration;
use crate::config::Profile;

/// Applies what is pending, in order, and reports as it goes. Several processes may try at once: one applies, the others
/// wait for it and find nothing left to do. The role that serves, where it is another, is given what it lacks of rights.
///
/// # Errors
/// [`MigrateError`]; what was applied before stays applied.
pub async fn deploy(
    options: &PgConnectOptions,
    migrations: &[Migration],
    settings: &Settings,
    mut report: impl FnMut(Event),
) -> Result<Vec<Deployed>, MigrateError> {
    Session::with_lock(options, settings, async |session| {
        let deployed = deploy_on(session, migrations, &mut report).await?;
        rights::grant(session, &mut report).await?;
        Ok(deployed)
    })
    .await
}

/// What a deploy would do: the same checks, and nothing is changed.
///
/// # Errors
/// [`MigrateError`], as a deploy would end with.
pub async fn preview(
    options: &PgConnectOptions,
    migrations: &[Migration],
    settings: &Settings,
) -> Result<Plan, MigrateError> {
    Session::with(options, settings, async |session| {
        let history = history::read(&mut session.connection, migrations).await?;
        let plan = checked(migrations, &history, settings)?;
        refuse_somebody_elses(session, &history, &plan).await?;
        prepare(&plan.pending, false)?;
        Ok(plan)
    })
    .await
}

/// How many objects of a database that is not empty are named.
const NAMED: usize = 5;

/// A database that has tables and no record is somebody else's, or was made without this tool, unless it is said that it is
/// to be shared.
async fn refuse_somebody_elses(session: &mut Session<'_>, history: &History, plan: &Plan) -> Result<(), MigrateError> {
    let tables = &history.tables;
    if plan.pending.is_empty() || tables.has_records || tables.has_attempts || session.settings.beside {
        return Ok(());
    }
    let mut objects = session.schema().await?.holdings();
    if objects.is_empty() {
        return Ok(());
    }
    let more = objects.len().saturating_sub(NAMED);
    objects.truncate(NAMED);
    if more > 0 {
        objects.push(format!("and {more} more"));
    }
    Err(MigrateError::NotEmpty { database: session.database().to_owned(), objects })
}

fn checked(migrations: &[Migration], history: &History, settings: &Settings) -> Result<Plan, MigrateError> {
    let mut plan = Plan::new(migrations, history);
    if let Some(problem) = plan.problem_if(settings.refuse_late()) {
        return Err(MigrateError::Refused(problem));
    }
    if let Some(newest) = settings.newest {
        if migrations.iter().all(|migration| migration.version != newest) {
            return Err(MigrateError::Senseless(format!(
                "there is no migration {newest}; nothing was applied. `app migrate status` lists what there is."
            )));
        }
        plan.pending.retain(|migration| migration.version <= newest);
        plan.empty.retain(|migration| migration.version <= newest);
    }
    // In a checkout one has been begun; in what is deployed, something was forgotten.
    match plan.empty.first().filter(|_| settings.profile == Profile::Prod) {
        Some(empty) => Err(MigrateError::File {
            file: empty.file.clone(),
            line: 1,
            problem: "there is nothing in it but comments; fill it in or delete it".to_owned(),
        }),
        None => Ok(plan),
    }
}

/// Whether these could be applied to an empty database, as far as that is to be seen without one.
pub(super) fn check(migrations: &[Migration], settings: &Settings) -> Result<(), MigrateError> {
    prepare(&checked(migrations, &History::default(), settings)?.pending, false).map(|_| ())
}

/// Makes the files ready. In a shadow those that another tool has applied are built as well, with what is refused in a new one.
pub(super) fn prepare(pending: &[Migration], shadow: bool) -> Result<Vec<Prepared<'_>>, MigrateError> {
    let make = |migration| if shadow { Prepared::as_applied(migration) } else { Prepared::new(migration) };
    pending.iter().map(|migration| make(&migration.up)).collect()
}

pub(super) async fn deploy_on(
    session: &mut Session<'_>,
    migrations: &[Migration],
    report: &mut impl FnMut(Event),
) -> Result<Vec<Deployed>, MigrateError> {
    let history = session.history(migrations).await?;
    let plan = checked(migrations, &history, session.settings)?;
    refuse_somebody_elses(session, &history, &plan).await?;
    // Every file first, so that one that cannot run stops the others too.
    let prepared = prepare(&plan.pending, session.place != Place::Real)?;
    tell(&plan, report);
    let adopted = adoptable(migrations, &plan, &history);
    if prepared.is_empty() && adopted.is_empty() {
        return Ok(Vec::new());
    }
    let mut recorder = recorder(session, &history).await?;
    let mut first = opening(&recorder, &history);
    for migration in adopted {
        first += &recorder.done(migration.version, &migration.name, Some(&migration.up), Action::Adopt);
    }
    match apply(session, &mut recorder, first, &plan.pending, &prepared, report).await {
        // A role that may only read finds nothing to do all the same.
        Err(MigrateError::Database(sqlx::Error::Database(error)))
            if prepared.is_empty() && error.code().as_deref() == Some("42501") =>
        {
            Ok(Vec::new())
        }
        outcome => outcome,
    }
}

/// A recorder for a session that has the lock.
pub(super) async fn recorder(session: &mut Session<'_>, history: &History) -> Result<Recorder, MigrateError> {
    if history.tables.schema.is_none() {
        return Err(MigrateError::Senseless(
            "no schema of the search path exists, so there is none to make tables in; nothing was changed. Create it, or \
             name one that exists with `?options=-csearch_path%3D…` in the database's URL."
                .to_owned(),
        ));
    }
    if let Some(stranger) = &history.tables.stranger {
        return Err(MigrateError::Senseless(format!(
            "the record of the migrations belongs to the role `{stranger}`, which is neither this one, nor one that it is a \
             member of, nor the owner of the database or of the schema: what it hung on the tables would be run with this \
             role's rights. Nothing was changed. If it is right, grant that role to this one; if not, look what it made, and \
             drop {} and {}.",
            history.tables.records(),
            history.tables.attempts()
        )));
    }
    Ok(Recorder::new(&mut session.connection, history).await?)
}

/// What has to be noted before anything else: the tables, and whose process is gone.
pub(super) fn opening(recorder: &Recorder, history: &History) -> String {
    let mut sql = Recorder::make_tables(&history.tables);
    // The lock is ours, so whatever says that it runs does not.
    let gone: Vec<i64> =
        history.attempts.iter().filter(|attempt| attempt.abandoned()).map(|attempt| attempt.id).collect();
    if !gone.is_empty() {
        sql += &recorder.interrupted(&gone);
    }
    sql
}

fn tell(plan: &Plan, report: &mut impl FnMut(Event)) {
    for late in &plan.late {
        report(Event::Notice(format!(
            "{} {} is older than what the database has already; it is applied all the same",
            late.version, late.name
        )));
    }
    for one in &plan.empty {
        report(Event::Notice(format!(
            "{} has nothing in it yet; it is left out. Finish it, or delete the pair, before another one is written",
            one.file
        )));
    }
    for one in &plan.cosmetic {
        report(Event::Notice(format!(
            "{} {} was changed after it was applied, in comments or white space only",
            one.version, one.name
        )));
    }
}

/// Applied by another tool, and as they should be. What they hold is noted, so that a comment may change later.
fn adoptable<'a>(migrations: &'a [Migration], plan: &Plan, history: &History) -> Vec<&'a Migration> {
    let known: std::collections::HashSet<i64> = history.attempts.iter().map(|attempt| attempt.version).collect();
    let adoptable = |one: &&Migration| plan.state(one.version) == State::Applied && !known.contains(&one.version);
    migrations.iter().filter(adoptable).collect()
}

/// Runs them. What is noted at the end of one goes together with what is noted at the beginning of the next.
async fn apply(
    session: &mut Session<'_>,
    recorder: &mut Recorder,
    mut first: String,
    pending: &[Migration],
    prepared: &[Prepared<'_>],
    report: &mut impl FnMut(Event),
) -> Result<Vec<Deployed>, MigrateError> {
    let begin = |recorder: &mut Recorder, (migration, prepared): (&Migration, &Prepared<'_>)| {
        let (attempt, mut sql) = recorder.begin(migration, &migration.up, Action::Apply);
        if prepared.no_transaction {
            sql += &recorder.begun(migration);
        }
        (attempt, sql)
    };
    let mut all = pending.iter().zip(prepared).peekable();
    let mut attempt = 0;
    if let Some(next) = all.peek() {
        let (id, sql) = begin(recorder, *next);
        attempt = id;
        first += &sql;
    }
    session.note(first).await?;
    let mut deployed = Vec::new();
    while let Some((migration, prepared)) = all.next() {
        let mut on_success =
            if prepared.no_transaction { recorder.completed(migration.version) } else { recorder.applied(migration) };
        on_success += &recorder.succeeded(attempt);
        let mut next_attempt = attempt;
        if let Some(next) = all.peek() {
            let (id, sql) = begin(recorder, *next);
            next_attempt = id;
            on_success += &sql;
        }
        let job = Job {
            version: migration.version,
            name: &migration.name,
            prepared,
            purpose: Purpose::Apply,
            attempt,
            on_success,
            on_nothing_left: recorder.removed(migration.version),
        };
        let took = execute::run(session, recorder, &job, report).await?;
        let done = Deployed { version: migration.version, name: migration.name.clone(), took };
        report(Event::Done(done.clone()));
        deployed.push(done);
        attempt = next_attempt;
    }
    Ok(deployed)
}
