//! The header of a squashed file: the migrations that it replaces.

use crate::file::source::{Migration, Script};
use crate::sql_text::hex;

/// The beginning of a line that names a replaced migration.
const PREFIX: &str = "-- squashes: ";

/// The line between two lists. Squashing a squashed file again makes two: a database has either the original migrations of the
/// first list, or the file that they became.
const OR: &str = "-- or:";

/// A migration that a squashed file replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SquashedMigration {
    pub version: i64,
    /// The recorded checksum, in hexadecimal digits.
    checksum: String,
    name: String,
}

impl SquashedMigration {
    fn of(migration: &Migration) -> Self {
        Self { version: migration.version, checksum: hex(migration.up.checksum()), name: migration.name.clone() }
    }

    /// True if its checksum is this one.
    pub(crate) fn has_checksum(&self, checksum: &[u8]) -> bool {
        self.checksum == hex(checksum)
    }

    fn line(&self) -> String {
        format!("{PREFIX}{} {} {}\n", self.version, self.checksum, self.name)
    }
}

/// The lists of migrations that a file replaces; none for an ordinary file.
pub(crate) fn squashed(script: &Script) -> Vec<Vec<SquashedMigration>> {
    let lines = script.text().trim_start_matches('\u{feff}').lines().map(str::trim_end);
    let mut lists: Vec<Vec<SquashedMigration>> = Vec::new();
    for line in lines.take_while(|line| line.starts_with("--")) {
        if line == OR {
            lists.push(Vec::new());
        }
        let Some((version, rest)) = line.strip_prefix(PREFIX).and_then(|rest| rest.split_once(' ')) else { continue };
        let (checksum, name) = rest.split_once(' ').unwrap_or((rest, ""));
        let Ok(version) = version.parse() else { continue };
        if lists.is_empty() {
            lists.push(Vec::new());
        }
        let one = SquashedMigration { version, checksum: checksum.to_owned(), name: name.to_owned() };
        lists.last_mut().into_iter().for_each(|list| list.push(one.clone()));
    }
    lists
}

/// True if a file replaces this other migration.
pub(crate) fn replaces(migration: &Migration, version: i64) -> bool {
    version < migration.version && squashed(&migration.up).iter().flatten().any(|one| one.version == version)
}

/// The header of a file that replaces these migrations.
pub(crate) fn squash_header(chosen: &[Migration]) -> String {
    let list = |list: Vec<SquashedMigration>| list.iter().map(SquashedMigration::line).collect::<String>();
    let mut texts = vec![list(chosen.iter().map(SquashedMigration::of).collect())];
    // Only the first can be a squashed file already, because squashing always begins with the first migration.
    if let Some((first, rest)) = chosen.split_first() {
        for earlier in squashed(&first.up) {
            texts.push(list(earlier.into_iter().chain(rest.iter().map(SquashedMigration::of)).collect()));
        }
    }
    texts.join(&format!("{OR}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_what_a_file_replaces() {
        let script = Script::new(
            "2_squashed.up.sql".to_owned(),
            "-- squashes: 1 ab one\n-- squashes: 2 cd two\n\ncreate table t ();\n-- squashes: 3 ef\n".to_owned(),
        );
        let found = squashed(&script);
        assert_eq!(found[0].iter().map(|one| one.version).collect::<Vec<_>>(), [1, 2]);
        assert!(found[0][0].has_checksum(&[0xab]) && !found[0][1].has_checksum(&[0xab]));
        assert!(squashed(&Script::new("1_x.sql".to_owned(), "create table t ();".to_owned())).is_empty());
    }

    #[test]
    fn a_file_that_is_squashed_again_replaces_both() {
        let file = |version: i64, text: String| Migration {
            version,
            name: "x".to_owned(),
            up: Script::new("x.up.sql".to_owned(), text),
            down: None,
        };
        let one = squash_header(&[file(1, "select 1".to_owned()), file(2, "select 2".to_owned())]);
        let two = squash_header(&[file(2, one), file(3, "select 3".to_owned())]);
        let lists = squashed(&Script::new("x.sql".to_owned(), two));
        let versions = |list: &Vec<SquashedMigration>| list.iter().map(|one| one.version).collect::<Vec<_>>();
        assert_eq!(lists.iter().map(versions).collect::<Vec<_>>(), [vec![2, 3], vec![1, 2, 3]]);
    }
}
