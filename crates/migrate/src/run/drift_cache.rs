//! Remembers in the database that a schema was compared and does not drift: building all migrations in a shadow database takes
//! seconds, and runs their statements on the server once more. As long as nothing has changed, the answer stays the same.

use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Row as _};

use crate::file::source::Migration;
use crate::record::history::{DRIFT_CACHE, DriftCacheTable, RecordTables};
use crate::run::session::MigrationSession;
use crate::schema::catalog::Catalog;
use crate::sql_text::{hex, literal};

/// The version of the comparison. A release that compares more increases it.
const FORMAT: u32 = 1;

/// The key of a comparison: the schema that was found, and everything that decides what it should be.
pub(crate) struct DriftCacheEntry {
    table: String,
    state: DriftCacheTable,
    key: String,
}

impl DriftCacheEntry {
    /// The entry for a schema that these migrations should have built.
    pub(crate) async fn new(
        session: &mut MigrationSession<'_>,
        tables: &RecordTables,
        applied: &[Migration],
        found: &Catalog,
    ) -> Result<Self, sqlx::Error> {
        let row = sqlx::raw_sql("select pg_catalog.current_setting('server_version_num') as version")
            .fetch_one(&mut session.connection)
            .await?;
        let mut digest = Sha256::new();
        digest.update(format!("{FORMAT} {} {}", session.settings.names.version, row.try_get::<&str, _>("version")?));
        for migration in applied {
            digest.update(migration.version.to_be_bytes());
            digest.update(migration.up.checksum());
        }
        digest.update(found.fingerprint());
        // The patterns of ignored objects are part of it.
        digest.update(session.preparation());
        let key = hex(&digest.finalize());
        Ok(Self { table: format!("{}.{DRIFT_CACHE}", tables.schema()), state: tables.drift_cache, key })
    }

    /// True if the same comparison found no drift before.
    pub(crate) async fn is_known(&self, session: &mut MigrationSession<'_>) -> Result<bool, sqlx::Error> {
        if self.state != DriftCacheTable::Present {
            return Ok(false);
        }
        let query = format!("select from {} where key operator(pg_catalog.=) {}", self.table, literal(&self.key));
        match sqlx::raw_sql(AssertSqlSafe(query)).fetch_optional(&mut session.connection).await {
            Ok(row) => Ok(row.is_some()),
            // A role that may not read it compares again.
            Err(sqlx::Error::Database(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Remembers that there is no drift. A missing privilege, and another command that does the same, are no failures.
    pub(crate) async fn note(&self, session: &mut MigrationSession<'_>) -> Result<(), sqlx::Error> {
        if self.state == DriftCacheTable::Untrusted {
            return Ok(());
        }
        // Not `if not exists`: a table that appeared meanwhile belongs to somebody else.
        let table = if self.state == DriftCacheTable::Present {
            String::new()
        } else {
            format!(
                "create table {} (key text primary key, looked_at timestamptz not null default pg_catalog.now());",
                self.table
            )
        };
        let sql = format!(
            "begin; {table} delete from {name}; insert into {name} (key) values ({key}); commit",
            name = self.table,
            key = literal(&self.key),
        );
        match session.note(sql).await {
            Err(sqlx::Error::Database(_)) => session.note("rollback".to_owned()).await,
            outcome => outcome,
        }
    }
}
