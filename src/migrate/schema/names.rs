//! Names as PostgreSQL makes and quotes them.

use sha2::Digest as _;

/// The longest name that PostgreSQL keeps, in bytes.
const LONGEST: usize = 63;

/// A name without its quotes.
pub(super) fn unquoted(ident: &str) -> String {
    match ident.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => ident.to_owned(),
    }
}

/// The last name of several with points between them, without its quotes.
pub(super) fn last(name: &str) -> String {
    unquoted(last_part(name))
}

/// The same as it is.
pub(super) fn last_part(name: &str) -> &str {
    let mut quoted = false;
    let points = name.char_indices().filter(|(_, char)| {
        quoted ^= *char == '"';
        *char == '.' && !quoted
    });
    let start = points.last().map_or(0, |(at, _)| at + 1);
    name.get(start..).unwrap_or_default()
}

/// In quotes, if it has to be.
pub(super) fn quoted(name: &str) -> String {
    let mut chars = name.chars();
    let plain = chars.next().is_some_and(|first| first.is_ascii_lowercase() || first == '_')
        && chars.all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The name that PostgreSQL makes of a table's, a column's and a word for what it is of them: of the longer of the two as
/// much as there is room for.
pub(super) fn automatic(table: &str, column: &str, label: &str) -> String {
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

/// A name with something behind it, which nothing has yet. What is cut off of one that is too long is told apart by its
/// checksum.
pub(super) fn free(name: &str, suffix: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let named = |behind: &str| {
        if name.len() + behind.len() <= LONGEST {
            return quoted(&format!("{name}{behind}"));
        }
        let checksum: String = sha2::Sha384::digest(name).iter().take(3).map(|byte| format!("{byte:02x}")).collect();
        let room = LONGEST - checksum.len() - 1 - behind.len();
        quoted(&format!("{}_{checksum}{behind}", clipped(name, room)))
    };
    let numbered = (2..100).map(|number| format!("{suffix}{number}"));
    let mut suffixes = std::iter::once(suffix.to_owned()).chain(numbered);
    suffixes.find_map(|behind| Some(named(&behind)).filter(|name| !is_taken(name))).unwrap_or_else(|| named(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_and_get_their_quotes() {
        assert_eq!(unquoted("\"a \"\"b\"\"\""), "a \"b\"");
        assert_eq!(last("side.\"Mixed.Case\""), "Mixed.Case");
        assert_eq!(last("\"a.b\".c"), "c");
        assert_eq!(quoted("a_1"), "a_1");
        assert_eq!(quoted("a \"b"), "\"a \"\"b\"");
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
