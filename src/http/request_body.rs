//! Reads request bodies before any other work is done, with limits on size, time and memory.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};

use super::error::ApiError;
use super::memory::{MemoryBudget, MemoryShare};
use super::rate_limit::Caller;

/// The number of bytes of each body that are not counted, because connections are limited and each has one body at
/// most.
const FREE_BYTES: usize = 16 * 1024;

/// The minimum rate at which a large body has to arrive, in bytes per second.
const MIN_RATE: u64 = 16 * 1024;

/// The number of bytes taken from the memory budget at a time.
const STEP_BYTES: usize = 16 * 1024;

/// The reader of request bodies.
pub(super) struct BodyReader {
    /// The maximum size of a body, in bytes.
    pub(super) max_bytes: usize,
    /// The maximum size of a body of a client that is not signed in, in bytes.
    pub(super) max_anonymous_bytes: usize,
    /// The time for a body of any size to arrive; a larger one has more, by [`MIN_RATE`].
    pub(super) patience: Duration,
    /// The memory budget for all large bodies.
    pub(super) memory: MemoryBudget,
}

/// The result of reading a body.
pub(super) enum ReadOutcome {
    /// The complete body, and the memory that it takes.
    Whole(Bytes, Option<MemoryShare>),
    /// Not read: it is too large for a client that is not signed in. Handlers that need an identity refuse such a
    /// request anyway.
    Skipped,
}

impl BodyReader {
    /// Reads the body of a request from `client`, until `deadline` at most.
    ///
    /// # Errors
    /// [`ApiError::PayloadTooLarge`], [`ApiError::Timeout`], [`ApiError::Unavailable`] if the memory budget is used up,
    /// [`ApiError::BadRequest`] if the body ends early.
    pub(super) async fn read(
        &self,
        request: &mut Request,
        client: Caller,
        deadline: Instant,
    ) -> Result<ReadOutcome, ApiError> {
        if request.body().is_end_stream() {
            return Ok(ReadOutcome::Whole(Bytes::new(), None));
        }
        let announced = announced(request.headers(), request.body().size_hint().upper());
        if announced.is_some_and(|bytes| bytes > self.max_bytes as u64) {
            return Err(ApiError::PayloadTooLarge);
        }
        let is_signed_in = matches!(client, Caller::Account(_));
        let max_bytes = if is_signed_in { self.max_bytes } else { self.max_anonymous_bytes };
        if announced.is_some_and(|bytes| bytes > max_bytes as u64) {
            return Ok(ReadOutcome::Skipped);
        }
        let body = std::mem::take(request.body_mut());
        let (bytes, held) = self.collect(body, client, max_bytes, deadline).await?;
        Ok(ReadOutcome::Whole(bytes, held))
    }

    async fn collect(
        &self,
        mut body: Body,
        client: Caller,
        max_bytes: usize,
        deadline: Instant,
    ) -> Result<(Bytes, Option<MemoryShare>), ApiError> {
        let begun = Instant::now();
        let mut read = BytesMut::new();
        let mut held: Option<MemoryShare> = None;
        let mut paid = FREE_BYTES;
        loop {
            let extra = Duration::from_millis(read.len() as u64 * 1000 / MIN_RATE);
            let due = (begun + self.patience + extra).min(deadline);
            let frame = match timeout_at(due, body.frame()).await {
                Err(_) => return Err(ApiError::Timeout),
                Ok(None) => return Ok((read.freeze(), held)),
                Ok(Some(Err(_))) => return Err(ended_early()),
                Ok(Some(Ok(frame))) => frame,
            };
            // Trailers are ignored.
            let Ok(data) = frame.into_data() else { continue };
            let length = read.len() + data.len();
            if length > max_bytes {
                return Err(ApiError::PayloadTooLarge);
            }
            if length > paid {
                let more = (length - paid).next_multiple_of(STEP_BYTES);
                let granted = match &mut held {
                    Some(held) => self.memory.grow(held, more),
                    none => {
                        *none = self.memory.take(client, more);
                        none.is_some()
                    }
                };
                if !granted {
                    return Err(ApiError::overloaded());
                }
                paid += more;
            }
            // Copied, because a frame of one byte may keep a buffer of thousands of bytes alive.
            read.extend_from_slice(&data);
        }
    }
}

/// The announced size of a body.
fn announced(headers: &HeaderMap, expected: Option<u64>) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.or(expected)
}

fn ended_early() -> ApiError {
    ApiError::BadRequest("The body ended before it was complete".to_owned())
}
