//! Undo: everything that an operation changed, or nothing.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::Connection as _;
use utoipa::ToSchema;

use super::recorded::{RecordedTable, RecordedTables};
use super::retention_store;
use super::stand_in_store::StandIns;
use super::store::{self, UndoableOperation};
use super::trash_store;
use super::tx::Tx;
use super::undo_store::{self, ChangedRows, Obstacle, UndoCounts};
use crate::db::error::breaks;
use crate::domain::clock::rfc3339_millis;
use crate::features::categories::tree;
use crate::features::quotas;
use crate::features::transactions::search_text_store;
use crate::http::error::ApiError;
use crate::http::extract::shown_id;
use crate::http::scope::Scope;

/// The kind of the operations that undo others.
pub(super) const UNDO: &str = "undo";

/// The result of an undo.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UndoResult)]
pub(super) struct UndoAnswer {
    /// The operation that was undone.
    #[schema(example = 17)]
    pub undone: i64,
    /// The number of rows that were deleted and exist again: transactions, categories, payees and tags.
    #[schema(example = 0)]
    pub restored: i64,
    /// The number of rows that were changed and are as before.
    #[schema(example = 1)]
    pub reverted: i64,
    /// The number of rows that were created and are gone.
    #[schema(example = 0)]
    pub removed: i64,
}

/// 404 `OPERATION_NOT_FOUND`.
pub(super) fn not_found(id: i64) -> ApiError {
    ApiError::NotFound { code: "OPERATION_NOT_FOUND", message: format!("Operation not found: {}", shown_id(id)) }
}

/// 404 for an operation that does not exist, or that is older than the oldest one that is kept.
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

/// A duration in days, if it is a whole number of them: 365 days are no round number of years.
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
/// [`ApiError::NotFound`]; [`ApiError::Conflict`] if it is undone already; [`ApiError::Obstructed`] with everything that stands in
/// the way.
pub(super) async fn undo(tx: &mut Tx<'_>, id: i64) -> Result<UndoAnswer, ApiError> {
    let by = tx.operation_id;
    let operation = find_undoable(tx, id).await?;
    let weight = store::weight(tx, id, None).await?;
    tx.charge(weight)?;
    let changed = undo_store::changed(tx, id).await?;
    let tables = Arc::clone(&tx.tables);
    let mut obstacles = Vec::new();
    for table in changed.tables(&tables) {
        let incidental = table.is_incidental_to(&operation.kind);
        obstacles.extend(table.obstacles(tx, &changed, &tables, incidental).await?);
    }
    if !obstacles.is_empty() {
        return Err(obstructed(id, obstacles.into_iter().map(described).collect()));
    }
    take_back(tx, &changed, &operation.kind, &tables).await.map_err(|error| broken(id, error, &tables))?;
    for table in changed.tables(&tables) {
        quotas::check_rows(tx, by, table).await?;
    }
    check_tree(tx, id).await?;
    search_text_store::index_pending(tx).await?;
    store::note_undone(tx, id, by).await?;
    let UndoCounts { restored, reverted, removed } = undo_store::counts(tx, by, &tables).await?;
    Ok(UndoAnswer { undone: id, restored, reverted, removed })
}

/// The operation, locked, if it can be undone.
async fn find_undoable(tx: &mut Tx<'_>, id: i64) -> Result<UndoableOperation, ApiError> {
    let by = tx.operation_id;
    let operation = store::find_for_update(tx, id).await?.filter(|_| id != by);
    let Some(operation) = operation else {
        let oldest = retention_store::oldest(tx).await?.filter(|(oldest, _)| *oldest != by);
        return Err(not_kept(id, oldest, tx.retention));
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
    Ok(operation)
}

/// Refuses an undo that leaves a circle in the tree of categories, or one that is too deep.
async fn check_tree(tx: &mut Tx<'_>, id: i64) -> Result<(), ApiError> {
    let most = tx.quotas.category_depth;
    let faults = tree::faults_after_undo(tx, id, most).await?;
    if faults.is_circular {
        return Err(obstructed(id, vec!["a category would stand below itself in the tree".to_owned()]));
    }
    if faults.is_too_deep {
        return Err(obstructed(id, vec![format!("a category would stand deeper than {most} levels in the tree")]));
    }
    Ok(())
}

/// Restores one deleted transaction with its tags. References to rows that are gone are replaced.
///
/// # Errors
/// [`ApiError::NotFound`] if it is not in the trash; [`ApiError::Obstructed`] with what stands in the way.
pub(super) async fn restore(tx: &mut Tx<'_>, transaction_id: i64) -> Result<(), ApiError> {
    let Some(operation_id) = trash_store::deletion_of(tx, transaction_id).await? else {
        return Err(ApiError::NotFound {
            code: "TRANSACTION_NOT_FOUND",
            message: format!("Transaction not found in the trash: {transaction_id}"),
        });
    };
    let stand_ins = StandIns::find(tx, operation_id, Some(transaction_id)).await?;
    let (tables, user_id) = (Arc::clone(&tx.tables), tx.user_id);
    for table in tables.iter().filter(|table| table.belongs_to(TRANSACTIONS)) {
        let mut savepoint = tx.connection.begin().await?;
        let mut scope = Scope::new(&mut savepoint, user_id);
        let restored = table.restore(&mut scope, operation_id, Some(transaction_id), &stand_ins).await;
        restored.map_err(|error| broken(operation_id, error, &tables))?;
        savepoint.commit().await?;
    }
    Ok(())
}

/// The table whose rows refer to rows that may be gone.
const TRANSACTIONS: &str = "transactions";

async fn take_back(
    scope: &mut Scope<'_>,
    changed: &ChangedRows,
    kind: &str,
    tables: &RecordedTables,
) -> Result<(), sqlx::Error> {
    let operation_id = changed.operation_id;
    let tables = changed.tables(tables);
    let (transactions, others): (Vec<&RecordedTable>, Vec<&RecordedTable>) =
        tables.iter().copied().partition(|table| table.belongs_to(TRANSACTIONS));
    for table in others {
        table.restore(scope, operation_id, None, &StandIns::default()).await?;
    }
    // After the categories, payees and tags that are restored themselves.
    let stand_ins = StandIns::find(scope, operation_id, None).await?;
    for table in transactions {
        table.restore(scope, operation_id, None, &stand_ins).await?;
    }
    for table in &tables {
        table.revert(scope, changed).await?;
    }
    for table in tables.iter().rev() {
        table.remove(scope, changed, table.is_incidental_to(kind)).await?;
    }
    Ok(())
}

fn described(obstacle: Obstacle) -> String {
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

/// A constraint that the restored rows break is an obstacle, too: a category that is gone, a name that is taken.
fn broken(id: i64, error: sqlx::Error, tables: &RecordedTables) -> ApiError {
    match tables.sentence(|constraint| breaks(&error, constraint)) {
        Some(sentence) => obstructed(id, vec![sentence]),
        None => error.into(),
    }
}
