//! Deleting many transactions at once: all of them or none.

use super::bulk_inputs::{BulkAnswer, Selection};
use super::bulk_store;
use super::weight_store::{WeighedRows, weight};
use crate::features::history::Tx;
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::http::scope::Scope;

/// Counts the transactions that would be deleted.
pub(super) async fn count(scope: &mut Scope<'_>, selection: Selection) -> Result<BulkAnswer, ApiError> {
    let matched = bulk_store::select(scope, selection).await?.ids.len();
    Ok(BulkAnswer::new(matched, matched, true))
}

/// Deletes the transactions.
pub(super) async fn delete_many(tx: &mut Tx<'_>, selection: Selection) -> Result<Success<BulkAnswer>, ApiError> {
    let matched = bulk_store::select(tx, selection).await?.ids;
    if matched.is_empty() {
        tx.note_nothing_changed();
        return Ok(Success::ok(BulkAnswer::new(0, 0, false)));
    }
    let weight = weight(tx, WeighedRows::Ids(&matched), None).await?;
    tx.charge(weight)?;
    bulk_store::delete(tx, &matched).await?;
    Ok(Success::ok(BulkAnswer::new(matched.len(), matched.len(), false)))
}
