//! Lists of transactions: pages, filters, orders, search.

use app::http::scope::Scope;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::support::PATIENCE;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::random::Random;

const PATH: &str = "/api/transactions";

fn ids(rows: &Value) -> Vec<i64> {
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

/// Enters many rows past the API, as they are after a move from another service.
async fn fill_past_the_api(app: &TestApp, rows: u32) {
    let mut connection = app.connection().await;
    for sql in [
        "insert into payees (user_id, name, search) select 1, 'Payee ' || n, ' payee ' || n || E' \\n2' from generate_series(1, 200) n".to_owned(),
        "insert into tags (user_id, name) select 1, 'tag ' || n from generate_series(1, 20) n".to_owned(),
        format!(
            "insert into transactions (user_id, title, amount, currency, type, category_id, date, payee_id, search)
             select 1, 'item ' || n % 997, 1 + n % 5000, case when n % 50 = 0 then 'USD' else 'THB' end, c.kind, c.id,
                 date '2016-01-01' + n % 3650, p.id,
                 ' item ' || n % 997 || case when n % 1000 = 0 then ' rare' || n || ' ' else ' ' end || E'\\n \\n '
                     || case when n % 13 = 0 then repeat('a long note ', 20) else '' end || E'\\n2'
             from generate_series(1, {rows}) n
             join (select id, kind, row_number() over () r, count(*) over () m from categories where user_id = 1) c on c.r = 1 + n % c.m
             join (select id, row_number() over () r from payees where user_id = 1) p on p.r = 1 + n % 200"
        ),
        "insert into transaction_tags (user_id, transaction_id, tag_id, date, amount)
         select t.user_id, t.id, g.id, t.date, t.amount from transactions t
         join (select id, row_number() over () r from tags where user_id = 1) g on g.r = 1 + t.id % 20 where t.id % 5 = 0"
            .to_owned(),
    ] {
        sqlx::query(AssertSqlSafe(sql.clone())).execute(&mut connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// Waits until the server's sessions have ended, and have told what they did.
async fn until_they_ended(app: &TestApp) {
    let begun = std::time::Instant::now();
    let sessions =
        "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'app'";
    while app.count(sessions).await > 0 {
        assert!(begun.elapsed() < PATIENCE, "sessions that were closed do not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// With more rows than are looked at in their order, every way to find a page is taken.
#[tokio::test(flavor = "multi_thread")]
async fn long_lists_with_any_two_filters_have_the_rows_that_they_should() {
    const WORD: &str = "t.search like '%31%' or payee_id in (select id from payees where search like '%31%')";
    let app = TestApp::on_its_own_database().await;
    let alice = app.user("alice").await;
    fill_past_the_api(&app, 60_000).await;
    let mut connection = app.connection().await;
    // As they are before the program has come by after an upgrade.
    let sql = "update transactions set short_search = null where id % 11 = 0";
    sqlx::query(sql).execute(&mut connection).await.expect("emptied");
    sqlx::query("vacuum analyze").execute(&mut connection).await.expect("analyzed");
    let category: i64 = sqlx::query_scalar("select category_id from transactions limit 1")
        .fetch_one(&mut connection)
        .await
        .expect("one");
    let kind = format!("(select kind from categories where id = {category})");
    let child = alice.get(&format!("/api/categories/{category}")).await.expect(200)["kind"].clone();
    let child = alice.post("/api/categories", json!({"name": "Below", "kind": child, "parentId": category})).await;
    let child = child.expect(201)["id"].clone();
    let moved = format!("update transactions set category_id = {child} where id % 7 = 0 and type = {kind}");
    sqlx::query(AssertSqlSafe(moved)).execute(&mut connection).await.expect("moved");
    let filters = [
        (
            "&startDate=2019-01-01&endDate=2019-12-31".to_owned(),
            "date between '2019-01-01' and '2019-12-31'".to_owned(),
        ),
        ("&startDate=2019-01-01&endDate=2019-01-05".into(), "date between '2019-01-01' and '2019-01-05'".into()),
        ("&type=INCOME".into(), "type = 'INCOME'".into()),
        (format!("&categoryId={category}"), format!("category_id in ({category}, {child})")),
        (format!("&categoryId={child}"), format!("category_id = {child}")),
        ("&tag=tag%201".into(), "id in (select transaction_id from transaction_tags where tag_id = 1)".into()),
        ("&payee=Payee%207".into(), "payee_id = 7".into()),
        ("&currency=USD".into(), "currency = 'USD'".into()),
        ("&minAmount=4900".into(), "amount >= 4900".into()),
        ("&maxAmount=2000".into(), "amount <= 2000".into()),
        ("&q=item".into(), "true".into()),
        ("&q=31".into(), WORD.into()),
        ("&q=item%20317".into(), "t.search like '%317%'".into()),
        ("&q=item%20re50".into(), "t.search like '%re50%'".into()),
        ("&q=long%20317".into(), "t.search like '%long%' and t.search like '%317%'".into()),
        ("&q=nowhere".into(), "false".into()),
    ];
    let key = |query: &str| query.split('=').next().expect("a key").to_owned();
    let mut found = 0;
    for (index, (query, condition)) in filters.iter().enumerate() {
        for (other_query, other) in &filters[index..] {
            if query != other_query && key(query) == key(other_query) {
                continue;
            }
            let both = if query == other_query { query.clone() } else { format!("{query}{other_query}") };
            for (sort, order) in [("-date", "date desc, id desc"), ("amount", "amount, id")] {
                let expected = format!(
                    "select coalesce(array_agg(id), '{{}}') from
                     (select id from transactions t where ({condition}) and ({other}) order by {order} limit 100) t"
                );
                let expected: Vec<i64> =
                    sqlx::query_scalar(AssertSqlSafe(expected)).fetch_one(&mut connection).await.expect("rows");
                let first = alice.get(&format!("{PATH}?limit=50&sort={sort}{both}")).await;
                let mut rows = ids(&first.expect(200));
                if let Some(cursor) = first.json()["meta"]["page"]["nextCursor"].as_str() {
                    let second = alice.get(&format!("{PATH}?limit=50&sort={sort}{both}&cursor={cursor}")).await;
                    rows.extend(ids(&second.expect(200)));
                }
                assert_eq!(rows, expected, "{both} by {sort}");
                found += rows.len();
            }
        }
    }
    assert!(found > 5_000, "{found} rows are too few to tell anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_reads_a_table_from_end_to_end() {
    let app = TestApp::on_its_own_database().await;
    let alice = app.user("alice").await;
    fill_past_the_api(&app, 200_000).await;
    sqlx::query("vacuum analyze").execute(&mut app.connection().await).await.expect("analyzed");
    // By another server, whose sessions end: only then they have told all that they did.
    let other = app.beside(&[]).await;
    let there = crate::support::client::Client { base: other.anon.base.clone(), ..alice.clone() };
    let set = json!({"filter": {"payee": "Payee 9"}, "set": {"note": "seen"}});
    assert_eq!(there.patch(PATH, set).await.expect(200)["changed"], 1000);
    let gone = there.request(reqwest::Method::DELETE, PATH).json(&json!({"filter": {"payee": "Payee 10"}}));
    assert_eq!(there.send(gone).await.expect(200)["changed"], 1000);
    other.pools.close();
    sqlx::query("vacuum analyze").execute(&mut app.connection().await).await.expect("analyzed");
    let scans = async || -> Vec<(String, i64)> {
        let sql = "select relname::text, seq_scan from pg_stat_user_tables
            where relname in ('transactions', 'transaction_tags', 'changes') order by 1";
        sqlx::query_as(sql).fetch_all(&mut app.connection().await).await.expect("counts")
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = scans().await;
    let category = alice.get("/api/categories").await.expect(200)[3]["id"].clone();
    let filters = [
        String::new(),
        "&startDate=2019-01-01&endDate=2019-02-01".into(),
        "&type=INCOME".into(),
        format!("&categoryId={category}"),
        "&category=Other".into(),
        "&tag=tag%203".into(),
        "&payee=Payee%207".into(),
        "&currency=USD".into(),
        "&minAmount=4990".into(),
        "&maxAmount=2".into(),
        "&q=item".into(),
        "&q=item%20317".into(),
        "&q=rare5000".into(),
        "&q=nowhere".into(),
        "&q=z".into(),
        "&q=payee%20150".into(),
        "&q=item&tag=tag%203&minAmount=100".into(),
    ];
    for filter in &filters {
        for sort in ["-date", "date", "-amount", "amount"] {
            let first = alice.get(&format!("{PATH}?limit=50&sort={sort}{filter}")).await;
            first.expect(200);
            if let Some(cursor) = first.json()["meta"]["page"]["nextCursor"].as_str() {
                let second = alice.get(&format!("{PATH}?limit=50&sort={sort}{filter}&cursor={cursor}")).await;
                assert!(second.expect(200).as_array().is_some_and(|rows| !rows.is_empty()));
            }
        }
    }
    for path in
        ["/api/trash?limit=50", "/api/operations?limit=50", "/api/transactions/77/history", "/api/transactions/77"]
    {
        alice.get(path).await.expect(200);
    }
    // A session tells what it did when it ends.
    app.pools.close();
    until_they_ended(&app).await;
    assert_eq!(scans().await, before, "a table was read from end to end");
}

/// What rows are looked at for is in the index that has them in their order. Fetching them would take several times as long.
#[tokio::test(flavor = "multi_thread")]
async fn lists_are_looked_through_in_their_index_alone() {
    let app = TestApp::on_its_own_database().await;
    let alice = app.user("alice").await;
    fill_past_the_api(&app, 20_000).await;
    for sql in ["delete from transactions where short_search is null", "vacuum analyze"] {
        sqlx::query(sql).execute(&mut app.connection().await).await.expect(sql);
    }
    let counts = async || -> Vec<(String, i64, i64)> {
        let sql = "select indexrelname::text, idx_tup_read, idx_tup_fetch from pg_stat_user_indexes
            where indexrelname in ('transactions_by_amount', 'transactions_by_date') order by 1";
        sqlx::query_as(sql).fetch_all(&mut app.connection().await).await.expect("counts")
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = counts().await;
    let mut answered = 0;
    for filter in [
        "",
        "&q=item",
        "&q=item%2031",
        "&q=item%20payee",
        "&type=INCOME&q=31",
        "&minAmount=4000",
        "&startDate=2017-01-01&endDate=2018-12-31",
        "&startDate=2017-01-01&endDate=2018-12-31&minAmount=100",
    ] {
        for sort in ["-date", "date", "-amount", "amount"] {
            let page = ids(&alice.get(&format!("{PATH}?limit=20&sort={sort}{filter}")).await.expect(200));
            assert!(!page.is_empty());
            answered += i64::try_from(page.len()).expect("few");
        }
    }
    for filter in ["&type=INCOME", "&payee=Payee%207", "&currency=USD", "&category=Other"] {
        assert!(!ids(&alice.get(&format!("{PATH}?limit=20&sort=amount{filter}")).await.expect(200)).is_empty());
    }
    // A session tells what it did when it ends.
    app.pools.close();
    until_they_ended(&app).await;
    for ((index, read, fetched), (_, read_before, fetched_before)) in counts().await.iter().zip(&before) {
        assert!(read - read_before > 1_000, "{index} was not read");
        // One more than a page has, of lists without a filter.
        assert!(fetched - fetched_before <= answered / 2, "of {index} {fetched} rows were fetched");
    }
}

#[tokio::test]
async fn what_came_in_past_the_api_is_found_once_it_has_been_folded() {
    let app = TestApp::on_its_own_database().await;
    let alice = app.user("alice").await;
    let mut ids_of = Vec::new();
    for (title, note) in [("Café one", "short"), ("Café two", "short"), ("Café three", &"not short, ".repeat(20))] {
        let body = json!({"title": title, "note": note, "amount": 1, "type": "EXPENSE", "category": "Other"});
        ids_of.push(alice.post(PATH, body).await.expect(201)["id"].clone());
    }
    let mut connection = app.connection().await;
    let short = async |connection: &mut _| -> Vec<bool> {
        let sql = "select short_search is not distinct from search from transactions order by id";
        sqlx::query_scalar(sql).fetch_all(connection).await.expect("rows")
    };
    assert_eq!(short(&mut connection).await, [true, true, false]);
    let pending =
        app::features::transactions::search_text_store::next_user_to_index(&mut connection).await.expect("asked");
    assert_eq!(pending, None, "what came in by the API is folded");

    // The first as another program enters it, the second as it was before an upgrade.
    let sql = format!("update transactions set search = null where id = {}", ids_of[0]);
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect("emptied");
    let sql = format!("update transactions set short_search = null where id = {}", ids_of[1]);
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect("emptied");
    let found = async |sort: &str| {
        let rows = alice.get(&format!("{PATH}?limit=10&sort={sort}&q=cafe%20short")).await;
        ids(&rows.expect(200)).into_iter().map(Value::from).collect::<Vec<_>>()
    };
    assert_eq!(found("amount").await, ids_of[1..]);
    let user =
        app::features::transactions::search_text_store::next_user_to_index(&mut connection).await.expect("asked");
    let user = user.expect("there are some");
    let folded = app::features::transactions::search_text_store::index_pending(&mut Scope::new(&mut connection, user))
        .await
        .expect("folded");
    assert_eq!(folded, 2);
    for sort in ["date", "amount"] {
        assert_eq!(found(sort).await, ids_of);
    }
    assert_eq!(short(&mut connection).await, [true, true, false]);
    assert_eq!(
        app::features::transactions::search_text_store::next_user_to_index(&mut connection).await.expect("asked"),
        None
    );
}
