//! Names as PostgreSQL generates and quotes them.

use sha2::Digest as _;

use crate::sql_text::{hex, identifier};

/// The limit of a name in PostgreSQL, in bytes.
const LONGEST: usize = 63;

/// A name without its quotes.
pub(crate) fn unquoted(ident: &str) -> String {
    match ident.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => ident.to_owned(),
    }
}

/// The last part of a qualified name, without its quotes.
pub(crate) fn last(name: &str) -> String {
    unquoted(last_part(name))
}

/// The last part of a qualified name, with its quotes.
pub(crate) fn last_part(name: &str) -> &str {
    let mut quoted = false;
    let points = name.char_indices().filter(|(_, char)| {
        quoted ^= *char == '"';
        *char == '.' && !quoted
    });
    let start = points.last().map_or(0, |(at, _)| at + 1);
    name.get(start..).unwrap_or_default()
}

/// The name that PostgreSQL generates from the names of a table and a column and a label. The longer name is truncated first.
pub(crate) fn automatic(table: &str, column: &str, label: &str) -> String {
    let (mut one, mut other) = (table.len(), column.len());
    while one + other + label.len() + 2 > LONGEST && one + other > 0 {
        if one > other { one -= 1 } else { other -= 1 }
    }
    format!("{}_{}_{label}", clipped(table, one), clipped(column, other))
}

/// The beginning of a text, in whole characters.
fn clipped(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

/// A free name with a suffix. A truncated name gets a checksum, so that different names stay different.
pub(crate) fn free(name: &str, suffix: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let named = |behind: &str| {
        if name.len() + behind.len() <= LONGEST {
            return identifier(&format!("{name}{behind}"));
        }
        let checksum = hex(&sha2::Sha384::digest(name)[..3]);
        let room = LONGEST - checksum.len() - 1 - behind.len();
        identifier(&format!("{}_{checksum}{behind}", clipped(name, room)))
    };
    let numbered = (2..100).map(|number| format!("{suffix}{number}"));
    let mut suffixes = std::iter::once(suffix.to_owned()).chain(numbered);
    suffixes.find_map(|behind| Some(named(&behind)).filter(|name| !is_taken(name))).unwrap_or_else(|| named(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_quotes() {
        assert_eq!(unquoted("\"a \"\"b\"\"\""), "a \"b\"");
        assert_eq!(last("side.\"Mixed.Case\""), "Mixed.Case");
        assert_eq!(last("\"a.b\".c"), "c");
    }

    #[test]
    fn a_long_name_is_made_as_postgres_makes_it() {
        assert_eq!(automatic("users", "name", "not_null"), "users_name_not_null");
        let long = automatic("transaction_category_assignment_history", "original_transaction_category_id", "not_null");
        assert_eq!(long, "transaction_category_assign_original_transaction_categ_not_null");
        let wide = "ü".repeat(30);
        assert_eq!(automatic(&wide, "x", "not_null"), "ü".repeat(26) + "_x_not_null");
        let both = format!("{}_{}_not_null", "ü".repeat(13), "ä".repeat(13));
        assert_eq!(automatic(&wide, &"ä".repeat(28), "not_null"), both);
    }

    #[test]
    fn what_is_cut_off_is_told_apart_and_what_is_taken_is_not_taken_again() {
        let (one, other) = ("a".repeat(60) + "b", "a".repeat(60) + "c");
        let (one, other) = (free(&one, "_present", |_| false), free(&other, "_present", |_| false));
        assert!(one != other && one.len() == LONGEST && other.len() == LONGEST, "{one} {other}");
        assert_eq!(free("users", "_old", |name| name == "users_old"), "users_old2");
        assert_eq!(free("Users", "_old", |_| false), "\"Users_old\"");
        let long = free(&"ü".repeat(31), "_old", |_| false);
        assert!(long.len() <= LONGEST + 2, "{long}");
    }
}
