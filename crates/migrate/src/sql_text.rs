//! Values as they are written in SQL.

/// A text as a literal, whatever `standard_conforming_strings` is.
pub(crate) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\0', "").replace('\\', "\\\\").replace('\'', "''"))
}

/// The same for generated files: `E'…'` only where the text has a backslash.
pub(crate) fn readable_literal(text: &str) -> String {
    if text.contains('\\') { literal(text) } else { format!("'{}'", text.replace('\'', "''")) }
}

/// A name in double quotes.
pub(crate) fn quoted_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name in double quotes if it would not mean the same without them.
pub(crate) fn identifier(name: &str) -> String {
    let mut chars = name.chars();
    let plain = chars.next().is_some_and(|first| first.is_ascii_lowercase() || first == '_')
        && chars.all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_');
    if plain { name.to_owned() } else { quoted_identifier(name) }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes as an expression of the type `bytea`.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    format!("pg_catalog.decode('{}', 'hex')", hex(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_ends_where_it_should() {
        assert_eq!(literal(r"it's \ here"), r"E'it''s \\ here'");
        assert_eq!((readable_literal("it's"), readable_literal(r"\")), ("'it''s'".to_owned(), r"E'\\'".to_owned()));
    }

    #[test]
    fn a_name_is_quoted_where_it_has_to_be() {
        assert_eq!(identifier("a_1"), "a_1");
        assert_eq!(identifier("a \"b"), "\"a \"\"b\"");
        assert_eq!(identifier("1a"), "\"1a\"");
    }
}
