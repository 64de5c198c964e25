//! Compares a file with the recorded checksum of the applied file. Line ends, a BOM, comments and white space do not count.

use sha2::{Digest as _, Sha384};

use crate::file::source::Script;
use crate::file::statements::normalized;

const BOM: &str = "\u{feff}";

/// The change of a file since it was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileChange {
    /// No change, or only line ends and a BOM.
    None,
    /// Only comments or white space.
    Cosmetic,
    /// A change of the statements.
    Edited,
}

/// Compares a file with the record. More than the plain checksum is computed only if that differs: most often nothing differs,
/// and there may be a thousand files.
pub(crate) fn file_change(script: &Script, recorded: &[u8], normalized_recorded: Option<&[u8]>) -> FileChange {
    if script.checksum() == recorded || same_but_for_line_ends(script.text(), recorded) {
        FileChange::None
    } else if normalized_recorded.is_some_and(|recorded| normalized_checksum(script.text()) == recorded) {
        FileChange::Cosmetic
    } else {
        FileChange::Edited
    }
}

fn same_but_for_line_ends(text: &str, recorded: &[u8]) -> bool {
    let unix = text.trim_start_matches(BOM).replace("\r\n", "\n");
    let dos = unix.replace('\n', "\r\n");
    [format!("{BOM}{unix}"), format!("{BOM}{dos}"), unix, dos]
        .into_iter()
        .any(|variant| Sha384::digest(variant).as_slice() == recorded)
}

/// SHA-384 of the text without comments and white space.
pub(crate) fn normalized_checksum(text: &str) -> Vec<u8> {
    Sha384::digest(normalized(text)).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Script {
        Script::new("1_x.sql".to_owned(), text.to_owned())
    }

    #[test]
    fn line_ends_and_a_bom_are_no_change() {
        let applied = script("create table t (\n  id int\n);\n");
        for text in ["create table t (\r\n  id int\r\n);\r\n", "\u{feff}create table t (\n  id int\n);\n"] {
            assert_eq!(file_change(&script(text), applied.checksum(), None), FileChange::None);
            assert_eq!(file_change(&applied, script(text).checksum(), None), FileChange::None);
        }
    }

    #[test]
    fn comments_and_white_space_are_told_from_edits() {
        let applied = script("select 1;");
        let known = normalized_checksum(applied.text());
        let now = |text, known| file_change(&script(text), applied.checksum(), known);
        assert_eq!(now("-- one\nselect   1 ;", Some(&known)), FileChange::Cosmetic);
        assert_eq!(now("select 2;", Some(&known)), FileChange::Edited);
        assert_eq!(now("-- one\nselect 1;", None), FileChange::Edited, "the applied text is unknown");
    }
}
