//! Lists of any length in constant memory: rows go from the database to the client a chunk at a time.
//!
//! A list that ends within the first chunk is answered whole. A longer one is streamed, and is a valid envelope to its
//! last byte; if the database fails in the middle, the connection is cut, so that nobody takes half a list for all of it.

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

use super::envelope::Meta;
use super::error::{ApiError, Bounded};

/// A chunk is sent once it has this many bytes.
const CHUNK_BYTES: usize = 32 * 1024;

/// Chunks that wait for the client; with the two in work, what a list costs.
const CHUNKS_WAITING: usize = 2;

/// Where the rows of a list go.
pub struct ListWriter {
    chunk: BytesMut,
    rows: u64,
    sent: usize,
    suffix: Vec<u8>,
    parts: mpsc::Sender<Part>,
    stall_timeout: Duration,
}

enum Part {
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
        if self.rows > 0 {
            self.chunk.put_u8(b',');
        }
        self.rows += 1;
        serde_json::to_writer((&mut self.chunk).writer(), &row).map_err(ApiError::internal)?;
        if self.chunk.len() >= CHUNK_BYTES {
            let chunk = self.chunk.split().freeze();
            self.sent += chunk.len();
            self.send(Part::Chunk(chunk)).await?;
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
        self.chunk.put_u8(b']');
        self.chunk.extend_from_slice(&self.suffix);
        let last = self.chunk.split().freeze();
        self.send(Part::Last(last)).await
    }

    async fn send(&self, part: Part) -> Result<(), ApiError> {
        self.parts.send_timeout(part, self.stall_timeout).await.map_err(|_| ApiError::internal(ClientGone))
    }
}

/// Answers with the list that `produce` writes and finishes. It runs as a task of its own, so that a client that stops
/// reading holds up nothing but itself, and for no longer than `stall_timeout`.
///
/// # Errors
/// What `produce` fails with before the first chunk is full; later failures cut the connection.
pub async fn list<P, F>(stall_timeout: Duration, produce: P) -> Result<Response, ApiError>
where
    P: FnOnce(ListWriter) -> F,
    F: Future<Output = Result<(), ApiError>> + Send + 'static,
{
    let meta = serde_json::to_vec(&Meta::current()).map_err(ApiError::internal)?;
    let suffix = [br#","meta":"#.as_slice(), &meta, b"}"].concat();
    let mut chunk = BytesMut::with_capacity(1024);
    chunk.extend_from_slice(br#"{"success":true,"data":["#);
    let (sender, mut parts) = mpsc::channel(CHUNKS_WAITING);
    let writer = ListWriter { chunk, rows: 0, sent: 0, suffix, parts: sender.clone(), stall_timeout };
    let produced = produce(writer);
    tokio::spawn(
        async move {
            if let Err(error) = produced.await {
                // Nobody is left to tell if this fails.
                let _ = sender.send_timeout(Part::Failed(error), stall_timeout).await;
            }
        }
        .in_current_span(),
    );
    let body = match parts.recv().await {
        Some(Part::Last(whole)) => Body::from(whole),
        Some(Part::Failed(error)) => return Err(error),
        // Fused, because the compression asks once more after the end.
        Some(Part::Chunk(first)) => Body::from_stream(stream::unfold((Some(first), Some(parts)), next_chunk).fuse()),
        None => return Err(ApiError::internal("the task that writes a list ended without a word")),
    };
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], body).into_response())
}

type Rest = (Option<Bytes>, Option<mpsc::Receiver<Part>>);

/// The next chunk of a streamed list. Only [`Part::Last`] ends it well; an end without it is a cut.
async fn next_chunk((first, parts): Rest) -> Option<(Result<Bytes, ListCut>, Rest)> {
    if let Some(first) = first {
        return Some((Ok(first), (None, parts)));
    }
    let mut parts = parts?;
    match parts.recv().await {
        Some(Part::Chunk(chunk)) => Some((Ok(chunk), (None, Some(parts)))),
        Some(Part::Last(last)) => Some((Ok(last), (None, None))),
        Some(Part::Failed(error)) => {
            tracing::error!(error = %Bounded(format_args!("{error:?}")), "a list was cut off");
            Some((Err(ListCut), (None, None)))
        }
        None => Some((Err(ListCut), (None, None))),
    }
}
