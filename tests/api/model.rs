//! Random changes of one user's few rows, by clients at once and through two servers, held against what must be true
//! whenever they rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::support::app::TestApp;
use crate::support::client::{Answer, Client, named};
use crate::support::random::Random;

/// Operations, if `MODEL` does not say otherwise, as it does in CI.
const OPERATIONS: usize = 4_000;

/// Clients at once.
const CLIENTS: usize = 8;

/// Operations between two looks at everything.
const IN_A_ROUND: usize = 1_000;

const TRANSACTIONS: &str = "/api/transactions";

/// What the clients know of each other: what was answered, and so may be there.
#[derive(Default)]
struct Known {
    /// The newest ids of transactions, categories, payees and tags.
    ids: BTreeMap<&'static str, Vec<i64>>,
    /// Each operation that was answered, and the row that it made, if it made one transaction.
    operations: BTreeMap<i64, Option<i64>>,
    newest_operations: Vec<i64>,
    statuses: BTreeMap<String, usize>,
}

impl Known {
    /// One of the newest ids of a table, which may be gone.
    fn id(&self, table: &'static str, random: &mut Random) -> i64 {
        newest(self.ids.get(table).map_or(&[], Vec::as_slice), random)
    }

    fn note(&mut self, what: &str, answer: &Answer) {
        let status = answer.status.as_u16();
        let body = answer.json();
        let code = body["error"]["code"].as_str().unwrap_or("");
        *self.statuses.entry(format!("{what} {status} {code}")).or_default() += 1;
        assert!(status < 500 && status != 401 && status != 429, "{what}: {}", answer.text);
        let Some(operation) = body["meta"]["operationId"].as_i64() else { return };
        let made = (what == "create").then(|| body["data"]["id"].as_i64().expect("an id"));
        // The same answer is given to the same key again.
        let before = self.operations.insert(operation, made);
        assert!(before.is_none() || before == Some(made), "{what}: two operations are {operation}");
        self.newest_operations.push(operation);
        if let (Some(category), payee) = (body["data"]["categoryId"].as_i64(), body["data"]["payeeId"].as_i64()) {
            self.ids.entry("categories").or_default().push(category);
            self.ids.entry("payees").or_default().extend(payee);
        }
        let table = match what {
            "create" => "transactions",
            "create category" => "categories",
            "create payee" => "payees",
            "create tag" => "tags",
            _ => return,
        };
        self.ids.entry(table).or_default().push(body["data"]["id"].as_i64().expect("an id"));
    }
}

/// One of the last thirty.
fn newest(ids: &[i64], random: &mut Random) -> i64 {
    let last = &ids[ids.len().saturating_sub(30)..];
    if last.is_empty() { 1 } else { random.pick(last) }
}

/// A name that several clients use.
fn name(random: &mut Random) -> String {
    format!("n{}", random.below(6))
}

/// A transaction's fields, some of them.
fn fields(random: &mut Random, known: &Known) -> Value {
    let mut fields = json!({});
    let choices: [(&str, Value); 9] = [
        ("title", json!(name(random))),
        ("amount", json!(random.below(200) + 1)),
        ("category", json!(name(random))),
        ("payee", json!(name(random))),
        ("tags", json!([name(random), name(random)])),
        ("note", json!(name(random))),
        ("categoryId", json!(known.id("categories", random))),
        ("payeeId", json!(known.id("payees", random))),
        ("date", json!(format!("2026-02-{:02}", random.below(28) + 1))),
    ];
    for (field, value) in choices {
        let is_other_way = matches!(field, "categoryId" | "payeeId") && !fields[&field[..field.len() - 2]].is_null();
        if random.one_in(3) && !is_other_way {
            fields[field] = value;
        }
    }
    fields
}

/// An operation: what it is, and its request.
fn operation(client: &Client, random: &mut Random, known: &Known) -> (&'static str, reqwest::RequestBuilder) {
    let send = |method: Method, path: &str, body: Value| client.request(method, path).json(&body);
    let (table, create, path) = [
        ("categories", "create category", "/api/categories"),
        ("payees", "create payee", "/api/payees"),
        ("tags", "create tag", "/api/tags"),
    ][random.below(3)];
    let id = known.id(table, random);
    let transaction = format!("{TRANSACTIONS}/{}", known.id("transactions", random));
    match random.below(100) {
        0..25 => {
            let mut body = fields(random, known);
            for (field, value) in [("title", json!(name(random))), ("amount", json!(7)), ("type", json!("EXPENSE"))] {
                if body[field].is_null() {
                    body[field] = value;
                }
            }
            ("create", send(Method::POST, TRANSACTIONS, body))
        }
        25..43 => ("edit", send(Method::PATCH, &transaction, fields(random, known))),
        43..53 => ("delete", client.request(Method::DELETE, &transaction)),
        53..57 => {
            let path = format!("/api/trash/{}/restore", known.id("transactions", random));
            ("restore", send(Method::POST, &path, json!({})))
        }
        57..64 => {
            let filter = json!({"minAmount": random.below(200) + 1});
            let mut set = fields(random, known);
            if let Some(tags) = set.as_object_mut().expect("an object").remove("tags") {
                set["addTags"] = tags;
            }
            set["note"] = json!(name(random));
            set.as_object_mut().expect("an object").remove("amount");
            ("bulk edit", send(Method::PATCH, TRANSACTIONS, json!({"filter": filter, "set": set})))
        }
        64..67 => {
            let filter = json!({"q": name(random), "minAmount": 150});
            ("bulk delete", send(Method::DELETE, TRANSACTIONS, json!({"filter": filter})))
        }
        67..79 => {
            let path = format!("/api/operations/{}/undo", newest(&known.newest_operations, random));
            ("undo", send(Method::POST, &path, json!({})))
        }
        79..86 => {
            let mut body = named(table, &format!("n{}", random.below(12)));
            if table == "categories" && random.one_in(2) {
                body["parentId"] = json!(known.id(table, random));
            }
            (create, send(Method::POST, path, body))
        }
        86..91 => {
            let mut body = json!({"name": format!("n{}", random.below(12))});
            if table == "categories" && random.one_in(2) {
                let parent = if random.one_in(4) { Value::Null } else { json!(known.id(table, random)) };
                body = json!({"parentId": parent});
            }
            ("change one", send(Method::PATCH, &format!("{path}/{id}"), body))
        }
        91..95 => ("delete one", client.request(Method::DELETE, &format!("{path}/{id}"))),
        _ => {
            let into = json!({"into": known.id(table, random)});
            ("merge", send(Method::POST, &format!("{path}/{id}/merge"), into))
        }
    }
}

async fn client(client: Client, mut random: Random, operations: usize, known: Arc<Mutex<Known>>) {
    for number in 0..operations {
        if number % 16 == 0 {
            // Tags are answered by name.
            let tags = client.get("/api/tags").await.expect(200);
            let ids = tags.as_array().expect("tags").iter().filter_map(|tag| tag["id"].as_i64()).collect();
            known.lock().expect("known").ids.insert("tags", ids);
        }
        let (what, request) = operation(&client, &mut random, &known.lock().expect("known"));
        if random.one_in(8) {
            // Sent twice at once with one key: done once, and answered alike.
            let key = format!("k{}", random.next());
            let request = request.header("idempotency-key", key);
            let again = request.try_clone().expect("a copy");
            let (first, second) = tokio::join!(client.send(request), client.send(again));
            // A refusal is not kept: what was in the way may be gone when the other one comes.
            if first.status.is_success() && second.status.is_success() {
                let data = |answer: &Answer| (answer.status, answer.json()["data"].clone());
                assert_eq!(data(&first), data(&second), "{what}");
            }
            let mut known = known.lock().expect("known");
            known.note(what, &first);
            known.note(what, &second);
        } else {
            let answer = client.send(request).await;
            known.lock().expect("known").note(what, &answer);
        }
    }
}

/// No row of a query that lists what must not be.
async fn nothing(connection: &mut PgConnection, wrong: &str, sql: &'static str) {
    let rows: Vec<String> =
        sqlx::query_scalar(sql).fetch_all(connection).await.unwrap_or_else(|error| panic!("{wrong}: {error}"));
    assert!(rows.is_empty(), "{wrong}: {rows:#?}");
}

/// Each value that a change took away had been there, and what is there was put there: for each column of each row, the
/// values that were recorded as gone, and the one that is there, are those that were recorded as put.
const RECORDED: &str = "
    with present as (
        select 'categories' as entity, id, null::bigint as tag_id, to_jsonb(t) as row from categories t
        union all select 'default_categories', id, null, to_jsonb(t) from default_categories t
        union all select 'payees', id, null, to_jsonb(t) from payees t
        union all select 'tags', id, null, to_jsonb(t) from tags t
        union all select 'transactions', id, null, to_jsonb(t) from transactions t
        union all select 'transaction_tags', transaction_id, tag_id, to_jsonb(t) from transaction_tags t
    ), sides as (
        select entity, entity_id as id, tag_id, after as row, 1 as n from changes
        union all select entity, entity_id, tag_id, before, -1 from changes
        union all select entity, id, tag_id, row, -1 from present
        union all select entity, id, tag_id, row, 1 from at_first
    )
    select format('%s %s %s %s=%s: %s', entity, id, tag_id, key, value, sum(n))
    from sides, jsonb_each(row)
    where key not in ('search', 'short_search') and not (entity = 'transaction_tags' and key in ('date', 'amount'))
    group by entity, id, tag_id, key, value
    having sum(n) <> 0
    limit 20";

async fn check(app: &TestApp, alice: &Client, known: &Known) {
    let mut connection = app.connection().await;
    let connection = &mut connection;
    nothing(connection, "what was recorded does not lead to what is there", RECORDED).await;
    nothing(
        connection,
        "a category is not below the top, or too deep",
        "with recursive tree as (
            select user_id, id, 1 as depth from categories where parent_id is null
            union all
            select c.user_id, c.id, depth + 1 from categories c
            join tree t on t.user_id = c.user_id and t.id = c.parent_id
        )
        select format('category %s', id) from categories where id not in (select id from tree)
        union all select format('category %s at %s', id, depth) from tree where depth > 10",
    )
    .await;
    nothing(
        connection,
        "what a tag repeats of its transaction is another",
        "select format('transaction %s', t.id) from transactions t join transaction_tags g on g.transaction_id = t.id
        where (g.date, g.amount) is distinct from (t.date, t.amount)",
    )
    .await;
    let operations: Vec<(i64, Option<i64>, Option<i64>)> =
        sqlx::query_as("select id, undoes, undone_by from operations order by id desc")
            .fetch_all(&mut *connection)
            .await
            .expect("operations");
    let recorded: BTreeSet<i64> = operations.iter().map(|(id, ..)| *id).collect();
    let answered: BTreeSet<i64> = known.operations.keys().copied().collect();
    assert_eq!(recorded.symmetric_difference(&answered).collect::<Vec<_>>(), [&0; 0], "recorded, or answered, alone");
    check_undone(&operations);
    // The sums that the API tells are those of its list.
    let rows = alice.get(TRANSACTIONS).await.expect(200);
    let rows = rows.as_array().expect("rows");
    let sum: f64 = rows.iter().map(|row| row["amount"].as_f64().expect("an amount")).sum();
    let stored: f64 = sqlx::query_scalar("select coalesce(sum(amount), 0)::float8 from transactions")
        .fetch_one(connection)
        .await
        .expect("a sum");
    assert!((sum - stored).abs() < 0.001, "{sum} {stored}");
}

/// An operation counts as undone by the one in force that undid it, and by none otherwise.
fn check_undone(operations: &[(i64, Option<i64>, Option<i64>)]) {
    let mut undone_by: BTreeMap<i64, i64> = BTreeMap::new();
    // The newest first: whether an operation is in force depends on newer ones alone.
    for (id, undoes, stored) in operations {
        let by = undone_by.get(id).copied();
        assert_eq!(*stored, by, "undone_by of operation {id}");
        if let (Some(undoes), None) = (undoes, by) {
            undone_by.insert(*undoes, *id);
        }
    }
}

/// Whatever lies in the trash can be put back.
async fn restore_all(app: &TestApp, alice: &Client) {
    let mut connection = app.connection().await;
    let ids: Vec<i64> =
        sqlx::query_scalar("select transaction_id from trash").fetch_all(&mut connection).await.expect("trash");
    assert!(ids.len() > 5, "there is something in it: {}", ids.len());
    for id in ids.iter().take(500) {
        alice.post(&format!("/api/trash/{id}/restore"), json!({})).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_changes_at_once_end_as_if_one_had_come_after_the_other() {
    let wanted = std::env::var("MODEL").map_or(OPERATIONS, |wanted| wanted.parse().expect("a number in MODEL"));
    let settings = [("APP_THROTTLE__WORK_LIMIT", "1000000000")];
    let app = TestApp::configured(&settings).await;
    let other = app.beside(&settings).await;
    let alice = app.user("alice").await;
    let mut random = Random::seeded();
    let known = Arc::new(Mutex::new(Known::default()));
    sqlx::query(
        "create table at_first as
        select 'categories' as entity, id, null::bigint as tag_id, to_jsonb(t) as row from categories t
        union all select 'default_categories', id, null, to_jsonb(t) from default_categories t",
    )
    .execute(&mut app.connection().await)
    .await
    .expect("a table");
    let mut done = 0;
    while done < wanted {
        let clients = (0..CLIENTS).map(|number| {
            let base = if number % 2 == 0 { &app } else { &other }.anon.base.clone();
            let alice = Client { base, ..alice.clone() };
            tokio::spawn(client(alice, Random::new(random.next()), IN_A_ROUND / CLIENTS, Arc::clone(&known)))
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.expect("a client that found nothing wrong");
        }
        done += IN_A_ROUND / CLIENTS * CLIENTS;
        let learnt = std::mem::take(&mut *known.lock().expect("known"));
        check(&app, &alice, &learnt).await;
        *known.lock().expect("known") = learnt;
    }
    restore_all(&app, &alice).await;
    tell(&known.lock().expect("known").statuses);
}

#[expect(clippy::print_stdout, reason = "the recipe shows how often each came")]
fn tell(statuses: &BTreeMap<String, usize>) {
    println!("{statuses:#?}");
}
