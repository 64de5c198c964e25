//! The files of a checkout: writing a new pair, and giving one that came late a new timestamp.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use sqlx::postgres::PgConnectOptions;

use super::MigrateError;
use super::history;
use super::plan::Plan;
use super::settings::Settings;
use super::source::{Migration, folder};

const UP: &str = "\
-- What this is for, in a sentence. How to write one: README.md beside this file.
";

const DOWN: &str = "\
-- Takes back what the file beside it does.
";

fn cannot(path: &Path) -> impl Fn(std::io::Error) -> MigrateError {
    move |error| MigrateError::Source { path: path.to_owned(), problem: error.to_string() }
}

/// Writes an empty pair of files, newer than all there are; their paths.
///
/// # Errors
/// [`MigrateError::Senseless`] for a name that is none, [`MigrateError::Source`] if the files cannot be written.
pub fn create(directory: &Path, name: &str, now: DateTime<Utc>) -> Result<Vec<PathBuf>, MigrateError> {
    write(directory, name, now, UP, DOWN)
}

/// The same with something in them.
pub(super) fn write(
    directory: &Path,
    name: &str,
    now: DateTime<Utc>,
    up: &str,
    down: &str,
) -> Result<Vec<PathBuf>, MigrateError> {
    let name = file_name(name)?;
    std::fs::create_dir_all(directory).map_err(cannot(directory))?;
    let version = next_version(folder(directory)?.last().map(|newest| newest.version), now);
    let pair = [("up", up), ("down", down)];
    let paths = pair.map(|(suffix, _)| directory.join(format!("{version}_{name}.{suffix}.sql")));
    // Whole, or not at all: a process that is killed here leaves no half of a migration to be applied.
    let drafts = paths.each_ref().map(|path| path.with_extension("sql.new"));
    for (draft, (_, text)) in drafts.iter().zip(pair) {
        std::fs::write(draft, text).map_err(cannot(draft))?;
    }
    // The down script first: until the other is there it is no migration.
    for (draft, path) in drafts.iter().zip(&paths).rev() {
        std::fs::rename(draft, path).map_err(cannot(path))?;
    }
    Ok(paths.into())
}

/// `Add payees` is `add_payees`.
///
/// # Errors
/// [`MigrateError::Senseless`] for a name that is none.
pub fn file_name(name: &str) -> Result<String, MigrateError> {
    let words = name.to_lowercase();
    let words: Vec<&str> = words.split([' ', '-', '_']).filter(|word| !word.is_empty()).collect();
    let name = words.join("_");
    if name.is_empty() || !name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') {
        return Err(MigrateError::Senseless(
            "a name is made of the letters a to z, digits, spaces, - and _, such as `add payees`; nothing was written."
                .to_owned(),
        ));
    }
    Ok(name)
}

const VERSION: &str = "%Y%m%d%H%M%S";

/// Now, as a version; after the newest in any case, by a second or, if that is no time, by one.
fn next_version(newest: Option<i64>, now: DateTime<Utc>) -> i64 {
    let version = |time: NaiveDateTime| time.format(VERSION).to_string().parse().unwrap_or_default();
    let now = version(now.naive_utc());
    let Some(newest) = newest.filter(|newest| *newest >= now) else { return now };
    let time = NaiveDateTime::parse_from_str(&newest.to_string(), VERSION).ok();
    time.map(|time| version(time + TimeDelta::seconds(1))).filter(|next| *next > newest).unwrap_or(newest + 1)
}

/// Gives the files of a migration that waits a timestamp after the newest; the new version and paths. The database is
/// asked first: one that is applied somewhere must not change its name.
///
/// # Errors
/// [`MigrateError::Senseless`] if it is applied, or is no file.
pub async fn rebase(
    options: &PgConnectOptions,
    migrations: &[Migration],
    settings: &Settings,
    version: i64,
    now: DateTime<Utc>,
) -> Result<(i64, Vec<PathBuf>), MigrateError> {
    let history = history::of(options, migrations, settings).await?;
    let senseless =
        |why: &str| MigrateError::Senseless(format!("{version} cannot be rebased: {why}. No file was touched."));
    let Some(migration) = migrations.iter().find(|migration| migration.version == version) else {
        return Err(senseless("there is no such file; the folder is `migrations`, or the one that --source names"));
    };
    if history.records.iter().any(|record| record.version == version) {
        return Err(senseless("the database has it on record, and what is applied keeps its name"));
    }
    let plan = Plan::new(migrations, &history);
    if plan.duplicates.iter().any(|named| named.version == version) {
        return Err(senseless("two files have this version; give one of them another by hand"));
    }
    let newest =
        migrations.iter().map(|one| one.version).chain(history.records.iter().map(|record| record.version)).max();
    let new = next_version(newest, now);
    let mut paths = Vec::new();
    for script in [Some(&migration.up), migration.down.as_ref()].into_iter().flatten() {
        let old = Path::new(&script.file);
        let name = old.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some((_, rest)) = name.split_once('_').filter(|_| old.is_file()) else {
            return Err(senseless("its file is not on disk; run it in the checkout, or name the folder with --source"));
        };
        let path = old.with_file_name(format!("{new}_{rest}"));
        std::fs::rename(old, &path).map_err(cannot(old))?;
        paths.push(path);
    }
    Ok((new, paths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pair_is_newer_than_all_there_are() {
        let directory = tempfile::tempdir().expect("a folder");
        let now: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().expect("an instant");
        let first = create(directory.path(), "Add payees-and tags", now).expect("written");
        assert!(first[0].ends_with("20260301120000_add_payees_and_tags.up.sql"), "{first:?}");
        let second = create(directory.path(), "more", now).expect("written");
        assert!(second[1].ends_with("20260301120001_more.down.sql"), "{second:?}");
        assert_eq!(next_version(Some(20_260_301_235_959), now), 20_260_302_000_000);
        assert_eq!(next_version(Some(99_999_999_999_999), now), 100_000_000_000_000);
    }

    #[test]
    fn a_name_is_a_name() {
        for name in ["", "  ", "../x", "a/b", "naïve"] {
            assert!(file_name(name).is_err(), "{name}");
        }
    }
}
