//! HTTP over a raw socket, for requests that no client library would send.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::app::TestApp;

/// A generous time limit; nothing in the server takes as long in a test, but the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection.
pub(crate) struct Raw(pub(crate) TcpStream);

/// A response read from a connection.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
}

impl RawAnswer {
    pub(crate) fn closes(&self) -> bool {
        self.head.to_ascii_lowercase().contains("connection: close")
    }
}

impl Raw {
    pub(crate) async fn connect(app: &TestApp) -> Self {
        Self::connect_from(app, IpAddr::from([127, 0, 0, 1])).await
    }

    /// Connects from another address of the loopback network, as another client.
    pub(crate) async fn connect_from(app: &TestApp, address: IpAddr) -> Self {
        let server: SocketAddr = app.anon.base.strip_prefix("http://").expect("a URL").parse().expect("an address");
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(address, 0)).expect("bound");
        Self(socket.connect(server).await.expect("connected"))
    }

    /// Sends as much as the server accepts; it may close the connection before the end.
    pub(crate) async fn send(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        let _ = tokio::time::timeout(PATIENCE, self.0.write_all(text.as_ref())).await.expect("sent in time");
        self
    }

    pub(crate) async fn end_writing(&mut self) -> &mut Self {
        self.0.shutdown().await.expect("ended");
        self
    }

    /// Reads a response; `None` if the server closes the connection instead.
    pub(crate) async fn answer(&mut self) -> Option<RawAnswer> {
        tokio::time::timeout(PATIENCE, self.read_answer()).await.expect("an answer in time")
    }

    async fn read_answer(&mut self) -> Option<RawAnswer> {
        let mut read = Vec::new();
        let end = loop {
            if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.more(&mut read).await?;
        };
        let head = String::from_utf8(read[..end].to_vec()).expect("a head");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
        while status != 100 && read.len() < end + length {
            self.more(&mut read).await?;
        }
        Some(RawAnswer { status, head })
    }

    async fn more(&mut self, read: &mut Vec<u8>) -> Option<()> {
        let mut buffer = [0; 4096];
        match self.0.read(&mut buffer).await {
            Ok(count @ 1..) => {
                read.extend_from_slice(&buffer[..count]);
                Some(())
            }
            _ => None,
        }
    }

    /// Waits until the server closes the connection.
    pub(crate) async fn is_closed(&mut self) {
        let mut buffer = [0; 4096];
        let closed = async { while let Ok(1..) = self.0.read(&mut buffer).await {} };
        tokio::time::timeout(PATIENCE, closed).await.expect("the server hangs up");
    }
}
