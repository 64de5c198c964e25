//! The rules of the tree: no category below itself, and none too deep.

pub use super::tree_store::faults_after_undo;
use super::tree_store::{self, TreePosition};
use crate::features::history::Tx;
use crate::http::error::ApiError;

/// The position of a category in the tree; `other` is a category that may be above it.
pub(super) async fn position(tx: &mut Tx<'_>, id: i64, other: Option<i64>) -> Result<TreePosition, sqlx::Error> {
    let most = tx.quotas.category_depth;
    tree_store::position(tx, id, other, most).await
}

/// Refuses a new category below one that is on the lowest level.
pub(super) async fn check_new(tx: &mut Tx<'_>, parent_id: i64) -> Result<(), ApiError> {
    let (most, parent) = (tx.quotas.category_depth, position(tx, parent_id, None).await?);
    if parent.depth >= most { Err(too_deep(most)) } else { Ok(()) }
}

/// Refuses a move that would make a circle, or that would put a category too deep. A tree that is too deep already may be made
/// flatter step by step.
pub(super) async fn check_move(tx: &mut Tx<'_>, id: i64, parent_id: i64) -> Result<(), ApiError> {
    let parent = position(tx, parent_id, Some(id)).await?;
    if parent.is_below {
        return Err(ApiError::Conflict {
            code: "CONFLICT",
            message: "A category cannot stand below itself; nothing was changed".to_owned(),
        });
    }
    let (most, moved) = (tx.quotas.category_depth, position(tx, id, None).await?);
    if parent.depth + moved.height > most && parent.depth >= moved.depth {
        return Err(too_deep(most));
    }
    Ok(())
}

/// Refuses a merge into a category below, or one that would put those below too deep.
pub(super) async fn check_merge(tx: &mut Tx<'_>, id: i64, into: i64) -> Result<(), ApiError> {
    let stays = position(tx, into, Some(id)).await?;
    if stays.is_below {
        let message = "A category cannot be merged into itself or into one below it; nothing was changed".to_owned();
        return Err(ApiError::Conflict { code: "CONFLICT", message });
    }
    let (most, goes) = (tx.quotas.category_depth, position(tx, id, None).await?);
    if stays.depth + goes.height - 1 > most && goes.height > 1 && stays.depth > goes.depth {
        return Err(too_deep(most));
    }
    Ok(())
}

fn too_deep(most: i64) -> ApiError {
    ApiError::QuotaExceeded {
        message: format!(
            "Categories can stand on {most} levels, and this would need more; nothing was changed. Put it higher up"
        ),
    }
}
