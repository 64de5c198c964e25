//! Resources that a response holds until its client has read it: shares of requests in progress, and memory.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

use super::error::ApiError;
use super::memory::MemoryBudget;
use super::rate_limit::Caller;

/// Responses up to this size are not counted: they fit into the buffer of their connection, and connections are
/// limited.
const FREE_BYTES: u64 = 16 * 1024;

/// Responses up to this size are compressed before they are sent, so that only their bytes wait for the client.
const WHOLE_BYTES: u64 = 64 * 1024;

/// The memory counted for a response of unknown size: its chunks in flight, and the state of its compression.
const STREAM_BYTES: u64 = 384 * 1024;

/// Marks a response whose bytes are shared by all clients, such as a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedBytes;

/// Marks a response that can be compressed before it is sent.
#[derive(Debug, Clone, Copy)]
struct Small;

/// Marks small responses, before they are compressed.
pub(super) fn mark_small<B: HttpBody>(mut response: Response<B>) -> Response<B> {
    if response.body().size_hint().exact().is_some_and(|bytes| bytes <= WHOLE_BYTES) {
        response.extensions_mut().insert(Small);
    }
    response
}

/// Compresses a small response completely.
pub(super) async fn compressed<B>(response: Response<B>) -> Response
where
    B: HttpBody<Data = Bytes, Error: Into<tower::BoxError>> + Send + 'static,
{
    if response.extensions().get::<Small>().is_none() || response.body().size_hint().exact().is_some() {
        return response.map(Body::new);
    }
    let (head, body) = response.into_parts();
    match body.collect().await {
        Ok(whole) => Response::from_parts(head, Body::from(whole.to_bytes())),
        Err(error) => ApiError::internal(error).into_response(),
    }
}

/// Reserves the memory that a response needs until its client has read it, or answers 503.
pub(super) fn counted(response: Response, client: Caller, memory: &MemoryBudget) -> Response {
    let bytes = response.body().size_hint().exact().unwrap_or(STREAM_BYTES);
    if bytes <= FREE_BYTES || response.extensions().get::<SharedBytes>().is_some() {
        return response;
    }
    match usize::try_from(bytes).ok().and_then(|bytes| memory.take(client, bytes)) {
        Some(held) => GuardedBody::with(response, held),
        None => ApiError::overloaded().into_response(),
    }
}

/// A body that owns a guard until the body is dropped.
pub(super) struct GuardedBody<T> {
    body: Body,
    _guard: T,
}

impl<T: Any + Send + Unpin> GuardedBody<T> {
    /// Attaches a guard to the body of a response.
    pub(super) fn with(response: Response, guard: T) -> Response {
        // A small body is in the buffer of its connection immediately, so nothing has to be held for it.
        if response.body().size_hint().exact().is_some_and(|bytes| bytes <= FREE_BYTES) {
            return response;
        }
        response.map(|body| Body::new(Self { body, _guard: guard }))
    }
}

impl<T: Unpin> HttpBody for GuardedBody<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
