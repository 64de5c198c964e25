//! However a connection is dropped, a connection from the pool has no open transaction and holds no lock.

use std::pin::pin;
use std::task::Poll;

use app::db::error::{Meaning, meaning};
use app::db::pool::{Lease, is_read_only};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::pool::{all_are_idle, pid, pools, until};
use crate::support::cluster;

/// Polls a future a limited number of times, then drops it.
async fn polled<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    std::future::poll_fn(|context| {
        if polls == times {
            return Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Options for connections that this test's own runtime forwards to PostgreSQL. Its single thread cannot forward an
/// answer while a future is polled, so each answer has to be awaited, however busy the machine is.
fn relayed(options: &PgConnectOptions) -> (PgConnectOptions, tempfile::TempDir) {
    let name = format!(".s.PGSQL.{}", options.get_port());
    let server = options.get_socket().expect("a socket").join(&name);
    let directory = tempfile::tempdir().expect("a directory");
    let listener = UnixListener::bind(directory.path().join(&name)).expect("a socket");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = UnixStream::connect(&server).await.expect("PostgreSQL");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    (options.clone().socket(directory.path()), directory)
}

/// The number of other sessions of this database that are in a transaction, or hold a lock while they are idle.
async fn left_open(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_stat_activity a where a.datname = current_database() and a.pid <> pg_backend_pid() \
         and (a.state like 'idle in%' \
             or a.state = 'idle' and exists (select from pg_locks l where l.pid = a.pid))",
    )
    .fetch_one(connection)
    .await
    .expect("a number")
}

/// A typical unit of work: statements, a savepoint, a lock that is held until the end of the transaction.
async fn unit(lease: Lease, broken: bool) -> Result<(), sqlx::Error> {
    let work = async |database: &mut PgConnection| {
        sqlx::query("select pg_advisory_xact_lock(7)").execute(&mut *database).await?;
        sqlx::query("insert into held values ($1)").bind(1).execute(&mut *database).await?;
        let mut savepoint = database.begin().await?;
        sqlx::query("update held set id = id + $1").bind(1).execute(&mut *savepoint).await?;
        savepoint.commit().await?;
        if broken {
            database.execute("select 1 / 0").await?;
        }
        Ok::<_, sqlx::Error>(())
    };
    lease.transaction(work).await
}

#[tokio::test]
async fn a_unit_of_work_that_is_dropped_at_any_await_leaves_nothing_open() {
    let options = cluster::database().await;
    let mut watcher = options.connect().await.expect("a watcher");
    watcher.execute("create table held (id int)").await.expect("a table");
    // The server warns about needless commands, and sqlx logs the warnings.
    let log = tempfile::NamedTempFile::new().expect("a file");
    let file = std::sync::Arc::new(log.reopen().expect("open"));
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(file);
    let _logging = tracing::subscriber::set_default(subscriber.finish());
    let (relayed, _directory) = relayed(&options);
    for (broken, new) in [(false, true), (false, false), (true, false)] {
        let pool = pools(&relayed).requests;
        let mut times = 0;
        loop {
            if new {
                // A connection that has not prepared the statements yet needs more awaits.
                pool.renew();
            }
            let lease = pool.acquire().await.expect("one");
            if let Some(done) = polled(unit(lease, broken), times).await {
                assert_eq!(done.is_err(), broken, "ended after {times} polls: {done:?}");
                break;
            }
            until(async || pool.status().used == 0).await;
            // A session ends a moment after its connection is closed.
            until(async || left_open(&mut watcher).await == 0).await;
            times += 1;
        }
        // BEGIN, three statements, two for the savepoint, COMMIT.
        assert!(times >= 7, "each statement has to be waited for: {times}");
    }
    assert_eq!(std::fs::read_to_string(log.path()).expect("a log"), "");
}

#[tokio::test]
async fn whoever_gives_up_while_connecting_leaves_the_pool_as_it_was() {
    let (relayed, _directory) = relayed(&cluster::options());
    let pool = pools(&relayed).requests;
    for times in 0..5 {
        assert!(polled(Box::pin(pool.acquire()), times).await.is_none(), "connecting takes longer than {times} polls");
        until(async || pool.status().used == 0).await;
    }
    let _both = (pool.acquire().await.expect("one"), pool.acquire().await.expect("another"));
}

#[tokio::test]
async fn a_unit_of_work_that_panics_is_rolled_back() {
    let options = cluster::database().await;
    let mut watcher = options.connect().await.expect("a watcher");
    watcher.execute("create table held (id int)").await.expect("a table");
    let pool = pools(&options).requests;
    let lease = pool.acquire().await.expect("one");
    let panicking = tokio::spawn(lease.transaction(async |database: &mut PgConnection| {
        database.execute("insert into held values (1)").await?;
        assert!(!database.is_in_transaction(), "as meant by the test");
        Ok::<_, sqlx::Error>(())
    }));
    assert!(panicking.await.expect_err("it panicked").is_panic());
    all_are_idle(&pool, 1).await;
    assert_eq!(left_open(&mut watcher).await, 0);
    let rows: i64 = sqlx::query_scalar("select count(*) from held").fetch_one(&mut watcher).await.expect("a number");
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_transaction_that_somebody_leaves_open_is_rolled_back_even_a_failed_one() {
    let options = cluster::database().await;
    let mut watcher = options.connect().await.expect("a watcher");
    let pool = pools(&options).requests;
    for statements in ["begin; select 1", "begin; select pg_advisory_xact_lock(7)", "begin; select 1 / 0"] {
        let mut lease = pool.acquire().await.expect("one");
        let first = pid(&mut lease).await;
        for statement in statements.split(';') {
            // Begins a transaction that sqlx does not count.
            let _ = lease.execute(statement).await;
        }
        drop(lease);
        all_are_idle(&pool, 1).await;
        assert_eq!(left_open(&mut watcher).await, 0, "{statements}");
        let mut lease = pool.acquire().await.expect("one");
        assert_eq!(pid(&mut lease).await, first, "it was kept: {statements}");
        lease.release();
    }
}

#[tokio::test]
async fn a_lease_that_is_released_in_a_transaction_is_rolled_back_all_the_same() {
    let options = cluster::database().await;
    let mut watcher = options.connect().await.expect("a watcher");
    let pool = pools(&options).requests;
    let mut lease = pool.acquire().await.expect("one");
    // Leaves a transaction open, because its guard is not dropped.
    std::mem::forget(lease.begin().await.expect("begun"));
    lease.release();
    until(async || pool.status().used == 0).await;
    assert_eq!(left_open(&mut watcher).await, 0);
}

#[tokio::test]
async fn what_a_client_that_is_gone_waits_for_is_given_up_by_the_server() {
    let options = cluster::database().await;
    let mut watcher = options.connect().await.expect("a watcher");
    watcher.execute("create table held (id int)").await.expect("a table");
    let pool = pools(&options).requests;
    let mut locking = options.connect().await.expect("another");
    let mut lock = locking.begin().await.expect("begun");
    lock.execute("lock table held in access exclusive mode").await.expect("locked");
    let mut lease = pool.acquire().await.expect("one");
    let waiting = tokio::time::timeout(std::time::Duration::from_millis(50), lease.execute("select * from held")).await;
    assert!(waiting.is_err());
    drop(lease);
    // Long before the statement timeout, and while the table is still locked.
    until(async || {
        let waiting =
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut watcher).await.expect("a number") == 0
    })
    .await;
}

#[tokio::test]
async fn once_a_server_refuses_to_write_all_connections_to_it_are_replaced() {
    let options = cluster::database().await;
    let pools = pools(&options);
    let pool = &pools.requests;
    let (mut one, mut two) = (pool.acquire().await.expect("one"), pool.acquire().await.expect("two"));
    let before = [pid(&mut one).await, pid(&mut two).await];
    one.execute("set default_transaction_read_only = on").await.expect("as in a primary that is demoted");
    assert!(is_read_only(&mut one).await.expect("an answer"));
    two.release();
    let refused = one.execute("create table t (id int)").await.expect_err("read-only");
    assert_eq!(meaning(&refused), Meaning::Unavailable);
    drop(one);
    until(async || pool.status().idle == 0 && pool.status().used == 0).await;
    for _ in 0..2 {
        let mut next = pool.acquire().await.expect("a new one");
        assert!(!before.contains(&pid(&mut next).await));
        next.execute("create table if not exists t (id int)").await.expect("writes");
        next.release();
    }
    // A connection that was in use meanwhile is not given out again, either.
    let mut under_way = pool.acquire().await.expect("one");
    let old = pid(&mut under_way).await;
    pools.renew();
    under_way.release();
    assert_ne!(pid(&mut pool.acquire().await.expect("a new one")).await, old);
}

/// A server that is not PostgreSQL: it sends something, or nothing, and closes the connection.
async fn impostor(says: &'static [u8]) -> PgConnectOptions {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(says).await;
        }
    });
    PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).username("x").password("x")
}

#[tokio::test]
async fn whatever_fails_while_connecting_means_that_the_database_is_not_available() {
    let there = cluster::options();
    for (what, options) in [
        ("a proxy with nothing behind it", impostor(b"").await),
        ("one that speaks another protocol", impostor(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await),
        ("one that sends zeros", impostor(&[0; 64]).await),
        ("a password that is not right any more", there.clone().username("nobody").password("x")),
        ("a database that is not there", there.clone().database("not_there")),
        ("a setting that the server does not know", there.options([("not_a_setting", "1")])),
    ] {
        let Err(error) = pools(&options).requests.acquire().await else { panic!("connected to {what}") };
        assert_eq!(meaning(&error), Meaning::Unavailable, "{what}: {error:?}");
    }
}
