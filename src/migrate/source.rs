//! The migrations that there are: those compiled into the binary, or those of a folder.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha384};
use sqlx::migrate::{MigrationType, Migrator};

use super::MigrateError;

static EMBEDDED: Migrator = sqlx::migrate!();

/// One migration: what makes the change, and, if it is reversible, what takes it back.
#[derive(Debug, Clone)]
pub struct Migration {
    /// Its place in the order, a timestamp: `20260216090000`.
    pub version: i64,
    /// What it is for, as its file is named: `create users`.
    pub name: String,
    /// What makes the change.
    pub up: Script,
    /// What takes it back.
    pub down: Option<Script>,
}

impl Migration {
    /// The SQL that makes the change.
    #[must_use]
    pub fn up_sql(&self) -> &str {
        self.up.text()
    }
}

/// A file of SQL.
#[derive(Debug, Clone)]
pub struct Script {
    /// How the file is called; with its folder, if it was read from one.
    pub file: String,
    text: Cow<'static, str>,
    checksum: Cow<'static, [u8]>,
}

impl Script {
    /// A text, and what it is called.
    #[must_use]
    pub fn new(file: String, text: String) -> Self {
        let checksum = Cow::Owned(Sha384::digest(&text).to_vec());
        Self { file, text: Cow::Owned(text), checksum }
    }

    /// What is in it, to the letter.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-384 of the text to the letter, as sqlx has it.
    pub(super) fn checksum(&self) -> &[u8] {
        &self.checksum
    }

    /// Whether it runs outside of a transaction: sqlx's rule, that the first line says so. A BOM is no text.
    pub(super) fn no_transaction(&self) -> bool {
        self.text.trim_start_matches('\u{feff}').starts_with("-- no-transaction")
    }
}

/// The migrations that are compiled into the binary, in order.
#[must_use]
pub fn embedded() -> Vec<Migration> {
    let scripts = EMBEDDED.iter().map(|migration| {
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

/// The migrations of a folder, named as sqlx names them: `VERSION_NAME.up.sql` and `.down.sql`, or `VERSION_NAME.sql`.
///
/// # Errors
/// [`MigrateError::Source`] if the folder or a file cannot be read, or a version is no number.
pub fn folder(path: &Path) -> Result<Vec<Migration>, MigrateError> {
    let fail =
        |path: &Path, error: std::io::Error| MigrateError::Source { path: path.to_owned(), problem: error.to_string() };
    let mut scripts = Vec::new();
    let mut downs = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| fail(path, error))? {
        let path = entry.map_err(|error| fail(path, error))?.path();
        let Some((version, rest)) = parts(&path)? else { continue };
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
            problem: "it takes back what no `.up.sql` of the same name makes".to_owned(),
        }),
        None => Ok(migrations),
    }
}

/// Single files that make changes, wherever they are; what a name lacks is made up.
///
/// # Errors
/// [`MigrateError::Source`] if a file cannot be read.
pub fn files(paths: &[std::path::PathBuf]) -> Result<Vec<Migration>, MigrateError> {
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path)
            .map_err(|error| MigrateError::Source { path: path.clone(), problem: error.to_string() })?;
        let (version, name) = parts(path)?.unwrap_or_default();
        Ok(Migration { version, name, up: Script::new(path.display().to_string(), text), down: None })
    };
    paths.iter().map(read).collect()
}

/// The version and the rest of the name of a migration's file; other files are none of ours. What is named like a migration
/// and cannot be one is refused: passed over, it would be missed in the database only.
fn parts(path: &Path) -> Result<Option<(i64, String)>, MigrateError> {
    let fail = |problem: String| Err(MigrateError::Source { path: path.to_owned(), problem });
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some((version, rest)) = name.split_once('_') else { return Ok(None) };
    let is_sql = rest.strip_suffix(".sql").is_some();
    let version = match (version.parse(), is_sql) {
        (Ok(version), _) => version,
        (Err(_), true) => {
            return fail(format!("`{version}` is no version; a name begins with a timestamp such as 20260216090000_"));
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

/// Puts what takes back beside what makes. Two that make, of one version, stay two; the plan refuses them.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_can_be_taken_back() {
        for migration in embedded() {
            assert!(migration.down.is_some(), "{} {}", migration.version, migration.name);
        }
    }

    #[test]
    fn no_two_migrations_have_one_version() {
        let versions: Vec<i64> = embedded().iter().map(|migration| migration.version).collect();
        assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
    }

    #[test]
    fn the_folder_and_the_binary_hold_the_same() {
        let folder = folder(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))).expect("a folder");
        let shown = |migrations: &[Migration]| {
            migrations.iter().map(|one| (one.version, one.name.clone(), one.up.checksum().to_vec())).collect::<Vec<_>>()
        };
        assert_eq!(shown(&folder), shown(&embedded()));
        assert!(folder[0].up.file.ends_with(&embedded()[0].up.file));
    }
}
