//! What is somebody else's in a database. The server gets the patterns as settings of the session: whatever reads its
//! catalogs finds them there, so that no command can forget them.

use super::record::literal;
use crate::config::IgnoreConfig;

/// The statements that tell a session what is not ours.
pub(super) fn settings(ignore: &IgnoreConfig) -> String {
    statements(ignore, false)
}

/// The same for a transaction that knows of nobody else.
pub(super) fn nothing() -> String {
    statements(&IgnoreConfig::default(), true)
}

fn statements(ignore: &IgnoreConfig, here: bool) -> String {
    let IgnoreConfig { schemas, tables, extensions, roles, others } = ignore;
    let whole = tables.iter().map(|name| if name.contains('.') { name.clone() } else { format!("*.{name}") });
    let lists: [(&str, Vec<String>); 5] = [
        ("schemas", schemas.clone()),
        ("tables", whole.collect()),
        ("extensions", extensions.clone()),
        ("roles", roles.clone()),
        ("others", others.clone()),
    ];
    let set = |(name, patterns): (&str, Vec<String>)| {
        let array: Vec<String> = patterns.iter().map(|pattern| element(&like(pattern))).collect();
        let array = literal(&format!("{{{}}}", array.join(",")));
        format!("select pg_catalog.set_config('app.ignored_{name}', {array}, {here});\n")
    };
    lists.into_iter().map(set).collect()
}

/// A pattern in the language of `like`.
fn like(pattern: &str) -> String {
    pattern.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_").replace('*', "%")
}

/// A text as it stands in the literal of an array.
fn element(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_star_of_a_pattern_stands_for_anything() {
        assert_eq!(like(r"a_b%c\d*"), r"a\_b\%c\\d%");
        assert_eq!(element(r#"a"b\c"#), r#""a\"b\\c""#);
        let ignore = IgnoreConfig { tables: vec!["User".to_owned(), "x.y*".to_owned()], ..IgnoreConfig::default() };
        assert!(settings(&ignore).contains(r#"'app.ignored_tables', E'{"%.User","x.y%"}'"#), "{}", settings(&ignore));
    }
}
