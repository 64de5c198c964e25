//! Closes a connection whose client does not read what is sent.
//!
//! hyper has no write timeout: a client that does not read would hold a response for as long as it likes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The minimum number of bytes per second that a client has to read while a response waits for it.
const MIN_RATE: u64 = 1024;

/// A stream whose writes fail once the client has read less than [`MIN_RATE`] over a whole `window`.
pub(super) struct Transport<S> {
    stream: S,
    window: Duration,
    /// Set while something waits to be written.
    waiting: Option<PendingWrite>,
}

struct PendingWrite {
    window_ends: Pin<Box<Sleep>>,
    written: u64,
}

impl<S> Transport<S> {
    pub(super) const fn new(stream: S, window: Duration) -> Self {
        Self { stream, window, waiting: None }
    }

    /// Fails if the client has read too little by the end of the window; otherwise makes sure that the task is woken
    /// then.
    fn keep_waiting(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let window = self.window;
        let waiting = self
            .waiting
            .get_or_insert_with(|| PendingWrite { window_ends: Box::pin(tokio::time::sleep(window)), written: 0 });
        while waiting.window_ends.as_mut().poll(context).is_ready() {
            if u128::from(waiting.written) * 1000 < u128::from(MIN_RATE) * window.as_millis() {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its response"));
            }
            waiting.written = 0;
            waiting.window_ends.as_mut().reset(Instant::now() + window);
        }
        Ok(())
    }

    fn written(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => match self.keep_waiting(context) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
            Poll::Ready(Ok(bytes)) => {
                if let Some(waiting) = &mut self.waiting {
                    waiting.written = waiting.written.saturating_add(bytes as u64);
                }
                Poll::Ready(Ok(bytes))
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Transport<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Transport<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has nothing more to write for now.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.waiting = None;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    /// Writes to a client that reads at the given rate; returns the time until the connection failed.
    async fn served_for(bytes_a_second: usize) -> Duration {
        let (mut client, server) = tokio::io::duplex(4096);
        let reading = tokio::spawn(async move {
            let mut taken = vec![0; bytes_a_second];
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if bytes_a_second > 0 && client.read_exact(&mut taken).await.is_err() {
                    return;
                }
            }
        });
        let begun = Instant::now();
        let mut transport = Transport::new(server, WINDOW);
        let written = transport.write_all(&vec![0; 1_000_000]).await;
        assert!(written.is_err());
        reading.abort();
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_or_next_to_nothing_is_given_up_after_the_window() {
        assert_eq!(served_for(0).await.as_secs(), 10);
        assert!(served_for(1).await.as_secs() <= 20);
        assert!(served_for(500).await.as_secs() <= 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_that_goes_on_reading_is_served() {
        // The client leaves after 100 s; the server does not cut it off before.
        assert!(served_for(2000).await.as_secs() >= 99);
    }
}
