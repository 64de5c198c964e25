//! The routes of a resource.

use std::marker::PhantomData;

use axum::response::Response;
use axum::routing;
use utoipa_axum::router::OpenApiRouter;

use super::definition::{ListQuery as _, Mergeable, Resource};
use super::sql::texts;
use super::{changes, document, store};
use crate::features::history::Mutation;
use crate::features::reader::UserReader;
use crate::fields;
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::http::extract::{Body, PathId, QueryString};
use crate::http::precondition::{NoPrecondition, Precondition};
use crate::http::presence::Required;
use crate::http::rules::Id;
use crate::http::scope::Scope;
use crate::state::AppState;

fields! {
    /// The target of a merge.
    #[derive(Debug)]
    struct Merge as "Merge" {
        /// The id of the row that stays.
        into: Required<Id> = 7,
    }
}

/// The routes of list, create, read, update and delete.
#[must_use]
pub fn router<R: Resource>() -> OpenApiRouter<AppState> {
    let collection = routing::get(list::<R>).post(create::<R>);
    let row = routing::get(read::<R>).put(update::<R>).patch(update::<R>).delete(delete::<R>);
    OpenApiRouter::new().routes(document::collection::<R>().with(collection)).routes(document::row::<R>().with(row))
}

/// The route of merge.
#[must_use]
pub fn merge_router<R: Mergeable>() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(document::merge::<R, Merge>().with(routing::post(merge::<R>)))
}

async fn list<R: Resource>(
    reader: UserReader,
    QueryString(query): QueryString<R::Query>,
) -> Result<Response, ApiError> {
    let name = format!("{}{}", R::TABLE.name, query.filters());
    let page = query.page().cloned();
    let list = store::ResourceList::<R> { query, resource: PhantomData };
    reader.page(list, page.as_ref(), &name).await
}

async fn create<R: Resource>(
    mutation: Mutation,
    _: NoPrecondition,
    Body(new): Body<R::New>,
) -> Result<Response, ApiError> {
    let kind = format!("{}.create", texts::<R>().kind);
    mutation.run(&kind, async |tx| changes::create::<R>(tx, new).await).await
}

async fn read<R: Resource>(reader: UserReader, PathId(id): PathId) -> Result<Success<R::Row>, ApiError> {
    let row = reader.run(async |scope| changes::found::<R>(scope, id).await).await?;
    Ok(Success::ok(row).with_etag())
}

async fn update<R: Resource>(
    mutation: Mutation,
    precondition: Precondition,
    PathId(id): PathId,
    Body(edit): Body<R::Edit>,
) -> Result<Response, ApiError> {
    let kind = format!("{}.update", texts::<R>().kind);
    mutation.run(&kind, async |tx| changes::update::<R>(tx, precondition, id, edit).await).await
}

async fn delete<R: Resource>(
    mutation: Mutation,
    precondition: Precondition,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let kind = format!("{}.delete", texts::<R>().kind);
    if !R::DELETION_IS_WEIGHED {
        return mutation.run(&kind, async |tx| changes::delete::<R>(tx, precondition, id).await).await;
    }
    let weigh = async |scope: &mut Scope<'_>, rows| R::weight(scope, id, rows).await;
    mutation.run_weighed(&kind, weigh, async |tx| changes::delete::<R>(tx, precondition, id).await).await
}

async fn merge<R: Mergeable>(
    mutation: Mutation,
    precondition: Precondition,
    PathId(id): PathId,
    Body(Merge { into }): Body<Merge>,
) -> Result<Response, ApiError> {
    let kind = format!("{}.merge", texts::<R>().kind);
    let weigh = async |scope: &mut Scope<'_>, rows| R::weight(scope, id, rows).await;
    mutation.run_weighed(&kind, weigh, async |tx| changes::merge::<R>(tx, precondition, id, into).await).await
}
