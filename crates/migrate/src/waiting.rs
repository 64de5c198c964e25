//! Sessions of others that a command waits for.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

/// A session that holds a lock that another one waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blocker {
    /// The server process; 0 is a prepared transaction, which has none.
    pub pid: i32,
    /// The role.
    pub role: Option<String>,
    /// The application name of the session.
    pub application: Option<String>,
    /// The state of the session, such as `idle in transaction`.
    pub state: Option<String>,
    /// Seconds since its transaction began.
    pub seconds: Option<i64>,
    /// The beginning of its latest statement, if this role may see it.
    pub query: Option<String>,
}

impl fmt::Display for Blocker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return formatter.write_str("a prepared transaction (see pg_prepared_xacts)");
        }
        write!(formatter, "the server process {}", self.pid)?;
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let who: Vec<String> = [given(&self.role).map(|role| format!("role {role}")), given(&self.application)]
            .into_iter()
            .flatten()
            .collect();
        if !who.is_empty() {
            write!(formatter, " ({})", who.join(", "))?;
        }
        if let Some(state) = &self.state {
            write!(formatter, ", {state}")?;
        }
        if let Some(seconds) = self.seconds {
            write!(formatter, ", its transaction open for {seconds} s")?;
        }
        if let Some(query) = given(&self.query) {
            write!(formatter, ", last: {query}")?;
        }
        Ok(())
    }
}

/// The session that holds the migration lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockHolder {
    /// The server process; `None` if the lock was released before it could be looked up.
    pub pid: Option<i32>,
    /// The application name of the session.
    pub application: Option<String>,
    /// The start of the session.
    pub since: Option<DateTime<Utc>>,
}

impl fmt::Display for LockHolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(pid) = self.pid else { return formatter.write_str("It was released just now.") };
        write!(formatter, "It is held by the server process {pid}")?;
        if let Some(application) = self.application.as_deref().filter(|name| !name.is_empty()) {
            write!(formatter, " ({application})")?;
        }
        if let Some(since) = self.since {
            write!(formatter, ", connected since {}", since.to_rfc3339_opts(SecondsFormat::Secs, true))?;
        }
        formatter.write_str(".")
    }
}
