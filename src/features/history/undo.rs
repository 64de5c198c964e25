//! Undoing: everything that an operation changed, or nothing of it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{Connection as _, PgConnection};
use utoipa::ToSchema;

use super::retention_store;
use super::stand_in_store::StandIns;
use super::store;
use super::undo_store::{self, Changed, Obstacle, TABLES, Table, Undone};
use super::work::Unit;
use crate::domain::clock::rfc3339_millis;
use crate::features::{categories, transactions};
use crate::http::error::ApiError;
use crate::http::extract::shown_id;

/// The kind of the operations that undo others.
pub(super) const UNDO: &str = "undo";

/// What was undone.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UndoResult)]
pub(super) struct UndoAnswer {
    /// The operation that was undone.
    #[schema(example = 17)]
    pub undone: i64,
    /// Transactions, categories, payees and tags that were deleted and are there again.
    #[schema(example = 0)]
    pub restored: i64,
    /// Those that were changed and are as before.
    #[schema(example = 1)]
    pub reverted: i64,
    /// Those that were created and are gone.
    #[schema(example = 0)]
    pub removed: i64,
}

/// That there is no such operation.
pub(super) fn not_found(id: i64) -> ApiError {
    ApiError::NotFound { code: "OPERATION_NOT_FOUND", message: format!("Operation not found: {}", shown_id(id)) }
}

/// The error for an operation that is not there, or not any more: one that is older than the oldest that is kept.
pub(super) fn not_kept(id: i64, oldest: Option<(i64, DateTime<Utc>)>, retention: Duration) -> ApiError {
    match oldest {
        Some((oldest, at)) if id > 0 && id < oldest => ApiError::NotFound {
            code: "OPERATION_NOT_FOUND",
            message: format!(
                "Operation not found: {id}. Operations are kept for {}, and the oldest go first where they are too many; the \
                 oldest that is kept is {oldest} of {}",
                in_days(retention),
                rfc3339_millis(at),
            ),
        },
        _ => not_found(id),
    }
}

/// A duration in days, where it is so many; 365 of them are no round number of years.
fn in_days(duration: Duration) -> String {
    const DAY: u64 = 86_400;
    match (duration.as_secs() / DAY, duration.as_secs() % DAY) {
        (days @ 1.., 0) => format!("{days} days"),
        _ => humantime::format_duration(duration).to_string(),
    }
}

/// Undoes an operation.
///
/// # Errors
/// That it is not there, is undone already, or that something stands in the way, and what; the database's.
pub(super) async fn undo(unit: &mut Unit<'_>, id: i64) -> Result<UndoAnswer, ApiError> {
    let (user_id, by) = (unit.user_id, unit.operation_id);
    let operation = store::hold(unit, user_id, id).await?.filter(|_| id != by);
    let Some(operation) = operation else {
        let oldest = retention_store::oldest(unit, user_id).await?.filter(|(oldest, _)| *oldest != by);
        return Err(not_kept(id, oldest, unit.retention));
    };
    if let Some(undone_by) = operation.undone_by {
        return Err(ApiError::Conflict {
            code: "ALREADY_UNDONE",
            message: format!(
                "Operation {id} was undone by operation {undone_by}; nothing was changed. Undo that one to redo it"
            ),
        });
    }
    if operation.purged {
        return Err(obstructed(id, vec!["what it deleted has been purged from the trash".to_owned()]));
    }
    let weight = store::weight(unit, user_id, id, None).await?;
    unit.charge(weight)?;
    let changed = undo_store::changed(unit, user_id, id).await?;
    let mut obstacles = Vec::new();
    for table in changed.tables() {
        obstacles.extend(table.obstacles(unit, &changed, in_passing(table, &operation.kind)).await?);
    }
    if !obstacles.is_empty() {
        return Err(obstructed(id, obstacles.into_iter().map(told).collect()));
    }
    take_back(unit, &changed, &operation.kind).await.map_err(|error| broken(id, error))?;
    let most = unit.quotas.category_depth;
    let shape = categories::tree_store::shape_after_undo(unit, user_id, id, most).await?;
    if shape.is_circular {
        return Err(obstructed(id, vec!["a category would stand below itself in the tree".to_owned()]));
    }
    if shape.is_too_deep {
        return Err(obstructed(id, vec![format!("a category would stand deeper than {most} levels in the tree")]));
    }
    transactions::store::fold_pending(unit, user_id).await?;
    store::note_undone(unit, user_id, id, by).await?;
    let Undone { restored, reverted, removed } = undo_store::undone(unit, user_id, by).await?;
    Ok(UndoAnswer { undone: id, restored, reverted, removed })
}

/// Puts one transaction back that an operation deleted, with its tags. Of what it had and what is not there any more it gets
/// what took its place.
///
/// # Errors
/// What stands in the way; the database's.
pub(super) async fn restore(unit: &mut Unit<'_>, transaction_id: i64) -> Result<(), ApiError> {
    let user_id = unit.user_id;
    let Some(operation_id) = store::deletion_of(unit, user_id, transaction_id).await? else {
        return Err(ApiError::NotFound {
            code: "TRANSACTION_NOT_FOUND",
            message: format!("Transaction not found in the trash: {transaction_id}"),
        });
    };
    let deletion = (user_id, operation_id);
    let stand_ins = StandIns::find(unit, deletion, Some(transaction_id)).await?;
    for table in TABLES.iter().filter(|table| table.name.starts_with("transaction")) {
        let mut savepoint = unit.begin().await?;
        let restored = table.restore(&mut savepoint, deletion, Some(transaction_id), &stand_ins).await;
        restored.map_err(|error| broken(operation_id, error))?;
        savepoint.commit().await?;
    }
    Ok(())
}

/// Categories, payees and tags come and go with the transactions that name them.
fn in_passing(table: &Table, kind: &str) -> bool {
    table.name == "default_categories"
        || matches!(table.name, "categories" | "payees" | "tags") && kind.starts_with("transaction")
}

async fn take_back(connection: &mut PgConnection, changed: &Changed, kind: &str) -> Result<(), sqlx::Error> {
    let deletion = (changed.user_id, changed.operation_id);
    let (transactions, names): (Vec<_>, Vec<_>) =
        changed.tables().partition(|table| table.name.starts_with("transaction"));
    for table in names {
        table.restore(connection, deletion, None, &StandIns::default()).await?;
    }
    // After the categories, payees and tags that come back themselves.
    let stand_ins = StandIns::find(connection, deletion, None).await?;
    for table in transactions {
        table.restore(connection, deletion, None, &stand_ins).await?;
    }
    for table in changed.tables() {
        table.revert(connection, changed).await?;
    }
    for table in changed.tables().rev() {
        table.remove(connection, changed, in_passing(table, kind)).await?;
    }
    Ok(())
}

fn told(obstacle: Obstacle) -> String {
    match obstacle.operation_id {
        Some(operation) => format!("{}, by operation {operation}", obstacle.what),
        None => obstacle.what,
    }
}

fn obstructed(id: i64, details: Vec<String>) -> ApiError {
    ApiError::Obstructed {
        code: "UNDO_CONFLICT",
        message: format!("Operation {id} cannot be undone, and nothing was changed: {}", details[0]),
        details,
    }
}

/// What the schema refuses is something in the way, too: a category that is gone, a name that is taken.
fn broken(id: i64, error: sqlx::Error) -> ApiError {
    let Some(constraint) = error.as_database_error().and_then(|error| error.constraint()) else { return error.into() };
    let what = match constraint {
        "transactions_category_fkey" => "the category of a transaction is not there any more",
        "transactions_payee_fkey" => "the payee of a transaction is not there any more",
        "transaction_tags_tag_fkey" => "a tag of a transaction is not there any more",
        "transaction_tags_transaction_fkey" => "a transaction is not there any more",
        "transactions_pkey" | "transaction_tags_pkey" => "a transaction is there again",
        "categories_name_key" => "another category has the name now",
        "categories_parent_fkey" => "the category above another is not there any more, or has others below it",
        "payees_name_key" => "another payee has the name now",
        "tags_name_key" => "another tag has the name now",
        _ => return error.into(),
    };
    obstructed(id, vec![what.to_owned()])
}
