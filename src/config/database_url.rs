//! Database URLs in the forms of PostgreSQL and of Prisma.

use std::fmt;

use sqlx::postgres::PgConnectOptions;

use super::reader::SettingValue;
use super::secret::{Secret, mask_url};

/// Parameters of Prisma URLs that PostgreSQL does not know, such as pool sizes and time-outs. They are ignored
/// without a warning, because the program has settings of its own for them.
const PRISMA_PARAMETERS: &[&str] = &[
    "connection_limit",
    "connect_timeout",
    "pgbouncer",
    "pool_timeout",
    "schema",
    "single_use_connections",
    "socket_timeout",
    "statement_cache_size",
];

/// Parameters that sqlx reads from a URL.
const SQLX_PARAMETERS: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// A PostgreSQL URL. It may contain a password, so `Debug` masks it.
#[derive(Clone)]
pub struct DatabaseUrl {
    url: Secret<String>,
    options: Box<PgConnectOptions>,
    /// Names of unknown parameters.
    unknown_parameters: Vec<String>,
}

impl DatabaseUrl {
    /// The URL with its password, for connecting.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.url.expose()
    }

    /// The connection options.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        PgConnectOptions::clone(&self.options)
    }

    /// The names of parameters that neither PostgreSQL nor Prisma knows, for a warning.
    #[must_use]
    pub fn unknown_parameters(&self) -> &[String] {
        &self.unknown_parameters
    }

    /// Parses the URL of an original database; returns it with the schema named in its `schema` parameter.
    ///
    /// # Errors
    /// A description of the problem that does not contain the URL.
    pub fn parse_original(text: &str) -> Result<(Self, Option<String>), String> {
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (schemas, others): (Vec<&str>, Vec<&str>) = query.split('&').partition(|pair| pair.starts_with("schema="));
        let schema = schemas.last().and_then(|pair| pair.split_once('=')).map(|(_, name)| name.to_owned());
        let url = format!("{address}?{}", others.join("&"));
        match Self::read(&url) {
            Some(url) => Ok((url, schema.filter(|name| !name.is_empty()))),
            None => Err(Self::problem(&url).unwrap_or_else(|| {
                "is not a PostgreSQL URL; write postgres://user@host:5432/database, or the name of a file".to_owned()
            })),
        }
    }

    fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        let (_, rest) = text
            .split_once("://")
            .filter(|(scheme, _)| ["postgres", "postgresql"].contains(scheme))
            .ok_or(UrlError::Form)?;
        if has_unescaped_character(rest) {
            return Err(UrlError::UnescapedCharacter);
        }
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut kept, mut unknown_parameters) = (Vec::new(), Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if key == "schema" && !["", "public"].contains(&value) {
                return Err(UrlError::OtherSchema);
            }
            if SQLX_PARAMETERS.contains(&key) || key.starts_with("options[") || key.starts_with("options%5B") {
                kept.push(pair);
            } else if !PRISMA_PARAMETERS.contains(&key) {
                unknown_parameters.push(key.chars().filter(|c| !c.is_control()).take(64).collect());
            }
        }
        let separator = if kept.is_empty() { "" } else { "?" };
        let url = format!("{address}{separator}{}", kept.join("&"));
        let options = Box::new(url.parse().map_err(|_| UrlError::Form)?);
        Ok(Self { url: Secret::new(url), options, unknown_parameters })
    }
}

/// The reasons why a text is not an acceptable URL.
enum UrlError {
    Form,
    UnescapedCharacter,
    OtherSchema,
}

/// Returns true if the part before the last `@` contains a character that ends the authority of a URL. Such a text
/// may still be a valid URL, but its host would then be the user name.
fn has_unescaped_character(rest: &str) -> bool {
    let address = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let behind = &rest[address..];
    // Values of parameters may contain an `@`.
    let (path, query) = behind.split_once('?').unwrap_or((behind, ""));
    let in_a_key = query.split('&').any(|pair| pair.split('=').next().is_some_and(|key| key.contains('@')));
    behind.contains('#') || path.contains('@') || in_a_key
}

impl SettingValue for DatabaseUrl {
    fn read(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }

    fn problem(text: &str) -> Option<String> {
        match Self::parse(text) {
            Ok(_) | Err(UrlError::Form) => None,
            Err(UrlError::UnescapedCharacter) => Some(
                "contains a character with a special meaning in URLs; in a password, @ : / # ? % must be \
                 percent-encoded (# is %23, / is %2F)"
                    .to_owned(),
            ),
            Err(UrlError::OtherSchema) => Some(
                "names a schema other than public, which is not supported; leave `schema` out, or set the search path \
                 with `options=-csearch_path%3Dname`"
                    .to_owned(),
            ),
        }
    }

    fn shown(text: &str) -> String {
        mask_url(text.trim())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&mask_url(self.url.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(url: &str) -> String {
        DatabaseUrl::problem(url).unwrap_or_default()
    }

    #[test]
    fn a_password_that_is_not_percent_encoded_is_told_without_showing_it() {
        for password in ["hun#ter2", "hun/ter2", "hun?ter2", "12#34", "12/34", "12?34"] {
            let url = format!("postgres://user:{password}@localhost:5432/db");
            assert!(DatabaseUrl::read(&url).is_none(), "{url}");
            assert!(problem(&url).contains("percent-encoded"), "{url}");
            let shown = DatabaseUrl::shown(&url);
            assert!(!shown.contains("ter2") && !shown.contains("34") && !shown.contains("12"), "{shown}");
        }
        let right = DatabaseUrl::read("postgres://user:hun%23ter2@localhost:5432/db?user=a@b").expect("a URL");
        assert_eq!(right.options().get_username(), "a@b");
        assert!(DatabaseUrl::read("postgres://user:p@ss@localhost/db").is_some(), "only the last @ ends a password");
    }

    #[test]
    fn the_url_of_prisma_is_taken_and_another_schema_is_refused() {
        let url = "postgresql://u:p@h:5432/d?schema=public&connection_limit=5&sslmode=require&channel_binding=require";
        let url = DatabaseUrl::read(url).expect("a URL");
        assert_eq!(url.expose(), "postgresql://u:p@h:5432/d?sslmode=require");
        assert_eq!(url.unknown_parameters(), ["channel_binding"]);
        assert!(DatabaseUrl::read("postgres://h/d?schema=public").expect("a URL").unknown_parameters().is_empty());
        assert!(problem("postgres://u:p@h/d?schema=other").contains("a schema other than public"));
        let (url, schema) =
            DatabaseUrl::parse_original("postgres://u:p@h/d?schema=other&sslmode=require").expect("a URL");
        assert_eq!((url.expose(), schema.as_deref()), ("postgres://u:p@h/d?sslmode=require", Some("other")));
        let problem = DatabaseUrl::parse_original("postgres://u:hun#ter2@h/d").expect_err("a bare password");
        assert!(problem.contains("percent-encoded") && !problem.contains("ter2"), "{problem}");
    }
}
