//! Reads migrations: those compiled into the program, or those of a folder.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha384};
use sqlx::migrate::{MigrationType, Migrator as CompiledMigrations};

use crate::error::MigrateError;

/// A migration: the script that applies it, and, if it is reversible, the script that rolls it back.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The version, a timestamp: `20260216090000`. Migrations are applied in the order of their versions.
    pub version: i64,
    /// The name, from the name of the file: `create users`.
    pub name: String,
    /// The script that applies it.
    pub up: Script,
    /// The script that rolls it back.
    pub down: Option<Script>,
}

impl Migration {
    /// The SQL that applies it.
    #[must_use]
    pub fn up_sql(&self) -> &str {
        self.up.text()
    }
}

/// An SQL script.
#[derive(Debug, Clone)]
pub struct Script {
    /// The name of the file; with its folder, if it was read from one.
    pub file: String,
    text: Cow<'static, str>,
    checksum: Cow<'static, [u8]>,
}

impl Script {
    /// A script with a name and a text.
    #[must_use]
    pub fn new(file: String, text: String) -> Self {
        let checksum = Cow::Owned(Sha384::digest(&text).to_vec());
        Self { file, text: Cow::Owned(text), checksum }
    }

    /// The text, unchanged.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-384 of the unchanged text, as sqlx computes it.
    pub(crate) fn checksum(&self) -> &[u8] {
        &self.checksum
    }

    /// True if it runs outside of a transaction: by sqlx's rule, the first line says so. A BOM does not count.
    pub(crate) fn no_transaction(&self) -> bool {
        self.text.trim_start_matches('\u{feff}').starts_with("-- no-transaction")
    }
}

/// Reads the migrations that `sqlx::migrate!` compiled into the program, in the order of their versions.
#[must_use]
pub fn read_compiled(compiled: &'static CompiledMigrations) -> Vec<Migration> {
    let scripts = compiled.iter().map(|migration| {
        let suffix = migration.migration_type.suffix();
        let script = Script {
            file: format!("{}_{}{suffix}", migration.version, migration.description.replace(' ', "_")),
            text: Cow::Borrowed(migration.sql.as_str()),
            checksum: Cow::Borrowed(&migration.checksum),
        };
        (migration.version, migration.description.to_string(), migration.migration_type, script)
    });
    pair(scripts.collect())
}

/// Reads the migrations of a folder, named as sqlx names them: `VERSION_NAME.up.sql` and `.down.sql`, or `VERSION_NAME.sql`.
///
/// # Errors
/// [`MigrateError::Source`] if the folder or a file cannot be read, or a version is not a number.
pub fn read_folder(path: &Path) -> Result<Vec<Migration>, MigrateError> {
    let fail =
        |path: &Path, error: std::io::Error| MigrateError::Source { path: path.to_owned(), problem: error.to_string() };
    let mut scripts = Vec::new();
    let mut downs = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| fail(path, error))? {
        let path = entry.map_err(|error| fail(path, error))?.path();
        let Some((version, rest)) = name_parts(&path)? else { continue };
        let text = std::fs::read_to_string(&path).map_err(|error| fail(&path, error))?;
        let kind = MigrationType::from_filename(&rest);
        let name = rest.trim_end_matches(kind.suffix()).replace('_', " ");
        if kind == MigrationType::ReversibleDown {
            downs.push((version, name.clone(), path.clone()));
        }
        scripts.push((version, name, kind, Script::new(path.display().to_string(), text)));
    }
    let migrations = pair(scripts);
    let alone = |(version, name, _): &&(i64, String, PathBuf)| {
        !migrations.iter().any(|one| one.version == *version && one.name == *name)
    };
    match downs.iter().find(alone) {
        Some((_, _, path)) => Err(MigrateError::Source {
            path: path.clone(),
            problem: "it rolls back a migration, but there is no `.up.sql` of the same name".to_owned(),
        }),
        None => Ok(migrations),
    }
}

/// Refuses a folder without migrations, which is most often the wrong one if a person named it.
pub(crate) fn refuse_empty(migrations: Vec<Migration>, folder: &Path) -> Result<Vec<Migration>, MigrateError> {
    if migrations.is_empty() {
        let problem = "it has no migrations, with names such as 20260216090000_create_users.up.sql".to_owned();
        return Err(MigrateError::Source { path: folder.to_owned(), problem });
    }
    Ok(migrations)
}

/// Reads single files that apply migrations, wherever they are. A name without a version gets the version 0.
///
/// # Errors
/// [`MigrateError::Source`] if a file cannot be read.
pub fn read_files(paths: &[std::path::PathBuf]) -> Result<Vec<Migration>, MigrateError> {
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path)
            .map_err(|error| MigrateError::Source { path: path.clone(), problem: error.to_string() })?;
        let (version, name) = name_parts(path)?.unwrap_or_default();
        Ok(Migration { version, name, up: Script::new(path.display().to_string(), text), down: None })
    };
    paths.iter().map(read).collect()
}

/// The version and the rest of the name of a migration's file; `None` for other files. A file that is named like a migration
/// and cannot be one is an error: if it were skipped, somebody would miss it only in the database.
fn name_parts(path: &Path) -> Result<Option<(i64, String)>, MigrateError> {
    let fail = |problem: String| Err(MigrateError::Source { path: path.to_owned(), problem });
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some((version, rest)) = name.split_once('_') else { return Ok(None) };
    let is_sql = rest.strip_suffix(".sql").is_some();
    let version = match (version.parse(), is_sql) {
        (Ok(version), _) => version,
        (Err(_), true) => {
            return fail(format!(
                "`{version}` is not a version; a name begins with a timestamp such as 20260216090000_"
            ));
        }
        (Err(_), false) => return Ok(None),
    };
    if path.is_dir() {
        return fail("it is a folder, and a migration is a file such as 20260216090000_create_users.up.sql".to_owned());
    }
    if !is_sql && rest.to_lowercase().strip_suffix(".sql").is_some() {
        return fail("the name of a migration ends with `.sql` in small letters".to_owned());
    }
    Ok(is_sql.then(|| (version, rest.to_owned())))
}

/// Pairs the scripts. Two scripts that apply migrations of the same version stay two; the plan refuses them.
fn pair(scripts: Vec<(i64, String, MigrationType, Script)>) -> Vec<Migration> {
    let (downs, ups): (Vec<_>, Vec<_>) =
        scripts.into_iter().partition(|(_, _, kind, _)| *kind == MigrationType::ReversibleDown);
    let mut downs: std::collections::HashMap<(i64, String), Script> =
        downs.into_iter().map(|(version, name, _, script)| ((version, name), script)).collect();
    let mut migrations: Vec<Migration> = ups
        .into_iter()
        .map(|(version, name, _, up)| Migration { version, down: downs.remove(&(version, name.clone())), name, up })
        .collect();
    migrations.sort_by(|one, other| (one.version, &one.name).cmp(&(other.version, &other.name)));
    migrations
}
