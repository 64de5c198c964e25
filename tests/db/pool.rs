//! The guarantees of a pool: a limit, clean connections, and no dead ones.

use std::time::{Duration, Instant};

use app::config::{Config, ConfigPurpose, Environment, Flags, Profile};
use app::db::pool::{Lease, Pool, Pools};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, Executor as _};

use crate::support::{PATIENCE, cluster};

/// Two connections for requests, and one for each other purpose.
pub(crate) fn pools(options: &PgConnectOptions) -> Pools {
    // A busy machine takes a while to connect.
    pools_with(options, "180s")
}

/// Like `pools`, with a maximum time to wait for a connection.
fn pools_with(options: &PgConnectOptions, acquire_timeout: &str) -> Pools {
    let settings = [
        ("DATABASE_URL", "postgres://localhost/x"),
        ("JWT_SECRET", crate::support::app::SECRET),
        ("APP_DATABASE__MAX_CONNECTIONS", "4"),
        ("APP_DATABASE__ACQUIRE_TIMEOUT", acquire_timeout),
    ];
    let environment: Environment = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let config =
        Config::load(&environment, &Flags::new(), Some(Profile::Test), ConfigPurpose::Serve).expect("settings");
    Pools::new(options, None, &config.database).expect("pools")
}

pub(crate) async fn pid(lease: &mut Lease) -> i32 {
    sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut **lease).await.expect("a pid")
}

pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "it took too long");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn all_are_idle(pool: &Pool, connections: usize) {
    until(async || pool.status().idle == connections && pool.status().used == 0).await;
}

#[tokio::test]
async fn a_connection_that_is_released_is_the_next_to_be_given_out() {
    let pool = pools(&cluster::options()).requests;
    let (mut first, mut second) = (pool.acquire().await.expect("one"), pool.acquire().await.expect("two"));
    let (first_pid, second_pid) = (pid(&mut first).await, pid(&mut second).await);
    assert_ne!(first_pid, second_pid);
    second.release();
    first.release();
    assert_eq!(pool.status().idle, 2);
    // The connection returned last, whose session is still warm.
    assert_eq!(pid(&mut pool.acquire().await.expect("one")).await, first_pid);
}

#[tokio::test]
async fn who_comes_when_all_are_taken_waits_and_is_refused_in_time() {
    let pool = pools_with(&cluster::options(), "2s").requests;
    // Connecting may take longer than that on a busy machine.
    let connected = async || loop {
        match pool.acquire().await {
            Ok(lease) => break lease,
            Err(error) => assert!(matches!(error, sqlx::Error::PoolTimedOut), "{error:?}"),
        }
    };
    let (_one, two) = (connected().await, connected().await);
    let begun = Instant::now();
    assert!(matches!(pool.acquire().await, Err(sqlx::Error::PoolTimedOut)));
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    let waiting = tokio::spawn(async move { pool.acquire().await.is_ok() });
    two.release();
    assert!(waiting.await.expect("waited"));
}

#[tokio::test]
async fn what_is_dropped_in_the_middle_is_rolled_back_at_once() {
    let options = cluster::schema().await;
    let pool = pools(&options).requests;
    let mut other = pool.acquire().await.expect("another");
    other.execute("create table held (id int); insert into held values (1)").await.expect("a row");
    {
        let mut lease = pool.acquire().await.expect("one");
        let mut transaction = lease.begin().await.expect("begun");
        transaction.execute("update held set id = 2").await.expect("a lock");
        // Like a client that closes its connection: everything is dropped at this point.
    }
    // The lock is released even if nobody uses the connection again.
    let locked = "select id from held for update";
    let id: i32 = tokio::time::timeout(PATIENCE, sqlx::query_scalar(locked).fetch_one(&mut *other))
        .await
        .expect("no lock is left")
        .expect("a row");
    assert_eq!(id, 1);
    other.release();
    all_are_idle(&pool, 2).await;
}

#[tokio::test]
async fn one_that_is_given_up_in_mid_statement_is_not_given_out_before_it_is_at_rest() {
    let pool = pools(&cluster::options()).requests;
    let mut lease = pool.acquire().await.expect("one");
    let first = pid(&mut lease).await;
    let hung = tokio::time::timeout(Duration::from_millis(20), lease.execute("select pg_sleep(0.3)")).await;
    assert!(hung.is_err());
    drop(lease);
    let mut next = pool.acquire().await.expect("the other");
    assert_ne!(pid(&mut next).await, first);
    next.release();
    // The connection returns when the statement has ended, which was soon enough to keep it.
    all_are_idle(&pool, 2).await;
}

#[tokio::test]
async fn one_that_does_not_come_to_rest_is_closed() {
    let pool = pools(&cluster::options()).requests;
    let mut lease = pool.acquire().await.expect("one");
    let hung = tokio::time::timeout(Duration::from_millis(20), lease.execute("select pg_sleep(60)")).await;
    assert!(hung.is_err());
    drop(lease);
    until(async || pool.status().used == 0 && pool.status().idle == 0).await;
    let mut next = pool.acquire().await.expect("a new one");
    pid(&mut next).await;
}

#[tokio::test]
async fn one_that_died_while_it_rested_is_replaced() {
    let pool = pools(&cluster::options()).requests;
    let mut lease = pool.acquire().await.expect("one");
    let first = pid(&mut lease).await;
    let mut other = pool.acquire().await.expect("another");
    lease.release();
    // A connection that was used just now is trusted; after a second it is tested.
    sqlx::query("select pg_terminate_backend($1)").bind(first).execute(&mut *other).await.expect("ended");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_ne!(pid(&mut pool.acquire().await.expect("a new one")).await, first);
}

#[tokio::test]
async fn a_discarded_one_does_not_come_back() {
    let pool = pools(&cluster::options()).requests;
    let mut lease = pool.acquire().await.expect("one");
    let first = pid(&mut lease).await;
    lease.discard();
    assert_eq!(pool.status().idle, 0);
    assert_ne!(pid(&mut pool.acquire().await.expect("a new one")).await, first);
}

#[tokio::test]
async fn a_closed_pool_refuses_at_once_and_keeps_nothing() {
    let pools = pools(&cluster::options());
    let mut lease = pools.requests.acquire().await.expect("one");
    pools.requests.acquire().await.expect("two").release();
    pools.close();
    assert!(matches!(pools.requests.acquire().await, Err(sqlx::Error::PoolClosed)));
    // A connection in use continues, and is closed when it is returned.
    pid(&mut lease).await;
    lease.release();
    let status = pools.requests.status();
    assert_eq!((status.idle, status.used), (0, 0));
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_told_and_not_waited_for() {
    let nobody = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(1).username("x").password("secret-word");
    let pool = pools(&nobody).requests;
    let Err(error) = pool.acquire().await else { panic!("connected to nobody") };
    assert!(matches!(error, sqlx::Error::Io(_)), "{error:?}");
    assert!(!format!("{pool:?}").contains("secret-word"));
}
