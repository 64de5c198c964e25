//! Bodies of requests and responses on a connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};

use super::connections::{ClientConnection, Phase, RequestGuard};

/// A request body that records on its connection whether it waits for the client.
pub(super) struct RequestBody {
    body: Incoming,
    connection: Arc<ClientConnection>,
}

impl RequestBody {
    pub(super) const fn new(body: Incoming, connection: Arc<ClientConnection>) -> Self {
        Self { body, connection }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.connection.set_phase(if frame.is_pending() { Phase::Receiving } else { Phase::Working });
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response body that is handed to hyper in small pieces. hyper copies what it is given into its own buffer and stops
/// only when that is full, so one large piece would be copied whole.
pub(super) struct AnswerBody {
    body: Body,
    rest: Bytes,
    /// The turn of the connection's task in which bytes were last handed over, and their number.
    turn: u64,
    bytes_in_turn: usize,
    /// Dropped with the body: the request is in progress until its response is written.
    request: RequestGuard,
}

/// The size of a piece, in bytes.
const PIECE: usize = 16 * 1024;

/// The maximum number of bytes per turn of a connection's task. The kernel takes a quarter of a megabyte at once, and a
/// thousand clients who ask for so much would keep all others waiting.
const BYTES_PER_TURN: usize = PIECE;

impl AnswerBody {
    pub(super) fn new(body: Body, request: RequestGuard) -> Self {
        Self { body, rest: Bytes::new(), turn: 0, bytes_in_turn: 0, request: request.answered() }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let turn = self.request.connection().turn();
        if self.turn != turn {
            (self.turn, self.bytes_in_turn) = (turn, 0);
        }
        if self.bytes_in_turn >= BYTES_PER_TURN && !self.is_end_stream() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.rest.is_empty() {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)).transpose()? else {
                return Poll::Ready(None);
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let piece = self.rest.len().min(PIECE);
        self.bytes_in_turn += piece;
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
