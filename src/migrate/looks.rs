//! What was found in step when somebody last looked, kept in the database: building all migrations in a shadow database takes
//! seconds, and runs their statements on the server once more. What is the same to the letter is in step still.

use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Row as _};

use super::history::{Looks, Tables};
use super::record::literal;
use super::schema::Catalog;
use super::session::Session;
use super::source::Migration;

/// The table; it has one row, of the latest look.
pub(super) const LOOKS: &str = "_app_schema_looks";

/// The way of looking. A release that looks at more counts on.
const FORMAT: u32 = 1;

/// A schema that was found, and everything that says what it should be.
pub(super) struct Look {
    table: String,
    there: Looks,
    key: String,
}

impl Look {
    /// The look at a schema that these migrations should have built.
    pub(super) async fn new(
        session: &mut Session<'_>,
        tables: &Tables,
        applied: &[Migration],
        found: &Catalog,
    ) -> Result<Self, sqlx::Error> {
        let row = sqlx::raw_sql("select pg_catalog.current_setting('server_version_num') as version")
            .fetch_one(&mut session.connection)
            .await?;
        let mut digest = Sha256::new();
        digest.update(format!("{FORMAT} {} {}", env!("CARGO_PKG_VERSION"), row.try_get::<&str, _>("version")?));
        for migration in applied {
            digest.update(migration.version.to_be_bytes());
            digest.update(migration.up.checksum());
        }
        digest.update(found.fingerprint());
        // What is passed over is said there.
        digest.update(session.settling());
        let key = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { table: format!("{}.{LOOKS}", tables.schema()), there: tables.looks, key })
    }

    /// Whether the very same was found in step before.
    pub(super) async fn is_known(&self, session: &mut Session<'_>) -> Result<bool, sqlx::Error> {
        if self.there != Looks::Ours {
            return Ok(false);
        }
        let query = format!("select from {} where key operator(pg_catalog.=) {}", self.table, literal(&self.key));
        match sqlx::raw_sql(AssertSqlSafe(query)).fetch_optional(&mut session.connection).await {
            Ok(row) => Ok(row.is_some()),
            // A role that may not read it looks for itself.
            Err(sqlx::Error::Database(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Notes that it is in step. A role that may not write, or another that does so at the same moment, is no failure.
    pub(super) async fn note(&self, session: &mut Session<'_>) -> Result<(), sqlx::Error> {
        if self.there == Looks::Strange {
            return Ok(());
        }
        // Not `if not exists`: what came in between is somebody else's.
        let table = if self.there == Looks::Ours {
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
