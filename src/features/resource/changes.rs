//! The changes of a resource, each within a transaction.

use std::borrow::Cow;

use super::definition::{Mergeable, Resource};
use super::sql::{not_found, texts};
use super::store;
use crate::db::error::breaks;
use crate::features::history::Tx;
use crate::features::quotas;
use crate::http::envelope::{Done, Success};
use crate::http::error::ApiError;
use crate::http::precondition::Precondition;
use crate::http::scope::Scope;

/// A row that has to exist.
pub(super) async fn found<R: Resource>(scope: &mut Scope<'_>, id: i64) -> Result<R::Row, ApiError> {
    store::find::<R>(scope, id).await?.ok_or_else(|| not_found::<R>(id))
}

/// The error for an insert or an update that failed.
fn refused<R: Resource>(error: sqlx::Error, values: &R::Values) -> ApiError {
    let texts = texts::<R>();
    match R::refusal(&error, values) {
        Some(refusal) => refusal,
        None if breaks(&error, &texts.name_key) => ApiError::Conflict {
            code: texts.already_exists,
            message: format!("There is a {} of this name: {}", R::TABLE.noun, R::name(values)),
        },
        None => error.into(),
    }
}

/// Creates a row.
pub(super) async fn create<R: Resource>(tx: &mut Tx<'_>, new: R::New) -> Result<Success<R::Row>, ApiError> {
    let values = R::created(new);
    R::check_new(tx, &values).await?;
    let id = store::insert::<R>(tx, &values).await.map_err(|error| refused::<R>(error, &values))?;
    let operation_id = tx.operation_id;
    quotas::check_rows(tx, operation_id, R::TABLE).await?;
    Ok(Success::created(found::<R>(tx, id).await?).with_etag())
}

/// Changes a row.
pub(super) async fn update<R: Resource>(
    tx: &mut Tx<'_>,
    precondition: Precondition,
    id: i64,
    edit: R::Edit,
) -> Result<Success<R::Row>, ApiError> {
    let current = found::<R>(tx, id).await?;
    precondition.check(&current)?;
    let before = R::values(&current);
    let values = R::edited(before.clone(), edit);
    if values == before {
        tx.note_nothing_changed();
        return Ok(Success::ok(current).with_etag());
    }
    R::check_update(tx, &current, &values).await?;
    store::update::<R>(tx, id, &values).await.map_err(|error| refused::<R>(error, &values))?;
    Ok(Success::ok(found::<R>(tx, id).await?).with_etag())
}

/// Deletes a row.
pub(super) async fn delete<R: Resource>(
    tx: &mut Tx<'_>,
    precondition: Precondition,
    id: i64,
) -> Result<Success<Done>, ApiError> {
    let current = found::<R>(tx, id).await?;
    precondition.check(&current)?;
    R::check_delete(tx, &current).await?;
    if R::DELETION_IS_WEIGHED {
        let weight = R::weight(tx, id, None).await?;
        tx.charge(weight)?;
    }
    store::delete::<R>(tx, id).await?;
    let message = Cow::Owned(format!("{} deleted successfully", texts::<R>().capitalized));
    Ok(Success::ok(Done { message }))
}

/// Merges a row into another one.
pub(super) async fn merge<R: Mergeable>(
    tx: &mut Tx<'_>,
    precondition: Precondition,
    id: i64,
    into: i64,
) -> Result<Success<R::Row>, ApiError> {
    let source = found::<R>(tx, id).await?;
    precondition.check(&source)?;
    let target = found::<R>(tx, into).await?;
    R::check_merge(tx, &source, &target).await?;
    let weight = R::weight(tx, id, None).await?;
    tx.charge(weight)?;
    R::move_references(tx, id, into).await?;
    tx.note_merged(R::TABLE.name, id, into).await?;
    store::delete::<R>(tx, id).await?;
    Ok(Success::ok(target))
}
