//! `app healthcheck`, for containers whose image has no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use http_body_util::Empty;
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::globals::Globals;
use crate::config::ConfigPurpose;
use migrate_toolkit::cli::terminal;

const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, clap::Args)]
pub(super) struct HealthcheckOptions {
    /// Check if the server is ready (database reachable, migrations applied), not only alive
    #[arg(long)]
    ready: bool,
}

impl HealthcheckOptions {
    pub(super) async fn run(self, mut globals: Globals) -> anyhow::Result<ExitCode> {
        // Only the server's address is needed, so settings of the database must not fail the check.
        globals.environment.retain(|name, _| !name.contains("DATABASE"));
        globals.profile = globals.profile.or(Some(crate::config::Profile::Dev));
        globals.set("server.cors_origins", Some(String::new()));
        let address = reachable(globals.config(ConfigPurpose::Maintain)?.server.address);
        let path = if self.ready { "/readyz" } else { "/healthz" };
        let status = tokio::time::timeout(PATIENCE, ask(address, path))
            .await
            .with_context(|| format!("http://{address}{path} did not answer within 3 s"))?
            .with_context(|| format!("http://{address}{path} cannot be reached"))?;
        terminal::answer(format_args!("http://{address}{path} answers {status}"));
        Ok(if status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The address at which a server that listens on `address` can be reached from the same machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn ask(address: SocketAddr, path: &str) -> anyhow::Result<hyper::StatusCode> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header("host", address.to_string()).body(Empty::<Bytes>::new())?;
    Ok(sender.send_request(request).await?.status())
}
