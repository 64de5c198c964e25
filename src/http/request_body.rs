//! The body of a request, read before anything is done for it: within a size, a time and the memory there is for bodies.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};

use super::error::ApiError;
use super::memory::{Held, Memory};
use super::rate_limit::Caller;

/// The bytes of a body that are not counted: connections are, and each has one body at most.
const FREE_BYTES: usize = 16 * 1024;

/// The bytes a second in which a body arrives at least, once its time has begun to run out.
const LEAST_RATE: u64 = 16 * 1024;

/// Bytes that are taken from the memory at a time.
const STEP_BYTES: usize = 16 * 1024;

/// Reads the bodies of requests.
pub(super) struct Bodies {
    /// The most bytes of a body.
    pub(super) max_bytes: usize,
    /// The most bytes of a body of somebody who is not signed in.
    pub(super) max_anonymous_bytes: usize,
    /// The time that a body of any size has; a larger one has more, by [`LEAST_RATE`].
    pub(super) patience: Duration,
    /// The memory for all bodies that are large.
    pub(super) memory: Memory,
}

/// A body that was read, or was left where it is.
pub(super) enum Read {
    /// All of it, and the memory it takes.
    Whole(Bytes, Option<Held>),
    /// Nothing: it is too large for a stranger. A handler that wants to know who asks refuses it for that.
    Left,
}

impl Bodies {
    /// Reads the body of a request from `client`, until `deadline` at most.
    ///
    /// # Errors
    /// [`ApiError::PayloadTooLarge`], [`ApiError::Timeout`], that there is no memory for it, or that it ended early.
    pub(super) async fn read(
        &self,
        request: &mut Request,
        client: Caller,
        deadline: Instant,
    ) -> Result<Read, ApiError> {
        if request.body().is_end_stream() {
            return Ok(Read::Whole(Bytes::new(), None));
        }
        let announced = announced(request.headers(), request.body().size_hint().upper());
        if announced.is_some_and(|bytes| bytes > self.max_bytes as u64) {
            return Err(ApiError::PayloadTooLarge);
        }
        let is_signed_in = matches!(client, Caller::Account(_));
        let max_bytes = if is_signed_in { self.max_bytes } else { self.max_anonymous_bytes };
        if announced.is_some_and(|bytes| bytes > max_bytes as u64) {
            return Ok(Read::Left);
        }
        let body = std::mem::take(request.body_mut());
        let (bytes, held) = self.collect(body, client, max_bytes, deadline).await?;
        Ok(Read::Whole(bytes, held))
    }

    async fn collect(
        &self,
        mut body: Body,
        client: Caller,
        max_bytes: usize,
        deadline: Instant,
    ) -> Result<(Bytes, Option<Held>), ApiError> {
        let begun = Instant::now();
        let mut read = BytesMut::new();
        let mut held: Option<Held> = None;
        let mut paid = FREE_BYTES;
        loop {
            let earned = Duration::from_millis(read.len() as u64 * 1000 / LEAST_RATE);
            let due = (begun + self.patience + earned).min(deadline);
            let frame = match timeout_at(due, body.frame()).await {
                Err(_) => return Err(ApiError::Timeout),
                Ok(None) => return Ok((read.freeze(), held)),
                Ok(Some(Err(_))) => return Err(ended_early()),
                Ok(Some(Ok(frame))) => frame,
            };
            // Trailers mean nothing here.
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
            // Copied: a frame of one byte may keep a buffer of thousands.
            read.extend_from_slice(&data);
        }
    }
}

/// The size that a body has by its own word.
fn announced(headers: &HeaderMap, expected: Option<u64>) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.or(expected)
}

fn ended_early() -> ApiError {
    ApiError::BadRequest("The body ended before it was complete".to_owned())
}
