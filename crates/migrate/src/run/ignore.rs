//! Tells the server session which objects belong to others. Every query of the catalogs reads the patterns from settings of the
//! session, so no command can forget them.

use crate::settings::IgnorePatterns;
use crate::sql_text::literal;

/// The statements that set the patterns for a session.
pub(crate) fn set_patterns(ignore: &IgnorePatterns) -> String {
    statements(ignore, false)
}

/// The statements that clear the patterns until the end of the transaction.
pub(crate) fn clear_patterns() -> String {
    statements(&IgnorePatterns::default(), true)
}

fn statements(ignore: &IgnorePatterns, local: bool) -> String {
    let IgnorePatterns { schemas, tables, extensions, roles, others } = ignore;
    let qualified = tables.iter().map(|name| if name.contains('.') { name.clone() } else { format!("*.{name}") });
    let lists: [(&str, Vec<String>); 5] = [
        ("schemas", schemas.clone()),
        ("tables", qualified.collect()),
        ("extensions", extensions.clone()),
        ("roles", roles.clone()),
        ("others", others.clone()),
    ];
    let set = |(name, patterns): (&str, Vec<String>)| {
        let array: Vec<String> = patterns.iter().map(|pattern| array_element(&like_pattern(pattern))).collect();
        let array = literal(&format!("{{{}}}", array.join(",")));
        format!("select pg_catalog.set_config('migrate.ignored_{name}', {array}, {local});\n")
    };
    lists.into_iter().map(set).collect()
}

/// A pattern in the syntax of `like`.
fn like_pattern(pattern: &str) -> String {
    pattern.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_").replace('*', "%")
}

/// A text as an element of an array literal.
fn array_element(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_star_of_a_pattern_stands_for_anything() {
        assert_eq!(like_pattern(r"a_b%c\d*"), r"a\_b\%c\\d%");
        assert_eq!(array_element(r#"a"b\c"#), r#""a\"b\\c""#);
        let ignore = IgnorePatterns { tables: vec!["User".to_owned(), "x.y*".to_owned()], ..IgnorePatterns::default() };
        let sql = set_patterns(&ignore);
        assert!(sql.contains(r#"'migrate.ignored_tables', E'{"%.User","x.y%"}'"#), "{sql}");
    }
}
