//! A pooler that gives each transaction another session of the server.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use super::Bench;
use crate::support::cluster;

/// How many sessions are handed round: two clients, and one that cancels.
const SESSIONS: usize = 3;

/// Sessions of the server that nobody has at the moment.
type Idle = Arc<Mutex<VecDeque<UnixStream>>>;

/// Hands the sessions round at the end of each transaction, or leaves each client its own.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Transaction,
    Session,
}

/// A message of the protocol, with its kind and its length.
async fn message(from: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut head = [0; 5];
    from.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let mut message = head.to_vec();
    message.resize(1 + usize::try_from(length).ok()?, 0);
    from.read_exact(&mut message[5..]).await.ok()?;
    Some(message)
}

/// What the server says, up to the state that it is ready in.
async fn answer(server: &mut UnixStream, client: &mut TcpStream) -> Option<u8> {
    loop {
        let message = message(server).await?;
        client.write_all(&message).await.ok()?;
        match message[0] {
            b'Z' => return Some(message[5]),
            // It asks for a password, and the client answers.
            b'R' if [3, 5, 10, 11].contains(&message[8]) => {
                let reply = self::message(client).await?;
                server.write_all(&reply).await.ok()?;
            }
            _ => {}
        }
    }
}

async fn client(mut client: TcpStream, socket: PathBuf, idle: Idle, mode: Mode) -> Option<()> {
    let mut server = UnixStream::connect(&socket).await.ok()?;
    let mut length = [0; 4];
    client.read_exact(&mut length).await.ok()?;
    let mut rest = vec![0; usize::try_from(u32::from_be_bytes(length)).ok()?.checked_sub(4)?];
    client.read_exact(&mut rest).await.ok()?;
    server.write_all(&[&length[..], &rest].concat()).await.ok()?;
    answer(&mut server, &mut client).await?;
    let mut own = (mode == Mode::Session).then_some(server);
    loop {
        let message = message(&mut client).await?;
        if message[0] == b'X' {
            return Some(());
        }
        let taken = own.take();
        let next = taken.or_else(|| idle.lock().expect("a lock").pop_back());
        let mut server = next.expect("there are sessions enough");
        server.write_all(&message).await.ok()?;
        if mode == Mode::Transaction && answer(&mut server, &mut client).await? == b'I' {
            idle.lock().expect("a lock").push_back(server);
        } else {
            if mode == Mode::Session {
                answer(&mut server, &mut client).await?;
            }
            own = Some(server);
        }
    }
}

/// Starts it, with some sessions; its port.
async fn pooler(bench: &Bench, mode: Mode) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let port = listener.local_addr().expect("an address").port();
    let socket = cluster::socket();
    let idle = Idle::default();
    for _ in 0..SESSIONS {
        // A session that came about for somebody else: the client is left behind, with its password.
        let mine = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let port = mine.local_addr().expect("an address").port();
        let options: PgConnectOptions = through(bench, port).parse().expect("a URL");
        let (socket, idle) = (socket.clone(), Arc::clone(&idle));
        let accepted = async {
            let (mut client, _) = mine.accept().await.expect("accepted");
            let mut server = UnixStream::connect(&socket).await.expect("connected");
            let mut length = [0; 4];
            client.read_exact(&mut length).await.expect("read");
            let mut rest = vec![0; u32::from_be_bytes(length) as usize - 4];
            client.read_exact(&mut rest).await.expect("read");
            server.write_all(&[&length[..], &rest].concat()).await.expect("written");
            answer(&mut server, &mut client).await.expect("ready");
            idle.lock().expect("a lock").push_back(server);
            client
        };
        let (connected, _client) = tokio::join!(options.connect(), accepted);
        let connection = connected.expect("connected");
        drop(connection);
    }
    tokio::spawn(async move {
        while let Ok((accepted, _)) = listener.accept().await {
            tokio::spawn(client(accepted, socket.clone(), Arc::clone(&idle), mode));
        }
    });
    port
}

/// The URL of the database by another port.
fn through(bench: &Bench, port: u16) -> String {
    let (account, place) = bench.url.rsplit_once('@').expect("a role");
    let name = place.rsplit_once('/').expect("a database").1;
    format!("{account}@127.0.0.1:{port}/{name}?sslmode=disable")
}

/// The same database through the pooler.
async fn behind(bench: Bench, mode: Mode) -> Bench {
    let port = pooler(&bench, mode).await;
    Bench { url: through(&bench, port), ..bench }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hands_sessions_round_is_refused_and_the_way_past_it_is_named() {
    let bench = Bench::new().await;
    let direct = bench.url.clone();
    let bench = behind(bench, Mode::Transaction).await;
    bench.write("1_one.up.sql", "create table one ();");
    for arguments in [&["deploy"][..], &["status"], &["deploy", "--dry-run"]] {
        let words = ["connection pooler", "DATABASE_DIRECT_URL", "Nothing was changed"];
        bench.run(arguments).await.expect(2, &words);
    }
    assert_eq!(bench.count("select count(*) from pg_class where relname in ('one', '_sqlx_migrations')").await, 0);
    bench.with("DATABASE_DIRECT_URL", direct).run(&["deploy"]).await.expect(0, &["1 migration was applied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_keeps_sessions_is_none() {
    let bench = behind(Bench::new().await, Mode::Session).await;
    bench.write("1_one.up.sql", "create table one ();");
    bench.run(&["deploy"]).await.expect(0, &["1 migration was applied"]);
    bench.run(&["status", "--skip-drift"]).await.expect(0, &["up to date"]);
}
