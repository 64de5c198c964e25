//! The HTTP server: accepts connections, serves requests, and stops gracefully.

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
use self::connections::{ConnectionSlot, Connections};
pub use self::files::raise_limit;
use self::transport::Transport;

/// The maximum number of headers of a request.
const MAX_HEADERS: usize = 100;

/// The maximum number of connections that wait in the kernel to be accepted.
const BACKLOG: u32 = 1024;

/// The size of the kernel's send and receive buffers per connection, in bytes. By default the kernel buffers megabytes
/// for a client that does not read, or whose body is not read. This size allows half a megabyte per second on a line
/// with a latency of 250 ms.
const SOCKET_BUFFER: u32 = 128 * 1024;

/// The pause after accepting fails for lack of file descriptors; retrying at once would only burn the processor.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The minimum time between two warnings about failures to accept.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// The number of pipelined requests in a row that are answered without a pause. Browsers and almost all libraries send
/// none; a flood of them would keep other clients waiting.
const MAX_UNPACED_PIPELINED: u32 = 4;

/// The pause before each further pipelined request.
const PIPELINING_PAUSE: Duration = Duration::from_millis(10);

/// The time for the last accepted clients to send their requests; hyper closes a connection from which nothing was
/// read.
const LAST_REQUESTS: Duration = Duration::from_millis(100);

/// Opens a port. `setting` names the setting to change if that fails.
///
/// # Errors
/// A message with the address, the cause and the remedy.
pub fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    listen(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            anyhow::anyhow!(
                "{address} is in use by another program; nothing was started. Stop that program, or set {setting}."
            )
        }
        io::ErrorKind::PermissionDenied => {
            anyhow::anyhow!(
                "{address} may not be opened by this user; nothing was started. Set {setting} to a port of 1024 or \
                 above."
            )
        }
        _ => anyhow::anyhow!("{address} cannot be opened: {error}; nothing was started. Set {setting}."),
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Allows reopening a port whose last connections are still being closed.
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit the buffer sizes of the listening socket.
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` completes, then stops accepting and gives requests in progress time to finish.
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
        // A client that shuts down its writing side after a request still gets its response.
        .half_close(true)
        // Copying head and body together is cheaper than a vectored write when both are small.
        .writev(false)
        .max_headers(MAX_HEADERS);
    let server = Acceptor {
        http,
        connections: Connections::new(
            files::within_file_limit(config.max_connections),
            config.max_connections_per_address,
        ),
        tasks: TaskTracker::new(),
        stopping: CancellationToken::new(),
        config,
    };
    tokio::pin!(stop);
    let mut last_warning = None;
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => server.accept(stream, peer, &service),
            Err(error) => {
                if last_warning.is_none_or(|last: tokio::time::Instant| last.elapsed() > WARNING_INTERVAL) {
                    last_warning = Some(tokio::time::Instant::now());
                    tracing::warn!(%error, "a connection could not be accepted");
                }
                server.connections.displace_one();
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
    // Clients in the kernel's queue believe that they are connected; closing the port would reset them.
    if let Ok(queue) = listener.into_std() {
        while let Ok((stream, peer)) = queue.accept() {
            if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
                server.accept(stream, peer, &service);
            }
        }
    }
    tokio::time::sleep(LAST_REQUESTS).await;
    let drain = config.drain_timeout;
    tracing::info!("stopping; requests in progress have at most {} to finish", humantime::format_duration(drain));
    server.stopping.cancel();
    server.tasks.close();
    if tokio::time::timeout(drain, server.tasks.wait()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were aborted");
    }
}

struct Acceptor<'a> {
    http: http1::Builder,
    connections: Arc<Connections>,
    tasks: TaskTracker,
    stopping: CancellationToken,
    config: &'a ServerConfig,
}

impl Acceptor<'_> {
    /// Serves a connection in its own task; closes it if there is no room.
    fn accept(&self, stream: TcpStream, peer: SocketAddr, service: &impl HttpService) {
        let address = peer.ip().to_canonical();
        let is_proxy = self.config.trusted_proxies.iter().any(|network| network.contains(&address));
        let Some(place) = self.connections.enter(client_address::network_of(address), is_proxy) else {
            tracing::debug!(%peer, "a connection was closed, because there is no room for it");
            return;
        };
        // Small responses should leave at once. If this fails, they are only a little late.
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
    place: ConnectionSlot,
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
            // Lets other connections have their turns between pipelined requests.
            match pipelined {
                0 => {}
                1..=MAX_UNPACED_PIPELINED => tokio::task::yield_now().await,
                _ => tokio::time::sleep(PIPELINING_PAUSE).await,
            }
            let Ok(response) = answered.await;
            Ok::<_, Infallible>(response.map(|body| AnswerBody::new(body, under_way)))
        }
    });
    let connection = Arc::clone(place.connection());
    let mut serving = std::pin::pin!(http.serve_connection(TokioIo::new(transport), answer));
    let mut shutting_down = false;
    loop {
        tokio::select! {
            biased;
            ended = future::poll_fn(|context| { connection.begin_turn(); serving.as_mut().poll(context) }) => {
                // A connection that ends badly is the client's affair: it left, was too slow, or did not speak HTTP.
                match ended {
                    // Browsers open connections that they never use.
                    Err(error) if error.is_timeout() => tracing::trace!(%peer, "a connection was idle or too slow"),
                    Err(error) => tracing::debug!(%error, %peer, "a connection ended early"),
                    Ok(()) => {}
                }
                return;
            }
            () = place.displaced() => {
                if place.connection().waits_for_client() {
                    tracing::debug!(%peer, "a connection made room for another");
                    return;
                }
                serving.as_mut().graceful_shutdown();
            }
            () = stopping.cancelled(), if !shutting_down => {
                shutting_down = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
