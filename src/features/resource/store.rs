//! The table of a resource.

use std::marker::PhantomData;

use super::definition::{Arguments, ListQuery, Resource, SortKey};
use super::sql::texts;
use crate::http::page::Segment;
use crate::http::scope::Scope;
use crate::http::walk::{Batch, Keyed, SMALL_ROW};

/// A row by id.
pub async fn find<R: Resource>(scope: &mut Scope<'_>, id: i64) -> Result<Option<R::Row>, sqlx::Error> {
    sqlx::query_as(texts::<R>().find.as_str()).bind(scope.user_id).bind(id).fetch_optional(&mut *scope.connection).await
}

/// Adds a row, and returns its id.
///
/// # Errors
/// From the database, with the name of a constraint that the columns break.
pub async fn insert<R: Resource>(scope: &mut Scope<'_>, values: &R::Values) -> Result<i64, sqlx::Error> {
    let mut arguments = Arguments::default();
    arguments.add(scope.user_id);
    R::bind(values, &mut arguments);
    sqlx::query_scalar_with(texts::<R>().insert.as_str(), arguments.finish()?).fetch_one(&mut *scope.connection).await
}

/// Changes the columns of a row.
///
/// # Errors
/// From the database, with the name of a constraint that the columns break.
pub async fn update<R: Resource>(scope: &mut Scope<'_>, id: i64, values: &R::Values) -> Result<(), sqlx::Error> {
    let mut arguments = Arguments::default();
    arguments.add(scope.user_id);
    arguments.add(id);
    R::bind(values, &mut arguments);
    let query = sqlx::query_with(texts::<R>().update.as_str(), arguments.finish()?);
    query.execute(&mut *scope.connection).await?;
    Ok(())
}

/// Deletes a row.
pub async fn delete<R: Resource>(scope: &mut Scope<'_>, id: i64) -> Result<(), sqlx::Error> {
    let query = sqlx::query(texts::<R>().delete.as_str()).bind(scope.user_id).bind(id);
    query.execute(&mut *scope.connection).await?;
    Ok(())
}

pub(super) struct ResourceList<R: Resource> {
    pub(super) query: R::Query,
    pub(super) resource: PhantomData<R>,
}

impl<R: Resource> Keyed for ResourceList<R> {
    type Row = R::Row;
    type Key = R::Key;

    fn counts(&self) -> bool {
        self.query.counts()
    }

    fn key(row: &R::Row) -> R::Key {
        R::key(row)
    }

    async fn read(
        &self,
        scope: &mut Scope<'_>,
        segment: &Segment<R::Key>,
        batch: &mut Batch<R::Row>,
    ) -> Result<(), sqlx::Error> {
        let [first, forwards, backwards] = &texts::<R>().lists;
        let statement = match segment.key() {
            None => first,
            Some(_) if segment.is_backwards() => backwards,
            Some(_) => forwards,
        };
        let mut arguments = Arguments::default();
        arguments.add(scope.user_id);
        arguments.add(segment.limit);
        if R::COUNTED.is_some() {
            arguments.add(self.query.counts());
        }
        self.query.bind(&mut arguments);
        if let Some(key) = segment.key() {
            key.bind(&mut arguments);
        }
        let rows = sqlx::query_as_with(statement.as_str(), arguments.finish()?).fetch(&mut *scope.connection);
        batch.fill(rows, |row: &R::Row| R::name(&R::values(row)).len() + SMALL_ROW).await
    }
}
