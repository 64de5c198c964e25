//! Changing many transactions at once: all of them or none.

use std::collections::HashSet;

use super::bulk_inputs::{BulkAnswer, BulkSet, Selection};
use super::bulk_store::{self, ColumnChanges, MatchedRows};
use super::choices::payee_of;
use super::weight_store::{WeighedRows, weight};
use crate::domain::name::key;
use crate::domain::transaction_type::TransactionType;
use crate::features::categories::{Categories, names_store};
use crate::features::history::Tx;
use crate::features::resource::{self, not_found};
use crate::features::{payees, quotas, tags};
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::http::input::FieldUpdate;
use crate::http::scope::Scope;

/// Counts the transactions that a change would change.
pub(super) async fn count(scope: &mut Scope<'_>, selection: Selection, set: BulkSet) -> Result<BulkAnswer, ApiError> {
    let matched = bulk_store::select(scope, selection).await?;
    let columns = columns(scope, set, &matched, true).await?;
    let changed = bulk_store::differing(scope, &matched.ids, &columns).await?.len();
    Ok(BulkAnswer::new(matched.ids.len(), changed, true))
}

/// Changes the transactions.
pub(super) async fn update_many(
    tx: &mut Tx<'_>,
    selection: Selection,
    set: BulkSet,
) -> Result<Success<BulkAnswer>, ApiError> {
    let text = set.weight_of_text();
    let matched = bulk_store::select(tx, selection).await?;
    if matched.ids.is_empty() {
        // The names are not created for nothing.
        tx.note_nothing_changed();
        return Ok(Success::ok(BulkAnswer::new(0, 0, false)));
    }
    let columns = columns(tx, set, &matched, false).await?;
    let differing = bulk_store::differing(tx, &matched.ids, &columns).await?;
    if differing.is_empty() {
        // A new category, payee or tag would make each of them differ, so none was created.
        tx.note_nothing_changed();
        return Ok(Success::ok(BulkAnswer::new(matched.ids.len(), 0, false)));
    }
    let weight = weight(tx, WeighedRows::Ids(&differing), None).await?;
    tx.charge(weight.saturating_add(rows_of(&differing) * text))?;
    // Before the text is written: it may be gigabytes.
    let growth = bulk_store::text_growth(tx, &differing, &columns).await?;
    if growth > 0 {
        let (operation_id, limits) = (tx.operation_id, tx.quotas);
        quotas::check_text(tx, operation_id, &limits, growth).await?;
    }
    bulk_store::update(tx, &differing, &columns).await?;
    if let Some(tags) = &columns.tags {
        tags::store::keep_only(tx, &differing, tags).await?;
        tags::store::put_on(tx, &differing, tags).await?;
    }
    tags::store::take_off(tx, &differing, &columns.remove_tags).await?;
    tags::store::put_on(tx, &differing, &columns.add_tags).await?;
    Ok(Success::ok(BulkAnswer::new(matched.ids.len(), differing.len(), false)))
}

/// The number of rows with these ids, at most.
pub(super) fn rows_of(ids: &[i64]) -> i64 {
    i64::try_from(ids.len()).unwrap_or(i64::MAX)
}

/// An id that no row has, for names that do not exist yet.
const NEW: i64 = -1;

/// Looks up the names of the new values. A dry run creates none: no transaction has them yet.
async fn columns(
    scope: &mut Scope<'_>,
    set: BulkSet,
    matched: &MatchedRows,
    dry_run: bool,
) -> Result<ColumnChanges, ApiError> {
    let categories = match (set.category_id, &set.category) {
        (Some(id), _) => Some(category_by_id(scope, id, matched).await?),
        (None, Some(name)) => Some(categories_by_name(scope, name, matched, dry_run).await?),
        (None, None) => None,
    };
    let payee = match (set.payee_id, set.payee) {
        (FieldUpdate::Set(id), _) => FieldUpdate::Set(payee_of(scope, id).await?),
        (_, FieldUpdate::Set(name)) if dry_run => {
            FieldUpdate::Set(payees::store::look_up(scope, None, Some(&name)).await?.unwrap_or(NEW))
        }
        (_, FieldUpdate::Set(name)) => FieldUpdate::Set(payees::store::find_or_create(scope, &name).await?),
        (FieldUpdate::Clear, _) | (_, FieldUpdate::Clear) => FieldUpdate::Clear,
        (FieldUpdate::Keep, FieldUpdate::Keep) => FieldUpdate::Keep,
    };
    let tags = match set.tags {
        Some(names) => Some(tags_by_name(scope, &names, dry_run).await?),
        None => None,
    };
    let add_tags = tags_by_name(scope, &set.add_tags, dry_run).await?;
    let remove_tags = tags::store::ids(scope, &set.remove_tags).await?;
    Ok(ColumnChanges {
        title: set.title,
        categories,
        date: set.date,
        note: set.note,
        payee,
        tags,
        add_tags,
        remove_tags,
    })
}

async fn category_by_id(scope: &mut Scope<'_>, id: i64, matched: &MatchedRows) -> Result<(i64, i64), ApiError> {
    let category = resource::store::find::<Categories>(scope, id).await?;
    let category = category.ok_or_else(|| not_found::<Categories>(id))?;
    if matched.types.iter().any(|of| *of != category.kind) {
        return Err(ApiError::Validation(vec!["categoryId must be of the type of all these transactions".to_owned()]));
    }
    Ok((id, id))
}

/// The categories of a name, for income and for expenses, as far as there are transactions of that type.
async fn categories_by_name(
    scope: &mut Scope<'_>,
    name: &str,
    matched: &MatchedRows,
    dry_run: bool,
) -> Result<(i64, i64), ApiError> {
    let mut ids = [NEW, NEW];
    for (id, kind) in ids.iter_mut().zip([TransactionType::Income, TransactionType::Expense]) {
        if !matched.types.contains(&kind) {
            continue;
        }
        *id = if dry_run {
            names_store::find_by_name(scope, kind, name).await?.unwrap_or(NEW)
        } else {
            names_store::find_or_create(scope, kind, name).await?
        };
    }
    Ok((ids[0], ids[1]))
}

async fn tags_by_name(scope: &mut Scope<'_>, names: &[String], dry_run: bool) -> Result<Vec<i64>, sqlx::Error> {
    if !dry_run {
        return tags::store::find_or_create(scope, names).await;
    }
    let mut ids = tags::store::ids(scope, names).await?;
    let different: HashSet<String> = names.iter().map(|name| key(name)).collect();
    if different.len() > ids.len() {
        ids.push(NEW);
    }
    Ok(ids)
}
