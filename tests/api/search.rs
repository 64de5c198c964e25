//! Searching by `q`, in lists and in changes of many at once.

use reqwest::Method;
use serde_json::{Value, json};

use super::lists::escaped;
use crate::support::app::TestApp;
use crate::support::client::{Answer, Client};

const PATH: &str = "/api/transactions";

async fn enter(client: &Client, title: &str) -> i64 {
    let body = json!({"title": title, "amount": 1, "type": "EXPENSE", "category": "Rent"});
    client.post(PATH, body).await.expect(201)["id"].as_i64().expect("an id")
}

async fn search(client: &Client, query: &str) -> Answer {
    client.get(&format!("{PATH}?q={}", escaped(query))).await
}

/// Whether a query finds a title, in a whole list and in a page.
async fn finds(client: &Client, query: &str, id: i64) -> bool {
    let has = |rows: Value| rows.as_array().expect("rows").iter().any(|row| row["id"] == id);
    let page = client.get(&format!("{PATH}?limit=500&q={}", escaped(query))).await.expect(200);
    let whole = search(client, query).await.expect(200);
    let found = has(whole);
    assert_eq!(found, has(page), "{query}");
    found
}

fn numbers(count: usize) -> String {
    (1..=count).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn every_word_counts_and_more_than_can_be_looked_for_are_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let both = enter(&alice, &numbers(20)).await;
    let other = enter(&alice, &format!("{} other", numbers(19))).await;
    // Twenty different ones, however often each is there.
    let twenty = format!("{} W1 w20", numbers(20));
    assert!(finds(&alice, &twenty, both).await && !finds(&alice, &twenty, other).await);
    let problem = "q must have at most 20 different words, and has 21";
    search(&alice, &numbers(21)).await.invalid(&[problem]);
    let nested = format!("filter is not right: {problem}");
    let before = alice.get(PATH).await.expect(200);
    let filter = json!({"q": numbers(21)});
    for (method, body) in [
        (Method::DELETE, json!({"filter": filter})),
        (Method::DELETE, json!({"filter": filter, "dryRun": true})),
        (Method::PATCH, json!({"filter": filter, "set": {"title": "changed"}})),
    ] {
        alice.send(alice.request(method, PATH).json(&body)).await.invalid(&[&nested]);
    }
    assert_eq!(alice.get(PATH).await.expect(200), before);
}

#[tokio::test]
async fn what_is_changed_and_deleted_by_many_words_has_all_of_them() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let all = enter(&alice, "one two three four five six seven eight nine ten eleven").await;
    let ten = enter(&alice, "one two three four five six seven eight nine ten other").await;
    let filter = json!({"q": "one two three four five six seven eight nine ten eleven"});
    let send = async |method: Method, body: Value| alice.send(alice.request(method, PATH).json(&body)).await;
    let changed = send(Method::PATCH, json!({"filter": filter, "set": {"note": "changed"}})).await.expect(200);
    assert_eq!((&changed["matched"], &changed["changed"]), (&json!(1), &json!(1)));
    assert_eq!(alice.get(&format!("{PATH}/{ten}")).await.expect(200)["note"], Value::Null);
    let deleted = send(Method::DELETE, json!({"filter": filter})).await.expect(200);
    assert_eq!(deleted["changed"], 1);
    alice.get(&format!("{PATH}/{all}")).await.expect_status(404);
    alice.get(&format!("{PATH}/{ten}")).await.expect(200);
}

#[tokio::test]
async fn what_looks_alike_or_is_written_in_another_way_is_found() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (title, queries) in [
        // Thai: marks in another order, letters typed as two, digits, words said twice.
        ("ท\u{e48}\u{e35}พัก", &["ที่พัก", "ท\u{e48}\u{e35}พัก"][..]),
        ("น\u{e4d}\u{e49}\u{e32}ดื่ม", &["น้ำ", "น้ำดื่ม"]),
        ("น\u{e33}\u{e49}แข็ง", &["น้ำแข็ง"]),
        ("น้ำแข็งไส", &["น\u{e33}\u{e49}แข็ง", "น\u{e4d}\u{e49}\u{e32}แข็ง"]),
        ("เเท็กซี่", &["แท็กซี่", "เเท็กซี่"]),
        ("๗ วัน", &["7", "๗", "７"]),
        ("ของต่าง ๆ", &["ต่างๆ", "ต่าง ๆ"]),
        // Greek: the s at the end of what is typed.
        ("Μουσείο", &["ΜΟΥΣ", "μους", "μουσ"]),
        ("Βασιλόπουλος", &["ΒΑΣ", "βας", "ΒΑΣΙΛΟΠΟΥΛΟΣ"]),
        ("ΟΔΟΣΤΡΩΤΗΡΑΣ", &["ΟΔΟΣ", "οδος"]),
        ("Καλός", &["καλοσ", "ΚΑΛΟΣ"]),
        // Punctuation, umlauts, other digits.
        ("7-Eleven", &["7eleven", "7 eleven", "7-eleven"]),
        ("7eleven Asok", &["7-Eleven"]),
        ("McDonald's", &["mcdonalds", "McDonald\u{2019}s"]),
        ("L'Oréal", &["loreal", "l'oreal"]),
        ("1,250 coins", &["1250", "1,250"]),
        ("Müller", &["mueller", "muller", "MÜLLER"]),
        ("Mueller AG", &["Müller"]),
        ("محـــمد", &["محمد"]),
        ("١٢٣", &["123"]),
    ] {
        let id = enter(&alice, title).await;
        for query in queries {
            assert!(finds(&alice, query, id).await, "{query} in {title}");
        }
    }
    let water = enter(&alice, "นำ").await;
    assert!(!finds(&alice, "น้ำ", water).await, "another mark is another word");
}
