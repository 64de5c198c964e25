//! Whole lists of transactions, read in batches.

use super::criteria::Criteria;
use super::filter::TransactionOrder;
use super::keyset_store::ListKey;
use super::list_store::ListStatement;
use super::model::Transaction;
use crate::http::page::Segment;
use crate::http::scope::Scope;
use crate::http::walk::{Batch, Walk};

/// The transactions that meet criteria, in an order.
#[derive(Debug)]
pub(super) struct CriteriaWalk {
    criteria: Criteria,
    order: TransactionOrder,
    /// The row before the next batch.
    after: Option<ListKey>,
}

impl CriteriaWalk {
    pub(super) const fn new(criteria: Criteria, order: TransactionOrder) -> Self {
        Self { criteria, order, after: None }
    }
}

impl Walk for CriteriaWalk {
    type Row = Transaction;

    async fn next(&mut self, scope: &mut Scope<'_>, batch: &mut Batch<Transaction>) -> Result<(), sqlx::Error> {
        let once = self.after.is_some();
        let segment = Segment::behind(self.after.clone(), batch.limit());
        let list = ListStatement::new(scope.user_id, &self.criteria, self.order, &segment)?;
        // The first batch has the same limit in each list. Others differ, so that a name for each would be used once.
        list.fill(scope, batch, once).await?;
        self.after = batch.last().map(|row| ListKey::of(row, self.order));
        Ok(())
    }
}
