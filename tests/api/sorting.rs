//! What transactions are sorted by: categories, tags, payees; and the category that is found for one that comes without.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

const PATH: &str = "/api/transactions";

async fn enter(client: &Client, fields: Value) -> Value {
    let mut body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "Rent", "date": "2026-02-16"});
    for (key, value) in fields.as_object().expect("an object") {
        body[key] = value.clone();
    }
    client.post(PATH, body).await.expect(201)
}

fn names(rows: &Value) -> Vec<&str> {
    rows.as_array().expect("rows").iter().map(|row| row["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn everybody_begins_with_the_same_categories() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let rows = alice.get("/api/categories").await.expect(200);
    let expected = [
        "Salary",
        "Freelance",
        "Investment",
        "Gift",
        "Other",
        "Food & Dining",
        "Transportation",
        "Shopping",
        "Entertainment",
        "Bills & Utilities",
        "Healthcare",
        "Education",
        "Rent",
        "Other",
    ];
    assert_eq!(names(&rows), expected);
    assert_eq!(names(&alice.get("/api/categories?kind=INCOME").await.expect(200)), expected[..5]);
    let page = alice.get("/api/categories?limit=4").await;
    let cursor = page.json()["meta"]["page"]["nextCursor"].as_str().expect("more").to_owned();
    let second = alice.get(&format!("/api/categories?limit=4&cursor={cursor}")).await;
    assert_eq!(names(&second.expect(200)), expected[4..8]);
    let back = second.json()["meta"]["page"]["prevCursor"].as_str().expect("a page before").to_owned();
    assert_eq!(names(&alice.get(&format!("/api/categories?limit=4&cursor={back}")).await.expect(200)), expected[..4]);
}

#[tokio::test]
async fn categories_are_a_tree_that_is_listed_counted_moved_and_merged() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let make = async |name: &str, parent: Option<&Value>| {
        alice.post("/api/categories", json!({"name": name, "kind": "EXPENSE", "parentId": parent})).await.expect(201)["id"].clone()
    };
    let home = make("Home", None).await;
    let garden = make("Garden", Some(&home)).await;
    let plants = make("Plants", Some(&garden)).await;
    // A name is unique on its level.
    let body = json!({"name": "Garden", "kind": "EXPENSE", "parentId": home});
    let message = "There is a category of this name on this level: Garden";
    alice.post("/api/categories", body).await.refused(409, "CATEGORY_ALREADY_EXISTS", message);
    let upper = make("Garden", None).await;
    for (id, title) in [(&home, "sofa"), (&garden, "rake"), (&plants, "rose")] {
        let row = enter(&alice, json!({"title": title, "category": null, "categoryId": id})).await;
        assert_eq!((&row["categoryId"], &row["categorySource"]), (id, &json!("USER")));
    }
    // What is below counts in for a filter, and not for the use.
    assert_eq!(alice.get(&format!("{PATH}?categoryId={home}")).await.expect(200).as_array().map(Vec::len), Some(3));
    assert_eq!(
        alice.get(&format!("{PATH}?category=Garden&limit=9")).await.expect(200).as_array().map(Vec::len),
        Some(2)
    );
    let rows = alice.get("/api/categories?counts=true&kind=EXPENSE").await.expect(200);
    let count = |id: &Value| {
        rows.as_array().expect("rows").iter().find(|row| row["id"] == *id).expect("it")["transactionCount"].clone()
    };
    assert_eq!((count(&home), count(&garden), count(&upper)), (json!(1), json!(1), json!(0)));
    let patch = async |id: &Value, body: Value| alice.patch(&format!("/api/categories/{id}"), body).await;
    let circle = "A category cannot stand below itself; nothing was changed";
    patch(&home, json!({"parentId": plants})).await.refused(409, "CONFLICT", circle);
    patch(&home, json!({"parentId": home})).await.refused(409, "CONFLICT", circle);
    patch(&plants, json!({"parentId": 999_999})).await.refused(404, "CATEGORY_NOT_FOUND", "Category not found: 999999");
    let income = alice.get("/api/categories?kind=INCOME").await.expect(200)[0]["id"].clone();
    patch(&plants, json!({"parentId": income})).await.expect_status(404);
    patch(&plants, json!({"kind": "INCOME"})).await.invalid(&["property kind should not exist"]);
    patch(&plants, json!({"name": "", "color": "red", "position": -1, "archived": "no"})).await.invalid(&[
        "name should not be empty",
        "color must be a colour such as #1f77b4",
        "position must not be less than 0",
        "archived must be a boolean value",
    ]);
    let row = patch(&plants, json!({"color": "#00FF00", "icon": "🌱", "archived": true})).await.expect(200);
    assert_eq!((&row["color"], &row["icon"], &row["archived"]), (&json!("#00ff00"), &json!("🌱"), &json!(true)));
    assert_eq!(names(&alice.get("/api/categories?archived=true").await.expect(200)), ["Plants"]);
    let delete = async |id: &Value| alice.delete(&format!("/api/categories/{id}")).await;
    let in_use = |what: &str| format!("Category {home} is in use: {what}. Merge it into another one, or archive it");
    delete(&home).await.refused(409, "CATEGORY_IN_USE", &in_use("transactions are in it"));
    delete(&upper).await.expect(200);
    let merge = async |from: &Value, into: &Value| {
        alice.post(&format!("/api/categories/{from}/merge"), json!({"into": into})).await
    };
    let below = "A category cannot be merged into itself or into one below it; nothing was changed";
    merge(&home, &plants).await.refused(409, "CONFLICT", below);
    merge(&home, &income).await.refused(
        409,
        "CONFLICT",
        "Only categories of the same kind can be merged; nothing was changed",
    );
    merge(&garden, &home).await.expect(200);
    delete(&garden).await.refused(404, "CATEGORY_NOT_FOUND", &format!("Category not found: {garden}"));
    assert_eq!(alice.get(&format!("/api/categories/{plants}")).await.expect(200)["parentId"], home);
    assert_eq!(alice.get(&format!("{PATH}?q=rake")).await.expect(200)[0]["categoryId"], home);
    alice.put("/api/categories/order", json!({"ids": [plants, home]})).await.expect(200);
    let wrong = json!({"ids": [plants, 999_999]});
    alice.put("/api/categories/order", wrong).await.refused(404, "CATEGORY_NOT_FOUND", "Category not found: 999999");
    alice.put("/api/categories/order", json!({"ids": [1, 1]})).await.invalid(&["ids must have different elements"]);
}

#[tokio::test]
async fn tags_and_payees_are_made_by_name_renamed_everywhere_and_merged() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let row = enter(&alice, json!({"tags": ["b", " a ", "b"], "payee": "Ann"})).await;
    assert_eq!((&row["tags"], &row["payee"]), (&json!(["a", "b"]), &json!("Ann")));
    let other = enter(&alice, json!({"tags": ["b"], "payeeId": row["payeeId"]})).await;
    assert_eq!(other["payeeId"], row["payeeId"]);
    for (many, of) in [("tags", "a"), ("payees", "Ann")] {
        let path = format!("/api/{many}");
        let rows = alice.get(&format!("{path}?counts=true")).await.expect(200);
        let first = &rows[0];
        assert_eq!(
            (&first["name"], &first["transactionCount"]),
            (&json!(of), &json!(if many == "tags" { 1 } else { 2 }))
        );
        let one = format!("{path}/{}", first["id"]);
        alice.put(&one, json!({"name": "Renamed"})).await.expect(200);
        let made = alice.post(&path, json!({"name": "New"})).await.expect(201);
        let singular = &many[..many.len() - 1];
        let code = format!("{}_ALREADY_EXISTS", singular.to_uppercase());
        let message = format!("There is a {singular} of this name: New");
        alice.post(&path, json!({"name": "New"})).await.refused(409, &code, &message);
        alice.put(&one, json!({"name": "New"})).await.refused(409, &code, &message);
        alice.post(&format!("{one}/merge"), json!({"into": first["id"]})).await.expect_status(409);
        alice.post(&format!("{one}/merge"), json!({"into": 999_999})).await.expect_status(404);
        let stays = alice.post(&format!("{one}/merge"), json!({"into": made["id"]})).await.expect(200);
        assert_eq!(stays["id"], made["id"]);
        alice.get(&one).await.expect_status(404);
    }
    let row = alice.get(&format!("{PATH}/{}", row["id"])).await.expect(200);
    assert_eq!((&row["tags"], &row["payee"]), (&json!(["New", "b"]), &json!("New")));
    assert_eq!(alice.get(&format!("{PATH}?q=new&limit=5")).await.expect(200).as_array().map(Vec::len), Some(2));
    for (many, name) in [("tags", "New"), ("payees", "New")] {
        let rows = alice.get(&format!("/api/{many}")).await.expect(200);
        let row = rows.as_array().expect("rows").iter().find(|row| row["name"] == name).expect("it").clone();
        alice.delete(&format!("/api/{many}/{}", row["id"])).await.expect(200);
    }
    let row = alice.get(&format!("{PATH}/{}", row["id"])).await.expect(200);
    assert_eq!((&row["tags"], &row["payee"]), (&json!(["b"]), &Value::Null));
    alice.post(PATH, json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "Rent", "categoryId": 1, "payee": "a", "payeeId": 1, "tags": [1]}))
        .await
        .invalid(&[
            "tags each value must be a string",
            "category and categoryId must not be given together",
            "payee and payeeId must not be given together",
        ]);
}

#[tokio::test]
async fn a_category_is_found_by_past_choices_and_by_words_and_a_correction_teaches() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let without = async |title: &str| enter(&alice, json!({"title": title, "category": null})).await;
    let of = |row: &Value| (row["category"].clone(), row["categorySource"].clone(), row["categoryReason"].clone());
    assert_eq!(of(&without("Iced coffee").await), (json!("Food & Dining"), json!("KEYWORD"), json!("the word coffee")));
    assert_eq!(of(&without("ค่าแท็กซี่").await), (json!("Transportation"), json!("KEYWORD"), json!("the word แท็กซี่")));
    let nothing = without("qwertz").await;
    assert_eq!(of(&nothing), (json!("Other"), json!("DEFAULT"), Value::Null));
    // What was found is no choice, and teaches nothing; a correction does.
    assert_eq!(of(&without("qwertz").await).1, json!("DEFAULT"));
    alice.patch(&format!("{PATH}/{}", nothing["id"]), json!({"category": "Keyboards"})).await.expect(200);
    let reason = json!("chosen for 1 of 1 similar, the last on 2026-02-16: qwertz");
    assert_eq!(of(&without("QWERTZ").await), (json!("Keyboards"), json!("HISTORY"), reason));
    let similar = enter(&alice, json!({"title": "qwertz 2", "category": "Other"})).await;
    assert_eq!(of(&similar).1, json!("HISTORY"));
    // Another user has other habits.
    let bob = app.user("bob").await;
    assert_eq!(enter(&bob, json!({"title": "qwertz", "category": null})).await["categorySource"], "DEFAULT");
    let other = enter(&bob, json!({"title": "qwertz", "category": "Other"})).await;
    assert_eq!((&other["category"], &other["categorySource"]), (&json!("Other"), &json!("USER")));
}

#[tokio::test]
async fn many_are_changed_and_deleted_at_once_or_only_counted() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let mut ids = Vec::new();
    for number in 0..6 {
        let kind = if number % 2 == 0 { "INCOME" } else { "EXPENSE" };
        ids.push(
            enter(&alice, json!({"title": format!("n{number}"), "type": kind, "tags": ["all"]})).await["id"].clone(),
        );
    }
    let theirs = enter(&bob, json!({})).await;
    let send = async |method: Method, body: Value| alice.send(alice.request(method, PATH).json(&body)).await;
    let counted = |answer: &Value| (answer["matched"].clone(), answer["changed"].clone(), answer["dryRun"].clone());
    let set = json!({"category": "Both", "title": "same", "addTags": ["new"], "removeTags": ["all"], "payee": "Ann", "note": "Café"});
    let ids_and_more = json!([ids[0], ids[1], ids[2], theirs["id"], 999_999]);
    let before = alice.get(PATH).await.expect(200);
    let dry = send(Method::PATCH, json!({"ids": ids_and_more, "set": set, "dryRun": true})).await.expect(200);
    assert_eq!(counted(&dry), (json!(3), json!(3), json!(true)));
    assert_eq!(alice.get(PATH).await.expect(200), before);
    assert_eq!(app.count("select count(*) from categories where name = 'Both'").await, 0);
    let done = send(Method::PATCH, json!({"ids": ids_and_more, "set": set})).await.expect(200);
    assert_eq!(counted(&done), (json!(3), json!(3), json!(false)));
    assert_eq!(counted(&send(Method::PATCH, json!({"ids": ids_and_more, "set": set})).await.expect(200)).1, json!(0));
    assert_eq!(bob.get(&format!("{PATH}/{}", theirs["id"])).await.expect(200), theirs);
    for id in &ids[..3] {
        let row = alice.get(&format!("{PATH}/{id}")).await.expect(200);
        assert_eq!((&row["title"], &row["category"], &row["payee"]), (&json!("same"), &json!("Both"), &json!("Ann")));
        assert_eq!((&row["tags"], &row["note"]), (&json!(["new"]), &json!("Café")));
    }
    assert_eq!(alice.get(&format!("{PATH}?q=same%20cafe&limit=9")).await.expect(200).as_array().map(Vec::len), Some(3));
    let filter = json!({"q": "same", "type": "INCOME", "startDate": "2026-01-01", "minAmount": 1});
    let dry = send(Method::DELETE, json!({"filter": filter, "dryRun": true})).await.expect(200);
    assert_eq!(counted(&dry), (json!(2), json!(2), json!(true)));
    assert_eq!(
        counted(&send(Method::DELETE, json!({"filter": filter})).await.expect(200)),
        (json!(2), json!(2), json!(false))
    );
    assert_eq!(alice.get(PATH).await.expect(200).as_array().map(Vec::len), Some(4));
    send(Method::DELETE, json!({})).await.invalid(&["ids or filter must be given"]);
    send(Method::DELETE, json!({"filter": {}})).await.invalid(&["filter must not be empty"]);
    send(Method::DELETE, json!({"ids": [1], "filter": {"q": "x"}}))
        .await
        .invalid(&["ids and filter must not be given together"]);
    send(Method::DELETE, json!({"ids": []})).await.invalid(&["ids must contain at least 1 elements"]);
    send(Method::DELETE, json!({"filter": {"nope": 1}}))
        .await
        .invalid(&["filter is not right: property nope should not exist"]);
    send(Method::PATCH, json!({"ids": [1], "set": {}})).await.invalid(&["set is not right: nothing would be set"]);
    let income = alice.get("/api/categories?kind=INCOME").await.expect(200)[0]["id"].clone();
    let mixed = json!({"ids": ids, "set": {"categoryId": income}});
    send(Method::PATCH, mixed).await.invalid(&["categoryId must be of the type of all these transactions"]);
    let theirs = bob.get("/api/categories").await.expect(200)[0]["id"].clone();
    send(Method::PATCH, json!({"ids": ids, "set": {"categoryId": theirs}})).await.expect_status(404);
}

#[tokio::test]
async fn a_word_inside_another_one_tells_no_category() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (title, category) in [
        ("ค่าน้ำมัน", "Transportation"),
        ("น้ำมัน", "Transportation"),
        ("ค่าน้ำ", "Bills & Utilities"),
        ("ค่าโรงแรมพัทยา", "Other"),
        ("ทริปอยุธยา", "Other"),
        ("ยางรถยนต์", "Transportation"),
        ("หมอนใหม่", "Other"),
        ("หาหมอ", "Healthcare"),
        ("ชาร์จแบตมือถือ", "Other"),
        ("ชาเย็น", "Food & Dining"),
        ("วิชาเลข", "Other"),
        ("หมู่บ้านจัดสรร", "Other"),
        ("หมูปิ้ง", "Food & Dining"),
        ("ตรวจสอบบัญชี", "Other"),
        ("สมัครสอบ", "Education"),
        ("Rent a car", "Transportation"),
        ("Rent", "Rent"),
        ("chocolate bar", "Food & Dining"),
        ("book a hotel", "Other"),
        ("True Religion jeans", "Shopping"),
        ("7-Eleven Asok", "Food & Dining"),
    ] {
        let row = enter(&alice, json!({"title": title, "category": null})).await;
        assert_eq!(row["category"], category, "{title}: {}", row["categoryReason"]);
    }
}
