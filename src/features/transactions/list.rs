//! The list of transactions: a page, or all of it.

use axum::response::{IntoResponse as _, Response};

use super::criteria;
use super::filter::{TransactionFilter, TransactionOrder, TransactionQuery};
use super::keyset_store::ListKey;
use super::list_store;
use super::model::Transaction;
use super::walk_store::CriteriaWalk;
use crate::features::reader::UserReader;
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::http::stream;

/// Answers with a page of the list, or with the whole list.
pub(super) async fn list(reader: UserReader, query: TransactionQuery) -> Result<Response, ApiError> {
    let TransactionQuery { filter, order, page } = query;
    let order = order.order;
    let Some(page) = page else { return whole_list(reader, filter, order).await };
    let name = format!("{} transactions {order:?} {filter:?}", reader.user_id);
    let paging = reader.state.cursors.begin(&page, name)?;
    let rows: Vec<Transaction> = reader
        .run(async |scope| match &criteria::look_up(scope, &filter).await? {
            None => Ok(Vec::new()),
            Some(criteria) => list_store::page(scope, criteria, order, paging.segment()).await,
        })
        .await?;
    let (rows, page) = paging.finish(rows, |row| ListKey::of(row, order))?;
    stream::page(rows, page).await
}

async fn whole_list(
    reader: UserReader,
    filter: TransactionFilter,
    order: TransactionOrder,
) -> Result<Response, ApiError> {
    match reader.run(async |scope| criteria::look_up(scope, &filter).await).await? {
        None => Ok(Success::ok(Vec::<Transaction>::new()).into_response()),
        Some(criteria) => reader.list(CriteriaWalk::new(criteria, order)).await,
    }
}
