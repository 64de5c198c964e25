//! Values that must not be shown.

use std::fmt;

/// A value that `Debug` and `Display` mask.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

/// The text shown instead of a secret.
pub const MASK: &str = "********";

impl<T> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

/// Masks the password of a URL, in the authority and in the query. A text without `://` is masked whole, because the
/// position of its password is unknown.
#[must_use]
pub fn mask_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return MASK.to_owned() };
    let (rest, query) = match rest.split_once('?') {
        // A question mark inside a password: the part before it is not a whole authority.
        Some((before, after)) if !before.contains('@') && before.contains(':') && after.contains('@') => (rest, None),
        Some((before, after)) => (before, Some(after)),
        None => (rest, None),
    };
    // The last `@` ends the user information, even if a password contains an unescaped one or a slash.
    let masked = match rest.rsplit_once('@') {
        Some((user_info, address)) => match user_info.split_once(':') {
            Some((user, _)) => format!("{user}:{MASK}@{address}"),
            None => format!("{user_info}@{address}"),
        },
        None => rest.to_owned(),
    };
    let query = query.map_or_else(String::new, |query| {
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((key, _)) if key.to_ascii_lowercase().contains("password") => format!("{key}={MASK}"),
                _ => pair.to_owned(),
            })
            .collect();
        format!("?{}", pairs.join("&"))
    });
    format!("{scheme}://{masked}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("s3cr3t".to_owned());
        assert_eq!(format!("{secret} {secret:?}"), format!("{MASK} {MASK}"));
        assert_eq!(secret.expose(), "s3cr3t");
    }

    #[test]
    fn the_password_of_a_url_is_masked_wherever_it_stands() {
        for (url, masked) in [
            ("postgres://u:p@h:5432/db", "postgres://u:********@h:5432/db"),
            ("postgres://u:p@ss/w@h/db?sslmode=require", "postgres://u:********@h/db?sslmode=require"),
            ("postgres://u@h/db?password=p&host=/s", "postgres://u@h/db?password=********&host=/s"),
            ("postgres://h/db", "postgres://h/db"),
            ("postgres://u:p?ss@h/db", "postgres://u:********@h/db"),
            ("postgres://u:p#ss@h/db", "postgres://u:********@h/db"),
            ("hunter2", "********"),
        ] {
            assert_eq!(mask_url(url), masked);
        }
    }
}
