//! Tries generated statements in a shadow database.

use crate::error::MigrateError;
use crate::explain::Cause;
use crate::propose::distribution::distribute_new_tables;
use crate::run::session::MigrationSession;
use crate::schema::catalog::{Catalog, read_catalog};
use crate::schema::context::{PlanMode, PlannedFile};
use crate::schema::planner::plan;
use crate::schema::rename::Rename;
use crate::schema::render::behaviour::{no_check_of_bodies, writes_functions};
use crate::schema::statement::PlannedStatement;
use crate::search_path::{CATALOG_PATH, DEFAULT_PATH, LOCAL_DEFAULT_PATH};

/// Files that were run, and the schema before each and after the last.
type TriedFiles = (Vec<PlannedFile>, Vec<Catalog>);

/// Runs the files, or returns the reason why one fails. The renames, which were done before, become the beginning of the first
/// file.
pub(crate) async fn try_files(
    shadow: &mut MigrationSession<'_>,
    mut files: Vec<PlannedFile>,
    renames: Vec<PlannedStatement>,
    start: Catalog,
) -> Result<Result<TriedFiles, (Vec<PlannedFile>, String)>, MigrateError> {
    let mut states = vec![start];
    let mut failed = None;
    for file in &files {
        if let Some(reason) = run_statements(shadow, &file.statements, file.no_transaction).await? {
            failed = Some(reason);
            break;
        }
        states.push(read_catalog(&mut shadow.connection).await?);
    }
    if !renames.is_empty() {
        // What takes long, such as computing a view, comes after the locks of the renames are released.
        let is_quick = |file: &&mut PlannedFile| matches!(file.purpose, "" | "values");
        if let Some(first) = files.first_mut().filter(is_quick) {
            first.statements = [renames, std::mem::take(&mut first.statements)].concat();
        } else {
            files.insert(0, PlannedFile { purpose: "", no_transaction: false, statements: renames });
            states.insert(0, states[0].clone());
        }
    }
    Ok(match failed {
        Some(reason) => Err((files, reason)),
        None => Ok((files, states)),
    })
}

/// Runs statements. Returns the reason if one fails.
pub(crate) async fn run_statements(
    shadow: &mut MigrationSession<'_>,
    statements: &[PlannedStatement],
    no_transaction: bool,
) -> Result<Option<String>, MigrateError> {
    if shadow.settings.cancel.is_cancelled() {
        return Err(MigrateError::Cancelled("nothing was written".to_owned()));
    }
    let begin = if no_transaction { DEFAULT_PATH.to_owned() } else { format!("begin;\n{LOCAL_DEFAULT_PATH}") };
    shadow.note(begin).await?;
    let outcome = run_each(shadow, statements, no_transaction).await;
    shadow.note(CATALOG_PATH.to_owned()).await?;
    outcome
}

async fn run_each(
    shadow: &mut MigrationSession<'_>,
    statements: &[PlannedStatement],
    no_transaction: bool,
) -> Result<Option<String>, MigrateError> {
    for statement in statements {
        match shadow.note(statement.sql.clone()).await {
            Ok(()) => {}
            Err(sqlx::Error::Database(error)) => {
                if !no_transaction {
                    shadow.note("rollback".to_owned()).await?;
                }
                return Ok(Some(format!("the generated SQL fails: {} in `{}`", error.message(), statement.sql)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if !no_transaction && let Err(error) = shadow.note("commit".to_owned()).await {
        return Ok(Some(format!("the generated SQL fails at its end: {}", Cause(&error))));
    }
    Ok(None)
}

/// Works out how to roll each file back, newest first, and tries it. The statements of a file are `None` if none work; then
/// the earlier files cannot be tried either.
pub(crate) async fn roll_back_files(
    shadow: &mut MigrationSession<'_>,
    states: &[Catalog],
    renames: &[Rename],
    first: &Catalog,
    by_hand: &mut Vec<String>,
) -> Result<Vec<Option<Vec<PlannedStatement>>>, MigrateError> {
    let mut downs = vec![None; states.len().saturating_sub(1)];
    for number in (1..states.len()).rev() {
        let (before, after) = (&states[number - 1], &states[number]);
        let mut plan = plan(after, before, PlanMode::SingleTransaction);
        distribute_new_tables(&mut plan.files, before, shadow.settings.distributed_by.as_deref());
        let mut problems: Vec<String> = plan.by_hand;
        let mut statements: Vec<PlannedStatement> = plan.files.into_iter().flat_map(|file| file.statements).collect();
        let mut target = before;
        if number == 1 {
            // A function body with the old names is written before those are restored.
            if !renames.is_empty() && writes_functions(&statements) {
                statements.insert(0, no_check_of_bodies());
                statements.dedup();
            }
            statements.extend(renames.iter().rev().map(|rename| PlannedStatement::new(rename.down.clone())));
            target = first;
        }
        if let Some(reason) = run_statements(shadow, &statements, false).await? {
            problems.push(reason);
        } else {
            let left = read_catalog(&mut shadow.connection).await?.differences_from(target);
            problems.extend(left.iter().map(|line| format!("the generated SQL leaves a difference: {line}")));
        }
        if !problems.is_empty() {
            by_hand.extend(problems.iter().map(|problem| format!("rolling it back: {problem}")));
            break;
        }
        downs[number - 1] = Some(statements);
    }
    Ok(downs)
}
