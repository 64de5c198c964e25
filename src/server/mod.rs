//! Listens, serves, and stops without losing what is under way.

mod bodies;
mod connections;
mod files;
mod transport;

use std::convert::Infallible;
use std::future::{self, Future};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::config::ServerConfig;
use crate::http::client_address::{self, PeerAddress};
use crate::http::{HttpService, MAX_HEAD_BYTES};

use self::bodies::{AnswerBody, RequestBody};
use self::connections::{Connections, Place};
pub use self::files::raise_limit;
use self::transport::Transport;

/// The most headers of a request.
const MAX_HEADERS: usize = 100;

/// Connections that wait in the kernel to be accepted.
const BACKLOG: u32 = 1024;

/// The bytes that the kernel keeps for a connection each way. By itself it keeps megabytes for a client that does not read, or
/// whose body is not read; these let one connection have half a megabyte a second over a line of 250 ms.
const SOCKET_BUFFER: u32 = 128 * 1024;

/// When accepting fails for want of file descriptors, trying again at once would only burn the processor.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// A failure that lasts is told so often.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// So many requests in a row that a client sends without waiting for answers are answered without a pause. No browser and next to
/// no library sends any so; a flood of them would keep the others waiting.
const MANY_PIPELINED: u32 = 4;

/// The pause before each further one.
const PAUSE_OF_PIPELINED: Duration = Duration::from_millis(10);

/// A client that was let in last sends its request in this time; hyper closes a connection that nothing was read of.
const LAST_REQUESTS: Duration = Duration::from_millis(100);

/// Opens a port. `setting` names what to change if it cannot be opened.
///
/// # Errors
/// What the system says, with the address and what to do.
pub fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    listen(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            anyhow::anyhow!(
                "{address} is in use by another program; nothing was started. Stop that program, or set {setting}."
            )
        }
        io::ErrorKind::PermissionDenied => {
            anyhow::anyhow!(
                "{address} may not be opened by this user; nothing was started. Set {setting} to a port of 1024 or above."
            )
        }
        _ => anyhow::anyhow!("{address} cannot be opened: {error}; nothing was started. Set {setting}."),
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port whose last connections are still being closed can be opened again.
    socket.set_reuseaddr(true)?;
    // Connections have the buffers of the socket that accepts them.
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` resolves, then accepts nothing more and gives what is under way time to end.
pub async fn serve(
    listener: TcpListener,
    service: impl HttpService,
    config: &ServerConfig,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_header_size(MAX_HEAD_BYTES)
        // Who has sent a whole request and ends its writing side is answered.
        .half_close(true)
        // Head and body are copied together: for what is small that is cheaper than a write of two pieces.
        .writev(false)
        .max_headers(MAX_HEADERS);
    let server = Server {
        http,
        connections: Connections::new(files::enough_for(config.max_connections), config.max_connections_per_address),
        tasks: TaskTracker::new(),
        stopping: CancellationToken::new(),
        config,
    };
    tokio::pin!(stop);
    let mut told = None;
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => server.take(stream, peer, &service),
            Err(error) => {
                if told.is_none_or(|told: tokio::time::Instant| told.elapsed() > TELL_AGAIN) {
                    told = Some(tokio::time::Instant::now());
                    tracing::warn!(%error, "a connection could not be accepted");
                }
                server.connections.displace_one();
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
    // Whoever is in the kernel's queue has been told that the connection stands; closing the port would cut them off.
    if let Ok(queue) = listener.into_std() {
        while let Ok((stream, peer)) = queue.accept() {
            if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
                server.take(stream, peer, &service);
            }
        }
    }
    tokio::time::sleep(LAST_REQUESTS).await;
    let drain = config.drain_timeout;
    tracing::info!("stopping: {} at most for what is under way", humantime::format_duration(drain));
    server.stopping.cancel();
    server.tasks.close();
    if tokio::time::timeout(drain, server.tasks.wait()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
}

struct Server<'a> {
    http: http1::Builder,
    connections: Arc<Connections>,
    tasks: TaskTracker,
    stopping: CancellationToken,
    config: &'a ServerConfig,
}

impl Server<'_> {
    /// Serves a connection in a task of its own; closes it where there is no room.
    fn take(&self, stream: TcpStream, peer: SocketAddr, service: &impl HttpService) {
        let address = peer.ip().to_canonical();
        let is_proxy = self.config.trusted_proxies.iter().any(|network| network.contains(&address));
        let Some(place) = self.connections.enter(client_address::network_of(address), is_proxy) else {
            tracing::debug!(%peer, "a connection was closed, because there is no room for it");
            return;
        };
        // Answers are small and should leave at once. Without it they only come a little later.
        let _ = stream.set_nodelay(true);
        let transport = Transport::new(stream, self.config.stall_timeout);
        let serving =
            serve_connection(self.http.clone(), transport, peer, place, service.clone(), self.stopping.clone());
        self.tasks.spawn(serving);
    }
}

async fn serve_connection(
    http: http1::Builder,
    transport: Transport<TcpStream>,
    peer: SocketAddr,
    place: Place,
    service: impl HttpService,
    stopping: CancellationToken,
) {
    let connection = Arc::clone(place.connection());
    let answer = service_fn(move |request: Request<Incoming>| {
        let under_way = connection.begin();
        let pipelined = connection.count_pipelined();
        let mut request = request.map(|body| Body::new(RequestBody::new(body, Arc::clone(&connection))));
        request.extensions_mut().insert(PeerAddress(peer));
        let answered = service.clone().oneshot(request);
        async move {
            // The other connections have their turns between the requests that a client has sent at once.
            match pipelined {
                0 => {}
                1..=MANY_PIPELINED => tokio::task::yield_now().await,
                _ => tokio::time::sleep(PAUSE_OF_PIPELINED).await,
            }
            let Ok(response) = answered.await;
            Ok::<_, Infallible>(response.map(|body| AnswerBody::new(body, under_way)))
        }
    });
    let connection = Arc::clone(place.connection());
    let mut serving = std::pin::pin!(http.serve_connection(TokioIo::new(transport), answer));
    let mut told_to_end = false;
    loop {
        tokio::select! {
            biased;
            ended = future::poll_fn(|context| { connection.note_turn(); serving.as_mut().poll(context) }) => {
                // A connection that ends badly is the client's affair: it left, was too slow, or spoke no HTTP.
                match ended {
                    // Browsers open connections that they never use.
                    Err(error) if error.is_timeout() => tracing::trace!(%peer, "a connection was not used, or too slow"),
                    Err(error) => tracing::debug!(%error, %peer, "a connection ended early"),
                    Ok(()) => {}
                }
                return;
            }
            () = place.displaced() => {
                if place.connection().may_go() {
                    tracing::debug!(%peer, "a connection made room for another");
                    return;
                }
                serving.as_mut().graceful_shutdown();
            }
            () = stopping.cancelled(), if !told_to_end => {
                told_to_end = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
