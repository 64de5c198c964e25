//! Taking over the original's database, with the real binary on whole databases.

mod bad_rows;
mod dumps;
mod killed;
mod sample;
mod served;
mod trust;
mod undo;
mod variants;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use crate::support::cluster;
use crate::support::process::{self, Ran, ran};

/// The original's tables and sample rows, of which the last ten are deleted again.
fn original(rows: u32) -> String {
    let whole = include_str!("original.sql");
    let text: String = whole.lines().filter(|line| !line.starts_with('\\')).map(|line| format!("{line}\n")).collect();
    assert!(text.contains("generate_series(1, 100000)") && text.contains("id > 99990"), "the sample is another");
    text.replace("generate_series(1, 100000)", &format!("generate_series(1, {rows})"))
        .replace("id > 99990", &format!("id > {}", rows - 10))
}

/// The number of rows in a sample; `just take-over` uses the full size.
fn rows(some: u32) -> u32 {
    std::env::var("TAKE_OVER").map_or(some, |rows| rows.parse().expect("TAKE_OVER is a number of rows"))
}

/// A database for a single test.
struct TakeOverBench {
    options: PgConnectOptions,
    url: String,
    folder: tempfile::TempDir,
}

impl TakeOverBench {
    /// A database with this service's tables only.
    async fn empty() -> Self {
        Self::on(cluster::migrated_database().await)
    }

    /// A database with the original's sample only.
    async fn original(rows: u32) -> Self {
        let bench = Self::on(cluster::database().await);
        bench.execute(&original(rows)).await;
        bench
    }

    /// A database with both.
    async fn beside(rows: u32) -> Self {
        let bench = Self::empty().await;
        bench.execute(&original(rows)).await;
        bench
    }

    fn on(options: PgConnectOptions) -> Self {
        let url = cluster::url(&options);
        Self { options, url, folder: tempfile::tempdir().expect("a folder") }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let arguments = [&["db", "take-over"], arguments].concat();
        let mut command = process::command(&arguments, &[("APP_PROFILE", "prod"), ("DATABASE_URL", &self.url)]);
        command.current_dir(self.folder.path());
        command
    }

    /// Runs `app db take-over …`.
    async fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments)).await
    }

    /// Runs it with `--json`; returns the document.
    async fn json(&self, arguments: &[&str], code: i32) -> Value {
        let ran = self.run(&[arguments, &["--json"]].concat()).await.expect(code, &[]);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        assert_eq!(document["exit_code"], code, "{document}");
        document
    }

    async fn connection(&self) -> PgConnection {
        self.options.connect().await.expect("connected")
    }

    async fn execute(&self, sql: &str) {
        cluster::run(&mut self.connection().await, sql.to_owned()).await;
    }

    /// The number in the first row.
    async fn count(&self, sql: &str) -> i64 {
        let query = sqlx::query_scalar(AssertSqlSafe(format!("select ({sql})::bigint")));
        query.fetch_one(&mut self.connection().await).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The text in the first row.
    async fn text(&self, sql: &str) -> String {
        let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        query.fetch_one(&mut self.connection().await).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Checks that nothing of a take-over is left.
    #[track_caller]
    fn untouched(&self) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            for table in ["users", "transactions", "categories", "default_categories"] {
                assert_eq!(self.count(&format!("select count(*) from {table}")).await, 0, "{table}, {caller}");
            }
            assert_eq!(self.count("select last_value from users_id_seq").await, 1, "{caller}");
        }
    }

    /// All rows that were taken over, as one text.
    async fn rows(&self) -> String {
        self.text(
            "
            select string_agg(row::text, E'\n' order by id)
            from (
                select t.id, row(
                    t.user_id, t.id, t.title, t.title_en, t.amount, t.currency, t.type, c.name, t.date, t.note, t.payee_id,
                    t.category_source, t.category_reason, t.search, t.short_search
                ) as row
                from transactions t
                join categories c on c.user_id = t.user_id and c.id = t.category_id
            ) t",
        )
        .await
            + &self.text("select string_agg(u::text, E'\n' order by id) from users u").await
            + &self
                .text(
                    "
                    select string_agg(row(c.user_id, c.kind, c.name, c.icon, c.position, d.origin)::text, E'\n' order by c.id)
                    from categories c
                    left join default_categories d on d.user_id = c.user_id and d.category_id = c.id",
                )
                .await
    }

    /// Writes a dump of the database to a file.
    async fn dump(&self, file: &Path, arguments: &[&str]) {
        let programs = self.text("select setting from pg_config where name = 'BINDIR'").await;
        let mut command = Command::new(format!("{programs}/pg_dump"));
        command.args(arguments).arg("--file").arg(file).arg(&self.url);
        let output = command.output().expect("pg_dump runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A comparison of a proof, as `original | here`.
#[track_caller]
fn said(document: &Value, code: &str) -> String {
    let checks = document["proof"]["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["code"] == code).unwrap_or_else(|| panic!("{code}: {document}"));
    assert_eq!(check["holds"], true, "{check}");
    format!("{} | {}", check["original"].as_str().expect("text"), check["here"].as_str().expect("text"))
}
