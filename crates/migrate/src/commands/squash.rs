//! `squash`: replaces many migrations by one file that builds the same schema.

use std::path::PathBuf;

use sqlx::{AssertSqlSafe, Row as _};

use crate::error::MigrateError;
use crate::file::checkout::Checkout;
use crate::file::source::{Migration, read_folder};
use crate::file::squashed::squash_header;
use crate::file::write::{StagedFiles, file_error};
use crate::migrator::Migrator;
use crate::propose::proposal::build_and_remove_sql;
use crate::propose::shadow::in_shadow;
use crate::record::history::{ATTEMPTS_TABLE, DRIFT_CACHE, RECORDS_TABLE};
use crate::run::apply::apply_pending;
use crate::run::empty::empty;
use crate::run::session::MigrationSession;
use crate::schema::catalog::read_catalog;

/// The outcome of [`Migrator::squash`].
#[derive(Debug, Clone)]
pub struct SquashedFiles {
    /// The new pair.
    pub written: Vec<PathBuf>,
    /// The removed files, which the new pair replaces.
    pub removed: Vec<PathBuf>,
}

impl Migrator {
    /// Replaces all migrations of the checkout up to a version by one file, and removes theirs. It is verified first that the
    /// file builds the same schema. A database that has them all has nothing to do.
    ///
    /// # Errors
    /// [`MigrateError::InvalidRequest`] if there is nothing to squash, [`MigrateError::Unsafe`] if they insert data, or if no
    /// SQL can be written for what they build; then no file was changed.
    pub async fn squash(&self, checkout: &Checkout, to: i64) -> Result<SquashedFiles, MigrateError> {
        let migrations = read_folder(&checkout.folder)?;
        if !migrations.iter().any(|one| one.version == to) {
            return Err(MigrateError::InvalidRequest(format!("there is no migration {to}; no file was changed.")));
        }
        let chosen: Vec<Migration> = migrations.into_iter().filter(|one| one.version <= to).collect();
        if chosen.len() < 2 {
            return Err(MigrateError::InvalidRequest(format!(
                "{to} is the first migration, and there is nothing to squash it with; no file was changed."
            )));
        }
        let (up, down) = MigrationSession::with(&self.database, &self.settings, async |session| {
            squashed_sql(session, &chosen).await
        })
        .await?;
        let up = format!("{}\n{up}", squash_header(&chosen));
        let [up_path, down_path] =
            ["up", "down"].map(|suffix| checkout.folder.join(format!("{to}_squashed.{suffix}.sql")));
        let staged = StagedFiles::write(&[(&up_path, &up), (&down_path, &down)])?;
        let mut removed = Vec::new();
        for one in &chosen {
            for script in [Some(&one.up), one.down.as_ref()].into_iter().flatten() {
                let old = PathBuf::from(&script.file);
                std::fs::remove_file(&old).map_err(file_error(&old))?;
                removed.push(old);
            }
        }
        staged.put_in_place()?;
        Ok(SquashedFiles { written: vec![up_path, down_path], removed })
    }
}

/// The SQL that builds what these migrations build, and the SQL that removes it again; both tried.
async fn squashed_sql(
    session: &mut MigrationSession<'_>,
    chosen: &[Migration],
) -> Result<(String, String), MigrateError> {
    in_shadow(session, async |shadow| {
        apply_pending(shadow, chosen, &mut |_| ()).await?;
        let filled = tables_with_rows(shadow).await?;
        if !filled.is_empty() {
            let seed =
                shadow.settings.names.seed.map_or_else(String::new, |seed| format!(", or move the rows to `{seed} --file`"));
            return Err(MigrateError::Unsafe {
                summary: format!(
                    "these migrations insert rows, which the squashed file would not; no file was changed. Squash up to one \
                     before them{seed}:"
                ),
                details: filled,
            });
        }
        let built = read_catalog(&mut shadow.connection).await?;
        empty(shadow).await?;
        build_and_remove_sql(shadow, &built).await
    })
    .await
}

/// The tables that have rows, other than those of the record.
async fn tables_with_rows(shadow: &mut MigrationSession<'_>) -> Result<Vec<String>, MigrateError> {
    let tables = format!(
        "select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' \
         and c.relname not in ('{RECORDS_TABLE}', '{ATTEMPTS_TABLE}', '{DRIFT_CACHE}') \
         and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'e') \
         order by 1"
    );
    let mut filled = Vec::new();
    for row in sqlx::raw_sql(AssertSqlSafe(tables)).fetch_all(&mut shadow.connection).await? {
        let name: String = row.try_get("name")?;
        let query = format!("select exists (select from {name}) as filled");
        if sqlx::raw_sql(AssertSqlSafe(query)).fetch_one(&mut shadow.connection).await?.try_get("filled")? {
            filled.push(name);
        }
    }
    Ok(filled)
}
