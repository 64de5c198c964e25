//! Clients that go away in the middle of a request, of whatever route, leave nothing behind that others meet.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::support::PATIENCE;
use crate::support::app::{ServerOptions, TestApp};
use crate::support::client::Client;
use crate::support::random::Random;

/// Requests that are abandoned, if `ABANDON` does not say otherwise.
const REQUESTS: usize = 600;

/// Clients at a time, more than there are connections.
const CLIENTS: usize = 12;

/// Requests of a client between two looks at what is left.
const IN_A_ROUND: usize = 5;

/// After the last of them, and once the table is free, everything is answered again within this time.
const HEALED_WITHIN: Duration = PATIENCE;

/// An operation of the API's document.
#[derive(Clone)]
struct Operation {
    method: String,
    path: String,
    has_body: bool,
}

impl Operation {
    async fn all(client: &Client) -> Vec<Self> {
        let document = client.get("/api/openapi.json").await.json();
        let mut operations = Vec::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let has_body = operation.get("requestBody").is_some();
                operations.push(Self { method: method.to_uppercase(), path: path.clone(), has_body });
            }
        }
        operations
    }

    /// A request of it, to the letter. Rows come and go, so some ids are not there; most are.
    fn request(&self, token: &str, random: &mut Random) -> String {
        let mut path = self.path.replace("{id}", &(random.below(80) + 1).to_string());
        if self.method == "GET" && random.one_in(2) {
            path.push_str("?limit=20");
        }
        let mut request = format!("{} {path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {token}\r\n", self.method);
        if self.method != "GET" && random.one_in(3) {
            write!(request, "idempotency-key: key-{}\r\n", random.below(1_000_000)).expect("text");
        }
        let body = if self.has_body { body(&self.method, &self.path, random).to_string() } else { String::new() };
        write!(request, "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .expect("text");
        request
    }
}

/// A body that gets as far as the database.
fn body(method: &str, path: &str, random: &mut Random) -> Value {
    let ids: Vec<usize> = (0..5).map(|_| random.below(80) + 1).collect();
    let (id, name) = (ids[0], format!("n{}", random.below(40)));
    match (method, path) {
        ("POST", "/api/transactions") => json!({
            "title": name, "amount": id, "type": "EXPENSE", "category": name, "payee": name, "tags": [name, "often"],
        }),
        ("PUT" | "PATCH", "/api/transactions/{id}") => json!({"title": name, "payee": name, "tags": [name]}),
        ("PATCH", "/api/transactions") => json!({
            "ids": ids, "dryRun": random.one_in(4), "set": {"note": name, "payee": name, "addTags": [name]},
        }),
        ("DELETE", "/api/transactions") => json!({"ids": ids, "dryRun": random.one_in(4)}),
        ("POST", "/api/categories") => json!({"name": name, "kind": "EXPENSE"}),
        ("PUT" | "PATCH", "/api/categories/{id}") => json!({"name": name, "parentId": null}),
        ("PUT", "/api/categories/order") => json!({"ids": [1, 2, 3]}),
        ("POST", "/api/tags" | "/api/payees") | ("PUT" | "PATCH", "/api/tags/{id}" | "/api/payees/{id}") => {
            json!({"name": name})
        }
        ("POST", path) if path.ends_with("/merge") => json!({"into": ids[1]}),
        ("POST", "/api/auth/register") => {
            json!({"email": format!("{name}-{}@example.com", random.below(1_000_000)), "password": "pass123", "name": name})
        }
        ("POST", "/api/auth/login") => json!({"email": "alice@example.com", "password": "pass123"}),
        _ => panic!("the test has no body for {method} {path}: add one that gets as far as the database"),
    }
}

/// Sends a request, and goes away a moment later: before, while or after it is worked off.
async fn abandon(address: &str, request: &str, random: &mut Random) {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    // Sometimes in the middle of the request itself.
    let sent = if random.one_in(20) { random.below(request.len()) } else { request.len() };
    stream.write_all(&request.as_bytes()[..sent]).await.expect("sent");
    // Most are worked off within some milliseconds; the moments are dense where they begin.
    let longest = 1 << random.below(15);
    let moment = random.below(longest);
    tokio::time::sleep(Duration::from_micros(u64::try_from(moment).expect("a small number"))).await;
    // With a reset as from a process that is killed; an end alone may be the end of the request only.
    stream.set_zero_linger().expect("a socket");
}

/// What everybody does all day, each answered 2xx, with the time of now.
async fn works(client: &Client) -> Result<(), String> {
    let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "Food", "payee": "p", "tags": ["t"]});
    let created = client.post("/api/transactions", body).await;
    for answer in [
        client.get("/api/transactions?limit=20").await,
        client.get("/api/transactions?payee=p").await,
        client.get("/api/payees?counts=true").await,
        client.get("/api/operations?limit=5").await,
    ] {
        if answer.status != 200 {
            return Err(answer.text);
        }
    }
    if created.status != 201 {
        return Err(created.text);
    }
    let (row, meta) = (created.json()["data"].clone(), created.json()["meta"].clone());
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok()).expect("a time");
    let age = time(&meta["timestamp"]) - time(&row["createdAt"]);
    if age.abs() > chrono::TimeDelta::seconds(1) { Err(format!("{age} old: {}", created.text)) } else { Ok(()) }
}

/// Several of them at once.
fn at_once(client: &Client, clients: usize) -> Vec<JoinHandle<Result<(), String>>> {
    let begin = |client: Client| tokio::spawn(async move { works(&client).await });
    (0..clients).map(|_| begin(client.clone())).collect()
}

/// More than the pool has connections, at once.
async fn all_work(client: &Client) -> Result<(), String> {
    for task in at_once(client, CLIENTS) {
        task.await.expect("it ended")?;
    }
    Ok(())
}

/// Abandons requests of all operations at once from several clients, `each` from every one, and more until `enough`.
async fn abandon_many(client: &Client, operations: &Arc<Vec<Operation>>, seed: u64, each: usize, enough: &AtomicBool) {
    let address = client.base.trim_start_matches("http://");
    let token = client.token.as_deref().expect("a token");
    let one = async |number: u64| {
        let mut random = Random::new(seed + number);
        let mut sent = 0;
        while sent < each || !enough.load(Ordering::Relaxed) {
            let request = operations[random.below(operations.len())].request(token, &mut random);
            abandon(address, &request, &mut random).await;
            sent += 1;
        }
    };
    futures_util::future::join_all((0..CLIENTS as u64).map(one)).await;
}

/// Waits until no connection is in use, and looks at what the sessions are left in.
async fn at_rest(app: &TestApp) {
    let begun = Instant::now();
    while app.pools.all().any(|(_, pool)| pool.status().used > 0) {
        assert!(begun.elapsed() < HEALED_WITHIN, "a connection does not come back: {:?}", app.pools);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let left_open = app
        .count(
            "select count(*) from pg_stat_activity a where a.datname = current_database() and a.pid <> pg_backend_pid() \
             and (a.state like 'idle in%' or a.state = 'idle' and exists (select from pg_locks l where l.pid = a.pid))",
        )
        .await;
    assert_eq!(left_open, 0, "sessions in a transaction, or with a lock");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_abandoned_at_any_moment_leave_no_transaction_no_lock_and_no_wrong_time() {
    let requests = std::env::var("ABANDON").ok().map_or(REQUESTS, |number| number.parse().expect("ABANDON=20000"));
    // As in production where somebody has ordered the long run: a table that is locked for longer than a statement may take.
    let (timeout, locked_for) = if requests > REQUESTS { ("30s", 31.0) } else { ("1s", 1.5) };
    let app = TestApp::with(ServerOptions {
        // Who abandons and who works have one address here: where it has too many connections, or the server has, an idle one is
        // closed to make room for the next, and a client may just be sending on it.
        environment: vec![
            ("APP_DATABASE__STATEMENT_TIMEOUT", timeout),
            ("APP_SERVER__MAX_CONNECTIONS_PER_ADDRESS", "100000"),
            ("APP_SERVER__MAX_CONNECTIONS", "100000"),
        ],
        own_database: true,
        ..ServerOptions::default()
    })
    .await;
    let alice = app.user("alice").await;
    let operations = Arc::new(Operation::all(&alice).await);
    for _ in 0..4 {
        all_work(&alice).await.expect("it works before");
    }

    let mut seeds = Random::seeded();
    let rounds = requests / (CLIENTS * IN_A_ROUND);
    for round in 0..rounds {
        let enough = AtomicBool::new(true);
        if round == rounds / 2 {
            enough.store(false, Ordering::Relaxed);
            let lock = async {
                let mut locking = app.connection().await;
                let mut lock = locking.begin().await.expect("begun");
                lock.execute("lock table payees in access exclusive mode").await.expect("locked");
                // Some are not abandoned, and fail by the time-out.
                let waiting = at_once(&alice, 4);
                sqlx::query("select pg_sleep($1)").bind(locked_for).execute(&mut *lock).await.expect("slept");
                lock.commit().await.expect("unlocked");
                enough.store(true, Ordering::Relaxed);
                for task in waiting {
                    let _ = task.await.expect("it ended");
                }
            };
            tokio::join!(lock, abandon_many(&alice, &operations, seeds.next(), IN_A_ROUND, &enough));
            let begun = Instant::now();
            while let Err(problem) = all_work(&alice).await {
                assert!(begun.elapsed() < HEALED_WITHIN, "it does not heal: {problem}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        } else {
            abandon_many(&alice, &operations, seeds.next(), IN_A_ROUND, &enough).await;
        }
        at_rest(&app).await;
    }
    for _ in 0..4 {
        all_work(&alice).await.expect("it works again");
    }
    at_rest(&app).await;
}
