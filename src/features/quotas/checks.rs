//! Quotas: limits on the data of one user.
//!
//! The table `usage` holds the usage of each user. The triggers that record changes add a row to `usage_deltas` per statement, and
//! a job adds these up every few seconds, so that no request waits for a counter. Users far from every quota are not checked any
//! further. If a user is near a quota, or a change affects many rows, the usage is counted exactly before the commit, however the
//! rows were added. Concurrent requests of one user do not see each other, so together they can exceed a quota by what they add.

use super::store::{self, Counted};
use crate::config::QuotasConfig;
use crate::features::feature::Feature;
use crate::features::history::recorded::{RecordedTable, RecordedTables, RowLimit};
use crate::http::error::ApiError;
use crate::http::scope::Scope;

/// The feature, which has no routes.
pub const FEATURE: Feature = Feature { tag: "quotas", tables: &["usage", "usage_deltas"], ..Feature::EMPTY };

/// The quota of text.
const TEXT_BYTES: &str = "text_bytes";

/// The quota of tags on one transaction.
const TAGS_PER_TRANSACTION: &str = "tags_per_transaction";

/// True if operations of this kind can change many rows. Their usage is always counted.
#[must_use]
pub fn changes_many(kind: &str) -> bool {
    matches!(kind, "transactions.update" | "undo")
}

/// Refuses an operation, after its changes, if it exceeds a quota.
///
/// # Errors
/// [`ApiError::QuotaExceeded`].
pub async fn check(
    scope: &mut Scope<'_>,
    operation_id: i64,
    quotas: &QuotasConfig,
    tables: &RecordedTables,
) -> Result<(), ApiError> {
    let limits = tables.with_quotas().map(|(table, quota)| (table, quota(quotas)));
    let limits: Vec<(&str, i64)> =
        limits.chain([(TEXT_BYTES, quotas.text_bytes), (TAGS_PER_TRANSACTION, quotas.tags_per_transaction)]).collect();
    let names: Vec<String> = tables.with_quotas().map(|(table, _)| table.to_owned()).collect();
    let counted = store::count(scope, operation_id, &names).await?;
    for (name, quota) in limits {
        let exceeding = |counted: &&Counted| counted.name == name && counted.grown > 0 && counted.total > quota;
        if let Some(counted) = counted.iter().find(exceeding) {
            return Err(exceeded(name, quota, counted.total));
        }
    }
    Ok(())
}

/// Refuses rows that an operation has added to a table beyond its [fixed limit](RowLimit::Rows). [`check`] is for the other tables.
///
/// # Errors
/// [`ApiError::QuotaExceeded`].
pub async fn check_rows(scope: &mut Scope<'_>, operation_id: i64, table: &RecordedTable) -> Result<(), ApiError> {
    let RowLimit::Rows(most) = table.limit else { return Ok(()) };
    let Counted { total, grown, .. } = store::count_rows(scope, operation_id, table.name).await?;
    if grown <= 0 || total <= most {
        return Ok(());
    }
    let many = table.name.replace('_', " ");
    let message = format!(
        "There can be {most} {many}, and this would make it {total}; nothing was changed. Delete what is not needed"
    );
    Err(ApiError::QuotaExceeded { message })
}

/// Refuses `growth` more bytes of text before they are written.
///
/// # Errors
/// [`ApiError::QuotaExceeded`].
pub async fn check_text(
    scope: &mut Scope<'_>,
    operation_id: i64,
    quotas: &QuotasConfig,
    growth: i64,
) -> Result<(), ApiError> {
    let counted = store::count(scope, operation_id, &[]).await?;
    let used = counted.iter().find(|counted| counted.name == TEXT_BYTES).map_or(0, |counted| counted.total);
    let total = used.saturating_add(growth);
    if growth > 0 && total > quotas.text_bytes {
        return Err(exceeded(TEXT_BYTES, quotas.text_bytes, total));
    }
    Ok(())
}

fn exceeded(name: &str, quota: i64, total: i64) -> ApiError {
    let what = match name {
        TEXT_BYTES => "bytes of text",
        TAGS_PER_TRANSACTION => "tags on one transaction",
        name => name,
    };
    ApiError::QuotaExceeded {
        message: format!(
            "There can be {quota} {what}, and this would make it {total}; nothing was changed. Delete what is not needed, or \
             ask who runs the service to raise quotas.{name}"
        ),
    }
}
