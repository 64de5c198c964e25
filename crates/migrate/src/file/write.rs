//! Writes the files of migrations.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use crate::error::MigrateError;
use crate::file::source::read_folder;

const UP: &str = "\
-- The purpose, in a sentence. How to write a migration: README.md beside this file.
";

const DOWN: &str = "\
-- Undoes what the file beside it does. If there is nothing to undo, put `select;` here.
";

const VERSION_FORMAT: &str = "%Y%m%d%H%M%S";

/// Turns an error of the file system into [`MigrateError::Source`].
pub(crate) fn file_error(path: &Path) -> impl Fn(std::io::Error) -> MigrateError {
    move |error| MigrateError::Source { path: path.to_owned(), problem: error.to_string() }
}

/// Files that are written beside their final names first, and put in place together: a full disk is noticed before anything
/// changes, and a process that is killed leaves no half-written file.
pub(crate) struct StagedFiles(Vec<PathBuf>);

fn draft_of(path: &Path) -> PathBuf {
    path.with_extension("sql.new")
}

impl StagedFiles {
    /// Writes the drafts.
    pub(crate) fn write(files: &[(&Path, &str)]) -> Result<Self, MigrateError> {
        for (path, text) in files {
            let draft = draft_of(path);
            std::fs::write(&draft, text).map_err(file_error(&draft))?;
        }
        Ok(Self(files.iter().map(|(path, _)| (*path).to_owned()).collect()))
    }

    /// Renames the drafts to their final names, in order.
    pub(crate) fn put_in_place(self) -> Result<(), MigrateError> {
        for path in self.0 {
            std::fs::rename(draft_of(&path), &path).map_err(file_error(&path))?;
        }
        Ok(())
    }
}

/// Writes a file as a whole, or not at all.
///
/// # Errors
/// [`MigrateError::Source`] if it cannot be written.
pub fn write_atomically(path: &Path, text: &str) -> Result<(), MigrateError> {
    StagedFiles::write(&[(path, text)])?.put_in_place()
}

/// Writes an empty pair of files, with a version after all existing ones. Returns their paths.
///
/// # Errors
/// [`MigrateError::InvalidRequest`] for an invalid name, [`MigrateError::Source`] if the files cannot be written.
pub fn create_pair(directory: &Path, name: &str, now: DateTime<Utc>) -> Result<Vec<PathBuf>, MigrateError> {
    write_pair(directory, name, now, (UP, DOWN))
}

/// Like [`create_pair`], with the texts of the `.up.sql` and the `.down.sql`.
pub(crate) fn write_pair(
    directory: &Path,
    name: &str,
    now: DateTime<Utc>,
    (up, down): (&str, &str),
) -> Result<Vec<PathBuf>, MigrateError> {
    let name = file_name(name)?;
    std::fs::create_dir_all(directory).map_err(file_error(directory))?;
    let version = next_version(read_folder(directory)?.last().map(|newest| newest.version), now);
    let [up_path, down_path] = ["up", "down"].map(|suffix| directory.join(format!("{version}_{name}.{suffix}.sql")));
    // The down script first: without the other it is no migration.
    StagedFiles::write(&[(&down_path, down), (&up_path, up)])?.put_in_place()?;
    Ok(vec![up_path, down_path])
}

/// The name of a migration as it is used in file names: `add_payees` for `Add payees`.
///
/// # Errors
/// [`MigrateError::InvalidRequest`] for an invalid name.
pub fn file_name(name: &str) -> Result<String, MigrateError> {
    let words = name.to_lowercase();
    let words: Vec<&str> = words.split([' ', '-', '_']).filter(|word| !word.is_empty()).collect();
    let name = words.join("_");
    if name.is_empty() || !name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') {
        return Err(MigrateError::InvalidRequest(
            "a name consists of the letters a to z, digits, spaces, - and _, such as `add payees`; nothing was written."
                .to_owned(),
        ));
    }
    Ok(name)
}

/// The version for a new file: the present time, but after the newest version in any case.
pub(crate) fn next_version(newest: Option<i64>, now: DateTime<Utc>) -> i64 {
    let version = |time: NaiveDateTime| time.format(VERSION_FORMAT).to_string().parse().unwrap_or_default();
    let now = version(now.naive_utc());
    let Some(newest) = newest.filter(|newest| *newest >= now) else { return now };
    let time = NaiveDateTime::parse_from_str(&newest.to_string(), VERSION_FORMAT).ok();
    time.map(|time| version(time + TimeDelta::seconds(1))).filter(|next| *next > newest).unwrap_or(newest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pair_is_newer_than_all_there_are() {
        let directory = tempfile::tempdir().expect("a folder");
        let now: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().expect("an instant");
        let first = create_pair(directory.path(), "Add payees-and tags", now).expect("written");
        assert!(first[0].ends_with("20260301120000_add_payees_and_tags.up.sql"), "{first:?}");
        let second = create_pair(directory.path(), "more", now).expect("written");
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
