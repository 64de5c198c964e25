//! The role that serves, where another one migrates.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use crate::support::PATIENCE;
use crate::support::client::Client;
use crate::support::cluster;
use crate::support::process::{SECRET, Server, run, stderr, stdout};

const PASSWORD: &str = "of-a-test";

/// A database with an owner that is no superuser, and a role that owns nothing.
struct Roles {
    database: PgConnectOptions,
    owner: String,
    server: String,
    owner_url: String,
    server_url: String,
}

impl Roles {
    async fn new() -> Self {
        let roles = Self::without_server().await;
        roles.execute(&format!("create role {} login password '{PASSWORD}'", roles.server)).await;
        roles
    }

    /// The same before the role that serves was made.
    async fn without_server() -> Self {
        let database = cluster::database().await;
        let (owner, server) = (cluster::unique("owner"), cluster::unique("server"));
        let owner_url = cluster::url_as(&database, &owner, PASSWORD);
        let server_url = cluster::url_as(&database, &server, PASSWORD);
        let roles = Self { database, owner, server, owner_url, server_url };
        roles.execute(&format!("create role {} login password '{PASSWORD}'", roles.owner)).await;
        let name = roles.database.get_database().expect("a database");
        roles.execute(&format!("alter database {name} owner to {}", roles.owner)).await;
        roles
    }

    async fn execute(&self, sql: &str) {
        cluster::run(&mut self.database.connect().await.expect("connected"), sql.to_owned()).await;
    }

    async fn as_server(&self) -> PgConnection {
        self.server_url.parse::<PgConnectOptions>().expect("a URL").connect().await.expect("connected")
    }

    fn environment(&self) -> [(&str, &str); 4] {
        [
            ("APP_PROFILE", "prod"),
            ("DATABASE_URL", &self.server_url),
            ("DATABASE_DIRECT_URL", &self.owner_url),
            ("JWT_SECRET", SECRET),
        ]
    }

    /// Deploys, and what was told on the way.
    fn deploy(&self, arguments: &[&str]) -> String {
        let arguments = [&["migrate", "deploy"], arguments].concat();
        let output = run(&arguments, &self.environment());
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        stderr(&output)
    }
}

/// The answer to a request that a role with too few rights would answer 500.
async fn served(client: &Client, method: &Method, path: &str, body: Option<&Value>) -> Value {
    let request = client.request(method.clone(), path);
    let answer = client.send(body.map_or(request.try_clone().expect("no body"), |body| request.json(body))).await;
    assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
    answer.json()
}

/// A request: method, path, query string, body, and the name under which its id is kept.
type Step = (Method, &'static str, &'static str, Option<Value>, &'static str);

/// Everything that a user does.
fn steps() -> Vec<Step> {
    let entry = json!({"title": "Grab home", "amount": 120, "type": "EXPENSE", "payee": "Grab", "tags": ["a", "b"]});
    let coffee = json!({"name": "Coffee", "kind": "EXPENSE"});
    vec![
        (Method::GET, "/api", "", None, ""),
        (Method::GET, "/api/auth/me", "", None, ""),
        (Method::POST, "/api/transactions", "", Some(entry.clone()), "t1"),
        (Method::POST, "/api/transactions", "", Some(entry), "t2"),
        (Method::GET, "/api/transactions", "?q=grab&limit=1", None, ""),
        (Method::GET, "/api/transactions", "?tag=a&sort=-amount", None, ""),
        (Method::GET, "/api/transactions/filter", "?startDate=2020-01-01", None, ""),
        (Method::GET, "/api/transactions/dashboard", "", None, ""),
        (Method::GET, "/api/transactions/{t1}", "", None, ""),
        (Method::PUT, "/api/transactions/{t1}", "", Some(json!({"amount": "65.25"})), ""),
        (Method::PATCH, "/api/transactions/{t1}", "", Some(json!({"note": "x"})), ""),
        (Method::GET, "/api/transactions/{t1}/history", "", None, ""),
        (
            Method::PATCH,
            "/api/transactions",
            "",
            Some(json!({"filter": {"type": "EXPENSE"}, "set": {"addTags": ["c"]}})),
            "",
        ),
        (Method::DELETE, "/api/transactions/{t2}", "", None, ""),
        (Method::GET, "/api/trash", "", None, ""),
        (Method::POST, "/api/trash/{t2}/restore", "", None, ""),
        (Method::DELETE, "/api/transactions", "", Some(json!({"filter": {"q": "grab"}})), "operation"),
        (Method::GET, "/api/operations", "", None, ""),
        (Method::GET, "/api/operations/{operation}", "", None, ""),
        (Method::POST, "/api/operations/{operation}/undo", "", None, ""),
        (Method::POST, "/api/categories", "", Some(coffee), "c1"),
        (Method::POST, "/api/categories", "", Some(json!({"name": "Tea", "kind": "EXPENSE"})), "c2"),
        (Method::GET, "/api/categories", "?counts=true", None, ""),
        (Method::GET, "/api/categories/{c1}", "", None, ""),
        (Method::PUT, "/api/categories/{c1}", "", Some(json!({"name": "Cafe"})), ""),
        (Method::PATCH, "/api/categories/{c1}", "", Some(json!({"icon": "x"})), ""),
        (Method::PUT, "/api/categories/order", "", Some(json!({"ids": []})), ""),
        (Method::POST, "/api/categories/{c1}/merge", "", Some(json!({"into": "c2"})), ""),
        (Method::DELETE, "/api/categories/{c2}", "", None, ""),
        (Method::POST, "/api/tags", "", Some(json!({"name": "one"})), "g1"),
        (Method::POST, "/api/tags", "", Some(json!({"name": "two"})), "g2"),
        (Method::GET, "/api/tags", "?counts=true", None, ""),
        (Method::GET, "/api/tags/{g1}", "", None, ""),
        (Method::PUT, "/api/tags/{g1}", "", Some(json!({"name": "first"})), ""),
        (Method::PATCH, "/api/tags/{g1}", "", Some(json!({"color": "#000000"})), ""),
        (Method::POST, "/api/tags/{g1}/merge", "", Some(json!({"into": "g2"})), ""),
        (Method::DELETE, "/api/tags/{g2}", "", None, ""),
        (Method::POST, "/api/payees", "", Some(json!({"name": "one"})), "p1"),
        (Method::POST, "/api/payees", "", Some(json!({"name": "two"})), "p2"),
        (Method::GET, "/api/payees", "?counts=true", None, ""),
        (Method::GET, "/api/payees/{p1}", "", None, ""),
        (Method::PUT, "/api/payees/{p1}", "", Some(json!({"name": "first"})), ""),
        (Method::PATCH, "/api/payees/{p1}", "", Some(json!({"name": "the first"})), ""),
        (Method::POST, "/api/payees/{p1}/merge", "", Some(json!({"into": "p2"})), ""),
        (Method::DELETE, "/api/payees/{p2}", "", None, ""),
    ]
}

/// Goes through everything that a user does; the operations that were tried, as `METHOD /path/{id}`.
async fn everything(client: &Client) -> Vec<String> {
    let (mut tried, mut ids) = (Vec::new(), std::collections::BTreeMap::<&str, String>::new());
    for (method, template, query, body, kept) in &steps() {
        let (mut path, mut general) = ((*template).to_owned(), (*template).to_owned());
        for (name, id) in &ids {
            path = path.replace(&format!("{{{name}}}"), id);
            general = general.replace(&format!("{{{name}}}"), "{id}");
        }
        let mut body = body.clone();
        if let Some(body) = &mut body {
            if let Some(into) = body["into"].as_str() {
                body["into"] = ids[into].parse().expect("an id");
            }
            if body.get("ids").is_some() {
                body["ids"] =
                    json!([ids["c2"].parse::<i64>().expect("an id"), ids["c1"].parse::<i64>().expect("an id")]);
            }
        }
        let answer = served(client, method, &format!("{path}{query}"), body.as_ref()).await;
        if *kept == "operation" {
            ids.insert(kept, answer["meta"]["operationId"].to_string());
        } else if !kept.is_empty() {
            ids.insert(kept, answer["data"]["id"].to_string());
        }
        tried.push(format!("{method} {general}"));
    }
    tried
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_only_read_and_write_rows_serves_everything_while_an_owner_migrates() {
    let roles = Roles::new().await;
    let server = Server::start(&roles.environment());
    let anon = &server.client;
    let ready = async |patience: Duration| {
        let deadline = std::time::Instant::now() + patience;
        while anon.get("/readyz").await.status != 200 {
            assert!(std::time::Instant::now() < deadline, "not ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Before anything is there it knows that all is pending, as it does as the owner.
    let told = roles.deploy(&[]);
    assert!(told.contains(&format!("the role `{}`, which serves, was granted its privileges", roles.server)), "{told}");
    ready(PATIENCE).await;

    let alice = anon.sign_up_with("alice", "correct horse battery").await;
    let tried = everything(&alice).await;
    let document = run(&["openapi"], &[]);
    let document: Value = serde_json::from_str(&stdout(&document)).expect("a document");
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys().map(|method| method.to_uppercase()) {
            if tried.contains(&format!("{method} {path}")) {
                continue;
            }
            // What this test has no story for is asked all the same: the tables are the same, whoever asks for them.
            let request = alice.request(method.parse().expect("a method"), &path.replace("{id}", "1")).json(&json!({}));
            let answer = alice.send(request).await;
            assert!(answer.status.as_u16() < 500, "{method} {path}: {}", answer.text);
        }
    }

    // The owner adds a table while it serves; the role may use that too, and nothing else.
    let folder = tempfile::tempdir().expect("a folder");
    for migration in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).expect("migrations") {
        let file = migration.expect("a file");
        std::fs::copy(file.path(), folder.path().join(file.file_name())).expect("copied");
    }
    let later = "create table later (id bigint generated always as identity primary key, n int);\n\
                 create sequence counted;\ncreate view latest as select * from later;";
    std::fs::write(folder.path().join("29990101000000_later.up.sql"), later).expect("written");
    let migrating = async {
        roles.deploy(&["--source", folder.path().to_str().expect("a path")]);
    };
    let ((), _) = tokio::join!(migrating, everything(&alice));

    let mut connection = roles.as_server().await;
    cluster::run(&mut connection, "insert into later (n) select nextval('counted'); select * from latest".to_owned())
        .await;
    for forbidden in [
        "create table mine ()",
        "drop table users",
        "alter table users add column extra int",
        "truncate transactions",
        "update _sqlx_migrations set success = false",
        "delete from _app_migration_attempts",
        "create role somebody",
        "copy users to program 'true'",
        "create schema mine",
        "select * from pg_authid",
    ] {
        let error = sqlx::raw_sql(AssertSqlSafe(forbidden)).execute(&mut connection).await.expect_err(forbidden);
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        assert_eq!(code.as_deref(), Some("42501"), "{forbidden}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_gives_back_what_a_role_has_lost_and_otherwise_says_nothing() {
    let roles = Roles::new().await;
    roles.deploy(&[]);
    assert_eq!(roles.deploy(&[]).matches("note:").count(), 0);
    // The rights are the deployment's own, and no drift; anybody else's are.
    roles.execute(&format!("alter role {} createdb", roles.owner)).await;
    let status = run(&["migrate", "status"], &roles.environment());
    assert_eq!(status.status.code(), Some(0), "{}", stdout(&status));
    roles.execute(&format!("create role {}_other; grant select on users to {0}_other", roles.server)).await;
    let status = run(&["migrate", "status"], &roles.environment());
    assert_eq!(status.status.code(), Some(6), "{}", stdout(&status));
    assert_eq!(stdout(&status).matches("privileges of").count(), 1, "{}", stdout(&status));
    roles.execute(&format!("revoke select on users from {}_other", roles.server)).await;
    // As after a restore without the rights.
    roles.execute(&format!("revoke all on all tables in schema public from {}", roles.server)).await;
    let server = Server::start(&roles.environment());
    let told = async |text: &str| {
        for _ in 0..9000 {
            if server.client.get("/api/transactions").await.text.contains(text) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{text}: {}", server.client.get("/api/transactions").await.text);
    };
    told("MIGRATIONS_PENDING").await;
    // The world is not told why; the log is.
    let why = "run `app migrate deploy`, which grants it the rights";
    let mut lines = std::iter::from_fn(|| server.log.recv_timeout(PATIENCE).ok());
    assert!(lines.any(|line| line.contains(why)), "the log says what is left to do");
    assert!(roles.deploy(&[]).contains("was granted its privileges"));
    told("UNAUTHORIZED").await;
    roles.execute(&format!("revoke update on users from {}", roles.server)).await;
    let one = format!("grant update on public.users to {}", roles.server);
    let told = roles.deploy(&[]);
    assert!(told.contains(&one), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_serving_role_is_not_there_or_cannot_be_given_anything_the_deploy_stands_and_says_so() {
    let roles = Roles::without_server().await;
    let told = roles.deploy(&[]);
    assert!(told.contains(&format!("the role `{}`", roles.server)) && told.contains("does not exist"), "{told}");
    roles.execute(&format!("create role {} login password '{PASSWORD}'", roles.server)).await;
    // Another role owns the tables by now.
    roles.execute(&format!("grant select on all tables in schema public to {}", roles.owner)).await;
    let superuser: String = sqlx::query_scalar("select current_user::text")
        .fetch_one(&mut roles.database.connect().await.expect("connected"))
        .await
        .expect("a role");
    // With a right of his own and without.
    let taken = format!("alter table users owner to {superuser}; alter table tags owner to {superuser}");
    roles.execute(&format!("{taken}; grant select on users to {}", roles.owner)).await;
    for _ in 0..2 {
        let told = roles.deploy(&[]);
        assert!(told.contains("lacks privileges that this one may not grant"), "{told}");
        assert!(
            told.contains(&format!("grant select, insert, update, delete on public.users to {}", roles.server)),
            "{told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_role_for_both_is_given_nothing() {
    let roles = Roles::new().await;
    let environment = [("APP_PROFILE", "prod"), ("DATABASE_URL", roles.owner_url.as_str())];
    let output = run(&["migrate", "deploy"], &environment);
    assert_eq!((output.status.code(), stderr(&output).matches("note:").count()), (Some(0), 0), "{}", stderr(&output));
}
