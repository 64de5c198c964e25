//! What belongs to somebody else is not there: in the API, and in the schema.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};

use super::every_change::fill;
use crate::support::app::TestApp;
use crate::support::client::Client;

#[tokio::test]
async fn another_users_transaction_is_not_found_and_not_touched() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "x", "date": "2026-02-16"});
    let row = alice.post("/api/transactions", body).await.expect(201);
    let path = format!("/api/transactions/{}", row["id"]);
    let message = format!("Transaction not found: {}", row["id"]);
    bob.get(&path).await.refused(404, "TRANSACTION_NOT_FOUND", &message);
    bob.put(&path, json!({"title": "mine"})).await.refused(404, "TRANSACTION_NOT_FOUND", &message);
    bob.patch(&path, json!({"title": "mine"})).await.refused(404, "TRANSACTION_NOT_FOUND", &message);
    bob.delete(&path).await.refused(404, "TRANSACTION_NOT_FOUND", &message);
    assert_eq!(bob.get("/api/transactions").await.expect(200), json!([]));
    assert_eq!(bob.get("/api/transactions/filter").await.expect(200), json!([]));
    assert_eq!(bob.get("/api/transactions/dashboard").await.expect(200)["transactionCount"], 0);
    assert_eq!(alice.get(&path).await.expect(200), row);
}

#[tokio::test]
async fn users_have_categories_of_their_own() {
    let app = TestApp::start().await;
    let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "Food"});
    let of_alice = app.user("alice").await.post("/api/transactions", body.clone()).await.expect(201);
    let of_bob = app.user("bob").await.post("/api/transactions", body).await.expect(201);
    assert_ne!(of_alice["categoryId"], of_bob["categoryId"]);
}

/// Runs a statement that breaks a constraint.
async fn breaks(connection: &mut PgConnection, sql: String, constraint: &str) {
    let error = sqlx::query(AssertSqlSafe(sql.clone())).execute(connection).await.expect_err(&sql);
    assert_eq!(error.as_database_error().and_then(|error| error.constraint()), Some(constraint), "{sql}: {error}");
}

#[tokio::test]
async fn the_schema_refuses_what_must_never_be() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "Food", "date": "2026-02-16"});
    let of_alice = alice.post("/api/transactions", body.clone()).await.expect(201);
    let mut body = body;
    (body["tags"], body["payee"]) = (json!(["t"]), json!("p"));
    let of_bob = bob.post("/api/transactions", body).await.expect(201);
    let (mine, theirs) = (of_alice["id"].as_i64().expect("an id"), of_bob["categoryId"].as_i64().expect("an id"));
    let mut connection = app.connection().await;
    for (change, constraint) in [
        (format!("category_id = {theirs}"), "transactions_category_fkey"),
        ("type = 'INCOME'".to_owned(), "transactions_category_fkey"),
        ("amount = 0".to_owned(), "transactions_amount_positive"),
        ("currency = 'baht'".to_owned(), "transactions_currency_code"),
        ("payee_id = 999999".to_owned(), "transactions_payee_fkey"),
        ("title = ''".to_owned(), "transactions_title_length"),
        ("date = 'infinity'".to_owned(), "transactions_date_range"),
    ] {
        let sql = format!("update transactions set {change} where id = {mine}");
        breaks(&mut connection, sql, constraint).await;
    }
    // Nor can a row of anybody's be put beside somebody else's.
    let (me, them) = (
        "(select id from users where email = 'alice@example.com')",
        "(select id from users where email = 'bob@example.com')",
    );
    for (sql, constraint) in [
        (format!("update categories set parent_id = {theirs} where user_id = {me}"), "categories_parent_fkey"),
        (
            format!(
                "insert into transaction_tags (user_id, transaction_id, tag_id, date, amount)
            select {me}, {mine}, id, '2026-01-01', 1 from tags where user_id = {them}"
            ),
            "transaction_tags_tag_fkey",
        ),
        (
            format!(
                "update transactions set payee_id = (select id from payees where user_id = {them}) where user_id = {me}"
            ),
            "transactions_payee_fkey",
        ),
        (
            format!(
                "insert into operations (user_id, kind, undoes) select {me}, 'undo', max(id) from operations where user_id = {them}"
            ),
            "operations_undoes_fkey",
        ),
        (
            format!(
                "insert into changes (user_id, operation_id, id, entity, entity_id, before) select {me}, max(id), 1, 'tags', 1, '{{}}' from operations where user_id = {them}"
            ),
            "changes_operation_fkey",
        ),
    ] {
        breaks(&mut connection, sql, constraint).await;
    }
    for (change, constraint) in
        [("email = 'BOB@example.com'", "users_email_lower_case"), ("email = 'bob@example.com'", "users_email_key")]
    {
        let sql = format!("update users set {change} where email = 'alice@example.com'");
        breaks(&mut connection, sql, constraint).await;
    }
}

/// Ids of somebody's, by what the API calls them.
struct Ids(Vec<(String, Value)>);

impl Ids {
    /// One for a path, a parameter or a field of this name; what has no entry here is a place nobody has thought of.
    fn of(&self, place: &str) -> &Value {
        let found = self.0.iter().find(|(name, _)| name == place);
        &found.unwrap_or_else(|| panic!("an id of another user's can stand in {place}, and is not tried")).1
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(target) = schema["$ref"].as_str() {
        return document.pointer(&target[1..]).expect(target);
    }
    let any = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
    let reference = any.and_then(|any| any.iter().find(|one| one.get("$ref").is_some()));
    reference.map_or(schema, |reference| resolved(document, reference))
}

fn is_id(name: &str) -> bool {
    name == "ids" || name == "into" || name.ends_with("Id")
}

/// A body of the examples of its schema: of all that is required.
fn example(document: &Value, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    let mut body = json!({});
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for name in required.iter().filter_map(Value::as_str) {
        let property = &schema["properties"][name];
        let given = [&property["example"], &property["examples"][0]].into_iter().find(|value| !value.is_null());
        body[name] = match given {
            Some(value) => value.clone(),
            None if resolved(document, property)["enum"].is_array() => resolved(document, property)["enum"][0].clone(),
            None => json!({"note": "x"}),
        };
    }
    body
}

/// Bodies of a schema, each with another user's id in one of the places for one.
fn bodies(document: &Value, schema: &Value, collection: &str, ids: &Ids) -> Vec<(String, Value)> {
    let mut bodies = Vec::new();
    for (name, property) in resolved(document, schema)["properties"].as_object().into_iter().flatten() {
        let place = if matches!(name.as_str(), "ids" | "into") { collection } else { name };
        if is_id(name) {
            let mut body = example(document, schema);
            body[name] = if name == "ids" { json!([ids.of(place)]) } else { ids.of(place).clone() };
            bodies.push((name.clone(), body));
        } else if resolved(document, property)["properties"].is_object() {
            for (inner, nested) in self::bodies(document, property, collection, ids) {
                let mut body = example(document, schema);
                body[name] = nested;
                if name == "set" {
                    // What would be set on rows of one's own.
                    body["filter"] = json!({"q": "x"});
                }
                bodies.push((format!("{name}.{inner}"), body));
            }
        }
    }
    bodies
}

/// A row of every collection, by the name of the collection and by that of the fields that refer to it: `tags`, `tagId`.
async fn ids_of(alice: &Client, document: &Value, known: [(&str, Value); 5]) -> Ids {
    fill(alice).await;
    let first = async |path: &str| alice.get(&format!("/api/{path}")).await.expect(200)[0]["id"].clone();
    let mut ids: Vec<(String, Value)> = known.into_iter().map(|(name, id)| (name.to_owned(), id)).collect();
    for path in document["paths"].as_object().expect("paths").keys() {
        let Some(collection) = path.strip_prefix("/api/").and_then(|path| path.strip_suffix("/{id}")) else { continue };
        if ids.iter().any(|(known, _)| known == collection) {
            continue;
        }
        ids.push((collection.to_owned(), first(collection).await));
    }
    for table in app::features::tables().iter() {
        if let Some((_, id)) = ids.iter().find(|(known, _)| known == table.name) {
            ids.push((format!("{}Id", table.noun), id.clone()));
        }
    }
    Ids(ids)
}

/// All lists of a user, but that of tags, which are made on the way, and without the operations that made them.
async fn everything(alice: &Client, document: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let counts = item["get"]["parameters"].as_array().into_iter().flatten().any(|one| one["name"] == "counts");
        if item["get"]["security"][0].is_null() || path.contains('{') || path == "/api/tags" {
            continue;
        }
        let rows = alice.get(&format!("{path}{}", if counts { "?counts=true" } else { "" })).await.expect(200);
        let kept = |row: &&Value| row["kind"] != "tag.create";
        all.push(rows.as_array().map_or(rows.clone(), |rows| rows.iter().filter(kept).cloned().collect()));
    }
    all
}

/// Requests with another user's id in one of the places for one: the place, the path and the body. The row that is asked for is one's
/// own, `mine`, elsewhere.
fn requests(
    document: &Value,
    (path, operation): (&str, &Value),
    ids: &Ids,
    mine: &str,
) -> Vec<(String, String, Value)> {
    let collection = path.split('/').nth(2).unwrap_or_default();
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let mut requests = Vec::new();
    if path.contains("{id}") {
        let path = path.replace("{id}", &ids.of(collection).to_string());
        requests.push(("the path".to_owned(), path, example(document, schema)));
    }
    let path = path.replace("{id}", mine);
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().expect("a name");
        if parameter["in"] == "query" && is_id(name) {
            let query = format!("{path}?limit=10&{name}={}", ids.of(name));
            requests.push((name.to_owned(), query, Value::Null));
        }
    }
    requests
        .extend(bodies(document, schema, collection, ids).into_iter().map(|(place, body)| (place, path.clone(), body)));
    requests
}

/// The cursor of one user's list is refused to another one; returns the number of tries.
async fn cursor_is_refused(alice: &Client, bob: &Client, path: &str) -> u32 {
    if path.contains("/history") {
        return 0;
    }
    alice.post("/api/tags", json!({"name": format!("tag {path}")})).await;
    let answer = alice.get(&format!("{path}?limit=1")).await.json();
    let Some(cursor) = answer["meta"]["page"]["nextCursor"].as_str() else { return 0 };
    bob.get(&format!("{path}?limit=1&cursor={cursor}")).await.expect_status(400);
    1
}

/// Walks the document, so that a new endpoint is tried without anybody's thinking of it.
#[tokio::test]
async fn another_users_ids_find_nothing_wherever_an_id_can_stand() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "Food", "tags": ["t"], "payee": "p"});
    let row = alice.post("/api/transactions", body.clone()).await;
    let id = row.expect(201)["id"].clone();
    let gone = alice.post("/api/transactions", body.clone()).await.expect(201)["id"].clone();
    alice.delete(&format!("/api/transactions/{gone}")).await.expect(200);
    bob.post("/api/transactions", body).await.expect(201);
    let document = app.anon.get("/api/openapi.json").await.json();
    let category = row.json()["data"]["categoryId"].clone();
    let known = [
        ("transactions", id),
        ("trash", gone),
        ("categories", category.clone()),
        ("parentId", category),
        ("operations", row.json()["meta"]["operationId"].clone()),
    ];
    let ids = ids_of(&alice, &document, known).await;
    let before = everything(&alice, &document).await;
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let collection = path.split('/').nth(2).unwrap_or_default();
        let own = bob.get(&format!("/api/{collection}")).await;
        for (method, operation) in item.as_object().expect("an item") {
            if operation.get("security").is_none() {
                continue;
            }
            let method: reqwest::Method = method.to_uppercase().parse().expect("a method");
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            // What else there is to say is one's own.
            let mine = own.json()["data"][0]["id"].to_string();
            if operation["parameters"].as_array().into_iter().flatten().any(|one| one["name"] == "cursor") {
                tried += cursor_is_refused(&alice, &bob, &path.replace("{id}", &mine)).await;
            }
            let requests = requests(&document, (path, operation), &ids, &mine);
            for (place, path, body) in requests {
                let mut request = bob.request(method.clone(), &path);
                if !schema.is_null() {
                    request = request.json(&body);
                }
                let answer = bob.send(request).await;
                let data = &answer.json()["data"];
                let nothing = *data == json!([]) || data["matched"] == json!(0);
                let refused = answer.status.as_u16() == 404;
                assert!(
                    refused || (answer.status.is_success() && nothing),
                    "{method} {path}, {place}: {body} {}",
                    answer.text
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 40, "{tried}");
    assert_eq!(everything(&alice, &document).await, before);
}
