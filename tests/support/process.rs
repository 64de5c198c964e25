//! The real binary as a child process.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::PATIENCE;
use super::client::Client;

/// A secret that prod accepts.
pub(crate) const SECRET: &str = "vT4qLw0nXz8uJc2hRb6yKd1mPf5sGa9eVi3oYt7x";

/// A command that does not inherit the configuration of this process.
pub(crate) fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    for name in ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // Many servers run at once, each with a port of its own.
    command.env("APP_SERVER__INTERNAL", "127.0.0.1:0").envs(environment.iter().copied());
    command
}

/// Runs a command to its end. Kills it if it does not end, such as a server that should have refused to start.
pub(crate) fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let child = command(arguments, environment).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("app runs");
    let pid = rustix::process::Pid::from_child(&child);
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output()));
    if let Ok(output) = told.recv_timeout(Duration::from_mins(2)) {
        return output.expect("its output");
    }
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it lives");
    let output = told.recv().expect("its end").expect("its output");
    panic!("`app {}` did not end:\n{}", arguments.join(" "), stderr(&output));
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// The result of a command.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end without blocking the runtime.
pub(crate) async fn ran(mut command: Command) -> Ran {
    let output = tokio::task::spawn_blocking(move || command.output().expect("app runs")).await.expect("it ran");
    Ran::from(output)
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self { code: output.status.code().unwrap_or(-1), stdout: stdout(&output), stderr: stderr(&output) }
    }
}

impl std::fmt::Debug for Ran {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "exit code {}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}

impl Ran {
    /// Checks for an exit code and parts of the output.
    #[track_caller]
    pub(crate) fn expect(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            assert!(self.stdout.contains(word) || self.stderr.contains(word), "{word}: {self:?}");
        }
        self
    }
}

/// A server process that is killed when it is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) client: Client,
    /// A client of the internal listener.
    pub(crate) internal: Client,
    pub(crate) log: mpsc::Receiver<String>,
    /// The log lines until the server listened.
    pub(crate) before_listening: Vec<String>,
}

impl Server {
    /// Starts a server on a free port, and waits until it listens.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        Self::start_with(command(&["serve", "--port", "0"], environment))
    }

    pub(crate) fn start_with(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("app starts");
        let (lines, log) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // The pipe has to be read even if the test no longer listens.
                let _ = lines.send(line);
            }
        });
        let mut seen = Vec::new();
        let mut internal = String::new();
        let base = loop {
            let line = log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it listens: {seen:#?}"));
            let after = |words| Some(line.split_once(words)?.1.split(['/', ' ', ';']).next()?.to_owned());
            if let Some(address) = after("metrics at http://") {
                internal = format!("http://{address}");
            }
            if let Some(address) = after("listening on http://") {
                break format!("http://{address}");
            }
            seen.push(line);
        };
        let (client, internal) = (Client::new(base), Client::new(internal));
        Self { child, client, internal, log, before_listening: seen }
    }

    /// The log lines of all requests answered so far.
    pub(crate) async fn log_so_far(&self) -> Vec<String> {
        // Lines are in order, and this one is the last.
        const LAST: &str = "the-last-of-the-log";
        let request = self.client.request(reqwest::Method::GET, "/api").header("x-request-id", LAST);
        request.send().await.expect("an answer");
        let mut log = Vec::new();
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the log has no last line: {log:#?}"));
            if line.contains(LAST) {
                return log;
            }
            log.push(line);
        }
    }

    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).expect("it lives");
    }

    /// Waits for the end; returns the exit code.
    pub(crate) fn wait(&mut self, patience: Duration) -> Option<i32> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
