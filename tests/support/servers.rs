//! PostgreSQL servers of a test's own: with other settings, or a primary with a standby.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use app::config::Profile;
use rustix::process::{Pid, Signal, getuid, kill_process};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tempfile::TempDir;

use super::{PATIENCE, cluster};

/// A server. It ends with it.
pub(crate) struct Server {
    pub(crate) options: PgConnectOptions,
    settings: Vec<&'static str>,
    process: Option<Child>,
    folder: TempDir,
}

impl Server {
    /// A server with the tables.
    pub(crate) async fn start(settings: &[&'static str]) -> Self {
        let mut this = Self::new(settings);
        let initdb = ["-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"];
        succeed(program("initdb").args(initdb).arg(this.data()));
        this.run().await;
        cluster::migrator(&this.options, Profile::Test).deploy(|_| ()).await.expect("deployed");
        this
    }

    /// A standby of this one, in step with it.
    pub(crate) async fn standby(&self) -> Self {
        let mut standby = Self::new(&[]);
        let mut backup = program("pg_basebackup");
        backup.args(["-U", "app", "-p", "5432", "-c", "fast", "-R", "-h"]).arg(self.folder.path());
        succeed(backup.arg("-D").arg(standby.data()));
        standby.run().await;
        self.until_in_step(&standby).await;
        standby
    }

    fn new(settings: &[&'static str]) -> Self {
        let folder = tempfile::Builder::new().prefix("server-").tempdir().expect("a folder");
        if let Some((uid, gid)) = account() {
            chown(folder.path(), Some(uid), Some(gid)).expect("given away");
        }
        let options = PgConnectOptions::new_without_pgpass().socket(folder.path()).port(5432);
        let options = options.username("app").database("postgres").disable_statement_logging();
        Self { options, settings: settings.to_vec(), process: None, folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }

    /// Starts it, again if it was killed.
    pub(crate) async fn run(&mut self) {
        self.process = Some(self.spawn());
        let begun = Instant::now();
        while self.options.connect().await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "the server does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
            // Sessions of one that was killed end a little later, and until then it does not start.
            if self.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(Some(_)))) {
                self.process = Some(self.spawn());
            }
        }
    }

    fn spawn(&self) -> Child {
        let mut server = program("postgres");
        server.arg("-D").arg(self.data()).arg("-c");
        server.arg(format!("unix_socket_directories={}", self.folder.path().display()));
        for setting in ["listen_addresses=", "fsync=off"].iter().chain(&self.settings) {
            server.args(["-c", setting]);
        }
        server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("postgres runs")
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        if let Some(mut server) = self.process.take() {
            server.kill().expect("killed");
            server.wait().expect("ended");
        }
    }

    /// Sends a signal to it and to these processes of it.
    pub(crate) fn signal(&self, processes: &[i32], signal: Signal) {
        let server = self.process.as_ref().map(Pid::from_child);
        for process in server.into_iter().chain(processes.iter().filter_map(|process| Pid::from_raw(*process))) {
            // One that has ended meanwhile does not matter.
            let _ = kill_process(process, signal);
        }
    }

    /// The processes of its sessions and jobs.
    pub(crate) async fn processes(&self) -> Vec<i32> {
        let asked = sqlx::query_scalar("select pid from pg_stat_activity where pid <> pg_backend_pid()");
        asked.fetch_all(&mut self.options.connect().await.expect("connected")).await.expect("processes")
    }

    /// Runs a statement.
    pub(crate) async fn sql(&self, sql: &str) {
        cluster::run(&mut self.options.connect().await.expect("connected"), sql.to_owned()).await;
    }

    /// The value of the first row.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let asked = sqlx::query_scalar(AssertSqlSafe(format!("select coalesce(({sql})::text, '')")));
        asked.fetch_one(&mut self.options.connect().await.expect("connected")).await.expect("a value")
    }

    /// Waits until a standby has all that this one has now.
    pub(crate) async fn until_in_step(&self, standby: &Self) {
        let now = self.value("select pg_current_wal_insert_lsn()").await;
        let begun = Instant::now();
        while standby.value(&format!("select pg_last_wal_replay_lsn() >= '{now}'")).await != "true" {
            assert!(begun.elapsed() < PATIENCE, "the standby stays behind");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The account of a server: PostgreSQL refuses to run as root.
fn account() -> Option<(u32, u32)> {
    let numbers = |name: &str| -> Option<(u32, u32)> {
        let number = |flag: &str| -> Option<u32> {
            let said = Command::new("id").args([flag, name]).output().ok()?.stdout;
            String::from_utf8(said).ok()?.trim().parse().ok()
        };
        Some((number("-u")?, number("-g")?))
    };
    getuid().is_root().then(|| numbers("postgres").or_else(|| numbers("nobody")).expect("an account"))
}

/// One of PostgreSQL's programs: those of the server of the other tests.
fn program(name: &str) -> Command {
    let mut command = Command::new(cluster::programs().join(name));
    command.current_dir("/").stdin(Stdio::null());
    if let Some((uid, gid)) = account() {
        command.uid(uid).gid(gid);
    }
    command
}

#[track_caller]
fn succeed(command: &mut Command) {
    let done = command.output().expect("it runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
