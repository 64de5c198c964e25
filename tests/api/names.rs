//! Names of categories, payees and tags: which are the same, which are refused, and in which order they are listed.

use reqwest::Method;
use serde_json::{Value, json};

use super::lists::escaped;
use crate::support::app::TestApp;
use crate::support::client::Client;

const PATH: &str = "/api/transactions";

/// Spellings of one name.
const CAFES: &[&str] = &[
    "Café",
    "Cafe\u{301}",
    "Café\u{200b}",
    "\u{feff}Café",
    "Ca\u{ad}fé",
    "\u{202e}Café\u{202c}",
    "C\u{200d}afé",
    "café",
    "CAFÉ",
    "ｃａｆé",
    " Café\u{a0}",
];

async fn listed(client: &Client, many: &str) -> Vec<String> {
    let rows = client.get(&format!("/api/{many}")).await.expect(200);
    rows.as_array().expect("rows").iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn spellings_of_one_name_are_one_payee_tag_and_category() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut ids = Vec::new();
    for name in CAFES {
        let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "category": name, "payee": name, "tags": [name, "CAFé"]});
        let row = alice.post(PATH, body).await.expect(201);
        assert_eq!((&row["category"], &row["payee"], &row["tags"]), (&json!("Café"), &json!("Café"), &json!(["Café"])));
        ids.push(row["id"].clone());
    }
    for many in ["payees", "tags"] {
        assert_eq!(listed(&alice, many).await, ["Café"]);
    }
    for name in CAFES {
        for (field, many) in [("category", "categories"), ("payee", "payees"), ("tag", "tags")] {
            let found = alice.get(&format!("{PATH}?{field}={}", escaped(name))).await.expect(200);
            assert_eq!(found.as_array().map(Vec::len), Some(CAFES.len()), "{field} {name:?}");
            let code = if field == "category" {
                "CATEGORY_ALREADY_EXISTS".to_owned()
            } else {
                format!("{}_ALREADY_EXISTS", field.to_uppercase())
            };
            let mut body = json!({"name": name});
            if field == "category" {
                body["kind"] = json!("EXPENSE");
            }
            let refused = alice.post(&format!("/api/{many}"), body).await;
            assert_eq!((refused.status.as_u16(), &refused.json()["error"]["code"]), (409, &json!(code)), "{name:?}");
        }
        // What is so already is no change.
        let one = format!("{PATH}/{}", ids[0]);
        let same = alice.put(&one, json!({"category": name, "payee": name, "tags": [name]})).await;
        same.expect(200);
        assert!(same.json()["meta"]["operationId"].is_null(), "{name:?}: {}", same.text);
        let dry = json!({"ids": ids, "set": {"tags": [name, "CAFE\u{301}"], "payee": name, "category": name}, "dryRun": true});
        let counted = alice.send(alice.request(Method::PATCH, PATH).json(&dry)).await.expect(200);
        assert_eq!(counted["changed"], 0, "{name:?}");
    }
    // Other accents are another name, and the same name may be written anew.
    alice.post("/api/tags", json!({"name": "Cafe"})).await.expect(201);
    let tag = alice.get("/api/tags").await.expect(200)[1]["id"].clone();
    let renamed = alice.patch(&format!("/api/tags/{tag}"), json!({"name": "CAFÉ"})).await.expect(200);
    assert_eq!(renamed["name"], "CAFÉ");
    alice.patch(&format!("/api/tags/{tag}"), json!({"name": "ｃａｆｅ"})).await.expect_status(409);
}

#[tokio::test]
async fn names_are_kept_without_what_is_not_seen_and_refused_if_nothing_is() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (written, kept) in [
        ("Big\u{a0}C  \u{3000}Extra", "Big C Extra"),
        ("B\u{200b}a\u{2060}r\u{202e}", "Bar"),
        ("e\u{301}te\u{301}", "été"),
        ("👩‍💻 ❤️", "👩‍💻 ❤️"),
        ("می‌خواهم", "می‌خواهم"),
        ("tab\tand\nline", "tab and line"),
    ] {
        for (path, body) in
            [("/api/tags", json!({})), ("/api/payees", json!({})), ("/api/categories", json!({"kind": "INCOME"}))]
        {
            let mut body = body;
            body["name"] = json!(written);
            let made = alice.post(path, body).await.expect(201);
            assert_eq!(made["name"], kept, "{path}");
        }
    }
    for nothing in ["\u{200b}", "\u{feff}\u{200d} \u{ad}", "\u{3164}", "\u{2800}", "\u{e0041}", "\u{202e}\u{202c}"] {
        alice.post("/api/tags", json!({"name": nothing})).await.invalid(&["name should not be empty"]);
        alice.post("/api/payees", json!({"name": nothing})).await.invalid(&["name should not be empty"]);
        let category = json!({"name": nothing, "kind": "EXPENSE"});
        alice.post("/api/categories", category).await.invalid(&["name should not be empty"]);
        let body = json!({"title": nothing, "amount": 1, "type": "EXPENSE", "category": nothing, "payee": nothing, "tags": [nothing]});
        alice.post(PATH, body).await.invalid(&[
            "title should not be empty",
            "category should not be empty",
            "payee should not be empty",
            "tags each value should not be empty",
        ]);
    }
    assert_eq!(listed(&alice, "tags").await.len(), 6);
}

#[tokio::test]
async fn what_grows_beyond_its_bound_is_refused_and_long_names_are_told_apart() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    // Composed, each is two.
    let grows = "\u{fb2c}".repeat(60);
    let problem = "name must be shorter than or equal to 100 characters";
    alice.post("/api/tags", json!({"name": grows})).await.invalid(&[problem]);
    alice.post("/api/categories", json!({"name": grows, "kind": "EXPENSE"})).await.invalid(&[problem]);
    let problem = "name must be shorter than or equal to 200 characters";
    alice.post("/api/payees", json!({"name": "\u{fb2c}".repeat(120)})).await.invalid(&[problem]);
    let email = format!("{}@{}com", "İ".repeat(32), format!("{}.", "İ".repeat(31)).repeat(6));
    let register = json!({"email": email, "password": "pass123"});
    app.anon.post("/api/auth/register", register).await.invalid(&["email must be an email"]);
    // As keys these have 18 times as many letters, and each of those three bytes.
    let long = "\u{fdfa}".repeat(199);
    for last in ["a", "b"] {
        alice.post("/api/payees", json!({"name": format!("{long}{last}")})).await.expect(201);
    }
    alice.post("/api/payees", json!({"name": format!("{long}A")})).await.expect_status(409);
    for title in ["\u{fdfa}".repeat(500), "İ".repeat(500)] {
        let body = json!({"title": title, "note": "\u{fdfa}".repeat(5000), "amount": 1, "type": "EXPENSE"});
        alice.post(PATH, body).await.expect(201);
    }
}

#[tokio::test]
async fn addresses_that_look_the_same_are_one_account() {
    let app = TestApp::start().await;
    let register =
        async |email: &str| app.anon.post("/api/auth/register", json!({"email": email, "password": "pass123"})).await;
    register("réné@example.com").await.expect(201);
    register("Re\u{301}ne\u{301}@example.com").await.expect_status(409);
    let login = json!({"email": "Re\u{301}né@Example.com", "password": "pass123"});
    app.anon.post("/api/auth/login", login).await.expect(200);
    for unseen in ["\u{200b}", "\u{ad}", "\u{2060}", "\u{feff}", "\u{202e}", "\u{3164}"] {
        register(&format!("r{unseen}@example.com")).await.invalid(&["email must be an email"]);
        register(&format!("r@ex{unseen}ample.com")).await.invalid(&["email must be an email"]);
    }
}

#[tokio::test]
async fn lists_by_name_are_in_the_order_of_a_dictionary() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let sorted =
        ["apple", "Banana", "Édith", "edits", "Zoo", "zoo 2", "กาแฟ", "เกม", "ข้าว", "แครอท", "โต๊ะ", "ไทย", "ฮ้อ"];
    let mut mixed: Vec<&str> = sorted.to_vec();
    mixed.reverse();
    mixed.rotate_left(5);
    for many in ["tags", "payees", "categories"] {
        for name in &mixed {
            // Beside the default categories, which have other positions.
            let body = if many == "categories" {
                json!({"name": name, "kind": "INCOME", "position": 99})
            } else {
                json!({"name": name})
            };
            alice.post(&format!("/api/{many}"), body).await.expect(201);
        }
        let filter = if many == "categories" { "kind=INCOME&" } else { "" };
        let named = |rows: &Value| -> Vec<String> {
            let rows = rows.as_array().expect("rows").iter();
            let rows = rows.filter(|row| row["position"].is_null() || row["position"] == 99);
            rows.map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
        };
        let whole = alice.get(&format!("/api/{many}?{filter}")).await.expect(200);
        assert_eq!(named(&whole), sorted, "{many}");
        // Forth and back, page by page.
        let (mut forth, mut cursor) = (Vec::new(), String::new());
        let last = loop {
            let page = alice.get(&format!("/api/{many}?{filter}limit=3{cursor}")).await;
            forth.extend(named(&page.expect(200)));
            let meta = page.json()["meta"]["page"].clone();
            match meta["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break meta["prevCursor"].clone(),
            }
        };
        assert_eq!(forth, sorted, "{many}");
        let before =
            alice.get(&format!("/api/{many}?{filter}limit=3&cursor={}", last.as_str().expect("a cursor"))).await;
        let before = named(&before.expect(200));
        let place = forth.iter().position(|name| *name == before[0]).expect("one of them");
        assert_eq!(before, forth[place..place + 3]);
    }
    // Those of a transaction are few, and in the order of their code points: a dictionary's would cost a list a third of its time.
    let mut by_code = mixed.clone();
    by_code.sort_unstable();
    let body = json!({"title": "x", "amount": 1, "type": "EXPENSE", "tags": mixed});
    assert_eq!(alice.post(PATH, body).await.expect(201)["tags"], json!(by_code));
}

#[tokio::test]
async fn a_list_by_name_is_read_from_an_index() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let mut connection = app.connection().await;
    for table in ["tags", "payees"] {
        let search = if table == "payees" { ("", ", search", ", ''") } else { ("", "", "") };
        let fill = format!(
            "insert into {table} (user_id, name{}) select 1, 'name ' || n{} from generate_series(1, 3000) n",
            search.1, search.2
        );
        let explain = format!(
            "explain select * from {table} where user_id = 1 and (name collate \"und-x-icu\", id) > ('name 2', 5)
             order by name collate \"und-x-icu\", id limit 20"
        );
        for sql in [fill, format!("analyze {table}")] {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.expect("done");
        }
        let plan: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(explain)).fetch_all(&mut connection).await.expect("a plan");
        let plan = plan.join("\n");
        assert!(plan.contains(&format!("{table}_by_name")) && !plan.contains("Sort"), "{plan}");
    }
}

#[tokio::test]
async fn the_database_and_the_program_agree_on_the_key_of_a_name() {
    const RANGES: &[(u32, u32)] = &[
        (0x1, 0x52f),
        (0x531, 0x58f),
        (0x5d0, 0x6ff),
        (0x900, 0x97f),
        (0xe01, 0xe5b),
        (0xe81, 0xedf),
        (0x1000, 0x10ff),
        (0x1100, 0x11ff),
        (0x1780, 0x17ff),
        (0x1e00, 0x206f),
        (0x20a0, 0x20bf),
        (0x2100, 0x218b),
        (0x2460, 0x24ff),
        (0x2c60, 0x2c7f),
        (0x2800, 0x2810),
        (0x3000, 0x33ff),
        (0xac00, 0xac80),
        (0xf900, 0xfaff),
        (0xfb00, 0xfdff),
        (0xfe00, 0xfffd),
        (0x10400, 0x1044f),
        (0x1d400, 0x1d7ff),
        (0x1f300, 0x1f6ff),
        (0xe0000, 0xe01ef),
    ];
    let mut names: Vec<String> = CAFES.iter().map(|name| (*name).to_owned()).collect();
    names.extend(
        ["Food & Dining", "STRASSE", "straße", "ΟΔΟΣ Σ", "ΑΣ\u{301}Β", "İstanbul", "ﬁnance", "👩‍💻", "น้ำ"]
            .map(str::to_owned),
    );
    names.extend([String::new(), " \u{200b} ".to_owned()]);
    // These were not letters to Unicode until lately, and are not yet to every PostgreSQL.
    let lately = ['\u{558}', '\u{58b}', '\u{58c}', '\u{1d6a6}'];
    let characters = RANGES.iter().flat_map(|(first, last)| *first..=*last).filter_map(char::from_u32);
    for character in characters.filter(|character| !lately.contains(character)) {
        names.push(format!("a{character} B"));
        names.push(format!("{character}\u{301}{character}\u{200b}\u{323}"));
        names.push(format!("Σ{character}Σ"));
    }
    let app = TestApp::start().await;
    let mut connection = app.connection().await;
    let keys: Vec<String> = sqlx::query_scalar(
        "select name_key(n.name) from unnest($1::text[]) with ordinality as n (name, place) order by n.place",
    )
    .bind(&names)
    .fetch_all(&mut connection)
    .await
    .expect("keys");
    assert_eq!(keys.len(), names.len());
    let differing: Vec<_> = names
        .iter()
        .zip(&keys)
        .map(|(name, key)| (name, app::domain::name::key(name), key))
        .filter(|(_, own, key)| own != *key)
        .collect();
    assert!(
        differing.is_empty(),
        "{} of {}: {:?}",
        differing.len(),
        names.len(),
        &differing[..differing.len().min(20)]
    );
}
