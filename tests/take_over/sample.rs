//! The full sample: 50 users with 99,990 transactions.

use serde_json::{Value, json};

use super::{TakeOverBench, said};

/// The sums of a month by both rules for days.
fn month<'a>(document: &'a Value, month: &str, kind: &str) -> &'a Value {
    let months = document["proof"]["days"]["months"].as_array().expect("months");
    months.iter().find(|told| told["month"] == month && told["type"] == kind).expect("the month differs")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_sample_is_taken_over_here_in_baht() {
    let bench = TakeOverBench::beside(100_000).await;
    let told = bench.json(&["--from", "here", "--amounts", "baht", "--yes"], 0).await;
    assert_eq!(
        (&told["users"], &told["transactions"], &told["moved_to"]),
        (&json!(50), &json!(99_990), &json!("original"))
    );
    for (code, figures) in [
        ("users", "50 | 50"),
        ("transactions", "99,990 | 99,990"),
        ("income", "9,999 | 9,999"),
        ("income_sum", "449,919,999.00 | 449,919,999.00"),
        ("expense", "89,991 | 89,991"),
        ("expense_sum", "4,049,366,346.00 | 4,049,366,346.00"),
        ("months", "505 | 0 differing"),
        ("hashes", "50 | 0 differing"),
        ("addresses", "50 | 0 differing"),
        ("ids", "99,990 | 0 differing"),
        ("titles", "99,990 | 0 differing"),
        ("title_en_nulls", "66,660 | 66,660"),
        ("next_user_id", "51 | 51"),
        ("next_transaction_id", "100,001 | 100,001"),
    ] {
        assert_eq!(said(&told, code), figures, "{code}");
    }
    let days = &told["proof"]["days"];
    assert_eq!((&days["first"], &days["last"]), (&json!("2025-01-01"), &json!("2026-05-15")));
    assert_eq!((&days["other_day"], &days["other_month"]), (&json!(32_215), &json!(688)));
    assert_eq!(month(&told, "2025-02", "INCOME")["zone"], json!({"rows": 459, "sum": "20308089.00"}));
    assert_eq!(month(&told, "2025-02", "EXPENSE")["zone"], json!({"rows": 5141, "sum": "233490123.00"}));
    // Checks the proof with queries of its own.
    let february =
        "select count(*) from transactions where type = 'INCOME' and date_trunc('month', date) = '2025-02-01'";
    assert_eq!(bench.count(february).await, 459);
    assert_eq!(bench.text("select sum(amount)::text from transactions where type = 'INCOME'").await, "449919999.0000");
    bench.execute("insert into users (email, password_hash) values ('new@example.com', 'x')").await;
    assert_eq!(bench.count("select id from users where email = 'new@example.com'").await, 51);
    assert_eq!(bench.count("select last_value from transactions_id_seq").await, 100_001);
    assert_eq!(
        bench.count("select count(*) from operations").await + bench.count("select count(*) from changes").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_sample_is_taken_over_from_elsewhere_in_satang_on_the_old_dashboards_days() {
    let (source, bench) = (TakeOverBench::original(100_000).await, TakeOverBench::empty().await);
    let arguments = ["--from", &source.url, "--amounts", "satang", "--days", "utc", "--yes"];
    let told = bench.json(&arguments, 0).await;
    assert_eq!((&told["users"], &told["transactions"], &told["moved_to"]), (&json!(50), &json!(99_990), &Value::Null));
    assert_eq!(said(&told, "income_sum"), "4,499,199.99 | 4,499,199.99");
    assert_eq!(said(&told, "expense_sum"), "40,493,663.46 | 40,493,663.46");
    assert_eq!(said(&told, "next_transaction_id"), "100,001 | 100,001");
    let february = |kind: &str, what: &str| {
        format!("select {what} from transactions where type = '{kind}' and date_trunc('month', date) = '2025-02-01'")
    };
    assert_eq!(bench.count(&february("INCOME", "count(*)")).await, 400);
    assert_eq!(bench.count(&february("EXPENSE", "count(*)")).await, 5200);
    assert_eq!(bench.text(&february("INCOME", "(sum(amount) * 100)::bigint::text")).await, "17702400");
    assert_eq!(bench.text(&february("EXPENSE", "(sum(amount) * 100)::bigint::text")).await, "235858000");
    assert_eq!(source.count("select count(*) from \"Transaction\"").await, 99_990, "nothing is written there");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_unit_both_readings_are_told_and_nothing_is_done() {
    let bench = TakeOverBench::beside(1000).await;
    let told = bench.run(&["--from", "here"]).await;
    told.expect(2, &["As baht: middle expense ", "as satang: ", "Use --amounts baht (as the web client shows them)"]);
    bench.untouched().await;
    // An expense of 120 and an income of 42,000.
    bench.execute(r#"update "Transaction" set amount = case type when 'INCOME' then 42000 else 120 end"#).await;
    let words = "As baht: middle expense 120.00, middle income 42,000.00; as satang: 1.20 and 420.00.";
    bench.run(&["--from", "here"]).await.expect(2, &[words]);
    bench
        .run(&["--from", "here", "--amounts", "satang", "--currency", "JPY", "--yes"])
        .await
        .expect(2, &["no hundredths"]);
    bench.untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_proves_it_and_keeps_nothing() {
    let bench = TakeOverBench::beside(1000).await;
    let told = bench.json(&["--from", "here", "--amounts", "baht", "--dry-run"], 0).await;
    assert_eq!(
        (&told["dry_run"], &told["transactions"], &told["proof"]["holds"]),
        (&json!(true), &json!(990), &json!(true))
    );
    bench.untouched().await;
    assert_eq!(bench.count("select count(*) from public.\"Transaction\"").await, 990);
    // There is no terminal for the question.
    bench.run(&["--from", "here", "--amounts", "baht"]).await.expect(2, &["--yes"]);
    bench.untouched().await;
    bench.run(&["--from", "here", "--amounts", "baht", "--yes"]).await.expect(0, &["50 users and 990 transactions"]);
    bench.run(&["--from", "here", "--amounts", "baht", "--yes"]).await.expect(2, &["already has 50 users", "--undo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_three_ways_give_the_same_rows() {
    let (here, there) =
        (TakeOverBench::beside(super::rows(3000)).await, TakeOverBench::original(super::rows(3000)).await);
    let (url, plain, packed) =
        (TakeOverBench::empty().await, TakeOverBench::empty().await, TakeOverBench::empty().await);
    let (file, gz) = (plain.folder.path().join("dump.sql"), packed.folder.path().join("dump.sql.gz"));
    there.dump(&file, &[]).await;
    there.dump(&gz, &["--compress", "6"]).await;
    let file = file.to_str().expect("a path");
    let gz = gz.to_str().expect("a path");
    let proof = async |bench: &TakeOverBench, from: &str| {
        bench.json(&["--from", from, "--amounts", "baht", "--yes"], 0).await["proof"].clone()
    };
    let told = proof(&here, "here").await;
    let rows = here.rows().await;
    assert!(rows.len() > 300_000, "{}", rows.len());
    for (bench, from) in [(&url, there.url.as_str()), (&plain, file), (&packed, gz)] {
        assert_eq!(proof(bench, from).await, told, "{from}");
        assert!(bench.rows().await == rows, "{from} gives other rows");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn midnight_is_the_day_as_it_is_written_and_another_moment_the_day_where_the_users_are() {
    let bench = TakeOverBench::beside(1000).await;
    bench
        .execute(
            r#"
            update "Transaction" set date = '2026-03-01 00:00:00' where id = 1;
            update "Transaction" set date = '2026-03-01 00:00:00.001' where id = 2;
            update "Transaction" set date = '2026-03-01 16:59:59.999' where id = 3;
            update "Transaction" set date = '2026-03-01 17:00:00' where id = 4"#,
        )
        .await;
    for (options, days) in [
        (&[][..], ["2026-03-01", "2026-03-01", "2026-03-01", "2026-03-02"]),
        (&["--zone", "America/New_York"], ["2026-03-01", "2026-02-28", "2026-03-01", "2026-03-01"]),
        (&["--days", "utc"], ["2026-03-01"; 4]),
    ] {
        bench.run(&[&["--from", "here", "--amounts", "baht", "--yes"], options].concat()).await.expect(0, &[]);
        let found = bench.text("select string_agg(date::text, ' ' order by id) from transactions where id < 5").await;
        assert_eq!(found, days.join(" "), "{options:?}");
        let zone = bench.text("select time_zone from users where id = 1").await;
        assert_eq!(zone, if options.contains(&"--zone") { "America/New_York" } else { "Asia/Bangkok" });
        bench.run(&["--undo", "--yes"]).await.expect(0, &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_differs_in_the_end_is_found_and_everything_is_rolled_back() {
    let bench = TakeOverBench::beside(1000).await;
    for (table, tampering, code) in [
        ("transactions", "new.amount := new.amount + 0.01;", "amounts"),
        ("transactions", "new.amount := new.amount + case new.id when 1 then 1 when 51 then -1 else 0 end;", "amounts"),
        ("transactions", "new.title := new.title || '.';", "titles"),
        ("transactions", "new.title_en := null;", "title_en_nulls"),
        ("transactions", "new.date := new.date + 1;", "days"),
        ("transactions", "if new.id = 500 then return null; end if;", "ids"),
        (
            "transactions",
            "new.category_id := (select id from categories where user_id = new.user_id and kind = new.type order by id limit 1);",
            "categories",
        ),
        ("users", "new.password_hash := upper(new.password_hash);", "hashes"),
        ("users", "new.email := 'x' || new.email;", "addresses"),
        ("users", "new.name := null;", "names"),
        ("users", "new.created_at := now();", "instants"),
    ] {
        bench
            .execute(&format!(
                "
                create or replace function tamper() returns trigger language plpgsql as $$ begin {tampering} return new; end $$;
                create trigger tamper before insert on {table} for each row execute function tamper()"
            ))
            .await;
        let told = bench.json(&["--from", "here", "--amounts", "baht", "--yes"], 1).await;
        assert_eq!(told["error"]["code"], "not_proven", "{told}");
        let checks = told["proof"]["checks"].as_array().expect("checks");
        let failed = checks.iter().filter(|check| check["holds"] == false).map(|check| check["code"].as_str());
        let failed: Vec<&str> = failed.map(|code| code.expect("a word")).collect();
        assert!(failed.contains(&code), "{tampering} {failed:?}");
        bench.untouched().await;
        bench.execute(&format!("drop trigger tamper on {table}")).await;
    }
    let told = bench.run(&["--from", "here", "--amounts", "baht", "--yes"]).await;
    told.expect(0, &["50 users and 990 transactions were taken over"]);
}
