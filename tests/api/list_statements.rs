//! The statements that lists of transactions are read by: their texts, and how often they are parsed and planned.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::support::app::{ServerOptions, TestApp};
use crate::support::client::Client;
use crate::support::servers::Server;
use crate::support::wire::{Message, Side, Watcher, watched, watched_at};

const PATH: &str = "/api/transactions?limit=20";

/// The criteria of lists, with those that an order does not need left out: its own bounds.
const CRITERIA: [&str; 9] = [
    "",
    "startDate=2026-01-05&endDate=2026-01-20",
    "minAmount=5&maxAmount=90",
    "type=EXPENSE",
    "category=c1",
    "payee=p1",
    "currency=THB",
    "tag=a",
    "q=coffee",
];

/// A statement that was sent to be parsed.
#[derive(Debug, Clone)]
struct Parsed {
    text: String,
    has_name: bool,
    in_transaction: bool,
}

/// All that were sent.
type Statements = Arc<Mutex<Vec<Parsed>>>;

fn noting(noted: &Statements) -> Watcher {
    let noted = Arc::clone(noted);
    Arc::new(move |message: &Message<'_>| {
        if message.from != Side::Client || message.kind != b'P' {
            return;
        }
        let mut parts = message.body.split(|byte| *byte == 0);
        let (name, text) = (parts.next().expect("a name"), parts.next().expect("a text"));
        let text = String::from_utf8_lossy(text).into_owned();
        // Jobs ask for other things meanwhile.
        if !text.contains("from transaction") {
            return;
        }
        noted.lock().expect("statements").push(Parsed {
            text,
            has_name: !name.is_empty(),
            in_transaction: message.transaction != b'I',
        });
    })
}

async fn fill(client: &Client) {
    for number in 0..60 {
        let body = json!({
            "title": "coffee", "amount": number + 1, "type": if number % 9 == 0 { "INCOME" } else { "EXPENSE" },
            "category": format!("c{}", number % 2), "payee": format!("p{}", number % 2), "tags": ["a"],
            "date": format!("2026-01-{:02}", number % 28 + 1),
        });
        client.post("/api/transactions", body).await.expect(201);
    }
}

/// Lists a first page, and the one after it.
async fn two_pages(client: &Client, query: &str) {
    let first = client.get(&format!("{PATH}&{query}")).await;
    first.expect(200);
    let cursor = first.json()["meta"]["page"]["nextCursor"].as_str().map(str::to_owned);
    if let Some(cursor) = cursor {
        client.get(&format!("{PATH}&{query}&cursor={cursor}")).await.expect(200);
    }
}

/// Pages by one criterion or none are parsed and planned once for a connection. Others are planned for their values, and that in a
/// transaction, which a connection pooler does not take apart.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_by_one_criterion_is_parsed_and_planned_once() {
    let settings =
        ["shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track_planning=on", "autovacuum=off"];
    let database = Server::start(&settings).await;
    database.sql("create extension pg_stat_statements").await;
    let (noted, folder) = (Statements::default(), tempfile::tempdir().expect("a folder"));
    let beside = Some(watched_at(&database.socket(), &database.options, folder.path(), noting(&noted)));
    // One connection for requests.
    let environment = vec![("APP_DATABASE__MAX_CONNECTIONS", "3")];
    let app = TestApp::with(ServerOptions { environment, beside, ..ServerOptions::default() }).await;
    let alice = app.user("alice").await;
    fill(&alice).await;
    let planned = async || -> u64 {
        let sql = "select sum(plans) from pg_stat_statements where query like '%from transaction%' \
            and query not like '%pg_stat_statements%'";
        database.value(sql).await.parse().expect("a number")
    };
    let mut planned_anew = 0;
    for criteria in CRITERIA {
        for sort in ["date", "-date", "amount", "-amount"] {
            let query = format!("sort={sort}&{criteria}");
            two_pages(&alice, &query).await;
            let (plans, parsed) = (planned().await, noted.lock().expect("statements").len());
            two_pages(&alice, &query).await;
            two_pages(&alice, &query).await;
            let plans = planned().await - plans;
            let again = noted.lock().expect("statements")[parsed..].to_vec();
            if criteria.starts_with("q=") {
                assert_eq!((plans, again.len()), (4, 4), "{query}: {again:?}");
                assert!(again.iter().all(|one| one.in_transaction && !one.has_name), "{query}: {again:?}");
                planned_anew += 1;
            } else {
                assert_eq!((plans, again.len()), (0, 0), "{query}: {again:?}");
            }
        }
    }
    assert_eq!(planned_anew, 4);
}

/// The columns that conditions are about.
const LOOKED_AT: &str = "t.user_id, t.id, t.type, t.category_id, t.payee_id, t.currency, t.date, t.amount, \
    coalesce(t.short_search, (select l.search from transactions l where l.user_id = $1 and l.id = t.id)) as search";

/// A text with a line for each part of a statement, indented by sub-select.
fn laid_out(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (begin, end) = (text.find("select t.id, t.title,").expect("columns"), "t.category_reason");
    let end = text.find(end).expect("the last column") + end.len();
    let text = format!("{}select COLUMNS{}", &text[..begin], &text[end..]).replace(LOOKED_AT, "LOOKED_AT");
    let mut laid = String::new();
    // Whether each open parenthesis is that of a sub-select.
    let mut open: Vec<bool> = Vec::new();
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    for (index, word) in words.iter().enumerate() {
        let next = words.get(index + 1).copied().unwrap_or_default();
        let before = if index == 0 { "" } else { words[index - 1] };
        let line = |laid: &mut String, depth: usize| write!(laid, "\n{}", "    ".repeat(depth)).expect("written");
        let depth = open.iter().filter(|is_select| **is_select).count();
        let in_select = open.last().is_none_or(|is_select| *is_select);
        match *word {
            "(" => {
                let opens = matches!(next, "select" | "with") && !is_short(&words[index + 1..]);
                let glued = before.ends_with("array")
                    || before.ends_with("coalesce")
                    || before == "count"
                    || before == "unnest";
                laid.push_str(if glued || before == "(" { "(" } else { " (" });
                open.push(opens);
                if opens {
                    line(&mut laid, depth + 1);
                }
                continue;
            }
            ")" => {
                if open.pop() == Some(true) {
                    line(&mut laid, depth - 1);
                }
                laid.push(')');
                continue;
            }
            "from" | "where" | "order" | "union" | "left" | "cross" if in_select => line(&mut laid, depth),
            "join" if in_select && !matches!(before, "left" | "cross") => line(&mut laid, depth),
            "select" if in_select && before.ends_with(')') => line(&mut laid, depth),
            _ => {}
        }
        if !laid.ends_with([' ', '(', '\n']) && !laid.is_empty() && !word.starts_with([',', ':']) {
            laid.push(' ');
        }
        laid.push_str(word);
    }
    laid.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Tells if a sub-select fits on its line: these are the words after its parenthesis.
fn is_short(words: &[&str]) -> bool {
    let mut open = 1;
    let end = words.iter().position(|word| {
        open += i32::from(*word == "(") - i32::from(*word == ")");
        open == 0
    });
    words[..end.unwrap_or_default()].join(" ").len() < 40
}

/// The same statement in the opposite order.
fn turned(text: &str) -> String {
    text.replace(" asc", " desc").replace(") > (", ") < (").replace(" <= ", " >= ")
}

/// `lists.sql` has the text of each statement, for people who want to know what is asked.
#[tokio::test(flavor = "multi_thread")]
async fn the_statements_are_those_that_are_written_down() {
    let plain = TestApp::start().await;
    let (noted, folder) = (Statements::default(), tempfile::tempdir().expect("a folder"));
    let beside = Some(watched(&plain.options, folder.path(), noting(&noted)));
    let environment = vec![("APP_DATABASE__MAX_CONNECTIONS", "3")];
    let app = TestApp::with(ServerOptions { environment, beside, ..ServerOptions::default() }).await;
    let alice = app.user("alice").await;
    fill(&alice).await;
    let sent = async |query: &str| -> Option<String> {
        let from = noted.lock().expect("statements").len();
        alice.get(&format!("{PATH}&{query}")).await.expect(200);
        let statements = noted.lock().expect("statements");
        let of_list = |text: &&str| text.contains("t.category_reason") && text.contains("limit 21");
        statements[from..].iter().map(|one| one.text.as_str()).find(of_list).map(str::to_owned)
    };
    let several = ["type=EXPENSE&payee=p1", "q=coffee&category=c1", "q=coffee+bread&tag=a&currency=THB"];
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/lists.sql");
    let expected = std::fs::read_to_string(file).expect("a file");
    let mut written = expected.lines().take_while(|line| line.starts_with("--")).collect::<Vec<_>>().join("\n");
    let mut seen: Vec<(String, String)> = Vec::new();
    for (up, down) in [("date", "-date"), ("amount", "-amount")] {
        for criteria in CRITERIA.into_iter().chain(several) {
            let query = format!("sort={down}{}{criteria}", if criteria.is_empty() { "" } else { "&" });
            // One that was sent before has a name on the connection, of which there is one.
            let Some(text) = sent(&query).await else { continue };
            let upwards = sent(&query.replace(down, up)).await.expect("a statement of its own");
            assert_eq!(turned(&laid_out(&upwards)), turned(&laid_out(&text)), "{query}");
            seen.push((query, laid_out(&text)));
        }
    }
    for (query, text) in &seen {
        write!(written, "\n\n-- GET {PATH}&{query}\n{text};").expect("written");
    }
    written.push('\n');
    if written != expected {
        let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/lists.sql");
        std::fs::write(file, &written).expect("written");
        panic!("tests/api/lists.sql has other statements than {file}, which are those that were sent");
    }
}
