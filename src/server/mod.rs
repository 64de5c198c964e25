//! Listens, serves, and stops without losing what is under way.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::config::ServerConfig;
use crate::http::HttpService;
use crate::http::client_address::PeerAddress;

/// The head of a request may have this many bytes, and this many headers.
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;

/// When accepting fails for want of file descriptors, trying again at once would only burn the processor.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// A client that was let in last sends its request in this time; hyper closes a connection that nothing was read of.
const LAST_REQUESTS: Duration = Duration::from_millis(100);

/// Opens the port.
///
/// # Errors
/// What the system says, with the address and what to do.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            anyhow::anyhow!(
                "{address} is in use by another program; nothing was started. Stop that program, or set PORT."
            )
        }
        io::ErrorKind::PermissionDenied => {
            anyhow::anyhow!("{address} may not be opened by this user; nothing was started. Set PORT to 1024 or above.")
        }
        _ => {
            anyhow::anyhow!("{address} cannot be opened: {error}; nothing was started. Set APP_SERVER__HOST and PORT.")
        }
    })
}

/// Serves until `stop` resolves, then accepts nothing more and gives what is under way time to end.
pub async fn serve(
    listener: TcpListener,
    service: impl HttpService,
    config: &ServerConfig,
    stop: impl Future<Output = ()>,
) {
    let permits = Arc::new(Semaphore::new(config.max_connections));
    let graceful = GracefulShutdown::new();
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        // Head and body are copied together: for what is small that is cheaper than a write of two pieces.
        .writev(false)
        .max_headers(MAX_HEADERS);
    let take = |stream, peer, permit| {
        let connection = http.serve_connection(TokioIo::new(prepared(stream)), with_peer(service.clone(), peer));
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // A connection that ends badly is the client's affair: it left, was too slow, or spoke no HTTP.
            if let Err(error) = watched.await {
                tracing::debug!(%error, %peer, "a connection ended early");
            }
            drop(permit);
        });
    };
    tokio::pin!(stop);
    loop {
        // At the limit nothing more is accepted: newcomers wait in the kernel's queue, which is bounded.
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                continue;
            }
        };
        take(stream, peer, permit);
    }
    // Whoever is in the kernel's queue has been told that the connection stands; closing the port would cut them off.
    if let Ok(queue) = listener.into_std() {
        while let (Ok(permit), Ok((stream, peer))) = (Arc::clone(&permits).try_acquire_owned(), queue.accept()) {
            if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
                take(stream, peer, Ok(permit));
            }
        }
    }
    tokio::time::sleep(LAST_REQUESTS).await;
    let drain = config.drain_timeout;
    tracing::info!("stopping: {} at most for what is under way", humantime::format_duration(drain));
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
}

/// Answers are small and should leave at once.
fn prepared(stream: TcpStream) -> TcpStream {
    // Without it the answers only come a little later.
    let _ = stream.set_nodelay(true);
    stream
}

fn with_peer(
    service: impl HttpService,
    peer: SocketAddr,
) -> TowerToHyperService<
    impl tower::Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone,
> {
    TowerToHyperService::new(service.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(PeerAddress(peer));
        request
    }))
}
