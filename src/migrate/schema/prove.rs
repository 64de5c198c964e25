//! A migration that is written is tried before it is given: forth and back, on a copy.

use super::catalog::{self, Catalog};
use super::hinted::{Senseless, by_hints};
use super::hints::Hint;
use super::plan::{Manner, Part, Plan, plan};
use super::renames::{LikelyRename, Rename, likely, plain_to_see};
use super::render::behaviour;
use super::sayable::sayable;
use super::statement::{Danger, Statement};
use super::text;
use crate::db::explain::Cause;
use crate::migrate::MigrateError;
use crate::migrate::session::{OUR_PATH, Session, THEIR_PATH, THEIR_PATH_HERE};

/// What would bring a schema to another.
#[derive(Debug, Clone, Default)]
pub(in crate::migrate) struct Proposal {
    /// The files, in order.
    pub drafts: Vec<Draft>,
    /// What differs, object by object.
    pub differences: Vec<String>,
    /// What is lost on the way.
    pub losses: Vec<String>,
    /// What else is to be known of it.
    pub hazards: Vec<String>,
    /// What is to be written by hand, and why. The first draft is a stub then, and cannot be applied as it is.
    pub by_hand: Vec<String>,
    /// What looks like a rename, and is a drop and an add here.
    pub likely_renames: Vec<LikelyRename>,
}

/// A pair of files.
#[derive(Debug, Clone)]
pub(in crate::migrate) struct Draft {
    /// Goes behind the name.
    pub purpose: &'static str,
    pub up: String,
    pub down: String,
}

/// Works out how to get from the schema that this shadow database has to another one, and tries it: each file forth, then
/// each back.
pub(in crate::migrate) async fn propose(
    shadow: &mut Session<'_>,
    to: &Catalog,
    hints: &[Hint],
    manner: Manner,
) -> Result<Proposal, MigrateError> {
    let first = catalog::read(&mut shadow.connection).await?.without_states();
    if first.differences_from(to).is_empty() {
        return match by_hints(hints, &first, to) {
            Err(problem) if problem.always => Err(no_sense(problem)),
            _ => Ok(Proposal::default()),
        };
    }
    let (renames, start) = rename(shadow, &first, to, hints).await?;
    let mut differences: Vec<String> = renames.iter().map(|rename| format!("~ {}", rename.up)).collect();
    differences.extend(start.steps_to(to));
    let plan = plan(&start, to, manner);
    let mut proposal = Proposal {
        differences,
        losses: texts(&plan, |danger| danger == Danger::DataLoss),
        hazards: texts(&plan, |danger| danger != Danger::DataLoss),
        likely_renames: likely(&start, to),
        by_hand: plan.by_hand.clone(),
        drafts: Vec::new(),
    };
    let (parts, states) = match try_out(shadow, plan.parts, &renames, start).await? {
        Ok(tried) => tried,
        Err((parts, reason)) => {
            proposal.by_hand.push(reason);
            proposal.drafts = vec![text::stub(&parts, &proposal.by_hand)];
            return Ok(proposal);
        }
    };
    let left = states.last().map_or_else(Vec::new, |last| last.differences_from(to));
    if proposal.by_hand.is_empty() && !left.is_empty() {
        proposal.by_hand.extend(left.iter().map(|line| format!("what was worked out leaves a difference: {line}")));
        proposal.drafts = vec![text::stub(&parts, &proposal.by_hand)];
        return Ok(proposal);
    }
    let downs = take_back(shadow, &states, &renames, &first, &mut proposal.by_hand).await?;
    proposal.drafts = text::drafts(&parts, &downs, &proposal.by_hand);
    Ok(proposal)
}

fn texts(plan: &Plan, is: impl Fn(Danger) -> bool) -> Vec<String> {
    let hazards = plan.parts.iter().flat_map(|part| &part.statements).flat_map(|statement| &statement.hazards);
    let mut texts: Vec<String> = Vec::new();
    for hazard in hazards.filter(|hazard| is(hazard.danger)) {
        let line = if hazard.danger == Danger::DataLoss { hazard.text.clone() } else { hazard.to_string() };
        if !texts.contains(&line) {
            texts.push(line);
        }
    }
    texts
}

fn no_sense(senseless: Senseless) -> MigrateError {
    MigrateError::File {
        file: "schema.sql".to_owned(),
        line: u32::try_from(senseless.line).unwrap_or(u32::MAX),
        problem: format!(
            "the comment `renamed from` makes no sense: {}; take it out, or put it right",
            senseless.problem
        ),
    }
}

/// Gives the new names in the shadow. PostgreSQL itself then says how everything else looks with them.
async fn rename(
    shadow: &mut Session<'_>,
    first: &Catalog,
    to: &Catalog,
    hints: &[Hint],
) -> Result<(Vec<Rename>, Catalog), MigrateError> {
    let hinted = by_hints(hints, first, to).map_err(no_sense)?;
    let mut renames = Vec::new();
    let mut now = first.clone();
    for round in 0..2 {
        let more = if round == 0 { hinted.clone() } else { plain_to_see(&now, to) };
        if more.is_empty() {
            continue;
        }
        for rename in &more {
            shadow.note(format!("{THEIR_PATH_HERE}{}", rename.up)).await.map_err(|error| MigrateError::Unsafe {
                summary: "a rename cannot be done; nothing was written:".to_owned(),
                details: vec![format!("{}: {error}", rename.up)],
            })?;
        }
        renames.extend(more);
        now = catalog::read(&mut shadow.connection).await?;
    }
    Ok((renames, now))
}

type Tried = (Vec<Part>, Vec<Catalog>);

/// Runs the files; the state before each, and after the last. The renames, which are done already, are the beginning of
/// the first.
async fn try_out(
    shadow: &mut Session<'_>,
    mut parts: Vec<Part>,
    renames: &[Rename],
    start: Catalog,
) -> Result<Result<Tried, (Vec<Part>, String)>, MigrateError> {
    let mut states = vec![start];
    let mut failed = None;
    for part in &parts {
        if let Some(reason) = run(shadow, &part.statements, part.no_transaction).await? {
            failed = Some(reason);
            break;
        }
        states.push(catalog::read(&mut shadow.connection).await?);
    }
    if !renames.is_empty() {
        let statements: Vec<Statement> = renames.iter().map(Rename::statement).collect();
        if let Some(first) = parts.first_mut().filter(|part| !part.no_transaction) {
            first.statements = [statements, std::mem::take(&mut first.statements)].concat();
        } else {
            parts.insert(0, Part { purpose: "", no_transaction: false, statements });
            states.insert(0, states[0].clone());
        }
    }
    Ok(match failed {
        Some(reason) => Err((parts, reason)),
        None => Ok((parts, states)),
    })
}

/// Runs statements; what failed, if one did.
async fn run(
    shadow: &mut Session<'_>,
    statements: &[Statement],
    no_transaction: bool,
) -> Result<Option<String>, MigrateError> {
    if shadow.settings.cancel.is_cancelled() {
        return Err(MigrateError::Cancelled("nothing was written".to_owned()));
    }
    shadow.note(if no_transaction { THEIR_PATH.to_owned() } else { format!("begin;\n{THEIR_PATH_HERE}") }).await?;
    let outcome = run_each(shadow, statements, no_transaction).await;
    shadow.note(OUR_PATH.to_owned()).await?;
    outcome
}

async fn run_each(
    shadow: &mut Session<'_>,
    statements: &[Statement],
    no_transaction: bool,
) -> Result<Option<String>, MigrateError> {
    for statement in statements {
        match shadow.note(statement.sql.clone()).await {
            Ok(()) => {}
            Err(sqlx::Error::Database(error)) => {
                if !no_transaction {
                    shadow.note("rollback".to_owned()).await?;
                }
                return Ok(Some(format!("what was worked out fails: {} in `{}`", error.message(), statement.sql)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if !no_transaction && let Err(error) = shadow.note("commit".to_owned()).await {
        return Ok(Some(format!("what was worked out fails at its end: {}", Cause(&error))));
    }
    Ok(None)
}

/// Works out how to take each file back, newest first, and tries it; nothing for those that are not to be had.
async fn take_back(
    shadow: &mut Session<'_>,
    states: &[Catalog],
    renames: &[Rename],
    first: &Catalog,
    by_hand: &mut Vec<String>,
) -> Result<Vec<Option<Vec<Statement>>>, MigrateError> {
    let mut downs = vec![None; states.len().saturating_sub(1)];
    for number in (1..states.len()).rev() {
        let (before, after) = (&states[number - 1], &states[number]);
        let way = plan(after, before, Manner::AtOnce);
        let mut problems: Vec<String> = way.by_hand;
        let mut statements: Vec<Statement> = way.parts.into_iter().flat_map(|part| part.statements).collect();
        let mut target = before;
        if number == 1 {
            // A body that speaks of the old names is written before those are given back.
            if !renames.is_empty() && behaviour::writes_functions(&statements) {
                statements.insert(0, behaviour::no_check_of_bodies());
                statements.dedup();
            }
            statements.extend(renames.iter().rev().map(|rename| Statement::new(rename.down.clone())));
            target = first;
        }
        if let Some(reason) = run(shadow, &statements, false).await? {
            problems.push(reason);
        } else {
            let left = catalog::read(&mut shadow.connection).await?.differences_from(target);
            problems.extend(left.iter().map(|line| format!("what was worked out leaves a difference: {line}")));
        }
        if !problems.is_empty() {
            // What comes before it cannot be tried from here.
            by_hand.extend(problems.iter().map(|problem| format!("taking it back: {problem}")));
            break;
        }
        downs[number - 1] = Some(statements);
    }
    Ok(downs)
}

/// The SQL that leads from the schema that this shadow database has to another one, at once; tried there. What stands in
/// the way, if there is none.
pub(in crate::migrate) async fn leading_to(
    shadow: &mut Session<'_>,
    schema: &Catalog,
) -> Result<Result<String, Vec<String>>, MigrateError> {
    let from = catalog::read(&mut shadow.connection).await?;
    let way = plan(&from, schema, Manner::AtOnce);
    let statements: Vec<Statement> = way.parts.into_iter().flat_map(|part| part.statements).collect();
    let mut problems = way.by_hand;
    match run(shadow, &statements, false).await? {
        Some(reason) => problems.push(reason),
        None => problems.extend(catalog::read(&mut shadow.connection).await?.differences_from(schema)),
    }
    problems.sort();
    problems.dedup();
    Ok(if problems.is_empty() { Ok(text::plain_text(statements)) } else { Err(problems) })
}

/// Makes a copy of a schema in an empty shadow database; the SQL that made it.
pub(in crate::migrate) async fn copy(shadow: &mut Session<'_>, schema: &Catalog) -> Result<String, MigrateError> {
    leading_to(shadow, schema).await?.map_err(|details| MigrateError::Unsafe {
        summary: "the schema of the database cannot be copied to try things in; nothing was changed:".to_owned(),
        details,
    })
}

/// The same of as much as SQL is written for; and what else there is.
pub(in crate::migrate) async fn copy_what_can_be(
    shadow: &mut Session<'_>,
    schema: &Catalog,
) -> Result<(String, Vec<String>), MigrateError> {
    let (rest, left_out) = sayable(schema);
    Ok((copy(shadow, &rest).await?, left_out))
}

/// The SQL that builds a schema in an empty shadow database, and the SQL that takes it away again; both tried.
pub(in crate::migrate) async fn written(
    shadow: &mut Session<'_>,
    schema: &Catalog,
) -> Result<(String, String), MigrateError> {
    let empty = catalog::read(&mut shadow.connection).await?;
    let up = copy(shadow, schema).await?;
    let way = plan(schema, &empty, Manner::AtOnce);
    let down: Vec<Statement> = way.parts.into_iter().flat_map(|part| part.statements).collect();
    if let Some(reason) = run(shadow, &down, false).await? {
        return Err(MigrateError::Unsafe {
            summary: "the schema can be built, and not be taken away again:".to_owned(),
            details: vec![reason],
        });
    }
    Ok((up, text::statements_text(&down)))
}
