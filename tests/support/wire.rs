//! A socket between a client and the test's PostgreSQL, so that a test sees every message that the two exchange.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::cluster;

/// A message of the protocol.
pub(crate) struct Message<'a> {
    /// The side that sent it.
    pub(crate) from: Side,
    /// The type, such as `P` for Parse.
    pub(crate) kind: u8,
    pub(crate) body: &'a [u8],
    /// The state of the session's transaction, as the server said last: `I` outside of one.
    pub(crate) transaction: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// A function that is called with each message.
pub(crate) type Watcher = Arc<dyn Fn(&Message<'_>) + Send + Sync>;

/// Reads a message with its type and length; `None` at the end.
async fn message(from: &mut (impl AsyncRead + Unpin), has_type: bool) -> Option<Vec<u8>> {
    let head = if has_type { 5 } else { 4 };
    let mut bytes = vec![0; head];
    from.read_exact(&mut bytes).await.ok()?;
    let length = u32::from_be_bytes(bytes[head - 4..].try_into().expect("four bytes"));
    bytes.resize(head + usize::try_from(length).expect("a length") - 4, 0);
    from.read_exact(&mut bytes[head..]).await.ok()?;
    Some(bytes)
}

/// Passes on the messages of one session.
async fn pass_on(client: UnixStream, to: PathBuf, watcher: Watcher) -> Option<()> {
    let server = UnixStream::connect(to).await.ok()?;
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    to_server.write_all(&message(&mut from_client, false).await?).await.ok()?;
    let status = Arc::new(AtomicU8::new(b'I'));
    let tell = |from: Side, bytes: &[u8], watcher: &Watcher, transaction: u8| {
        watcher(&Message { from, kind: bytes[0], body: &bytes[5..], transaction });
    };
    let (seen, of_server) = (Arc::clone(&status), Arc::clone(&watcher));
    tokio::spawn(async move {
        while let Some(bytes) = message(&mut from_server, true).await {
            if bytes[0] == b'Z' {
                seen.store(bytes[5], Ordering::SeqCst);
            }
            tell(Side::Server, &bytes, &of_server, seen.load(Ordering::SeqCst));
            to_client.write_all(&bytes).await.ok()?;
        }
        Some(())
    });
    while let Some(bytes) = message(&mut from_client, true).await {
        tell(Side::Client, &bytes, &watcher, status.load(Ordering::SeqCst));
        to_server.write_all(&bytes).await.ok()?;
    }
    Some(())
}

/// Connection options by way of a watcher, with a socket in a folder.
pub(crate) fn watched(options: &PgConnectOptions, folder: &Path, watcher: Watcher) -> PgConnectOptions {
    watched_at(&cluster::socket(), options, folder, watcher)
}

/// As [`watched`], of the server with this socket.
pub(crate) fn watched_at(to: &Path, options: &PgConnectOptions, folder: &Path, watcher: Watcher) -> PgConnectOptions {
    let listener = UnixListener::bind(folder.join(to.file_name().expect("a name"))).expect("bound");
    let to = to.to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass_on(client, to.clone(), Arc::clone(&watcher)));
        }
    });
    // The answer to a request for TLS is no message.
    options.clone().socket(folder).ssl_mode(PgSslMode::Disable)
}
