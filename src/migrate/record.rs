//! Writes the record. Everything is text to be sent along with a migration's own statements: what is noted stands or
//! falls with what was done, and costs no round trip of its own.

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::{PgConnection, Row as _};

use super::attempt::{Action, Outcome};
use super::checksum;
use super::history::{History, Tables};
use super::source::{Migration, Script};

/// A text as a literal, whatever `standard_conforming_strings` is.
pub(super) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\0', "").replace('\\', "\\\\").replace('\'', "''"))
}

fn bytes(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let hex = bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("pg_catalog.decode('{hex}', 'hex')")
}

fn or_null(value: Option<String>) -> String {
    value.unwrap_or_else(|| "null".to_owned())
}

/// Writes to the two tables of a database, for one session.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    records: String,
    attempts: String,
    next_id: i64,
    backend_pid: i32,
    backend_start: DateTime<Utc>,
}

/// How an attempt failed.
#[derive(Debug, Clone, Default)]
pub(super) struct Failed {
    pub statement: Option<u32>,
    pub line: Option<u32>,
    pub sqlstate: Option<String>,
    pub message: String,
    pub left_behind: Vec<String>,
}

impl Recorder {
    /// For the session of this connection, which has to hold the lock: the attempts are numbered here.
    pub(super) async fn new(connection: &mut PgConnection, history: &History) -> Result<Self, sqlx::Error> {
        let row = sqlx::raw_sql(
            "select pid, backend_start from pg_catalog.pg_stat_activity where pid = pg_catalog.pg_backend_pid()",
        )
        .fetch_one(connection)
        .await?;
        Ok(Self {
            records: history.tables.records(),
            attempts: history.tables.attempts(),
            next_id: history.attempts.last().map_or(1, |attempt| attempt.id + 1),
            backend_pid: row.try_get("pid")?,
            backend_start: row.try_get("backend_start")?,
        })
    }

    /// Makes the tables that are missing; sqlx's own to the letter as sqlx makes it.
    pub(super) fn make_tables(tables: &Tables) -> String {
        let mut sql = String::new();
        if !tables.has_records {
            sql += &format!(
                "create table {} (version bigint primary key, description text not null, installed_on \
                 timestamptz not null default now(), success boolean not null, checksum bytea not null, execution_time \
                 bigint not null);\n",
                tables.records()
            );
        }
        if !tables.has_attempts {
            sql += &format!(
                r"create table {} (
                    id bigint primary key,
                    version bigint not null,
                    name text not null,
                    action text not null,
                    outcome text not null,
                    started_at timestamptz not null,
                    ended_at timestamptz,
                    statement integer,
                    line integer,
                    sqlstate text,
                    message text,
                    left_behind text[] not null default '{{}}',
                    role text not null default session_user,
                    client text default host(inet_client_addr()),
                    application text default current_setting('application_name', true),
                    app_version text not null,
                    checksum bytea,
                    normalized_checksum bytea,
                    backend_pid integer not null,
                    backend_start timestamptz not null
                );
                ",
                tables.attempts()
            );
        }
        sql
    }

    /// Notes that an attempt begins; its id, and the statement.
    pub(super) fn begin(&mut self, migration: &Migration, script: &Script, action: Action) -> (i64, String) {
        self.note(migration.version, &migration.name, Some(script), action, Outcome::Running)
    }

    /// Notes something that is done as it is noted.
    pub(super) fn done(&mut self, version: i64, name: &str, script: Option<&Script>, action: Action) -> String {
        self.note(version, name, script, action, Outcome::Succeeded).1
    }

    fn note(
        &mut self,
        version: i64,
        name: &str,
        script: Option<&Script>,
        action: Action,
        outcome: Outcome,
    ) -> (i64, String) {
        let id = self.next_id;
        self.next_id += 1;
        let (checksum, normalized) = match script {
            Some(script) => (bytes(script.checksum()), bytes(&checksum::normalized(script.text()))),
            None => ("null".to_owned(), "null".to_owned()),
        };
        let ended = if outcome == Outcome::Running { "null" } else { "pg_catalog.clock_timestamp()" };
        let sql = format!(
            "insert into {} (id, version, name, action, outcome, started_at, ended_at, app_version, checksum, \
             normalized_checksum, backend_pid, backend_start) values ({id}, {version}, {}, '{}', '{}', \
             pg_catalog.clock_timestamp(), {ended}, {}, {checksum}, {normalized}, {}, '{}');\n",
            self.attempts,
            literal(name),
            action.word(),
            outcome.word(),
            literal(env!("CARGO_PKG_VERSION")),
            self.backend_pid,
            self.backend_start.to_rfc3339_opts(SecondsFormat::Micros, true),
        );
        (id, sql)
    }

    /// Notes which statement is run now.
    pub(super) fn at(&self, id: i64, statement: u32, line: u32) -> String {
        format!("update {} set statement = {statement}, line = {line} where id = {id};\n", self.attempts)
    }

    /// Notes that an attempt ended well.
    pub(super) fn succeeded(&self, id: i64) -> String {
        format!(
            "update {} set outcome = 'succeeded', ended_at = pg_catalog.clock_timestamp(), statement = null, line = null \
             where id = {id};\n",
            self.attempts
        )
    }

    /// Notes that an attempt failed.
    pub(super) fn failed(&self, id: i64, outcome: Outcome, failed: &Failed) -> String {
        let left: Vec<String> = failed.left_behind.iter().map(|name| literal(name)).collect();
        format!(
            "update {} set outcome = '{}', ended_at = pg_catalog.clock_timestamp(), statement = {}, line = {}, sqlstate = {}, \
             message = {}, left_behind = array[{}]::text[] where id = {id};\n",
            self.attempts,
            outcome.word(),
            or_null(failed.statement.map(|number| number.to_string())),
            or_null(failed.line.map(|number| number.to_string())),
            or_null(failed.sqlstate.as_deref().map(literal)),
            literal(&failed.message),
            left.join(", "),
        )
    }

    /// Notes that the processes of these attempts are gone.
    pub(super) fn interrupted(&self, ids: &[i64]) -> String {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        format!("update {} set outcome = 'interrupted' where id in ({});\n", self.attempts, ids.join(", "))
    }

    /// What sqlx notes of a migration that is applied; in a transaction, which began when the migration did.
    pub(super) fn applied(&self, migration: &Migration) -> String {
        format!(
            "insert into {} (version, description, success, checksum, execution_time) values ({}, {}, true, {}, {});\n",
            self.records,
            migration.version,
            literal(&migration.name),
            bytes(migration.up.checksum()),
            "(extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.now()) * 1000000000)::bigint",
        )
    }

    /// What sqlx notes of one that is begun, and not done: sqlx's own tool refuses to go on then.
    pub(super) fn begun(&self, migration: &Migration) -> String {
        format!(
            "insert into {} (version, description, success, checksum, execution_time) values ({}, {}, false, {}, -1);\n",
            self.records,
            migration.version,
            literal(&migration.name),
            bytes(migration.up.checksum()),
        )
    }

    /// Whether one on record is as it should be.
    pub(super) fn set_success(&self, version: i64, success: bool) -> String {
        format!("update {} set success = {success} where version = {version};\n", self.records)
    }

    /// One that was begun is done.
    pub(super) fn completed(&self, version: i64) -> String {
        format!(
            "update {} set success = true, execution_time = (extract(epoch from pg_catalog.clock_timestamp() - installed_on) \
             * 1000000000)::bigint where version = {version};\n",
            self.records
        )
    }

    /// One is applied, as somebody says; how long it took is not known.
    pub(super) fn declared(&self, migration: &Migration) -> String {
        format!(
            "insert into {} (version, description, success, checksum, execution_time) values ({}, {}, true, {checksum}, -1) \
             on conflict (version) do update set success = true, checksum = {checksum};\n",
            self.records,
            migration.version,
            literal(&migration.name),
            checksum = bytes(migration.up.checksum()),
        )
    }

    /// The file of one is what it is now.
    pub(super) fn rechecked(&self, migration: &Migration) -> String {
        let checksum = bytes(migration.up.checksum());
        format!("update {} set checksum = {checksum} where version = {};\n", self.records, migration.version)
    }

    /// One is on record no more.
    pub(super) fn removed(&self, version: i64) -> String {
        format!("delete from {} where version = {version};\n", self.records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_ends_where_it_should() {
        assert_eq!(literal(r"it's \ here"), r"E'it''s \\ here'");
    }
}
