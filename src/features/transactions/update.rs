//! Updating a transaction.

use std::collections::BTreeSet;

use super::choices::{CategoryChoice, category_of, check_decimals, payee_of};
use super::entry::TransactionColumns;
use super::inputs::TransactionEdit;
use super::model::Transaction;
use super::store;
use crate::domain::money::Amount;
use crate::domain::name::key;
use crate::features::categories::names_store;
use crate::features::history::Tx;
use crate::features::{payees, tags};
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::http::input::FieldUpdate;
use crate::http::precondition::Precondition;
use crate::http::scope::Scope;

/// Updates a transaction.
///
/// # Errors
/// [`ApiError::NotFound`] for the transaction, and for a category or a payee that is given by id;
/// [`ApiError::PreconditionFailed`]; [`ApiError::Validation`] if the amount has more decimals than the currency.
pub(super) async fn update(
    tx: &mut Tx<'_>,
    precondition: Precondition,
    id: i64,
    mut edit: TransactionEdit,
) -> Result<Success<Transaction>, ApiError> {
    let current = store::find_for_update(tx, id).await?.ok_or_else(|| store::not_found(id))?;
    precondition.check(&current)?;
    let tags = edit.tags.take();
    let entry = edited(tx, current.clone(), edit).await?;
    let keeps_tags = tags.as_ref().is_none_or(|names| same_names(names, &current.tags));
    if keeps_tags && entry == TransactionColumns::from(current.clone()) {
        tx.note_nothing_changed();
        return Ok(Success::ok(current).with_etag());
    }
    store::update(tx, id, &entry).await?;
    if let Some(names) = tags {
        let tags = tags::store::find_or_create(tx, &names).await?;
        tags::store::keep_only(tx, &[id], &tags).await?;
        tags::store::put_on(tx, &[id], &tags).await?;
    }
    let transaction = store::find(tx, id).await?.ok_or_else(|| store::not_found(id))?;
    Ok(Success::ok(transaction).with_etag())
}

/// Tells if names are the same, in whichever order and number.
fn same_names(some: &[String], others: &[String]) -> bool {
    let keys = |names: &[String]| names.iter().map(|name| key(name)).collect::<BTreeSet<_>>();
    keys(some) == keys(others)
}

/// The columns of a transaction after an update.
async fn edited(
    scope: &mut Scope<'_>,
    current: Transaction,
    edit: TransactionEdit,
) -> Result<TransactionColumns, ApiError> {
    check_amount(&current, &edit)?;
    let category = choose_category(scope, &current, &edit).await?;
    let payee_id = match (edit.payee_id, edit.payee) {
        (FieldUpdate::Set(id), _) => Some(payee_of(scope, id).await?),
        (_, FieldUpdate::Set(name)) => Some(payees::store::find_or_create(scope, &name).await?),
        (FieldUpdate::Clear, _) | (_, FieldUpdate::Clear) => None,
        (FieldUpdate::Keep, FieldUpdate::Keep) => current.payee_id,
    };
    let title = edit.title.unwrap_or_else(|| current.title.clone());
    let title_en = edit.title_en.applied_to(current.title_en.clone());
    // The explanation of the category is about the titles before; the category itself stays until another one is chosen.
    let same_titles = title == current.title && title_en == current.title_en;
    Ok(TransactionColumns {
        title,
        title_en,
        amount: edit.amount.map_or(current.amount.0, Amount::value),
        currency: edit.currency.map_or(current.currency, |currency| currency.code().to_owned()),
        r#type: edit.r#type.unwrap_or(current.r#type),
        category_id: category.id,
        category_source: category.source,
        category_reason: category.reason.filter(|_| same_titles),
        date: edit.date.unwrap_or(current.date),
        note: edit.note.applied_to(current.note),
        payee_id,
    })
}

/// Refuses an amount that has more decimals than its currency, where either of them changes.
fn check_amount(current: &Transaction, edit: &TransactionEdit) -> Result<(), ApiError> {
    if edit.amount.is_none() && edit.currency.is_none() {
        return Ok(());
    }
    let currency = match edit.currency {
        Some(currency) => currency,
        None => current.currency.parse().map_err(ApiError::internal)?,
    };
    let amount = match edit.amount {
        Some(amount) => amount,
        None => Amount::parse(&current.amount.0.to_string()).map_err(ApiError::internal)?,
    };
    check_decimals(amount, currency)
}

/// Chooses the category. It is of one kind, so a transaction that changes its type takes the name of its category along.
async fn choose_category(
    scope: &mut Scope<'_>,
    current: &Transaction,
    edit: &TransactionEdit,
) -> Result<CategoryChoice, ApiError> {
    let kind = edit.r#type.unwrap_or(current.r#type);
    let same_kind = kind == current.r#type;
    let name = match (edit.category_id, &edit.category) {
        (Some(id), _) => return Ok(CategoryChoice::by_user(category_of(scope, kind, id).await?)),
        (None, Some(name)) if same_kind && key(name) == key(&current.category) => {
            return Ok(CategoryChoice::by_user(current.category_id));
        }
        (None, Some(name)) => name,
        (None, None) if same_kind => {
            let (source, reason) = (current.category_source, current.category_reason.clone());
            return Ok(CategoryChoice { id: current.category_id, source, reason });
        }
        (None, None) => &current.category,
    };
    Ok(CategoryChoice::by_user(names_store::find_or_create(scope, kind, name).await?))
}
