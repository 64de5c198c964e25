//! `/api/transactions`: entering, reading, listing, filtering, changing, deleting.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

const PATH: &str = "/api/transactions";

fn expense(title: &str, amount: Value, date: &str) -> Value {
    json!({"title": title, "amount": amount, "type": "EXPENSE", "category": "Food & Dining", "date": date})
}

async fn add(client: &Client, body: Value) -> Value {
    client.post(PATH, body).await.expect(201)
}

fn titles(list: &Value) -> Vec<&str> {
    list.as_array().expect("an array").iter().map(|row| row["title"].as_str().expect("a title")).collect()
}

#[tokio::test]
async fn a_transaction_is_answered_as_it_was_entered() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let body = json!({"title": " ข้าวมันไก่ ", "titleEn": "Chicken rice", "amount": 60.50, "type": "EXPENSE",
        "category": "Food & Dining", "date": "2026-02-16"});
    let answer = alice.post(PATH, body).await;
    let row = answer.expect(201);
    let keys: Vec<&String> = row.as_object().expect("an object").keys().collect();
    let expected = [
        "id",
        "title",
        "titleEn",
        "amount",
        "currency",
        "type",
        "category",
        "categoryId",
        "date",
        "userId",
        "createdAt",
        "updatedAt",
        "note",
        "payee",
        "payeeId",
        "tags",
        "categorySource",
        "categoryReason",
    ];
    // Clients of the original service know these; others may stand among them.
    let known: Vec<_> = keys.into_iter().filter(|key| expected.contains(&key.as_str())).collect();
    assert_eq!(known, expected);
    assert_eq!(row["title"], "ข้าวมันไก่");
    assert_eq!(row["titleEn"], "Chicken rice");
    assert_eq!(row["currency"], "THB");
    assert_eq!(row["type"], "EXPENSE");
    assert_eq!(row["category"], "Food & Dining");
    assert_eq!(row["date"], "2026-02-16");
    assert_eq!(row["userId"], alice.get("/api/auth/me").await.expect(200)["id"]);
    assert!(answer.text.contains(r#""amount":60.5,"#), "{}", answer.text);
    assert_eq!(alice.get(&format!("{PATH}/{}", row["id"])).await.expect(200), row);
}

#[tokio::test]
async fn an_amount_is_a_number_or_a_decimal_string_and_exact() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (given, written) in [
        ("150", "150"),
        ("150.00", "150"),
        ("0.01", "0.01"),
        ("1e3", "1000"),
        (r#""150.25""#, "150.25"),
        (r#"" 7 ""#, "7"),
        ("999999999999.99", "999999999999.99"),
        (r#""0.1""#, "0.1"),
        ("4503599627370.49", "4503599627370.49"),
    ] {
        // The last is over the limit of 12 digits.
        let body = format!(r#"{{"title":"x","amount":{given},"type":"INCOME","category":"Salary"}}"#);
        let answer = alice.post_raw(PATH, body).await;
        if written.len() > 15 {
            answer.invalid(&["amount must have at most 12 digits before the decimal point"]);
            continue;
        }
        answer.expect(201);
        assert!(answer.text.contains(&format!(r#""amount":{written},"#)), "{given}: {}", answer.text);
    }
}

#[tokio::test]
async fn an_amount_has_no_more_decimals_than_its_currency() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = async |amount: &str, currency: Option<&str>| {
        let mut body = json!({"title": "x", "amount": amount, "type": "EXPENSE", "category": "x"});
        if let Some(currency) = currency {
            body["currency"] = json!(currency);
        }
        alice.post(PATH, body).await
    };
    post("1.5", Some("JPY")).await.invalid(&["amount must have no decimals in JPY"]);
    post("1.005", None).await.invalid(&["amount must have at most 2 decimals in THB"]);
    post("1.005", Some("THB")).await.invalid(&["amount must have at most 2 decimals in THB"]);
    post("1.0005", Some("KWD")).await.invalid(&["amount must have at most 3 decimals in KWD"]);
    post("1", Some("thb")).await.invalid(&["currency must be a valid ISO 4217 currency code"]);
    post("1", Some("XXX")).await.invalid(&["currency must be a valid ISO 4217 currency code"]);
    assert_eq!(app.count("select count(*) from transactions").await, 0);
    assert_eq!(post("1.0", Some("JPY")).await.expect(201)["currency"], "JPY");
    assert_eq!(post("1.005", Some("KWD")).await.expect(201)["currency"], "KWD");
}

#[tokio::test]
async fn a_transaction_that_breaks_rules_is_told_all_of_them() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let all = [
        "title should not be empty",
        "title must be a string",
        "amount must be positive",
        "amount must be a number",
        "type must be one of the following values: INCOME, EXPENSE",
        "category must be a string",
    ];
    // A category that is left out is found.
    alice.post(PATH, json!({})).await.invalid(&all[..5]);
    let body = json!({"title": "", "amount": -5, "type": "income", "category": 5, "date": "2026-13-01", "userId": 7});
    alice.post(PATH, body).await.invalid(&[
        "property userId should not exist",
        "title should not be empty",
        "amount must be positive",
        all[4],
        all[5],
        "date must be a valid ISO 8601 date string",
    ]);
    for (amount, problem) in [
        ("0", "amount must be positive"),
        ("-1", "amount must be positive"),
        ("1e400", "amount must have at most 12 digits before the decimal point"),
        ("0.123456789012", "amount must have at most 4 decimals"),
        (r#""""#, "amount must be a number"),
        (r#""NaN""#, "amount must be a number"),
        (r#""12,50""#, "amount must be a number"),
        ("true", "amount must be a number"),
        ("[1]", "amount must be a number"),
    ] {
        let body = format!(r#"{{"title":"x","amount":{amount},"type":"INCOME","category":"x"}}"#);
        alice.post_raw(PATH, body).await.invalid(&[problem]);
    }
    for date in
        [json!(""), json!(5), json!("2026-02-30"), json!("2026-13-01"), json!("yesterday"), json!([]), json!(true)]
    {
        let body = json!({"title": "x", "amount": 1, "type": "INCOME", "category": "x", "date": date});
        alice.post(PATH, body).await.invalid(&["date must be a valid ISO 8601 date string"]);
    }
    assert_eq!(app.count("select count(*) from transactions").await, 0);
    assert_eq!(app.count("select count(*) from categories where name = 'x'").await, 0);
}

#[tokio::test]
async fn the_day_as_written_counts() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for date in ["2026-02-16", "2026-02-16T00:00:00.000Z", "2026-02-16T23:30:00-05:00", "2026-02-16T00:30:00+14:00"] {
        assert_eq!(add(&alice, expense("x", json!(1), date)).await["date"], "2026-02-16", "{date}");
    }
}

#[tokio::test]
async fn a_day_that_is_left_out_is_today_where_the_user_is() {
    // 00:30 on New Year's Day in Bangkok, while it is still last year in London.
    let app = TestApp::at("2025-12-31T17:30:00Z").await;
    let alice = app.user("alice").await;
    for date in [None, Some(Value::Null)] {
        let mut body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": "x"});
        if let Some(date) = date {
            body["date"] = date;
        }
        assert_eq!(add(&alice, body).await["date"], "2026-01-01");
    }
}

#[tokio::test]
async fn a_category_is_found_by_its_name_or_made() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let of = |category: &str, kind: &str| json!({"title": "x", "amount": 1, "type": kind, "category": category});
    let first = add(&alice, of("กาแฟ", "EXPENSE")).await;
    let second = add(&alice, of(" กาแฟ ", "EXPENSE")).await;
    assert_eq!(first["categoryId"], second["categoryId"]);
    assert_eq!(second["category"], "กาแฟ");
    assert_ne!(add(&alice, of("กาแฟ", "INCOME")).await["categoryId"], first["categoryId"]);
    assert_ne!(add(&alice, of("Coffee", "EXPENSE")).await["categoryId"], first["categoryId"]);
    assert_eq!(app.count("select count(*) from categories where name in ('กาแฟ', 'Coffee')").await, 3);
}

#[tokio::test]
async fn many_who_need_a_new_category_at_once_get_one() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let alice = alice.clone();
            tokio::spawn(async move {
                add(&alice, expense("x", json!(number + 1), "2026-02-16")).await["categoryId"].clone()
            })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.expect("an answer"));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(app.count("select count(*) from transactions").await, 16);
}

#[tokio::test]
async fn the_list_has_the_newest_day_first_then_the_newest_id() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    assert_eq!(alice.get(PATH).await.expect(200), json!([]));
    for (title, date) in
        [("a", "2026-02-16"), ("b", "2026-02-18"), ("c", "2026-02-16"), ("d", "2025-12-31"), ("e", "2026-02-18")]
    {
        add(&alice, expense(title, json!(1), date)).await;
    }
    assert_eq!(titles(&alice.get(PATH).await.expect(200)), ["e", "b", "c", "a", "d"]);
    // Busting a cache is no filter.
    assert_eq!(titles(&alice.get(&format!("{PATH}?_=1771234567")).await.expect(200)), ["e", "b", "c", "a", "d"]);
    let row = &alice.get(PATH).await.expect(200)[0];
    assert_eq!(alice.get(&format!("{PATH}/{}", row["id"])).await.expect(200), *row);
}

#[tokio::test]
async fn a_filter_counts_both_its_days_in_and_each_works_alone() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for date in ["2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01"] {
        add(&alice, expense(date, json!(1), date)).await;
    }
    let filter = async |query: &str| {
        let list = alice.get(&format!("{PATH}/filter{query}")).await.expect(200);
        titles(&list).iter().map(|title| (*title).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(filter("?startDate=2026-01-01&endDate=2026-01-31").await, ["2026-01-31", "2026-01-01"]);
    assert_eq!(filter("?startDate=2026-01-31").await, ["2026-02-01", "2026-01-31"]);
    assert_eq!(filter("?endDate=2026-01-01").await, ["2026-01-01", "2025-12-31"]);
    assert_eq!(filter("").await.len(), 4);
    // A bound that is a date-time counts as its whole day.
    assert_eq!(
        filter("?startDate=2026-01-31T23:59:59.999Z&endDate=2026-02-01T00:00:00.000Z").await,
        ["2026-02-01", "2026-01-31"]
    );
    assert_eq!(filter("?startDate=2026-02-01&endDate=2026-01-01").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_filter_that_breaks_rules_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let filter = async |query: &str| alice.get(&format!("{PATH}/filter{query}")).await;
    let start = "startDate must be a valid ISO 8601 date string";
    let end = "endDate must be a valid ISO 8601 date string";
    filter("?startDate=2026-02-30").await.invalid(&[start]);
    filter("?startDate=&endDate=tomorrow").await.invalid(&[start, end]);
    filter("?limit=5&startDate=x").await.invalid(&["property limit should not exist", start]);
    filter("?_=5").await.expect(200);
    app.anon.get(&format!("{PATH}/filter?startDate=x")).await.refused(401, "UNAUTHORIZED", "Unauthorized");
}

#[tokio::test]
async fn an_edit_changes_only_what_it_names() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let body = json!({"title": "a", "titleEn": "A", "amount": "10.50", "type": "EXPENSE", "category": "x", "date": "2026-02-16"});
    let before = add(&alice, body).await;
    let path = format!("{PATH}/{}", before["id"]);
    let same = |mut row: Value| {
        row["updatedAt"] = Value::Null;
        row
    };
    assert_eq!(same(alice.put(&path, json!({})).await.expect(200)), same(before.clone()));
    for (edit, key, value) in [
        (json!({"title": "b"}), "title", json!("b")),
        (json!({"amount": 20}), "amount", json!(20)),
        (json!({"date": "2026-03-01T10:00:00Z"}), "date", json!("2026-03-01")),
        (json!({"titleEn": "B"}), "titleEn", json!("B")),
        (json!({"titleEn": null}), "titleEn", Value::Null),
        (json!({"currency": "USD"}), "currency", json!("USD")),
    ] {
        let mut expected = alice.get(&path).await.expect(200);
        expected[key] = value;
        assert_eq!(same(alice.put(&path, edit.clone()).await.expect(200)), same(expected.clone()), "{edit}");
        assert_eq!(same(alice.get(&path).await.expect(200)), same(expected), "{edit}");
    }
    // `null` for the date means left out.
    assert_eq!(alice.patch(&path, json!({"date": null})).await.expect(200)["date"], "2026-03-01");
}

#[tokio::test]
async fn a_transaction_that_changes_sides_takes_its_category_along() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let before = add(&alice, expense("x", json!(1), "2026-02-16")).await;
    let path = format!("{PATH}/{}", before["id"]);
    let after = alice.put(&path, json!({"type": "INCOME"})).await.expect(200);
    assert_eq!(after["category"], before["category"]);
    assert_ne!(after["categoryId"], before["categoryId"]);
    let back = alice.put(&path, json!({"type": "EXPENSE", "category": "Other"})).await.expect(200);
    assert_eq!(back["category"], "Other");
}

#[tokio::test]
async fn an_edit_that_breaks_rules_changes_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let before = add(&alice, expense("x", json!("10.50"), "2026-02-16")).await;
    let path = format!("{PATH}/{}", before["id"]);
    let title = ["title should not be empty", "title must be a string"];
    alice.put(&path, json!({"title": null})).await.invalid(&title);
    alice.put(&path, json!({"title": "y", "amount": 0})).await.invalid(&["amount must be positive"]);
    alice.put(&path, json!({"title": "y", "id": 9})).await.invalid(&["property id should not exist"]);
    alice.put(&path, json!({"currency": "JPY"})).await.invalid(&["amount must have no decimals in JPY"]);
    alice.put(&path, json!({"amount": "1.001"})).await.invalid(&["amount must have at most 2 decimals in THB"]);
    alice.put(&path, json!({"date": ""})).await.invalid(&["date must be a valid ISO 8601 date string"]);
    assert_eq!(alice.get(&path).await.expect(200), before);
}

#[tokio::test]
async fn a_deleted_transaction_is_gone() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let row = add(&alice, expense("x", json!(1), "2026-02-16")).await;
    let path = format!("{PATH}/{}", row["id"]);
    let message = json!({"message": "Transaction deleted successfully"});
    assert_eq!(alice.delete(&path).await.expect(200), message);
    let gone = format!("Transaction not found: {}", row["id"]);
    alice.delete(&path).await.refused(404, "TRANSACTION_NOT_FOUND", &gone);
    alice.get(&path).await.refused(404, "TRANSACTION_NOT_FOUND", &gone);
    alice.put(&path, json!({})).await.refused(404, "TRANSACTION_NOT_FOUND", &gone);
    assert_eq!(alice.get(PATH).await.expect(200), json!([]));
}

#[tokio::test]
async fn an_id_that_is_none_is_told_from_one_that_nobody_has() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for id in ["abc", "1.5", "1e3", "0x10", "%20", "1%00", "1;drop", "ก", "+1", "-"] {
        let path = format!("{PATH}/{id}");
        let message = "Validation failed (numeric string is expected)";
        alice.get(&path).await.refused(400, "BAD_REQUEST", message);
        alice.put(&path, json!({})).await.refused(400, "BAD_REQUEST", message);
        alice.delete(&path).await.refused(400, "BAD_REQUEST", message);
    }
    for id in ["0", "-1", "999999999", "9223372036854775807"] {
        let path = format!("{PATH}/{id}");
        let message = format!("Transaction not found: {id}");
        alice.get(&path).await.refused(404, "TRANSACTION_NOT_FOUND", &message);
        alice.put(&path, json!({"title": "x"})).await.refused(404, "TRANSACTION_NOT_FOUND", &message);
        alice.delete(&path).await.refused(404, "TRANSACTION_NOT_FOUND", &message);
    }
    for id in ["99999999999999999999999", "-9223372036854775809"] {
        let message = format!("Transaction not found: {id}");
        alice.get(&format!("{PATH}/{id}")).await.refused(404, "TRANSACTION_NOT_FOUND", &message);
    }
}

#[tokio::test]
async fn the_token_is_asked_for_before_the_input_is_judged() {
    let app = TestApp::start().await;
    let unauthorized = |answer: crate::support::client::Answer| answer.refused(401, "UNAUTHORIZED", "Unauthorized");
    unauthorized(app.anon.get(PATH).await);
    unauthorized(app.anon.post(PATH, json!({})).await);
    unauthorized(app.anon.post_raw(PATH, "{").await);
    unauthorized(app.anon.get(&format!("{PATH}/abc")).await);
    unauthorized(app.anon.put(&format!("{PATH}/abc"), json!({"x": 1})).await);
    unauthorized(app.anon.patch(&format!("{PATH}/1"), json!({})).await);
    unauthorized(app.anon.delete(&format!("{PATH}/1")).await);
    unauthorized(app.anon.get(&format!("{PATH}/dashboard")).await);
}
