//! A connection pooler in transaction mode gives the server to somebody else after each transaction. A statement that is prepared
//! without a name outside of one is then executed on another server, where it is a stranger's.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::app::{ServerOptions, TestApp};
use crate::support::client::Answer;
use crate::support::wire::{Message, Side, Watcher, watched};

type Texts = Arc<Mutex<Vec<String>>>;

/// Notes statements without a name outside of transactions.
fn unnamed_statements(noted: &Texts) -> Watcher {
    let noted = Arc::clone(noted);
    Arc::new(move |message: &Message<'_>| {
        let is_unnamed_parse = message.from == Side::Client && message.kind == b'P' && message.body[0] == 0;
        if is_unnamed_parse && message.transaction == b'I' {
            noted.lock().expect("texts").push(String::from_utf8_lossy(&message.body[1..]).into_owned());
        }
    })
}

/// The whole body of an answer with this status.
#[track_caller]
fn whole(answer: &Answer, status: u16) -> Value {
    answer.expect_status(status);
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_without_a_name_is_sent_outside_of_a_transaction() {
    let plain = TestApp::start().await;
    let noted = Texts::default();
    let folder = tempfile::tempdir().expect("a folder");
    let beside = Some(watched(&plain.options, folder.path(), unnamed_statements(&noted)));
    let app = TestApp::with(ServerOptions { beside, ..ServerOptions::default() }).await;
    let alice = app.user("alice").await;
    let mut operations = Vec::new();
    for number in 0..120 {
        let body = json!({
            "title": format!("coffee {}", number % 7), "amount": number + 1, "type": if number % 3 == 0 { "INCOME" } else { "EXPENSE" },
            "category": format!("c{}", number % 4), "payee": format!("p{}", number % 3), "tags": ["a", "b"],
            "date": format!("2026-01-{:02}", number % 28 + 1),
        });
        let made = whole(&alice.post("/api/transactions", body).await, 201);
        operations.push(made["meta"]["operationId"].as_i64().expect("an id"));
    }
    let filters = [
        "",
        "type=INCOME",
        "category=c1",
        "tag=a",
        "payee=p1",
        "currency=THB",
        "minAmount=5&maxAmount=90",
        "q=coffee",
        "q=off+3",
        "startDate=2026-01-03&endDate=2026-01-20",
        "category=c1&payee=p1&q=coffee",
        "tag=a&type=EXPENSE&minAmount=3",
    ];
    for filter in filters {
        for sort in ["date", "-date", "amount", "-amount"] {
            let answer = whole(&alice.get(&format!("/api/transactions?limit=3&sort={sort}&{filter}")).await, 200);
            if let Some(cursor) = answer["meta"]["page"]["nextCursor"].as_str() {
                alice.get(&format!("/api/transactions?limit=3&sort={sort}&{filter}&cursor={cursor}")).await.expect(200);
            }
            alice.get(&format!("/api/transactions?sort={sort}&{filter}")).await.expect(200);
        }
    }
    for list in ["categories", "tags", "payees"] {
        for query in ["", "?counts=true", "?limit=2&counts=true"] {
            alice.get(&format!("/api/{list}{query}")).await.expect(200);
        }
    }
    let selection =
        json!({"filter": {"q": "coffee", "type": "EXPENSE"}, "set": {"note": "n", "addTags": ["c"]}, "dryRun": true});
    alice.patch("/api/transactions", selection.clone()).await.expect(200);
    let change = json!({"filter": selection["filter"], "set": selection["set"]});
    let changed = whole(&alice.patch("/api/transactions", change).await, 200);
    let undo = |id: i64| format!("/api/operations/{id}/undo");
    alice.post(&undo(changed["meta"]["operationId"].as_i64().expect("an id")), json!({})).await.expect(200);
    let deletion = json!({"filter": {"category": "c2"}});
    alice.send(alice.request(reqwest::Method::DELETE, "/api/transactions").json(&deletion)).await.expect(200);
    alice.post(&undo(operations[0]), json!({})).await.expect_status(200);
    for list in ["operations", "trash?limit=5", "transactions/dashboard", "transactions/filter?startDate=2026-01-01"] {
        alice.get(&format!("/api/{list}")).await.expect(200);
    }
    let texts = noted.lock().expect("texts");
    assert!(texts.is_empty(), "{} statements, such as:\n{}", texts.len(), texts[0]);
}
