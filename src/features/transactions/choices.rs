//! The category and the payee that a request asks for, by id or by name.

use super::model::CategorySource;
use super::rules::too_fine;
use crate::domain::currency::Currency;
use crate::domain::money::Amount;
use crate::domain::transaction_type::TransactionType;
use crate::features::categories::Categories;
use crate::features::payees::Payees;
use crate::features::resource::{self, not_found};
use crate::http::error::ApiError;
use crate::http::scope::Scope;

/// A category, and the reason for it.
pub(super) struct CategoryChoice {
    pub(super) id: i64,
    pub(super) source: CategorySource,
    pub(super) reason: Option<String>,
}

impl CategoryChoice {
    /// A category that the user chose.
    pub(super) const fn by_user(id: i64) -> Self {
        Self { id, source: CategorySource::User, reason: None }
    }
}

/// The id of a category, if it exists and is of the kind.
pub(super) async fn category_of(scope: &mut Scope<'_>, kind: TransactionType, id: i64) -> Result<i64, ApiError> {
    let category = resource::store::find::<Categories>(scope, id).await?;
    let category = category.ok_or_else(|| not_found::<Categories>(id))?;
    if category.kind != kind {
        return Err(ApiError::Validation(vec!["categoryId must be of the transaction's type".to_owned()]));
    }
    Ok(id)
}

/// The id of a payee, if it exists.
pub(super) async fn payee_of(scope: &mut Scope<'_>, id: i64) -> Result<i64, ApiError> {
    let payee = resource::store::find::<Payees>(scope, id).await?;
    payee.map(|payee| payee.id).ok_or_else(|| not_found::<Payees>(id))
}

/// Refuses an amount that has more decimals than its currency.
pub(super) fn check_decimals(amount: Amount, currency: Currency) -> Result<(), ApiError> {
    too_fine(amount, currency).map_or(Ok(()), |problem| Err(ApiError::Validation(vec![problem])))
}
