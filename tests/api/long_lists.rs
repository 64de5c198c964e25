//! Lists of many transactions: each way to find a page, and what it reads.

use std::time::{Duration, Instant};

use app::features::transactions::search_text_store;
use app::http::scope::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::lists::{PATH, ids};
use crate::support::PATIENCE;
use crate::support::app::TestApp;
use crate::support::client::Client;

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
    let begun = Instant::now();
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
    let there = Client { base: other.anon.base.clone(), ..alice.clone() };
    let set = json!({"filter": {"payee": "Payee 9"}, "set": {"note": "seen"}});
    assert_eq!(there.patch(PATH, set).await.expect(200)["changed"], 1000);
    let gone = there.request(Method::DELETE, PATH).json(&json!({"filter": {"payee": "Payee 10"}}));
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

/// The index that has the rows in their order also has the columns of the filters. Fetching the rows would take much longer.
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
    let pending = search_text_store::next_user_to_index(&mut connection).await.expect("asked");
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
    let user = search_text_store::next_user_to_index(&mut connection).await.expect("asked");
    let user = user.expect("there are some");
    let folded = search_text_store::index_pending(&mut Scope::new(&mut connection, user)).await.expect("folded");
    assert_eq!(folded, 2);
    for sort in ["date", "amount"] {
        assert_eq!(found(sort).await, ids_of);
    }
    assert_eq!(short(&mut connection).await, [true, true, false]);
    assert_eq!(search_text_store::next_user_to_index(&mut connection).await.expect("asked"), None);
}
