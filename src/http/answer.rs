//! What an answer holds until its client has taken it: its shares of requests under way, and memory.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

use super::error::ApiError;
use super::memory::Memory;
use super::rate_limit::Caller;

/// An answer of up to so many bytes is not counted: it fits into the buffer of its connection, and connections are counted.
const FREE_BYTES: u64 = 16 * 1024;

/// An answer up to this size is compressed at once, so that nothing but its bytes waits for the client.
const WHOLE_BYTES: u64 = 64 * 1024;

/// What an answer without a known size takes: its chunks in work, and the state of its compression.
const STREAM_BYTES: u64 = 384 * 1024;

/// In an answer that is made of what is there once for all clients.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedBytes;

/// In an answer that can be compressed at once.
#[derive(Debug, Clone, Copy)]
struct Small;

/// Notes the size of an answer before it is compressed.
pub(super) fn note_size<B: HttpBody>(mut response: Response<B>) -> Response<B> {
    if response.body().size_hint().exact().is_some_and(|bytes| bytes <= WHOLE_BYTES) {
        response.extensions_mut().insert(Small);
    }
    response
}

/// Compresses a small answer to its end.
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

/// Takes the memory that an answer needs until its client has taken it, or answers that there is none.
pub(super) fn counted(response: Response, client: Caller, memory: &Memory) -> Response {
    let bytes = response.body().size_hint().exact().unwrap_or(STREAM_BYTES);
    if bytes <= FREE_BYTES || response.extensions().get::<SharedBytes>().is_some() {
        return response;
    }
    match usize::try_from(bytes).ok().and_then(|bytes| memory.take(client, bytes)) {
        Some(held) => Kept::with(response, held),
        None => ApiError::overloaded().into_response(),
    }
}

/// A body that keeps something until it is gone.
pub(super) struct Kept<T> {
    body: Body,
    _kept: T,
}

impl<T: Any + Send + Unpin> Kept<T> {
    /// The same answer, which keeps `kept` until its body is gone.
    pub(super) fn with(response: Response, kept: T) -> Response {
        // What is small is in the buffer of its connection as soon as it is answered.
        if response.body().size_hint().exact().is_some_and(|bytes| bytes <= FREE_BYTES) {
            return response;
        }
        response.map(|body| Body::new(Self { body, _kept: kept }))
    }
}

impl<T: Unpin> HttpBody for Kept<T> {
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
