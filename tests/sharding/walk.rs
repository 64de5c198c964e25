//! Requests to every route, so that the program sends its statements.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::api::every_change::{everything, operation, undo};
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::cluster::run;

/// Sends requests to every route of the document, most of them in several forms.
pub(super) async fn every_request(app: &TestApp) {
    let alice = app.user("alice").await;
    let mut called: BTreeSet<String> =
        ["post /api/auth/register", "post /api/auth/login", "post /api/operations/{id}/undo"].map(str::to_owned).into();
    let changes = everything(&alice).await;
    for (name, answer) in &changes {
        assert!(answer.status.is_success(), "{name}: {}", answer.text);
        called.insert(name.clone());
    }
    // The last first, as a user would; the undo at the end is undone first, too.
    for (name, answer) in changes.iter().rev() {
        let undone = undo(&alice, operation(answer)).await;
        assert!([200, 409].contains(&undone.status.as_u16()), "undo of {name}: {}", undone.text);
        if undone.status.as_u16() == 200 {
            undo(&alice, operation(&undone)).await.expect(200);
        }
    }
    let document = alice.get("/api/openapi.json").await.json();
    deletions_and_merges(&alice).await;
    lists(&alice).await;
    let one = with_key(&alice).await;
    called.extend(reads(&alice, &document, &one).await);
    let routes = document["paths"].as_object().expect("paths").iter().flat_map(|(path, item)| {
        item.as_object().expect("an item").keys().map(move |method| format!("{method} {path}"))
    });
    let left: Vec<String> = routes.filter(|route| !called.contains(route)).collect();
    assert!(left.is_empty(), "not called: {left:?}");
}

/// GET of every route.
async fn reads(client: &Client, document: &Value, transaction: &Value) -> Vec<String> {
    let mut called = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        if item["get"].is_null() {
            continue;
        }
        let id = match path.strip_suffix("/{id}") {
            _ if path.starts_with("/api/transactions/") => transaction["id"].clone(),
            Some(list) => client.get(list).await.expect(200)[0]["id"].clone(),
            None => Value::Null,
        };
        let path = if path.ends_with("/filter") { format!("{path}?startDate=2026-01-01") } else { path.clone() };
        let answer = client.get(&path.replace("{id}", &id.to_string())).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
        called.push(format!("get {}", path.split('?').next().expect("a path")));
    }
    called
}

/// Changes with an `Idempotency-Key`, sent again; returns a transaction.
async fn with_key(client: &Client) -> Value {
    let body = json!({"title": "again", "amount": 7, "type": "EXPENSE", "tags": ["a"], "payee": "p1"});
    let send = || {
        let request = client.request(Method::POST, "/api/transactions").header("Idempotency-Key", "a key");
        client.send(request.json(&body))
    };
    let first = send().await.expect(201);
    assert_eq!(send().await.expect(201), first);
    client.patch(&format!("/api/transactions/{}", first["id"]), json!({"note": "n"})).await.expect(200);
    first
}

/// Rows in all lists, with filters, orders and pages.
async fn lists(client: &Client) {
    for number in 0..12 {
        let body = json!({
            "title": format!("coffee {}", number % 5), "amount": number + 1,
            "type": if number % 3 == 0 { "INCOME" } else { "EXPENSE" }, "category": format!("c{}", number % 4),
            "payee": format!("p{}", number % 3), "tags": ["a", "b"], "date": format!("2026-01-{:02}", number % 28 + 1),
        });
        client.post("/api/transactions", body).await.expect(201);
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
        "q=p1",
        "startDate=2026-01-03&endDate=2026-01-20",
        "category=c1&payee=p1&q=coffee",
        "tag=a&type=EXPENSE&minAmount=3",
        "tag=a&category=c1",
        "currency=THB&payee=p1",
    ];
    for filter in filters {
        for sort in ["date", "-date", "amount", "-amount"] {
            let first = format!("/api/transactions?limit=2&sort={sort}&{filter}");
            if let Some(next) = cursor(client, &first, "nextCursor").await {
                let second = format!("{first}&cursor={next}");
                if let Some(previous) = cursor(client, &second, "prevCursor").await {
                    client.get(&format!("{first}&cursor={previous}")).await.expect(200);
                }
            }
            client.get(&format!("/api/transactions?sort={sort}&{filter}")).await.expect(200);
        }
    }
    for list in ["categories", "tags", "payees", "operations", "trash"] {
        let counts = ["categories", "tags", "payees"].contains(&list);
        for query in
            ["?limit=2", if counts { "?counts=true" } else { "" }, if counts { "?limit=2&counts=true" } else { "" }]
        {
            if let Some(next) = cursor(client, &format!("/api/{list}{query}"), "nextCursor").await {
                cursor(client, &format!("/api/{list}{query}&cursor={next}"), "nextCursor").await;
            }
        }
    }
}

/// A cursor of a page.
async fn cursor(client: &Client, path: &str, name: &str) -> Option<String> {
    let answer = client.get(path).await;
    answer.expect_status(200);
    answer.json()["meta"]["page"][name].as_str().map(str::to_owned)
}

/// Changes of many rows, and deletions of rows that others refer to, all of which are undone and redone.
async fn deletions_and_merges(client: &Client) {
    let title = |number: i32| {
        json!({
            "title": format!("t{number}"), "amount": 1, "type": "EXPENSE", "category": "Gone", "payee": "gone", "tags": ["gone"],
        })
    };
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(client.post("/api/transactions", title(number)).await.expect(201)["id"].clone());
    }
    let find = async |list: &str, name: &str| {
        let rows = client.get(&format!("/api/{list}")).await.expect(200);
        let row = rows.as_array().expect("rows").iter().find(|row| row["name"] == name).cloned();
        row.unwrap_or_else(|| panic!("no {name} in {list}: {rows}"))["id"].clone()
    };
    let (payee, tag) = (find("payees", "gone").await, find("tags", "gone").await);
    let mut done =
        vec![client.delete(&format!("/api/payees/{payee}")).await, client.delete(&format!("/api/tags/{tag}")).await];
    let (other, food) = (find("categories", "Other").await, find("categories", "Food & Dining").await);
    done.push(
        client.post(&format!("/api/categories/{food}/merge"), json!({"into": find("categories", "Gone").await})).await,
    );
    done.push(client.put(&format!("/api/categories/{other}"), json!({"name": "Renamed"})).await);
    let everything = json!({"ids": ids, "set": {"title": "new", "note": "n", "category": "Other", "payee": "p"}});
    done.push(client.patch("/api/transactions", everything).await);
    let change = json!({"filter": {"q": "new"}, "set": {"title": "newer", "tags": ["x", "y"], "date": "2026-02-01"}});
    done.push(client.patch("/api/transactions", change).await);
    let deletion = client.request(Method::DELETE, "/api/transactions").json(&json!({"filter": {"q": "newer"}}));
    done.push(client.send(deletion).await);
    // All, the last first, and then all again.
    let mut undone = Vec::new();
    for answer in done.iter().rev() {
        undone.push(undo(client, operation(answer)).await);
        undone[undone.len() - 1].expect_status(200);
    }
    for answer in undone.iter().rev() {
        undo(client, operation(answer)).await.expect_status(200);
    }
    for id in &ids {
        client.post(&format!("/api/trash/{id}/restore"), json!({})).await.expect(200);
    }
}

/// Statements with the types of their parameters.
pub(super) async fn statements_of(connection: &mut PgConnection, texts: Vec<String>) -> Vec<(String, Vec<String>)> {
    let mut statements = Vec::new();
    for text in texts {
        run(connection, format!("prepare typed as {text}")).await;
        let types = sqlx::query_scalar(
            "select t.type::text from pg_prepared_statements s, unnest(s.parameter_types) with ordinality as t (type, place)
            where s.name = 'typed' order by t.place",
        );
        statements.push((text, types.fetch_all(&mut *connection).await.expect("types")));
        run(connection, "deallocate typed".to_owned()).await;
    }
    statements
}
