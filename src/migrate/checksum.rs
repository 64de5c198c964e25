//! Whether a file is still what was applied. What cannot matter is forgiven: line ends, a BOM, comments, white space.

use sha2::{Digest as _, Sha384};

use super::source::Script;
use super::statements as split;

const BOM: &str = "\u{feff}";

/// What became of a file since it was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing, or line ends and a BOM.
    None,
    /// Comments or white space.
    Cosmetic,
    /// What it does.
    Edited,
}

/// Holds a file against what is on record. Only where the plain checksum differs is anything more worked out: most often
/// nothing differs, and there may be a thousand files.
pub(super) fn change(script: &Script, recorded: &[u8], normalized_recorded: Option<&[u8]>) -> Change {
    if script.checksum() == recorded || same_but_for_line_ends(script.text(), recorded) {
        Change::None
    } else if normalized_recorded.is_some_and(|recorded| normalized(script.text()) == recorded) {
        Change::Cosmetic
    } else {
        Change::Edited
    }
}

fn same_but_for_line_ends(text: &str, recorded: &[u8]) -> bool {
    let unix = text.trim_start_matches(BOM).replace("\r\n", "\n");
    let dos = unix.replace('\n', "\r\n");
    [format!("{BOM}{unix}"), format!("{BOM}{dos}"), unix, dos]
        .into_iter()
        .any(|variant| Sha384::digest(variant).as_slice() == recorded)
}

/// SHA-384 of the text without what cannot matter.
pub(super) fn normalized(text: &str) -> Vec<u8> {
    Sha384::digest(split::normalized(text)).to_vec()
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
            assert_eq!(change(&script(text), applied.checksum(), None), Change::None);
            assert_eq!(change(&applied, script(text).checksum(), None), Change::None);
        }
    }

    #[test]
    fn comments_and_white_space_are_told_from_edits() {
        let applied = script("select 1;");
        let known = normalized(applied.text());
        let now = |text, known| change(&script(text), applied.checksum(), known);
        assert_eq!(now("-- one\nselect   1 ;", Some(&known)), Change::Cosmetic);
        assert_eq!(now("select 2;", Some(&known)), Change::Edited);
        assert_eq!(now("-- one\nselect 1;", None), Change::Edited, "what was applied is not known");
    }
}
