//! Rows that the original's API never accepted, and clashing addresses.

use serde_json::{Value, json};

use super::TakeOverBench;

/// The ids refused for a reason, and their number.
#[track_caller]
fn refused(document: &Value, code: &str) -> (i64, Vec<i64>) {
    let refusals = document["refusals"].as_array().expect("refusals");
    let refusal =
        refusals.iter().find(|refusal| refusal["code"] == code).unwrap_or_else(|| panic!("{code}: {document}"));
    let ids = refusal["rows"].as_array().expect("rows").iter().map(|row| row["id"].as_i64().expect("an id")).collect();
    (refusal["count"].as_i64().expect("a number"), ids)
}

const HERE: [&str; 5] = ["--from", "here", "--amounts", "baht", "--yes"];

#[tokio::test(flavor = "multi_thread")]
async fn two_addresses_that_are_one_here_are_refused_until_a_file_decides() {
    let bench = TakeOverBench::beside(1000).await;
    bench
        .execute(
            r#"
            update "User" set email = 'Test@Example.com' where id = 1;
            update "User" set email = 'test@example.com' where id = 2;
            delete from "Transaction" where "userId" = 2 and id > 500"#,
        )
        .await;
    let told = bench.json(&HERE, 10).await;
    assert_eq!(refused(&told, "twin_addresses"), (2, vec![1, 2]));
    let more = told["refusals"][0]["rows"][1]["more"].as_str().expect("what there is to decide by");
    assert!(more.contains("test@example.com, 10 transactions, last day 2026-"), "{more}");
    bench.untouched().await;
    bench.run(&HERE).await.expect(10, &["1 (Test@Example.com, ", "2 (test@example.com, ", "--emails"]);
    let file = bench.folder.path().join("emails.csv");
    let with = [&HERE[..], &["--emails", file.to_str().expect("a path")]].concat();
    for (text, problem) in [
        ("1,a@x", "line 1: the address is not valid"),
        ("# twins\n1;a@x.co", "line 2: there is no comma"),
        ("77,a@x.co", "the original has no such user"),
    ] {
        std::fs::write(&file, text).expect("written");
        bench.run(&with).await.expect(2, &[problem, "nothing was changed"]);
    }
    // An address that another user has.
    std::fs::write(&file, "1,USER3@example.com\n").expect("written");
    assert_eq!(refused(&bench.json(&with, 10).await, "twin_addresses"), (2, vec![1, 3]));
    std::fs::write(&file, "1,a@x.co\n").expect("written");
    bench.run(&with).await.expect(0, &["50 users and 980 transactions", "users with another address, 1: 1 a@x.co"]);
    assert_eq!(
        bench.text("select string_agg(email, ' ' order by id) from users where id < 3").await,
        "a@x.co test@example.com"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_row_that_cannot_be_taken_is_listed_and_what_can_be_said_of_it_is_done() {
    let bench = TakeOverBench::beside(1000).await;
    bench
        .execute(
            r#"
            update "Transaction" set amount = 0 where id between 1 and 30;
            update "Transaction" set amount = -50 where id in (40, 41);
            update "Transaction" set amount = -2147483648 where id = 50;
            update "Transaction" set title = repeat('ก', 499) || ' end' where id = 60;
            update "Transaction" set "titleEn" = repeat('e', 501) where id = 61;
            update "Transaction" set category = repeat('c', 101) where id = 62;
            update "Transaction" set title = repeat('t', 5001) where id = 63;
            update "User" set name = repeat('n', 201) where id = 5;
            update "User" set email = 'nobody' where id = 6"#,
        )
        .await;
    let told = bench.json(&HERE, 10).await;
    assert_eq!(refused(&told, "zero"), (30, (1..=20).collect()));
    assert_eq!(refused(&told, "negative"), (3, vec![40, 41, 50]));
    assert_eq!(refused(&told, "long_title"), (3, vec![60, 61, 63]));
    assert_eq!(refused(&told, "long_category"), (1, vec![62]));
    assert_eq!(refused(&told, "long_name"), (1, vec![5]));
    assert_eq!(refused(&told, "no_address"), (1, vec![6]));
    bench.run(&HERE).await.expect(10, &["and 10 more", "--zero skip", "--negative flip", "--long cut", "--emails"]);
    let file = bench.folder.path().join("emails");
    std::fs::write(&file, "6,six@example.com").expect("written");
    let options = ["--zero", "skip", "--negative", "flip", "--long", "cut", "--emails", file.to_str().expect("a path")];
    let all = [&HERE[..], &options].concat();
    assert_eq!(refused(&bench.json(&all, 10).await, "too_long_for_a_note"), (1, vec![63]));
    bench.untouched().await;
    bench.execute(r#"update "Transaction" set title = 'short' where id = 63"#).await;
    // A single option is not enough.
    for (index, code) in [(0, "zero"), (2, "negative"), (4, "long_title"), (6, "no_address")] {
        let mut some = options.to_vec();
        some.drain(index..index + 2);
        refused(&bench.json(&[&HERE[..], &some].concat(), 10).await, code);
    }
    let told = bench.json(&all, 0).await;
    let proof = &told["proof"];
    assert_eq!((&told["transactions"], &proof["skipped"]["count"]), (&json!(960), &json!(30)));
    assert_eq!(proof["flipped"], json!({"count": 3, "first": ["40", "41", "50"]}));
    assert_eq!(proof["cut"], json!({"count": 3, "first": ["60", "61", "62"]}));
    let row = async |id: i32, what: &str| bench.text(&format!("select {what} from transactions where id = {id}")).await;
    assert_eq!(row(40, "type || ' ' || amount").await, "EXPENSE 50.0000", "it was an income");
    assert_eq!(row(41, "type || ' ' || amount").await, "INCOME 50.0000", "it was an expense");
    assert_eq!(row(50, "amount::text").await, "2147483648.0000");
    assert_eq!(row(60, "title").await, "ก".repeat(499));
    assert_eq!(row(60, "note").await, format!("{} end", "ก".repeat(499)));
    assert_eq!(row(61, "length(title_en) || ' ' || note").await, format!("500 {}", "e".repeat(501)));
    assert_eq!(row(62, "note").await, "c".repeat(101));
    assert_eq!(bench.count("select count(*) from categories where name = repeat('c', 100)").await, 1);
    assert_eq!(bench.count("select char_length(name) from users where id = 5").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_nothing_can_be_said_of_are_refused() {
    let bench = TakeOverBench::beside(1000).await;
    bench
        .execute(
            r#"
            alter table "Transaction" drop constraint "Transaction_userId_fkey";
            update "Transaction" set "userId" = 99 where id = 7;
            update "Transaction" set date = 'infinity' where id = 8;
            update "Transaction" set date = '-infinity' where id = 9;
            update "Transaction" set date = '20260-01-01' where id = 10;
            update "User" set "createdAt" = 'infinity' where id = 11;
            update "User" set password = '$2b$31$' || repeat('x', 53) where id = 12;
            update "User" set password = '$argon2id$v=19$m=4194304,t=1000,p=1$x$x' where id = 13"#,
        )
        .await;
    let told = bench.json(&HERE, 10).await;
    assert_eq!(refused(&told, "no_user"), (1, vec![7]));
    assert_eq!(refused(&told, "day_out_of_range"), (3, vec![8, 9, 10]));
    assert_eq!(refused(&told, "instant_out_of_range"), (1, vec![11]));
    assert_eq!(refused(&told, "costly_hash"), (2, vec![12, 13]));
    bench.untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_taken_over_up_to_the_end_of_the_year_9999() {
    let bench = TakeOverBench::beside(1000).await;
    bench
        .execute(
            r#"
            update "User" set "createdAt" = '9999-12-31 23:59:59.999', "updatedAt" = '9999-12-31' where id = 3;
            update "Transaction" set date = '9999-12-31' where id = 1;
            update "Transaction" set date = '9999-12-31 16:59:59.999' where id = 2;
            update "Transaction" set date = '0001-01-01' where id = 3;
            update "Transaction" set date = '9999-12-31 17:00' where id = 4;
            update "Transaction" set date = '0001-12-31 20:00 BC' where id = 5;
            update "User" set "createdAt" = '10000-01-01' where id = 4"#,
        )
        .await;
    // In Bangkok it is the next day at 17:00.
    let told = bench.json(&HERE, 10).await;
    assert_eq!(refused(&told, "day_out_of_range"), (1, vec![4]));
    assert_eq!(refused(&told, "instant_out_of_range"), (1, vec![4]));
    let told = bench.json(&[&HERE[..], &["--days", "utc"]].concat(), 10).await;
    assert_eq!(refused(&told, "day_out_of_range"), (1, vec![5]));
    bench.untouched().await;
    bench
        .execute(r#"update "User" set "createdAt" = now() where id = 4; delete from "Transaction" where id = 4"#)
        .await;
    bench.run(&HERE).await.expect(0, &["last 9999-12-31", "The proof holds"]);
    let days = "select string_agg(date::text, ' ' order by id) from transactions where id in (1, 2, 3, 5)";
    assert_eq!(bench.text(days).await, "9999-12-31 9999-12-31 0001-01-01 0001-01-01");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_blank_gets_a_name_and_spellings_of_one_category_fall_together() {
    let bench = TakeOverBench::beside(1000).await;
    bench
        .execute(
            r#"
            update "Transaction" set title = '  ', category = 'Cafe' where id = 1;
            update "Transaction" set title = E'\u200b', "titleEn" = 'Rice', category = ' ' where id = 2;
            update "Transaction" set title = E'\u3000 a\tb\\c\nd \u00a0' where id = 3;
            update "Transaction" set category = E'cafe\u0301' where id = 10 or id = 60;
            update "Transaction" set category = E' CAF\u00c9' where id = 110;
            update "Transaction" set category = 'FOOD & dining', type = 'EXPENSE' where "userId" = 20 and category = 'Food & Dining';
            update "User" set name = '  ', password = 'not a hash' where id = 3"#,
        )
        .await;
    let told = bench.json(&HERE, 0).await;
    let row = async |id: i32, what: &str| {
        bench
            .text(&format!(
                "select {what} from transactions t join categories c on c.user_id = t.user_id and c.id = t.category_id where t.id = {id}"
            ))
            .await
    };
    assert_eq!(row(1, "t.title || ' ' || c.name || ' ' || t.category_source").await, "Cafe Cafe USER");
    assert_eq!(row(2, "t.title || ' ' || c.name || ' ' || t.category_source").await, "Rice Other DEFAULT");
    assert_eq!(row(3, "t.title").await, "a\tb\\c\nd");
    assert_eq!(told["proof"]["renamed"], 2);
    for id in [10, 60, 110] {
        assert_eq!(row(id, "c.name").await, "café", "the one that was written most often");
    }
    let spellings = &told["proof"]["spellings"];
    assert_eq!(spellings, &json!({"count": 1, "first": ["user 11, INCOME: café (2), CAFÉ (1) -> café"]}));
    // The default category gets the spelling of the user, and stays the default category.
    let own = "
        select c.name || ' ' || c.icon from default_categories d join categories c on c.user_id = d.user_id and c.id = d.category_id
        where d.user_id = 20 and d.origin = 'Food & Dining'";
    assert_eq!(bench.text(own).await, "FOOD & dining 🍽️");
    assert_eq!(told["proof"]["cannot_sign_in"], json!({"count": 1, "first": ["3"]}));
    assert_eq!(
        bench.count("select count(*) from users where id = 3 and name is null and password_hash = 'not a hash'").await,
        1
    );
}
