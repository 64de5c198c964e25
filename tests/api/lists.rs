//! Lists of transactions: pages, filters, orders, search.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::random::Random;

pub(super) const PATH: &str = "/api/transactions";

pub(super) fn ids(rows: &Value) -> Vec<i64> {
    rows.as_array().expect("an array").iter().map(|row| row["id"].as_i64().expect("an id")).collect()
}

/// The ids of all pages from the first to the last, and the cursor of each page to the one before it.
async fn walk(client: &Client, query: &str, limit: usize) -> Vec<i64> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = client.get(&format!("{PATH}?limit={limit}{query}{cursor}")).await;
        let page = ids(&answer.expect(200));
        let meta = &answer.json()["meta"]["page"];
        assert_eq!(meta["limit"], limit, "{}", answer.text);
        assert_eq!(meta["prevCursor"].is_null(), cursor.is_empty(), "{}", answer.text);
        assert!(page.len() <= limit);
        found.extend(page);
        match meta["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// As it is written in a query string.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

const TITLES: &[&str] = &[
    "Café au lait",
    "ข้าวมันไก่",
    "กาแฟเย็น",
    "一杯咖啡",
    "Grab to the airport",
    "Chicken rice",
    "مطعم",
    "lunch 🍜",
    "Crème brûlée",
    "naïve résumé",
    "Taxi",
];
const CATEGORIES: &[&str] = &["Food & Dining", "Transportation", "Rent", "Odd"];

/// Rows of every kind, as they were answered.
async fn fill(client: &Client, dice: &mut Random, count: usize) -> Vec<Value> {
    let mut rows = Vec::new();
    for _ in 0..count {
        let mut body = json!({
            "title": dice.pick(TITLES),
            "amount": 1 + dice.below(20),
            "type": dice.pick(&["INCOME", "EXPENSE", "EXPENSE"]),
            "category": dice.pick(CATEGORIES),
            "currency": dice.pick(&["THB", "THB", "USD"]),
            "date": format!("2026-0{}-{:02}", 1 + dice.below(3), 1 + dice.below(28)),
        });
        for (key, value) in [
            ("note", json!(dice.pick(&["with Ann", "à la carte", "ด่วน"]))),
            ("payee", json!(dice.pick(&["7-Eleven", "Kuang Heng", "ร้านป้า"]))),
            ("tags", json!([dice.pick(&["work", "trip", "ครอบครัว"]), "all"])),
        ] {
            if dice.below(2) == 0 {
                body[key] = value;
            }
        }
        rows.push(client.post(PATH, body).await.expect(201));
    }
    rows
}

fn sorted(mut rows: Vec<&Value>, sort: &str) -> Vec<i64> {
    let amount = |row: &Value| row["amount"].to_string().parse::<f64>().expect("a number").to_bits();
    let id = |row: &Value| row["id"].as_i64().expect("an id");
    if sort.ends_with("amount") {
        rows.sort_by_key(|row| (amount(row), id(row)));
    } else {
        rows.sort_by_key(|row| (row["date"].to_string(), id(row)));
    }
    if sort.starts_with('-') {
        rows.reverse();
    }
    rows.into_iter().map(id).collect()
}

type Meets<'a> = Box<dyn Fn(&Value) -> bool + 'a>;

#[tokio::test]
async fn every_filter_in_every_order_finds_what_it_should_page_by_page_and_whole() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let mut dice = Random::seeded();
    let rows = fill(&alice, &mut dice, 120).await;
    fill(&bob, &mut dice, 10).await;
    let id_of = async |path: &str, name: &str| {
        let all = alice.get(path).await.expect(200);
        let found = all.as_array().expect("an array").iter().find(|one| one["name"] == name).expect(name).clone();
        found["id"].as_i64().expect("an id")
    };
    let (tag, payee) = (id_of("/api/tags", "work").await, id_of("/api/payees", "7-Eleven").await);
    let category = rows.iter().find(|row| row["category"] == "Rent").expect("one")["categoryId"].clone();
    let has = |row: &Value, tag: &str| row["tags"].as_array().expect("tags").iter().any(|one| one == tag);
    let amount = |row: &Value| row["amount"].to_string().parse::<f64>().expect("a number");
    let filters: Vec<(String, Meets<'_>)> = vec![
        (String::new(), Box::new(|_| true)),
        ("&startDate=2026-02-01".into(), Box::new(|row| row["date"].as_str() >= Some("2026-02-01"))),
        ("&endDate=2026-02-10T23:00:00Z".into(), Box::new(|row| row["date"].as_str() <= Some("2026-02-10"))),
        ("&type=INCOME".into(), Box::new(|row| row["type"] == "INCOME")),
        ("&category=Rent".into(), Box::new(|row| row["category"] == "Rent")),
        (format!("&categoryId={category}"), Box::new(|row| row["categoryId"] == category)),
        ("&tag=trip".into(), Box::new(|row| has(row, "trip"))),
        (format!("&tagId={tag}"), Box::new(|row| has(row, "work"))),
        ("&payee=Kuang%20Heng".into(), Box::new(|row| row["payee"] == "Kuang Heng")),
        (format!("&payeeId={payee}"), Box::new(|row| row["payee"] == "7-Eleven")),
        ("&currency=USD".into(), Box::new(|row| row["currency"] == "USD")),
        ("&minAmount=5".into(), Box::new(|row| amount(row) >= 5.0)),
        ("&maxAmount=7.50".into(), Box::new(|row| amount(row) <= 7.5)),
        ("&q=CAFE".into(), Box::new(|row| row["title"] == "Café au lait")),
        ("&q=heng".into(), Box::new(|row| row["payee"] == "Kuang Heng")),
        ("&q=carte".into(), Box::new(|row| row["note"] == "à la carte")),
        ("&q=rice%20eleven".into(), Box::new(|row| row["title"] == "Chicken rice" && row["payee"] == "7-Eleven")),
        (
            "&q=taxi&type=EXPENSE&category=Odd&minAmount=3&tag=all".into(),
            Box::new(|row| {
                row["title"] == "Taxi"
                    && row["type"] == "EXPENSE"
                    && row["category"] == "Odd"
                    && amount(row) >= 3.0
                    && has(row, "all")
            }),
        ),
        (
            "&category=Rent&payee=7-Eleven&currency=THB&startDate=2026-01-15".into(),
            Box::new(|row| {
                row["category"] == "Rent"
                    && row["payee"] == "7-Eleven"
                    && row["currency"] == "THB"
                    && row["date"].as_str() >= Some("2026-01-15")
            }),
        ),
        ("&category=Nowhere".into(), Box::new(|_| false)),
        ("&tag=nothing".into(), Box::new(|_| false)),
        ("&payee=nobody".into(), Box::new(|_| false)),
        ("&startDate=2026-03-01&endDate=2026-02-01".into(), Box::new(|_| false)),
    ];
    for (query, meets) in &filters {
        for sort in ["-date", "date", "-amount", "amount"] {
            let expected = sorted(rows.iter().filter(|row| meets(row)).collect(), sort);
            let query = format!("{query}&sort={sort}");
            assert_eq!(walk(&alice, &query, 7).await, expected, "{query}");
            assert_eq!(ids(&alice.get(&format!("{PATH}?{}", &query[1..])).await.expect(200)), expected, "{query}");
        }
    }
}

#[tokio::test]
async fn a_page_leads_back_to_the_one_before_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    fill(&alice, &mut Random::seeded(), 25).await;
    let get = async |query: &str| {
        let answer = alice.get(&format!("{PATH}?{query}")).await;
        (answer.expect(200), answer.json()["meta"]["page"].clone())
    };
    let (first, page) = get("limit=10&sort=amount").await;
    let next = |page: &Value| format!("limit=10&sort=amount&cursor={}", page["nextCursor"].as_str().expect("a cursor"));
    let back = |page: &Value| format!("limit=10&sort=amount&cursor={}", page["prevCursor"].as_str().expect("a cursor"));
    let (second, page2) = get(&next(&page)).await;
    let (third, page3) = get(&next(&page2)).await;
    assert_eq!((third.as_array().expect("rows").len(), &page3["nextCursor"]), (5, &Value::Null));
    let (again, page2) = get(&back(&page3)).await;
    assert_eq!(again, second);
    let (again, page1) = get(&back(&page2)).await;
    assert_eq!((again, &page1["prevCursor"]), (first, &Value::Null));
    assert_eq!(get(&next(&page1)).await.0, second);
}

#[tokio::test]
async fn what_is_wrong_with_a_list_is_told() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    fill(&alice, &mut Random::seeded(), 5).await;
    let list = async |query: &str| alice.get(&format!("{PATH}?{query}")).await;
    list("limit=0").await.invalid(&["limit must not be less than 1"]);
    list("limit=501").await.invalid(&["limit must not be greater than 500"]);
    list("limit=many&sort=title&q=%25&minAmount=-1&nope=1").await.invalid(&[
        "property nope should not exist",
        "minAmount must not be less than 0",
        "q must contain a letter, a digit or a symbol",
        "sort must be one of the following values: date, -date, amount, -amount",
        "limit must be an integer number",
    ]);
    list("categoryId=x&tagId=1.5&currency=baht").await.invalid(&[
        "categoryId must be an integer number",
        "tagId must be an integer number",
        "currency must be a valid ISO 4217 currency code",
    ]);
    list("type=INCOME&type=EXPENSE").await.invalid(&["type must be given once"]);
    list("_=123").await.expect(200);
    let cursor = list("limit=2").await.json()["meta"]["page"]["nextCursor"].as_str().expect("a cursor").to_owned();
    list(&format!("limit=3&cursor={cursor}")).await.expect(200);
    list(&format!("cursor={cursor}")).await.expect(200);
    let wrong = ["cursor must be one that was answered for the same list and filters"];
    list(&format!("limit=2&sort=amount&cursor={cursor}")).await.invalid(&wrong);
    list(&format!("limit=2&type=INCOME&cursor={cursor}")).await.invalid(&wrong);
    list(&format!("cursor={}x", &cursor[..cursor.len() - 1])).await.invalid(&wrong);
    bob.get(&format!("{PATH}?limit=2&cursor={cursor}")).await.invalid(&wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_meets_every_row_once_that_was_there_all_the_time() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut dice = Random::seeded();
    for round in 0..3 {
        let stay: BTreeSet<i64> = ids(&Value::Array(fill(&alice, &mut dice, 60).await)).into_iter().collect();
        let stop = Arc::new(AtomicBool::new(false));
        let other = {
            let (alice, stop) = (alice.clone(), Arc::clone(&stop));
            let mut dice = Random::seeded();
            tokio::spawn(async move {
                let mut own = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    own.extend(ids(&Value::Array(fill(&alice, &mut dice, 3).await)));
                    let gone = own.remove(dice.below(own.len()));
                    alice.delete(&format!("{PATH}/{gone}")).await.expect(200);
                }
                own
            })
        };
        for sort in ["-date", "date", "-amount", "amount"] {
            for limit in [3, 10] {
                let found = walk(&alice, &format!("&sort={sort}"), limit).await;
                let once: BTreeSet<i64> = found.iter().copied().collect();
                assert_eq!(once.len(), found.len(), "round {round}, {sort}: a row came twice");
                assert!(stay.is_subset(&once), "round {round}, {sort}: {:?} did not come", stay.difference(&once));
            }
        }
        stop.store(true, Ordering::Relaxed);
        other.await.expect("the other client");
    }
}

#[tokio::test]
async fn text_of_any_script_is_kept_found_and_sorted() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (title, queries) in [
        ("ข้าวมันไก่ต้ม", &["มันไก่", "ข้าว ต้ม", "ไก"][..]),
        ("一杯咖啡和蛋糕", &["咖啡", "蛋", "蛋糕 咖啡"]),
        ("قهوة عربية", &["قهوة", "عرب"]),
        ("مُحَمَّد", &["محمد"]),
        ("👩‍👩‍👧 family 🍜", &["🍜", "fam 🍜"]),
        ("Cafe\u{301} de\u{301}ja\u{300} vu", &["café", "deja", "DÉJÀ vu"]),
        ("Straße 5", &["strasse", "STRASSE 5"]),
        ("שָׁלוֹם", &["שלום"]),
        ("100% _safe_", &["safe", "100"]),
    ] {
        let row = alice.post(PATH, json!({"title": title, "amount": 1, "type": "EXPENSE", "category": title})).await;
        let row = row.expect(201);
        // A name has composed letters.
        let name = app::domain::name::clean(title);
        assert_eq!((row["title"].as_str(), row["category"].as_str()), (Some(title), Some(name.as_str())));
        let id = row["id"].as_i64().expect("an id");
        for query in queries {
            let found = alice.get(&format!("{PATH}?limit=10&q={}", escaped(query))).await;
            assert_eq!(ids(&found.expect(200)), [id], "{query} in {title}");
            let whole = alice.get(&format!("{PATH}?q={}", escaped(query))).await;
            assert_eq!(ids(&whole.expect(200)), [id], "{query} in {title}");
        }
    }
    for query in ["啡咖", "xyz", "ข้าวผัด", "e"] {
        let found = alice.get(&format!("{PATH}?limit=10&q={}", escaped(query))).await;
        assert_eq!(found.expect(200), json!([]), "{query}");
    }
    // In the order of a dictionary, signs first.
    let names: Vec<String> = alice
        .get("/api/categories?kind=EXPENSE")
        .await
        .expect(200)
        .as_array()
        .expect("rows")
        .iter()
        .filter(|one| one["color"].is_null())
        .map(|one| one["name"].as_str().expect("a name").to_owned())
        .collect();
    let first = names.iter().map(|name| name.chars().next().expect("a letter")).collect::<String>();
    assert_eq!(first, "👩1CSשقمข一", "{names:?}");
}
