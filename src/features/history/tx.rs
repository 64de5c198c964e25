//! A change under way.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use super::merges_store;
use super::recorded::RecordedTables;
use crate::config::QuotasConfig;
use crate::domain::clock::Clock;
use crate::http::error::ApiError;
use crate::http::rate_limit::RateLimits;
use crate::http::scope::Scope;

/// A change under way: the data of the user, in a database transaction, and the operation that the change is recorded for.
pub struct Tx<'c> {
    pub(super) scope: Scope<'c>,
    /// The operation that the change can be undone by.
    pub operation_id: i64,
    pub clock: Arc<dyn Clock>,
    /// The limits of the user's data.
    pub quotas: QuotasConfig,
    /// The time for which operations are kept.
    pub retention: Duration,
    /// The tables whose changes are recorded.
    pub tables: Arc<RecordedTables>,
    pub(super) limits: Arc<RateLimits>,
    pub(super) nothing_changed: bool,
}

impl Tx<'_> {
    /// Notes that the change left everything as it was: then there is no operation, and nothing to undo.
    pub const fn note_nothing_changed(&mut self) {
        self.nothing_changed = true;
    }

    /// Notes that a row of a table was merged into another one, for transactions in the trash that refer to it.
    pub async fn note_merged(&mut self, entity: &str, from: i64, into: i64) -> Result<(), sqlx::Error> {
        merges_store::note(&mut self.scope, self.operation_id, entity, from, into).await
    }

    /// Counts the weight of a change of many rows, before it is made.
    ///
    /// # Errors
    /// [`ApiError::TooMuchWork`] if the account may not do so much.
    pub fn charge(&self, weight: i64) -> Result<(), ApiError> {
        self.limits.work.charge(self.scope.user_id, weight)
    }
}

impl<'c> Deref for Tx<'c> {
    type Target = Scope<'c>;

    fn deref(&self) -> &Scope<'c> {
        &self.scope
    }
}

impl<'c> DerefMut for Tx<'c> {
    fn deref_mut(&mut self) -> &mut Scope<'c> {
        &mut self.scope
    }
}
