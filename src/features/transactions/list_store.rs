//! Pages of transactions with any filter, at the same speed wherever they begin.
//!
//! A page is read from an index that has the rows in their order, from the row after which it begins. Rows that no index has in
//! their order are searched for: see [`PageSearch`].

use super::criteria::Criteria;
use super::filter::TransactionOrder;
use super::keyset_store::{KeysetScan, ListKey};
use super::model::Transaction;
use super::search_store::PageSearch;
use crate::http::page::Segment;
use crate::http::scope::Scope;

/// The rows of a page, in the direction of reading.
///
/// # Errors
/// Only from the database.
pub(super) async fn page(
    scope: &mut Scope<'_>,
    criteria: &Criteria,
    order: TransactionOrder,
    segment: &Segment<ListKey>,
) -> Result<Vec<Transaction>, sqlx::Error> {
    let scan = KeysetScan::new(scope.user_id, criteria, order, segment)?;
    let limit = segment.limit;
    if scan.has_more_conditions() {
        return scope.read_together(async |scope| PageSearch { scan, limit }.page(scope).await).await;
    }
    // Prepared by name: one of few texts, whose plan does not depend on the values.
    scan.select(limit).build_query_as().fetch_all(&mut *scope.connection).await
}
