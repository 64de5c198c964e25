//! Quotas: the most that one user may have.
//!
//! The usage of each user stands in the table `usage`. Every statement that changes rows adds a row to `usage_deltas`, by the same
//! triggers that record the change, and a job adds those up every few seconds: nobody waits for a counter. Whoever is far
//! from every quota is not looked at any closer. Whoever is near one, or changes many rows at once, is counted to the row
//! before the change is committed, whichever way the rows came in. Only requests of one user that are under way at the same
//! time do not see each other, so that they can exceed a quota by what they bring.

use super::store;
use crate::config::QuotasConfig;
use crate::features::feature::Feature;
use crate::http::error::ApiError;
use crate::http::scope::Scope;

/// The feature, which has no routes.
pub const FEATURE: Feature = Feature { tag: "quotas", tables: &["usage", "usage_deltas"], ..Feature::EMPTY };

/// Tells if operations of this kind change so many rows that they are always counted.
#[must_use]
pub fn changes_many(kind: &str) -> bool {
    matches!(kind, "transactions.update" | "undo")
}

/// Refuses what an operation has done if the user has more than a quota by it.
///
/// # Errors
/// [`ApiError::QuotaExceeded`].
pub async fn check(scope: &mut Scope<'_>, operation_id: i64, quotas: &QuotasConfig) -> Result<(), ApiError> {
    for counted in store::count(scope, operation_id).await? {
        let quota = match counted.name.as_str() {
            "transactions" => quotas.transactions,
            "tags" => quotas.tags,
            "payees" => quotas.payees,
            "categories" => quotas.categories,
            "text_bytes" => quotas.text_bytes,
            "tags_per_transaction" => quotas.tags_per_transaction,
            _ => continue,
        };
        if counted.grown > 0 && counted.total > quota {
            return Err(exceeded(&counted.name, quota, counted.total));
        }
    }
    Ok(())
}

/// Refuses to write so many more bytes of text, before they are written.
///
/// # Errors
/// [`ApiError::QuotaExceeded`].
pub async fn check_text(
    scope: &mut Scope<'_>,
    operation_id: i64,
    quotas: &QuotasConfig,
    growth: i64,
) -> Result<(), ApiError> {
    let counted = store::count(scope, operation_id).await?;
    let used = counted.iter().find(|counted| counted.name == "text_bytes").map_or(0, |counted| counted.total);
    let total = used.saturating_add(growth);
    if growth > 0 && total > quotas.text_bytes {
        return Err(exceeded("text_bytes", quotas.text_bytes, total));
    }
    Ok(())
}

fn exceeded(name: &str, quota: i64, total: i64) -> ApiError {
    let what = match name {
        "text_bytes" => "bytes of text",
        "tags_per_transaction" => "tags on one transaction",
        name => name,
    };
    ApiError::QuotaExceeded {
        message: format!(
            "There can be {quota} {what}, and this would make it {total}; nothing was changed. Delete what is not needed, or \
             ask who runs the service to raise quotas.{name}"
        ),
    }
}
