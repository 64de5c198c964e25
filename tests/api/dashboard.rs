//! `/api/transactions/dashboard`: this month, against the one before.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

async fn add(client: &Client, kind: &str, amount: &str, date: &str, currency: &str) {
    let body =
        json!({"title": "x", "amount": amount, "type": kind, "category": "x", "date": date, "currency": currency});
    client.post("/api/transactions", body).await.expect(201);
}

async fn dashboard(client: &Client) -> Value {
    client.get("/api/transactions/dashboard").await.expect(200)
}

#[tokio::test]
async fn without_transactions_all_is_zero() {
    let app = TestApp::start().await;
    let expected = json!({
        "totalIncome": 0, "totalExpense": 0, "balance": 0, "transactionCount": 0,
        "previousMonthIncome": 0, "previousMonthExpense": 0,
        "incomeChange": 0, "incomeChangePercent": 0, "expenseChange": 0, "expenseChangePercent": 0,
        "currency": "THB", "otherCurrencies": []
    });
    assert_eq!(dashboard(&app.user("alice").await).await, expected);
}

#[tokio::test]
async fn this_month_is_summed_and_held_against_the_one_before() {
    let app = TestApp::at("2026-01-15T12:00:00Z").await;
    let alice = app.user("alice").await;
    for (kind, amount, date) in [
        ("INCOME", "42000", "2026-01-01"),
        ("INCOME", "0.10", "2026-01-31"),
        ("EXPENSE", "0.20", "2026-01-15"),
        ("EXPENSE", "1000.55", "2026-01-20"),
        ("INCOME", "30000", "2025-12-01"),
        ("EXPENSE", "3000", "2025-12-31"),
        ("EXPENSE", "77777", "2025-11-30"),
        ("INCOME", "88888", "2026-02-01"),
    ] {
        add(&alice, kind, amount, date, "THB").await;
    }
    let expected = json!({
        "totalIncome": 42000.1, "totalExpense": 1000.75, "balance": 40999.35, "transactionCount": 4,
        "previousMonthIncome": 30000, "previousMonthExpense": 3000,
        "incomeChange": 12000.1, "incomeChangePercent": 40, "expenseChange": -1999.25, "expenseChangePercent": -66.64,
        "currency": "THB", "otherCurrencies": []
    });
    assert_eq!(dashboard(&alice).await, expected);
}

#[tokio::test]
async fn the_month_is_the_one_where_the_user_is() {
    // 1 March in Bangkok, still February in London.
    let app = TestApp::at("2026-02-28T17:00:00Z").await;
    let alice = app.user("alice").await;
    add(&alice, "EXPENSE", "5", "2026-03-01", "THB").await;
    add(&alice, "EXPENSE", "7", "2026-02-28", "THB").await;
    let sums = dashboard(&alice).await;
    assert_eq!((&sums["totalExpense"], &sums["previousMonthExpense"]), (&json!(5), &json!(7)));
}

#[tokio::test]
async fn sums_beyond_32_bits_are_exact() {
    let app = TestApp::at("2026-01-15T12:00:00Z").await;
    let alice = app.user("alice").await;
    for _ in 0..3 {
        add(&alice, "INCOME", "999999999999.99", "2026-01-02", "THB").await;
    }
    add(&alice, "EXPENSE", "0.01", "2026-01-02", "THB").await;
    let answer = alice.get("/api/transactions/dashboard").await;
    assert!(answer.text.contains(r#""totalIncome":2999999999999.97,"#), "{}", answer.text);
    assert!(answer.text.contains(r#""balance":2999999999999.96,"#), "{}", answer.text);
}

#[tokio::test]
async fn money_of_two_kinds_is_not_added_up() {
    let app = TestApp::at("2026-01-15T12:00:00Z").await;
    let alice = app.user("alice").await;
    add(&alice, "EXPENSE", "100", "2026-01-02", "THB").await;
    add(&alice, "EXPENSE", "3000", "2026-01-03", "JPY").await;
    add(&alice, "INCOME", "500", "2026-01-04", "JPY").await;
    add(&alice, "INCOME", "9", "2025-12-04", "USD").await;
    let sums = dashboard(&alice).await;
    assert_eq!((&sums["totalExpense"], &sums["transactionCount"]), (&json!(100), &json!(1)));
    let yen =
        json!([{"currency": "JPY", "totalIncome": 500, "totalExpense": 3000, "balance": -2500, "transactionCount": 2}]);
    assert_eq!(sums["otherCurrencies"], yen);
}
