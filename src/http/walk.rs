//! Lists without a limit, read in batches, each on a connection that is released before the batch goes to the client.
//!
//! A client that reads slowly holds no connection, and memory does not depend on the length of the list: a batch
//! has about 256 KiB, however large the rows are. Each batch begins after the last row of the previous one, so a row that keeps
//! its place is read exactly once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, TryStreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::envelope::Success;
use super::error::ApiError;
use super::lane::{Turn, WorkLanes};
use super::page::{Cursors, PageRequest, Segment};
use super::replica::Replica;
use super::scope::Scope;
use super::shares::{Share, Shares};
use super::stream::{self, ListWriter};
use crate::db::pool::{Lease, Pool};

/// The first rows are read as any short request reads; a list that ends with them is answered whole.
const FIRST_ROWS: usize = 101;

/// The size of a batch, in bytes of JSON.
const BATCH_BYTES: usize = 256 * 1024;

/// Rows of a batch, at least and at most.
const BATCH_ROWS: (usize, usize) = (20, 2_000);

/// Long lists of one account that are under way at once.
const LISTS_OF_ACCOUNT: usize = 2;

/// The approximate size of a row without long texts, in bytes of JSON.
pub const SMALL_ROW: usize = 200;

/// A batch of rows.
#[derive(Debug)]
pub struct Batch<R> {
    rows: Vec<R>,
    limit: usize,
    bytes: usize,
    most_bytes: usize,
    dropped: bool,
    more: bool,
}

impl<R> Batch<R> {
    fn new(limit: usize) -> Self {
        Self { rows: Vec::new(), limit, bytes: 0, most_bytes: BATCH_BYTES, dropped: false, more: false }
    }

    /// A batch of so many rows of any size.
    #[must_use]
    pub fn page(limit: i64) -> Self {
        Self { most_bytes: usize::MAX, ..Self::new(usize::try_from(limit).unwrap_or(usize::MAX)) }
    }

    /// The rows.
    #[must_use]
    pub fn into_rows(self) -> Vec<R> {
        self.rows
    }

    /// The most rows to read.
    #[must_use]
    pub fn limit(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX)
    }

    /// The last row.
    #[must_use]
    pub fn last(&self) -> Option<&R> {
        self.rows.last()
    }

    /// The number of rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tells if it has no rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Tells if it has as many rows or bytes as it may have.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.rows.len() >= self.limit || self.bytes >= self.most_bytes
    }

    /// Adds a row of this size in bytes.
    pub fn push(&mut self, row: R, bytes: usize) {
        self.bytes += bytes;
        self.rows.push(row);
        self.more = self.is_full();
    }

    /// Adds rows as they arrive; `bytes` tells the size of each. Rows beyond the size of a batch are dropped and read again by the
    /// next batch: small rows followed by large ones would fill the memory otherwise. The list goes on if the limit is reached.
    ///
    /// # Errors
    /// Only from the database.
    pub async fn fill(
        &mut self,
        rows: impl Stream<Item = Result<R, sqlx::Error>> + Send,
        bytes: impl Fn(&R) -> usize,
    ) -> Result<(), sqlx::Error> {
        let mut rows = std::pin::pin!(rows);
        let mut seen = self.rows.len();
        while let Some(row) = rows.try_next().await? {
            seen += 1;
            if self.bytes < self.most_bytes {
                let bytes = bytes(&row);
                self.push(row, bytes);
            }
        }
        self.dropped = seen > self.rows.len();
        self.more = seen >= self.limit || self.dropped;
        Ok(())
    }

    /// Tells if rows were dropped.
    #[must_use]
    pub const fn has_dropped(&self) -> bool {
        self.dropped
    }

    /// Sets if the list goes on after this batch, where that does not follow from the number of rows.
    pub const fn goes_on(&mut self, more: bool) {
        self.more = more;
    }
}

/// A list that is read from its first row to its last.
pub trait Walk: Send + 'static {
    /// The row of the list.
    type Row: Serialize + Send;

    /// Tells if it counts many rows, and so waits for its turn on the connections for such work.
    fn counts(&self) -> bool {
        false
    }

    /// Reads the next rows. After a failure, or if it is dropped, it can be called again for the same rows.
    fn next(
        &mut self,
        scope: &mut Scope<'_>,
        batch: &mut Batch<Self::Row>,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// A list that is read by the sort keys of its rows.
pub trait Keyed: Send + Sync + 'static {
    /// The row of the list.
    type Row: Serialize + Send;
    /// The sort key, different for each row.
    type Key: Clone + Serialize + DeserializeOwned + Send + Sync;

    /// Tells if it counts many rows, and so waits for its turn on the connections for such work.
    fn counts(&self) -> bool {
        false
    }

    /// The key of a row.
    fn key(row: &Self::Row) -> Self::Key;

    /// Reads a segment into a batch.
    fn read(
        &self,
        scope: &mut Scope<'_>,
        segment: &Segment<Self::Key>,
        batch: &mut Batch<Self::Row>,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// A list that is read from key to key.
struct KeyedWalk<L: Keyed> {
    list: L,
    from: Option<L::Key>,
}

impl<L: Keyed> Walk for KeyedWalk<L> {
    type Row = L::Row;

    fn counts(&self) -> bool {
        self.list.counts()
    }

    async fn next(&mut self, scope: &mut Scope<'_>, batch: &mut Batch<L::Row>) -> Result<(), sqlx::Error> {
        let segment = Segment::behind(self.from.clone(), batch.limit());
        self.list.read(scope, &segment, batch).await?;
        self.from = batch.last().map(L::key);
        Ok(())
    }
}

/// Reads long lists.
#[derive(Debug, Clone)]
pub struct Lists {
    pool: Pool,
    replica: Option<Replica>,
    lanes: WorkLanes,
    under_way: Arc<Shares<i64>>,
    patience: Duration,
    stall_timeout: Duration,
}

impl Lists {
    /// Lists that are read on connections of `pool`, and in the `lanes` for what costs much where they count. The rest of a long list
    /// is read from the `replica`, if there is one. A list waits for `patience` until others of the account have ended, and a client
    /// may take nothing for `stall_timeout`.
    #[must_use]
    pub fn new(
        pool: Pool,
        replica: Option<Replica>,
        lanes: WorkLanes,
        patience: Duration,
        stall_timeout: Duration,
    ) -> Self {
        Self { pool, replica, lanes, under_way: Shares::new(LISTS_OF_ACCOUNT), patience, stall_timeout }
    }

    /// Answers with all of a user's list.
    ///
    /// # Errors
    /// [`ApiError::TooManyRequests`] if others of the user's are under way; the database's for the first rows. Later
    /// failures cut the connection.
    pub async fn answer(&self, user_id: i64, mut walk: impl Walk) -> Result<Response, ApiError> {
        let mut batch = Batch::new(FIRST_ROWS);
        let (turn, mut connection) = self.connection(user_id, walk.counts()).await?;
        let mut scope = Scope::new(&mut connection, user_id);
        walk.next(&mut scope, &mut batch).await?;
        let changes = match &self.replica {
            Some(replica) if batch.more && !walk.counts() => Some(replica.last_changes(&mut scope).await?),
            _ => None,
        };
        connection.release();
        drop(turn);
        if !batch.more {
            return Ok(Success::ok(batch.rows).into_response());
        }
        let share = self.under_way.take(user_id, self.patience).await;
        let share = share.ok_or(ApiError::TooManyRequests { retry_after: self.patience })?;
        let lists = self.clone();
        stream::list(self.stall_timeout, |writer| lists.write(walk, changes, batch, writer, share)).await
    }

    /// Answers with a page of a user's list, or with all of it. `name` is the list with its filters: see
    /// [`Cursors::begin`].
    ///
    /// # Errors
    /// [`ApiError::Validation`] if the cursor was made for something else; those of [`Lists::answer`].
    pub async fn answer_keyed<L: Keyed>(
        &self,
        user_id: i64,
        list: L,
        page: Option<&PageRequest>,
        (cursors, name): (&Cursors, String),
    ) -> Result<Response, ApiError> {
        let Some(page) = page else { return self.answer(user_id, KeyedWalk { list, from: None }).await };
        let paging = cursors.begin(page, name)?;
        let segment = paging.segment();
        let mut batch = Batch::page(segment.limit);
        let (turn, mut connection) = self.connection(user_id, list.counts()).await?;
        list.read(&mut Scope::new(&mut connection, user_id), segment, &mut batch).await?;
        connection.release();
        drop(turn);
        let (rows, page) = paging.finish(batch.rows, L::key)?;
        stream::page(rows, page).await
    }

    async fn write<W: Walk>(
        self,
        mut walk: W,
        changes: Option<Vec<i64>>,
        mut batch: Batch<W::Row>,
        mut writer: ListWriter,
        share: Share<i64>,
    ) -> Result<(), ApiError> {
        loop {
            let (rows, more, before) = (batch.rows.len(), batch.more, writer.bytes());
            for row in batch.rows {
                writer.push(row).await?;
            }
            if !more {
                return writer.finish().await;
            }
            let limit = next_limit(rows, writer.bytes() - before);
            batch = match self.next_of_replica(*share.key(), &mut walk, changes.as_deref(), limit).await {
                Some(batch) => batch,
                None => self.next_of_primary(*share.key(), &mut walk, limit).await?,
            };
        }
    }

    /// The next rows from a replica that has these changes of the user.
    async fn next_of_replica<W: Walk>(
        &self,
        user_id: i64,
        walk: &mut W,
        changes: Option<&[i64]>,
        limit: usize,
    ) -> Option<Batch<W::Row>> {
        let (replica, changes) = self.replica.as_ref().zip(changes)?;
        let read = async |scope: &mut Scope<'_>| {
            let mut batch = Batch::new(limit);
            walk.next(scope, &mut batch).await?;
            Ok::<_, sqlx::Error>(batch)
        };
        replica.read(user_id, changes, read).await
    }

    async fn next_of_primary<W: Walk>(
        &self,
        user_id: i64,
        walk: &mut W,
        limit: usize,
    ) -> Result<Batch<W::Row>, ApiError> {
        let (turn, mut connection) = self.patiently(user_id, walk.counts()).await?;
        let mut batch = Batch::new(limit);
        walk.next(&mut Scope::new(&mut connection, user_id), &mut batch).await?;
        connection.release();
        drop(turn);
        Ok(batch)
    }

    async fn connection(&self, user_id: i64, counts: bool) -> Result<(Option<Turn>, Lease), ApiError> {
        if counts {
            let (turn, connection) = self.lanes.read(user_id).await?;
            return Ok((Some(turn), connection));
        }
        Ok((None, self.pool.acquire().await?))
    }

    /// Waits longer than a request that has just arrived: the list is half read.
    async fn patiently(&self, user_id: i64, counts: bool) -> Result<(Option<Turn>, Lease), ApiError> {
        if counts {
            return self.connection(user_id, counts).await;
        }
        let since = Instant::now();
        loop {
            match self.pool.acquire().await {
                Err(sqlx::Error::PoolTimedOut) if since.elapsed() < self.stall_timeout => {}
                acquired => return Ok((None, acquired?)),
            }
        }
    }
}

/// The rows of the next batch, after one of so many rows and bytes. No more than twice as many: what is read and dropped
/// stays in proportion to what is kept.
fn next_limit(rows: usize, bytes: usize) -> usize {
    let (least, most) = BATCH_ROWS;
    let fitting = BATCH_BYTES * rows.max(1) / bytes.max(1);
    fitting.min(2 * rows).clamp(least, most)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[test]
    fn a_batch_follows_the_size_of_the_rows_and_grows_slowly() {
        assert_eq!(next_limit(100, 100 * 500), 200);
        assert_eq!(next_limit(400, 400 * 500), 524);
        assert_eq!(next_limit(400, 400 * 100), 800);
        assert_eq!(next_limit(2_000, 2_000 * 100), 2_000);
        assert_eq!(next_limit(400, 400 * 50_000), 20);
        assert_eq!(next_limit(0, 0), 20);
    }

    #[tokio::test]
    async fn what_is_kept_of_a_batch_has_its_bound_in_bytes() {
        let mut batch = Batch::new(1_000);
        let rows = stream::iter((0..1_000).map(|row| Ok(if row < 100 { 400 } else { 50_000_usize })));
        batch.fill(rows, |row| *row).await.expect("filled");
        assert!(batch.bytes < BATCH_BYTES + 50_000, "{}", batch.bytes);
        assert!(batch.more, "what was dropped is read again");
        let mut short = Batch::new(10);
        short.fill(stream::iter([Ok(1_usize), Ok(2)]), |row| *row).await.expect("filled");
        assert!(!short.more);
    }
}
