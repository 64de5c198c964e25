//! Every way to change something.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};

const PATH: &str = "/api/transactions";

pub(crate) fn operation(answer: &Answer) -> i64 {
    answer.json()["meta"]["operationId"].as_i64().unwrap_or_else(|| panic!("no operation: {}", answer.text))
}

pub(crate) async fn undo(client: &Client, operation: i64) -> Answer {
    client.send(client.request(Method::POST, &format!("/api/operations/{operation}/undo"))).await
}

pub(super) async fn bulk(client: &Client, method: Method, body: Value) -> Answer {
    client.send(client.request(method, PATH).json(&body)).await
}

/// Every way to change something, each done once: the operation of the document, and its answer.
pub(crate) async fn everything(client: &Client) -> Vec<(String, Answer)> {
    let special = special_changes(client).await;
    let mut done: Vec<(String, Answer)> = special.into_iter().map(|(name, answer)| (name.to_owned(), answer)).collect();
    done.extend(other_changes(client, &done).await);
    let last = operation(&done[done.len() - 1].1);
    done.push(("post /api/operations/{id}/undo".to_owned(), undo(client, last).await));
    done
}

/// Create, update and delete of every collection that is not in `done` yet, with the examples of the document.
async fn other_changes(client: &Client, done: &[(String, Answer)]) -> Vec<(String, Answer)> {
    let document = client.get("/api/openapi.json").await.json();
    let mut more = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let row = format!("{path}/{{id}}");
        let is_known = done.iter().any(|(known, _)| *known == format!("post {path}"));
        if is_known || item["post"]["security"][0].is_null() || document["paths"][&row]["delete"].is_null() {
            continue;
        }
        let example = |path: &str, method: &str| {
            document["paths"][path][method]["requestBody"]["content"]["application/json"]["example"].clone()
        };
        let made = client.post(path, example(path, "post")).await;
        let one = format!("{path}/{}", made.expect(201)["id"]);
        more.push((format!("post {path}"), made));
        more.push((format!("put {row}"), client.put(&one, example(&row, "put")).await));
        more.push((format!("patch {row}"), client.patch(&one, json!({"name": "patched"})).await));
        more.push((format!("delete {row}"), client.delete(&one).await));
    }
    more
}

/// The changes of tags and payees, which are on a transaction.
async fn changes_of_names(client: &Client, transaction: i64) -> Vec<(&'static str, Answer)> {
    let id = |answer: &Answer| answer.json()["data"]["id"].as_i64().expect("an id");
    let mut done = Vec::new();
    for (many, singular) in [("tags", "tag"), ("payees", "payee")] {
        let path = format!("/api/{many}");
        let made = client.post(&path, json!({"name": format!("{singular} made")})).await;
        let other = client.post(&path, json!({"name": format!("{singular} other")})).await;
        let (made_id, other_id) = (id(&made), id(&other));
        let tags = if singular == "tag" { json!({"tags": ["tag made"]}) } else { json!({"payee": "payee made"}) };
        client.put(&format!("{PATH}/{transaction}"), tags).await.expect(200);
        let put = client.put(&format!("{path}/{made_id}"), json!({"name": format!("{singular} renamed")})).await;
        let patched = client.patch(&format!("{path}/{made_id}"), json!({"name": format!("{singular} again")})).await;
        let merge = client.post(&format!("{path}/{made_id}/merge"), json!({"into": other_id})).await;
        let delete = client.delete(&format!("{path}/{other_id}")).await;
        if singular == "tag" {
            done.extend([("post /api/tags", made), ("put /api/tags/{id}", put), ("patch /api/tags/{id}", patched)]);
            done.extend([("post /api/tags/{id}/merge", merge), ("delete /api/tags/{id}", delete)]);
        } else {
            done.extend([
                ("post /api/payees", made),
                ("put /api/payees/{id}", put),
                ("patch /api/payees/{id}", patched),
            ]);
            done.extend([("post /api/payees/{id}/merge", merge), ("delete /api/payees/{id}", delete)]);
        }
    }
    done
}

/// The changes that need more than the examples of the document.
async fn special_changes(client: &Client) -> Vec<(&'static str, Answer)> {
    let id = |answer: &Answer| answer.json()["data"]["id"].as_i64().expect("an id");
    let mut done = Vec::new();
    let first =
        client.post(PATH, json!({"title": "a", "amount": 1, "type": "EXPENSE", "tags": ["t1"], "payee": "p1"})).await;
    let one = id(&first);
    done.push(("post /api/transactions", first));
    let second = client
        .post(PATH, json!({"title": "b", "amount": 2, "type": "INCOME", "tags": ["t1", "t2"], "category": "New"}))
        .await;
    let two = id(&second);
    done.push(("post /api/transactions", second));
    let path = format!("{PATH}/{one}");
    done.push((
        "put /api/transactions/{id}",
        client.put(&path, json!({"title": "c", "tags": ["t3"], "payee": "p2"})).await,
    ));
    done.push(("patch /api/transactions/{id}", client.patch(&path, json!({"amount": 5, "date": "2020-01-01"})).await));
    let set = json!({"category": "Bulk", "addTags": ["t4"], "removeTags": ["t3"], "note": "n", "payee": "p3"});
    done.push(("patch /api/transactions", bulk(client, Method::PATCH, json!({"ids": [one, two], "set": set})).await));
    done.push((
        "delete /api/transactions",
        bulk(client, Method::DELETE, json!({"filter": {"tag": "t4", "type": "INCOME"}})).await,
    ));
    done.push(("post /api/trash/{id}/restore", client.post(&format!("/api/trash/{two}/restore"), json!({})).await));
    done.push(("delete /api/transactions/{id}", client.delete(&format!("{PATH}/{two}")).await));
    let parent = client.post("/api/categories", json!({"name": "Parent", "kind": "EXPENSE", "icon": "x"})).await;
    let parent_id = id(&parent);
    done.push(("post /api/categories", parent));
    let child =
        client.post("/api/categories", json!({"name": "Child", "kind": "EXPENSE", "parentId": parent_id})).await;
    let child_id = id(&child);
    done.push(("post /api/categories", child));
    let path = format!("/api/categories/{child_id}");
    done.push(("put /api/categories/{id}", client.put(&path, json!({"name": "Kid", "color": "#AABBCC"})).await));
    done.push(("patch /api/categories/{id}", client.patch(&path, json!({"parentId": null, "archived": true})).await));
    done.push((
        "put /api/categories/order",
        client.put("/api/categories/order", json!({"ids": [child_id, parent_id]})).await,
    ));
    let into = client.get(&format!("{PATH}/{one}")).await.expect(200)["categoryId"].clone();
    done.push(("delete /api/categories/{id}", client.delete(&path).await));
    done.push((
        "post /api/categories/{id}/merge",
        client.post(&format!("/api/categories/{into}/merge"), json!({"into": parent_id})).await,
    ));
    done.extend(changes_of_names(client, one).await);
    done
}

/// A row in every collection that has none, from the example of the document.
pub(super) async fn fill(client: &Client) {
    let document = client.get("/api/openapi.json").await.json();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let is_collection = document["paths"][format!("{path}/{{id}}")]["get"].is_object();
        let example = &item["post"]["requestBody"]["content"]["application/json"]["example"];
        if is_collection && !example.is_null() && client.get(path).await.expect(200)[0].is_null() {
            client.post(path, example.clone()).await.expect(201);
        }
    }
}
