//! Writes the record. Everything is SQL to be sent along with a migration's own statements, so that the note and the change
//! are committed together, without a round trip of its own.

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::{PgConnection, Row as _};

use crate::file::checksum::normalized_checksum;
use crate::file::source::{Migration, Script};
use crate::record::attempt::{AttemptAction, AttemptOutcome};
use crate::record::history::{MigrationHistory, RecordTables};
use crate::sql_text::{bytes, literal};

fn or_null(value: Option<String>) -> String {
    value.unwrap_or_else(|| "null".to_owned())
}

/// Writes to the two tables of the record, for one session.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    records: String,
    attempts: String,
    program_version: &'static str,
    next_id: i64,
    backend_pid: i32,
    backend_start: DateTime<Utc>,
}

/// The failure of an attempt.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordedFailure {
    pub statement: Option<u32>,
    pub line: Option<u32>,
    pub sqlstate: Option<String>,
    pub message: String,
    pub left_behind: Vec<String>,
}

impl Recorder {
    /// A recorder for the session of this connection. It numbers the attempts, so the session has to hold the lock.
    pub(crate) async fn new(
        connection: &mut PgConnection,
        history: &MigrationHistory,
        program_version: &'static str,
    ) -> Result<Self, sqlx::Error> {
        let row = sqlx::raw_sql(
            "select pid, backend_start from pg_catalog.pg_stat_activity where pid = pg_catalog.pg_backend_pid()",
        )
        .fetch_one(connection)
        .await?;
        Ok(Self {
            records: history.tables.records(),
            attempts: history.tables.attempts(),
            program_version,
            next_id: history.attempts.last().map_or(1, |attempt| attempt.id + 1),
            backend_pid: row.try_get("pid")?,
            backend_start: row.try_get("backend_start")?,
        })
    }

    /// Creates the missing tables; sqlx's own exactly as sqlx does.
    pub(crate) fn make_tables(tables: &RecordTables) -> String {
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

    /// The start of an attempt: its id, and the statement that records it.
    pub(crate) fn begin(&mut self, migration: &Migration, script: &Script, action: AttemptAction) -> (i64, String) {
        self.note(migration.version, &migration.name, Some(script), action, AttemptOutcome::Running)
    }

    /// An action that is complete once it is recorded.
    pub(crate) fn done(&mut self, version: i64, name: &str, script: Option<&Script>, action: AttemptAction) -> String {
        self.note(version, name, script, action, AttemptOutcome::Succeeded).1
    }

    fn note(
        &mut self,
        version: i64,
        name: &str,
        script: Option<&Script>,
        action: AttemptAction,
        outcome: AttemptOutcome,
    ) -> (i64, String) {
        let id = self.next_id;
        self.next_id += 1;
        let (checksum, normalized) = match script {
            Some(script) => (bytes(script.checksum()), bytes(&normalized_checksum(script.text()))),
            None => ("null".to_owned(), "null".to_owned()),
        };
        let ended = if outcome == AttemptOutcome::Running { "null" } else { "pg_catalog.clock_timestamp()" };
        let sql = format!(
            "insert into {} (id, version, name, action, outcome, started_at, ended_at, app_version, checksum, \
             normalized_checksum, backend_pid, backend_start) values ({id}, {version}, {}, '{}', '{}', \
             pg_catalog.clock_timestamp(), {ended}, {}, {checksum}, {normalized}, {}, '{}');\n",
            self.attempts,
            literal(name),
            action.word(),
            outcome.word(),
            literal(self.program_version),
            self.backend_pid,
            self.backend_start.to_rfc3339_opts(SecondsFormat::Micros, true),
        );
        (id, sql)
    }

    /// The statement that is about to run.
    pub(crate) fn at(&self, id: i64, statement: u32, line: u32) -> String {
        format!("update {} set statement = {statement}, line = {line} where id = {id};\n", self.attempts)
    }

    /// The success of an attempt.
    pub(crate) fn succeeded(&self, id: i64) -> String {
        format!(
            "update {} set outcome = 'succeeded', ended_at = pg_catalog.clock_timestamp(), statement = null, line = null \
             where id = {id};\n",
            self.attempts
        )
    }

    /// The failure of an attempt.
    pub(crate) fn failed(&self, id: i64, outcome: AttemptOutcome, failed: &RecordedFailure) -> String {
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

    /// Attempts whose processes are gone.
    pub(crate) fn interrupted(&self, ids: &[i64]) -> String {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        format!("update {} set outcome = 'interrupted' where id in ({});\n", self.attempts, ids.join(", "))
    }

    /// An applied migration in sqlx's table, to be sent in the transaction of the migration.
    pub(crate) fn applied(&self, migration: &Migration) -> String {
        format!(
            "insert into {} (version, description, success, checksum, execution_time) values ({}, {}, true, {}, {});\n",
            self.records,
            migration.version,
            literal(&migration.name),
            bytes(migration.up.checksum()),
            "(extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.now()) * 1000000000)::bigint",
        )
    }

    /// A migration in sqlx's table that is begun and not completed. sqlx's own tool refuses to continue then.
    pub(crate) fn begun(&self, migration: &Migration) -> String {
        format!(
            "insert into {} (version, description, success, checksum, execution_time) values ({}, {}, false, {}, -1);\n",
            self.records,
            migration.version,
            literal(&migration.name),
            bytes(migration.up.checksum()),
        )
    }

    /// Marks a recorded migration as completed, or as not completed.
    pub(crate) fn set_success(&self, version: i64, success: bool) -> String {
        format!("update {} set success = {success} where version = {version};\n", self.records)
    }

    /// The completion of a migration that was recorded as begun.
    pub(crate) fn completed(&self, version: i64) -> String {
        format!(
            "update {} set success = true, execution_time = (extract(epoch from pg_catalog.clock_timestamp() - installed_on) \
             * 1000000000)::bigint where version = {version};\n",
            self.records
        )
    }

    /// A migration that is applied on a person's word. The time that it took is unknown.
    pub(crate) fn declared(&self, migration: &Migration) -> String {
        format!(
            "insert into {} (version, description, success, checksum, execution_time) values ({}, {}, true, {checksum}, -1) \
             on conflict (version) do update set success = true, checksum = {checksum};\n",
            self.records,
            migration.version,
            literal(&migration.name),
            checksum = bytes(migration.up.checksum()),
        )
    }

    /// The checksum of an edited file.
    pub(crate) fn rechecked(&self, migration: &Migration) -> String {
        let checksum = bytes(migration.up.checksum());
        format!("update {} set checksum = {checksum} where version = {};\n", self.records, migration.version)
    }

    /// Removes a migration from sqlx's table.
    pub(crate) fn removed(&self, version: i64) -> String {
        format!("delete from {} where version = {version};\n", self.records)
    }
}
