//! Works out the files that lead from one schema to another, and tries them before it proposes them.

use crate::error::MigrateError;
use crate::propose::distribution::distribute_new_tables;
use crate::propose::text::{Draft, drafts, plain_text, statements_text, stub};
use crate::propose::trial::{roll_back_files, run_statements, try_files};
use crate::run::session::MigrationSession;
use crate::schema::catalog::{Catalog, read_catalog};
use crate::schema::context::PlanMode;
use crate::schema::hinted::{InvalidHint, hinted_renames};
use crate::schema::hints::RenameHint;
use crate::schema::planner::plan;
use crate::schema::rename::Rename;
use crate::schema::renames::{LikelyRename, likely_renames, obvious_renames};
use crate::schema::statement::{HazardKind, PlannedStatement};
use crate::schema::supported::supported_part;
use crate::search_path::LOCAL_DEFAULT_PATH;

/// The files that lead from one schema to another, and what a person should know of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proposal {
    /// The files, in order.
    pub drafts: Vec<Draft>,
    /// The differences, one object a line.
    pub differences: Vec<String>,
    /// Data that would be lost.
    pub losses: Vec<String>,
    /// Other hazards.
    pub hazards: Vec<String>,
    /// Changes that a person has to write, with the reasons. The first draft is unfinished then, and cannot be applied.
    pub by_hand: Vec<String>,
    /// Drops and additions that look like renames.
    pub likely_renames: Vec<LikelyRename>,
}

/// Works out the files that lead from the schema of this shadow database to another one, and tries them: each is applied, then
/// each is rolled back.
pub(crate) async fn propose(
    shadow: &mut MigrationSession<'_>,
    to: &Catalog,
    hints: &[RenameHint],
    mode: PlanMode,
) -> Result<Proposal, MigrateError> {
    let first = read_catalog(&mut shadow.connection).await?.without_states();
    if first.differences_from(to).is_empty() {
        return match hinted_renames(hints, &first, to) {
            Err(invalid) if invalid.always => Err(hint_error(shadow, invalid)),
            _ => Ok(Proposal::default()),
        };
    }
    let (renames, start) = rename(shadow, &first, to, hints).await?;
    let mut differences: Vec<String> = renames.iter().map(|rename| format!("~ {}", rename.up)).collect();
    differences.extend(start.steps_to(to));
    let mut plan = plan(&start, to, mode);
    distribute_new_tables(&mut plan.files, to, shadow.settings.distributed_by.as_deref());
    let renaming: Vec<PlannedStatement> = renames.iter().map(|rename| rename.statement(to)).collect();
    let statements = || renaming.iter().chain(plan.files.iter().flat_map(|file| &file.statements));
    let mut proposal = Proposal {
        differences,
        losses: hazard_texts(statements(), |kind| kind == HazardKind::DataLoss),
        hazards: hazard_texts(statements(), |kind| kind != HazardKind::DataLoss),
        likely_renames: likely_renames(&start, to),
        by_hand: plan.by_hand.clone(),
        drafts: Vec::new(),
    };
    let (files, states) = match try_files(shadow, plan.files, renaming, start).await? {
        Ok(tried) => tried,
        Err((files, reason)) => {
            proposal.by_hand.push(reason);
            proposal.drafts = vec![stub(&files, &proposal.by_hand)];
            return Ok(proposal);
        }
    };
    let left = states.last().map_or_else(Vec::new, |last| last.differences_from(to));
    if proposal.by_hand.is_empty() && !left.is_empty() {
        proposal.by_hand.extend(left.iter().map(|line| format!("the generated SQL leaves a difference: {line}")));
        proposal.drafts = vec![stub(&files, &proposal.by_hand)];
        return Ok(proposal);
    }
    let downs = roll_back_files(shadow, &states, &renames, &first, &mut proposal.by_hand).await?;
    proposal.drafts = drafts(&files, &downs, &proposal.by_hand);
    Ok(proposal)
}

fn hazard_texts<'a>(
    statements: impl Iterator<Item = &'a PlannedStatement>,
    is_wanted: impl Fn(HazardKind) -> bool,
) -> Vec<String> {
    let hazards = statements.flat_map(|statement| &statement.hazards);
    let mut texts: Vec<String> = Vec::new();
    for hazard in hazards.filter(|hazard| is_wanted(hazard.kind)) {
        let line = if hazard.kind == HazardKind::DataLoss { hazard.text.clone() } else { hazard.to_string() };
        if !texts.contains(&line) {
            texts.push(line);
        }
    }
    texts
}

fn hint_error(shadow: &MigrationSession<'_>, invalid: InvalidHint) -> MigrateError {
    let problem = invalid.problem.replace("{new}", &shadow.settings.names.migrate("new NAME"));
    MigrateError::File {
        file: "schema.sql".to_owned(),
        line: u32::try_from(invalid.line).unwrap_or(u32::MAX),
        problem: format!("the comment `renamed from` is not applicable: {problem}; remove or correct it"),
    }
}

/// Renames the objects in the shadow database. Then PostgreSQL itself shows everything else with the new names.
async fn rename(
    shadow: &mut MigrationSession<'_>,
    first: &Catalog,
    to: &Catalog,
    hints: &[RenameHint],
) -> Result<(Vec<Rename>, Catalog), MigrateError> {
    let hinted = hinted_renames(hints, first, to).map_err(|invalid| hint_error(shadow, invalid))?;
    let mut renames = Vec::new();
    let mut now = first.clone();
    for round in 0..2 {
        let more = if round == 0 { hinted.clone() } else { obvious_renames(&now, to) };
        if more.is_empty() {
            continue;
        }
        for rename in &more {
            shadow.note(format!("{LOCAL_DEFAULT_PATH}{}", rename.up)).await.map_err(|error| MigrateError::Unsafe {
                summary: "a rename fails; nothing was written:".to_owned(),
                details: vec![format!("{}: {error}", rename.up)],
            })?;
        }
        renames.extend(more);
        now = read_catalog(&mut shadow.connection).await?;
    }
    Ok((renames, now))
}

/// The SQL that leads from the schema of this shadow database to another one in a single transaction, tried there; or the
/// problems that prevent it.
pub(crate) async fn sql_to(
    shadow: &mut MigrationSession<'_>,
    schema: &Catalog,
) -> Result<Result<String, Vec<String>>, MigrateError> {
    let from = read_catalog(&mut shadow.connection).await?;
    let plan = plan(&from, schema, PlanMode::SingleTransaction);
    let statements: Vec<PlannedStatement> = plan.files.into_iter().flat_map(|file| file.statements).collect();
    let mut problems = plan.by_hand;
    match run_statements(shadow, &statements, false).await? {
        Some(reason) => problems.push(reason),
        None => problems.extend(read_catalog(&mut shadow.connection).await?.differences_from(schema)),
    }
    problems.sort();
    problems.dedup();
    Ok(if problems.is_empty() { Ok(plain_text(statements)) } else { Err(problems) })
}

/// Copies a schema to an empty shadow database. Returns the SQL.
pub(crate) async fn copy(shadow: &mut MigrationSession<'_>, schema: &Catalog) -> Result<String, MigrateError> {
    sql_to(shadow, schema).await?.map_err(|details| MigrateError::Unsafe {
        summary: "the schema of the database cannot be copied to a shadow database; nothing was changed:".to_owned(),
        details,
    })
}

/// Like [`copy`], without the objects for which no SQL is written. Returns those too.
pub(crate) async fn copy_supported(
    shadow: &mut MigrationSession<'_>,
    schema: &Catalog,
) -> Result<(String, Vec<String>), MigrateError> {
    let (supported, left_out) = supported_part(schema);
    Ok((copy(shadow, &supported).await?, left_out))
}

/// The SQL that builds a schema in an empty shadow database, and the SQL that removes it again; both tried.
pub(crate) async fn build_and_remove_sql(
    shadow: &mut MigrationSession<'_>,
    schema: &Catalog,
) -> Result<(String, String), MigrateError> {
    let empty = read_catalog(&mut shadow.connection).await?;
    let up = copy(shadow, schema).await?;
    let plan = plan(schema, &empty, PlanMode::SingleTransaction);
    let down: Vec<PlannedStatement> = plan.files.into_iter().flat_map(|file| file.statements).collect();
    if let Some(reason) = run_statements(shadow, &down, false).await? {
        return Err(MigrateError::Unsafe {
            summary: "the schema can be built, but not be removed again:".to_owned(),
            details: vec![reason],
        });
    }
    Ok((up, statements_text(&down)))
}
