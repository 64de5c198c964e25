//! The bodies of requests and answers on their way through a connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};

use super::connections::{Connection, Phase, UnderWay};

/// The body of a request, which notes on its connection whether it waits for the client.
pub(super) struct RequestBody {
    body: Incoming,
    connection: Arc<Connection>,
}

impl RequestBody {
    pub(super) const fn new(body: Incoming, connection: Arc<Connection>) -> Self {
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
        self.connection.note(if frame.is_pending() { Phase::Receiving } else { Phase::Working });
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that is handed over in pieces: hyper copies what it is given into the buffer of the connection, and takes no more
/// only when that is full.
pub(super) struct AnswerBody {
    body: Body,
    rest: Bytes,
    /// The turn in which bytes were handed over, and how many.
    turn: u64,
    bytes_in_turn: usize,
    /// The request is under way until its answer is gone.
    request: UnderWay,
}

/// The bytes of a piece.
const PIECE: usize = 16 * 1024;

/// The bytes that are handed over before other connections have their turns. A system takes a quarter of a megabyte at once, and
/// a thousand clients who ask for so much would keep all others waiting.
const BYTES_A_TURN: usize = PIECE;

impl AnswerBody {
    pub(super) fn new(body: Body, request: UnderWay) -> Self {
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
        if self.bytes_in_turn >= BYTES_A_TURN && !self.is_end_stream() {
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
