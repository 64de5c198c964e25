//! `rebase`: gives a file that came late a new timestamp.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::error::MigrateError;
use crate::file::write::{file_error, next_version};
use crate::migrator::Migrator;
use crate::record::plan::MigrationPlan;
use crate::run::session::MigrationSession;

impl Migrator {
    /// Renames the files of a pending migration so that it comes after the newest one. Returns the new version and the new
    /// paths. The database is asked first, because an applied migration must keep its version.
    ///
    /// # Errors
    /// [`MigrateError::InvalidRequest`] if it is applied, or has no file on disk.
    pub async fn rebase(&self, version: i64, now: DateTime<Utc>) -> Result<(i64, Vec<PathBuf>), MigrateError> {
        let migrations = &self.migrations;
        let history = MigrationSession::with(&self.database, &self.settings, async |session| {
            Ok(session.history(migrations).await?)
        })
        .await?;
        let refuse = |reason: &str| {
            MigrateError::InvalidRequest(format!("{version} cannot be rebased: {reason}. No file was changed."))
        };
        let Some(migration) = migrations.iter().find(|migration| migration.version == version) else {
            return Err(refuse("there is no such file; the folder is `migrations`, or the one that --source names"));
        };
        if history.records.iter().any(|record| record.version == version) {
            return Err(refuse("the database has it on record, and an applied migration keeps its version"));
        }
        let plan = MigrationPlan::new(migrations, &history);
        if plan.duplicates.iter().any(|one| one.version == version) {
            return Err(refuse("two files have this version; give one of them another by hand"));
        }
        let newest =
            migrations.iter().map(|one| one.version).chain(history.records.iter().map(|record| record.version)).max();
        let new = next_version(newest, now);
        let mut paths = Vec::new();
        for script in [Some(&migration.up), migration.down.as_ref()].into_iter().flatten() {
            let old = Path::new(&script.file);
            let name = old.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let Some((_, rest)) = name.split_once('_').filter(|_| old.is_file()) else {
                return Err(refuse(
                    "its file is not on disk; run it in the checkout, or name the folder with --source",
                ));
            };
            let path = old.with_file_name(format!("{new}_{rest}"));
            std::fs::rename(old, &path).map_err(file_error(old))?;
            paths.push(path);
        }
        Ok((new, paths))
    }
}
