//! The sessions that a waiting statement waits for, so that somebody can decide what to do about them.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::session::connect;

/// Most statements are done before it is worth a connection to ask.
const FIRST_LOOK: Duration = Duration::from_millis(250);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A session that holds a lock that another waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blocker {
    /// The server's process; 0 is a prepared transaction, which has none.
    pub pid: i32,
    /// The role.
    pub role: Option<String>,
    /// What the session calls itself.
    pub application: Option<String>,
    /// What it does, such as `idle in transaction`.
    pub state: Option<String>,
    /// Seconds since its transaction began.
    pub seconds: Option<i64>,
    /// The beginning of its latest statement, where this role may see it.
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

/// Looks again and again at who blocks a server process, and leaves the latest in `seen`; it never ends by itself.
pub(super) async fn watch(options: &PgConnectOptions, pid: i32, seen: &Mutex<Vec<Blocker>>) {
    tokio::time::sleep(FIRST_LOOK).await;
    // Who blocks is worth knowing, and no reason to fail.
    if let Ok(mut connection) = connect(options).await {
        while let Ok(blockers) = of(&mut connection, pid).await {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = blockers;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    std::future::pending::<()>().await;
}

async fn of(connection: &mut PgConnection, pid: i32) -> Result<Vec<Blocker>, sqlx::Error> {
    let query = format!(
        r"
        select distinct
            blocking.pid,
            a.usename::text as role,
            a.application_name::text as application,
            a.state::text as state,
            extract(epoch from pg_catalog.clock_timestamp() operator(pg_catalog.-) a.xact_start)::bigint as seconds,
            pg_catalog.left(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g'), 160) as query
        from pg_catalog.unnest(pg_catalog.pg_blocking_pids({pid})) blocking(pid)
        left join pg_catalog.pg_stat_activity a on a.pid operator(pg_catalog.=) blocking.pid
        order by blocking.pid
        "
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            Ok(Blocker {
                pid: row.try_get("pid")?,
                role: row.try_get("role")?,
                application: row.try_get("application")?,
                state: row.try_get("state")?,
                seconds: row.try_get("seconds")?,
                query: row.try_get("query")?,
            })
        })
        .collect()
}
