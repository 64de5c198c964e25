//! Creating a transaction.

use chrono::NaiveDate;

use super::categorize::categorize;
use super::choices::{CategoryChoice, category_of, check_decimals, payee_of};
use super::entry::TransactionColumns;
use super::inputs::NewTransaction;
use super::model::{CategorySource, Transaction};
use super::store::{self, EntryDefaults};
use crate::domain::civil_date::today;
use crate::domain::clock::Clock;
use crate::domain::currency::Currency;
use crate::features::categories::{is_other, names_store};
use crate::features::users::model::UserSettings;
use crate::features::{payees, tags};
use crate::http::error::ApiError;
use crate::http::scope::Scope;

/// Creates a transaction, with its category, payee and tags if those are new.
///
/// # Errors
/// [`ApiError::Unauthorized`] if the user does not exist; [`ApiError::Validation`] if the amount has more decimals than the
/// user's currency; [`ApiError::NotFound`] for a category or a payee that is given by id.
pub async fn create(scope: &mut Scope<'_>, clock: &dyn Clock, new: NewTransaction) -> Result<Transaction, ApiError> {
    let defaults = store::defaults(scope, new.r#type, new.category.as_deref()).await?;
    let EntryDefaults { owner, category_id } = defaults.ok_or(ApiError::Unauthorized)?;
    let currency = currency_of(&new, &owner)?;
    let category = choose_category(scope, &new, category_id).await?;
    let payee_id = match (new.payee_id, &new.payee) {
        (Some(id), _) => Some(payee_of(scope, id).await?),
        (None, Some(name)) => Some(payees::store::find_or_create(scope, name).await?),
        (None, None) => None,
    };
    let entry = columns(&new, currency, category, payee_id, day_of(&new, &owner, clock));
    let tags = tags::store::find_or_create(scope, &new.tags).await?;
    let transaction = store::insert(scope, &entry).await?;
    if tags.is_empty() {
        return Ok(transaction);
    }
    tags::store::put_on(scope, &[transaction.id], &tags).await?;
    store::find(scope, transaction.id).await?.ok_or_else(|| store::not_found(transaction.id))
}

/// The currency of a new transaction.
///
/// # Errors
/// [`ApiError::Validation`] if the amount has more decimals than it.
pub(super) fn currency_of(new: &NewTransaction, owner: &UserSettings) -> Result<Currency, ApiError> {
    let currency = new.currency.unwrap_or(owner.currency);
    check_decimals(new.amount, currency).map(|()| currency)
}

/// The day of a new transaction.
pub(super) fn day_of(new: &NewTransaction, owner: &UserSettings, clock: &dyn Clock) -> NaiveDate {
    new.date.unwrap_or_else(|| today(clock.now(), owner.time_zone))
}

/// The columns of a new transaction.
pub(super) fn columns(
    new: &NewTransaction,
    currency: Currency,
    category: CategoryChoice,
    payee_id: Option<i64>,
    date: NaiveDate,
) -> TransactionColumns {
    TransactionColumns {
        title: new.title.clone(),
        title_en: new.title_en.clone(),
        amount: new.amount.value(),
        currency: currency.code().to_owned(),
        r#type: new.r#type,
        category_id: category.id,
        category_source: category.source,
        category_reason: category.reason,
        date,
        note: new.note.clone(),
        payee_id,
    }
}

/// Chooses the category: the one that is asked for, or else one by similar titles or by words in the title. `named` is the
/// category of the name that is asked for, if it exists.
async fn choose_category(
    scope: &mut Scope<'_>,
    new: &NewTransaction,
    named: Option<i64>,
) -> Result<CategoryChoice, ApiError> {
    let kind = new.r#type;
    let asked = match (&new.category, new.category_id) {
        (_, Some(id)) => return Ok(CategoryChoice::by_user(category_of(scope, kind, id).await?)),
        (Some(name), None) if !is_other(name) => {
            let id = match named {
                Some(id) => id,
                None => names_store::find_or_create(scope, kind, name).await?,
            };
            return Ok(CategoryChoice::by_user(id));
        }
        (asked, None) => asked,
    };
    let suggestion = categorize(scope, kind, &new.title, new.title_en.as_deref()).await?;
    if let Some(suggestion) = suggestion {
        return Ok(CategoryChoice {
            id: suggestion.category_id,
            source: suggestion.source,
            reason: Some(suggestion.reason),
        });
    }
    let id = names_store::other(scope, kind).await?;
    // No suggestion; the user may have asked for `Other`.
    let source = if asked.is_some() { CategorySource::User } else { CategorySource::Default };
    Ok(CategoryChoice { id, source, reason: None })
}
