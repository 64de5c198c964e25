//! Lists of any length in constant memory: rows go from the database to the client in chunks.
//!
//! A list that ends within the first chunk is answered whole. A longer one is streamed, and is a valid envelope to its
//! last byte; if the database fails in the middle, the connection is cut, so that no client takes half a list for a whole one.

use std::future::Future;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use tokio::sync::mpsc;
use tracing::Instrument;

use super::error::{ApiError, Bounded};
use super::meta::{Meta, Page};

/// A chunk is sent once it has this many bytes.
const CHUNK_BYTES: usize = 32 * 1024;

/// A page is written so far before others have their turn: some tenths of a millisecond. Where thousands have theirs, each turn
/// that is given is a long wait.
const PAGE_TURN_BYTES: usize = 256 * 1024;

/// Chunks that wait for the client; with the two in work, what a list costs.
const CHUNKS_WAITING: usize = 2;

/// The writer of the rows of a list.
pub struct ListWriter {
    chunk: BytesMut,
    rows: u64,
    sent: usize,
    suffix: Vec<u8>,
    parts: mpsc::Sender<ListPart>,
    stall_timeout: Duration,
}

enum ListPart {
    /// More follows.
    Chunk(Bytes),
    /// The end, and the list is complete.
    Last(Bytes),
    /// The list cannot be completed.
    Failed(ApiError),
}

/// The client is gone, or has taken nothing for too long.
#[derive(Debug, thiserror::Error)]
#[error("the client stopped taking the list")]
pub struct ClientGone;

/// The list could not be completed; why is in the log.
#[derive(Debug, thiserror::Error)]
#[error("the list could not be completed")]
struct ListCut;

impl ListWriter {
    /// Adds a row; waits while the client is slower than its list.
    ///
    /// # Errors
    /// [`ClientGone`] if there is nobody to write for, or the row cannot be written as JSON.
    pub async fn push<T: Serialize>(&mut self, row: T) -> Result<(), ApiError> {
        write_row(&mut self.chunk, &row, self.rows == 0)?;
        self.rows += 1;
        if self.chunk.len() >= CHUNK_BYTES {
            let chunk = self.chunk.split().freeze();
            self.sent += chunk.len();
            self.send(ListPart::Chunk(chunk)).await?;
        }
        Ok(())
    }

    /// The bytes that were written so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.sent + self.chunk.len()
    }

    /// Ends the list. One that is not ended is cut off.
    ///
    /// # Errors
    /// [`ClientGone`] if there is nobody to write for.
    pub async fn finish(mut self) -> Result<(), ApiError> {
        self.chunk.extend_from_slice(&self.suffix);
        let last = self.chunk.split().freeze();
        self.send(ListPart::Last(last)).await
    }

    async fn send(&self, part: ListPart) -> Result<(), ApiError> {
        self.parts.send_timeout(part, self.stall_timeout).await.map_err(|_| ApiError::internal(ClientGone))
    }
}

/// Answers with the list that `produce` writes and finishes. It runs as a task of its own, so that a client that stops
/// reading holds up nothing but itself, and for no longer than `stall_timeout`.
///
/// # Errors
/// The error of `produce` before the first chunk is full; later failures cut the connection.
pub async fn list<P, F>(stall_timeout: Duration, produce: P) -> Result<Response, ApiError>
where
    P: FnOnce(ListWriter) -> F,
    F: Future<Output = Result<(), ApiError>> + Send + 'static,
{
    let (chunk, suffix) = envelope(&Meta::current())?;
    let (sender, mut parts) = mpsc::channel(CHUNKS_WAITING);
    let writer = ListWriter { chunk, rows: 0, sent: 0, suffix, parts: sender.clone(), stall_timeout };
    let produced = produce(writer);
    tokio::spawn(
        async move {
            if let Err(error) = produced.await {
                // Nobody is left to tell if this fails.
                let _ = sender.send_timeout(ListPart::Failed(error), stall_timeout).await;
            }
        }
        .in_current_span(),
    );
    let body = match parts.recv().await {
        Some(ListPart::Last(whole)) => Body::from(whole),
        Some(ListPart::Failed(error)) => return Err(error),
        // Fused, because the compression asks once more after the end.
        Some(ListPart::Chunk(first)) => {
            Body::from_stream(stream::unfold((Some(first), Some(parts)), next_chunk).fuse())
        }
        None => return Err(ApiError::internal("the task that writes a list ended without a word")),
    };
    Ok(answer(body))
}

/// Answers with the rows of a page. Other requests have their turn between the pieces of a large one.
///
/// # Errors
/// Only if a row cannot be written as JSON.
pub async fn page<T: Serialize>(rows: Vec<T>, page: Page) -> Result<Response, ApiError> {
    let (mut text, suffix) = envelope(&Meta { page: Some(page), ..Meta::current() })?;
    let mut turn = PAGE_TURN_BYTES;
    for (index, row) in rows.into_iter().enumerate() {
        write_row(&mut text, &row, index == 0)?;
        if text.len() >= turn {
            turn = text.len() + PAGE_TURN_BYTES;
            tokio::task::yield_now().await;
        }
    }
    text.extend_from_slice(&suffix);
    Ok(answer(Body::from(text.freeze())))
}

/// The text before the rows of a list, and the text after them.
fn envelope(meta: &Meta) -> Result<(BytesMut, Vec<u8>), ApiError> {
    let meta = serde_json::to_vec(meta).map_err(ApiError::internal)?;
    let mut prefix = BytesMut::with_capacity(1024);
    prefix.extend_from_slice(br#"{"success":true,"data":["#);
    Ok((prefix, [br#"],"meta":"#.as_slice(), &meta, b"}"].concat()))
}

fn write_row<T: Serialize>(text: &mut BytesMut, row: &T, is_first: bool) -> Result<(), ApiError> {
    if !is_first {
        text.put_u8(b',');
    }
    serde_json::to_writer(text.writer(), row).map_err(ApiError::internal)
}

fn answer(body: Body) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body).into_response()
}

type Rest = (Option<Bytes>, Option<mpsc::Receiver<ListPart>>);

/// The next chunk of a streamed list. Only [`ListPart::Last`] ends it well; an end without it is a cut.
async fn next_chunk((first, parts): Rest) -> Option<(Result<Bytes, ListCut>, Rest)> {
    if let Some(first) = first {
        return Some((Ok(first), (None, parts)));
    }
    let mut parts = parts?;
    match parts.recv().await {
        Some(ListPart::Chunk(chunk)) => Some((Ok(chunk), (None, Some(parts)))),
        Some(ListPart::Last(last)) => Some((Ok(last), (None, None))),
        Some(ListPart::Failed(error)) => {
            tracing::error!(error = %Bounded(error.in_words()), "a list was cut off");
            Some((Err(ListCut), (None, None)))
        }
        None => Some((Err(ListCut), (None, None))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn others_have_their_turn_while_a_large_page_is_written() {
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&turns);
        let other = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let rows = vec!["x".repeat(PAGE_TURN_BYTES); 100];
        let response = page(rows, Page::default()).await.expect("a page");
        assert!(turns.load(Ordering::Relaxed) >= 99, "{turns:?}");
        other.abort();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["data"].as_array().map(Vec::len), Some(100));
        assert!(body["meta"]["page"].is_object(), "{}", body["meta"]);
    }
}
