//! The migrations, on whole databases, with the real binary.

mod baseline;
mod boot;
mod checksums;
mod deploy;
mod distribution;
mod emptying;
mod exit_codes;
mod failures;
mod foreign;
mod guards;
mod hijack;
mod lint;
mod lock;
mod order;
mod own;
mod pooler;
mod rights;
mod rollback;
mod schema;
mod search_path;
mod sqlx_cli;
mod waits;

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use crate::support::PATIENCE;
use crate::support::cluster;
use crate::support::process::{self, Ran, ran};

/// A database and a folder of migrations of a test's own.
struct Bench {
    options: PgConnectOptions,
    url: String,
    folder: tempfile::TempDir,
    /// More of the environment.
    environment: Vec<(&'static str, String)>,
}

impl Bench {
    async fn new() -> Self {
        let options = cluster::database().await;
        let url = cluster::url(&options);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("migrations")).expect("a folder");
        Self { options, url, folder, environment: Vec::new() }
    }

    /// Works with one more variable in the environment.
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Works as another role, by its password.
    fn with_role(self, role: &str, password: &str) -> Self {
        let url = cluster::url_as(&self.options, role, password);
        Self { options: url.parse().expect("a URL"), url, ..self }
    }

    /// The folder of the migrations.
    fn migrations(&self) -> PathBuf {
        self.folder.path().join("migrations")
    }

    /// Writes `VERSION_NAME.up.sql`, or any other file.
    fn write(&self, file: &str, text: &str) -> &Self {
        std::fs::write(self.migrations().join(file), text).expect("written");
        self
    }

    fn remove(&self, file: &str) {
        std::fs::remove_file(self.migrations().join(file)).expect("removed");
    }

    fn command(&self, profile: &str, arguments: &[&str]) -> std::process::Command {
        let source = self.migrations();
        let arguments = [&["migrate", "--source", source.to_str().expect("a path")], arguments].concat();
        self.program(profile, &arguments)
    }

    /// Any command of the program.
    fn program(&self, profile: &str, arguments: &[&str]) -> std::process::Command {
        let mut command = process::command(arguments, &[("APP_PROFILE", profile), ("DATABASE_URL", &self.url)]);
        command.envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())));
        command
    }

    /// Runs `app migrate …` in a profile.
    async fn run_in(&self, profile: &str, arguments: &[&str]) -> Ran {
        let command = self.command(profile, arguments);
        ran(command).await
    }

    /// Runs `app db …` in dev, on the file beside the migrations.
    async fn db(&self, arguments: &[&str]) -> Ran {
        let schema = self.folder.path().join("schema.sql");
        let arguments = [&["db"], arguments, &["--schema", schema.to_str().expect("a path")]].concat();
        let command = self.program("dev", &arguments);
        ran(command).await
    }

    /// Writes `schema.sql`.
    fn desire(&self, text: &str) -> &Self {
        std::fs::write(self.folder.path().join("schema.sql"), text).expect("written");
        self
    }

    /// What is in it.
    fn desired(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("schema.sql")).expect("read")
    }

    /// The text of the files whose names end so, in order.
    fn texts(&self, end: &str) -> String {
        let mut paths: Vec<PathBuf> =
            self.migrations().read_dir().expect("a folder").map(|entry| entry.expect("a file").path()).collect();
        paths.sort();
        paths.retain(|path| path.to_string_lossy().ends_with(end));
        paths.iter().map(|path| std::fs::read_to_string(path).expect("read")).collect()
    }

    /// The same in prod.
    async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_in("prod", arguments).await
    }

    /// Starts it, and leaves it to itself.
    fn start(&self, arguments: &[&str]) -> Child {
        self.command("prod", arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("app starts")
    }

    /// Runs it in prod with `--json`; the document.
    async fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--json"]].concat()).await;
        let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        assert_eq!(document["exit_code"], ran.code, "{document}");
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
        let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        query.fetch_one(&mut self.connection().await).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Waits until a question has this answer.
    async fn until(&self, sql: &str, answer: i64) {
        let deadline = Instant::now() + PATIENCE;
        while self.count(sql).await != answer {
            assert!(Instant::now() < deadline, "{sql} is not {answer}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the status says of each migration, in order.
    async fn states(&self) -> Vec<String> {
        let status = self.json(&["status"]).await;
        let lines = status["migrations"].as_array().expect("a list");
        lines.iter().map(|line| line["state"].as_str().expect("a word").to_owned()).collect()
    }
}
