//! Undoing a take-over.

use serde_json::{Value, json};

use super::TakeOverBench;

const HERE: [&str; 5] = ["--from", "here", "--amounts", "baht", "--yes"];

#[tokio::test(flavor = "multi_thread")]
async fn it_is_as_before_after_going_back_and_what_was_entered_since_is_kept() {
    let bench = TakeOverBench::beside(1000).await;
    let originals = r#"select string_agg(t::text, E'\n' order by id) from public."Transaction" t"#;
    let before = bench.text(originals).await;
    // A row that was left out does not count as deleted since.
    bench.execute(r#"update "Transaction" set amount = 0 where id = 1"#).await;
    let here = [&HERE[..], &["--zero", "skip"]].concat();
    bench.run(&here).await.expect(0, &["`app db take-over --undo` goes back"]);
    let told = bench.json(&["--undo", "--dry-run"], 0).await;
    assert_eq!(told["since"], json!({"users": 0, "entered": 0, "changed": 0, "deleted": 0, "others": 0}));
    bench.run(&["--undo"]).await.expect(2, &["--yes"]);
    let undone = bench.json(&["--undo", "--yes"], 0).await;
    assert_eq!((&undone["users"], &undone["moved"], &undone["kept"]), (&json!(50), &json!(true), &Value::Null));
    bench.execute(r#"update "Transaction" set amount = 1 + 7919 where id = 1"#).await;
    assert_eq!(bench.text(originals).await, before);
    bench.untouched().await;
    assert_eq!(bench.count("select count(*) from pg_namespace where nspname = 'original'").await, 0);
    // The old service continues where it was.
    bench.execute(r#"insert into "User" (email, password, "updatedAt") values ('x', 'x', now())"#).await;
    assert_eq!(bench.count(r#"select id from "User" where email = 'x'"#).await, 51);
    bench.execute(r#"delete from "User" where email = 'x'"#).await;
    bench.run(&["--undo", "--yes"]).await.expect(0, &["0 users"]);

    bench.run(&HERE).await.expect(0, &[]);
    bench
        .execute(
            "
            insert into users (email, password_hash) values ('new@example.com', 'secret hash');
            insert into transactions (user_id, title, amount, currency, type, category_id, date)
            select user_id, 'since', 60.5, 'THB', kind, id, '2026-06-01' from categories where user_id = 1 limit 1;
            update transactions set title = 'changed', updated_at = now() where id = 5;
            delete from transactions where id in (6, 7);
            insert into tags (user_id, name) values (1, 'lunch');
            update categories set name = 'Eating', updated_at = now() where user_id = 2 and name = 'Food & Dining'",
        )
        .await;
    let told = bench.json(&["--undo", "--dry-run"], 0).await;
    assert_eq!(told["since"], json!({"users": 1, "entered": 1, "changed": 1, "deleted": 2, "others": 2}));
    let file = bench.folder.path().join("since.jsonl");
    std::fs::write(&file, "mine").expect("written");
    let undo = ["--undo", "--yes", "--keep", file.to_str().expect("a path")];
    bench.run(&undo).await.expect(1, &["cannot be written", "nothing was changed"]);
    assert_eq!(std::fs::read_to_string(&file).expect("text"), "mine");
    assert_eq!(bench.count("select count(*) from users").await, 51);
    std::fs::remove_file(&file).expect("removed");
    bench.run(&undo).await.expect(0, &["1 transaction was entered, 1 was changed, 2 were deleted, 2 categories, tags and payees were created or changed; it was written to"]);
    let text = std::fs::read_to_string(&file).expect("text");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 7, "{text}");
    assert!(!text.contains("secret hash"), "{text}");
    assert_eq!((&lines[0]["what"], &lines[0]["email"]), (&json!("user"), &json!("new@example.com")));
    assert_eq!(
        (&lines[1]["state"], &lines[1]["id"], &lines[1]["title"]),
        (&json!("changed"), &json!(5), &json!("changed"))
    );
    assert_eq!(
        (&lines[2]["state"], &lines[2]["amount"], &lines[2]["date"]),
        (&json!("entered"), &json!("60.5"), &json!("2026-06-01"))
    );
    assert_eq!((&lines[3]["state"], &lines[4]["id"]), (&json!("deleted"), &json!(7)));
    assert_eq!((&lines[5]["what"], &lines[5]["name"]), (&json!("category"), &json!("Eating")));
    assert_eq!((&lines[6]["what"], &lines[6]["state"]), (&json!("tag"), &json!("entered")));
    bench.untouched().await;
    bench.run(&HERE).await.expect(0, &["50 users and 990 transactions"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_were_left_in_their_place_stay_there() {
    let bench = TakeOverBench::beside(1000).await;
    bench.run(&[&HERE[..], &["--keep-in-place"]].concat()).await.expect(0, &["stop the old service"]);
    assert_eq!(bench.count(r#"select count(*) from public."User""#).await, 50);
    let undone = bench.json(&["--undo", "--yes"], 0).await;
    assert_eq!((&undone["users"], &undone["moved"]), (&json!(50), &json!(false)));
    bench.untouched().await;
    assert_eq!(bench.count(r#"select count(*) from public."Transaction""#).await, 990);
    // Everything entered since is written to another program.
    bench.run(&HERE).await.expect(0, &[]);
    bench.execute("delete from transactions where id = 9").await;
    let undone = bench.run(&["--undo", "--yes", "--keep", "-"]).await.expect(0, &["1 was deleted"]);
    let line: Value = serde_json::from_str(&undone.stdout).expect("one line of JSON, and nothing else");
    assert_eq!((&line["state"], &line["id"]), (&json!("deleted"), &json!(9)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_service_that_has_gone_on_in_its_place_does_not_keep_from_going_back() {
    let bench = TakeOverBench::beside(1000).await;
    bench.run(&[&HERE[..], &["--keep-in-place"]].concat()).await.expect(0, &[]);
    // Both services give the same ids.
    bench
        .execute(
            r#"
            insert into "User" (email, password, "updatedAt")
            select 'old' || n || '@example.com', 'x', now() from generate_series(1, 2) n;
            insert into "Transaction" (title, amount, type, category, "userId")
            select 'old', 5, 'EXPENSE', 'Food', 51 from generate_series(1, 3);
            insert into users (email, password_hash) values ('new@example.com', 'x');
            insert into transactions (user_id, title, amount, currency, type, category_id, date)
            select user_id, 'since', 60.5, 'THB', kind, id, '2026-06-01' from categories where user_id = 1 limit 1;
            delete from transactions where id = 7"#,
        )
        .await;
    let same = r#"select count(*) from users u join "User" o on o.id = u.id where u.id > 50"#;
    assert_eq!(bench.count(same).await, 1);
    let told = bench.json(&["--undo", "--dry-run"], 0).await;
    assert_eq!(told["since"], json!({"users": 1, "entered": 1, "changed": 0, "deleted": 1, "others": 0}));
    let kept = bench.run(&["--undo", "--yes", "--keep", "-"]).await.expect(0, &[]).stdout;
    let lines: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let said: Vec<(&Value, &Value)> = lines.iter().map(|line| (&line["state"], &line["id"])).collect();
    assert_eq!(
        said,
        [(&json!("entered"), &json!(51)), (&json!("entered"), &lines[1]["id"]), (&json!("deleted"), &json!(7))],
        "{kept}"
    );
    assert_eq!(lines[1]["title"], "since");
    bench.untouched().await;
    assert_eq!(bench.count(r#"select count(*) from "User""#).await, 52);
    assert_eq!(bench.count(r#"select count(*) from "Transaction""#).await, 993);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_come_from_here_is_not_taken_away() {
    let (there, bench) = (TakeOverBench::original(1000).await, TakeOverBench::empty().await);
    bench.run(&["--from", &there.url, "--amounts", "baht", "--yes"]).await.expect(0, &[]);
    let told = bench.run(&["--undo", "--yes"]).await;
    told.expect(2, &["neither in the schema original nor in", "point its clients there again"]);
    // Tables of some other service.
    bench.execute(&super::original(1000)).await;
    bench.execute(r#"update "User" set "createdAt" = now()"#).await;
    bench
        .run(&["--undo", "--yes"])
        .await
        .expect(2, &["50 users are missing here or registered separately", "did not come from there"]);
    assert_eq!(bench.count("select count(*) from users").await, 50);
    // A foreign table references the users.
    let bench = TakeOverBench::beside(1000).await;
    bench.run(&HERE).await.expect(0, &[]);
    bench.execute("create schema theirs; create table theirs.notes (user_id bigint references users)").await;
    bench.run(&["--undo", "--yes"]).await.expect(1, &["nothing was changed"]);
    assert_eq!(bench.count(r#"select count(*) from original."User""#).await, 50);
}
