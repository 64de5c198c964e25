//! What is asked of an address and of a password.

use utoipa::ToSchema;

use super::common_passwords;
use crate::config::secret::Secret;
use crate::http::input::{FromInput, Input, OptionalText, Rule, Verbatim};
use crate::http::json::Json;

/// The most characters of a password: enough for a sentence, and little to hash.
const MAX_PASSWORD: usize = 128;

/// The most characters of a password that is only compared: one from the original may be longer than a new one.
const MAX_OLD_PASSWORD: usize = 1024;

const MAX_NAME: usize = 200;

/// What is asked of a new password, by profile.
#[derive(Debug, Clone, Copy)]
pub struct PasswordPolicy {
    /// The fewest characters.
    pub min_length: usize,
    /// Whether a password that everybody uses is refused.
    pub refuse_common: bool,
}

impl PasswordPolicy {
    /// What is wrong with a new password for this address.
    #[must_use]
    pub fn problem(&self, password: &str, email: &str) -> Option<String> {
        if password.chars().count() < self.min_length {
            return Some(format!("password must be longer than or equal to {} characters", self.min_length));
        }
        let common = self.refuse_common && common_passwords::is_common(password, email);
        common.then(|| "password is too common: choose one that others do not use".to_owned())
    }
}

/// A registration.
#[derive(Debug, ToSchema)]
#[schema(as = Register)]
pub(super) struct Register {
    /// An address; kept and compared in lower case.
    #[schema(example = "test@example.com", format = Email, max_length = 254)]
    pub email: String,
    /// At least 6 characters in dev; in prod 8, and not a common one.
    #[schema(value_type = String, format = Password, example = "pass123", min_length = 6, max_length = 128)]
    pub password: Secret<String>,
    /// A name to show.
    #[schema(example = "Test User", max_length = 200)]
    pub name: Option<String>,
}

impl FromInput for Register {
    fn from_input(input: &mut Input) -> Option<Self> {
        let email = input.required("email", Email);
        let password = input.required("password", Verbatim { max: MAX_PASSWORD });
        let name = input.optional("name", OptionalText { max: MAX_NAME });
        Some(Self { email: email?, password: Secret::new(password?), name: name?.filter(|name| !name.is_empty()) })
    }
}

/// What somebody logs in with.
#[derive(Debug, ToSchema)]
pub(super) struct Login {
    /// The address, in any case.
    #[schema(example = "test@example.com", format = Email, max_length = 254)]
    pub email: String,
    /// The password.
    #[schema(value_type = String, format = Password, example = "pass123", max_length = 1024)]
    pub password: Secret<String>,
}

impl FromInput for Login {
    fn from_input(input: &mut Input) -> Option<Self> {
        let email = input.required("email", Email);
        let password = input.required("password", Verbatim { max: MAX_OLD_PASSWORD });
        Some(Self { email: email?, password: Secret::new(password?) })
    }
}

/// An e-mail address that could be one, in lower case.
struct Email;

impl Rule for Email {
    type Output = String;

    fn read(&self, value: Json) -> Result<String, Vec<String>> {
        let text = value.as_str().filter(|text| looks_like_email(text));
        text.map(str::to_lowercase).ok_or_else(|| vec!["must be an email".to_owned()])
    }
}

/// What class-validator takes for an address: a plain local part, an `@`, and a domain with a top level of letters.
fn looks_like_email(text: &str) -> bool {
    if text.chars().count() > 254 {
        return false;
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    // Every script, but no blank, no control character and nothing beyond the basic plane: the original's ranges.
    let foreign = |c: char| {
        matches!(c, '\u{A1}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFEF}') && !c.is_whitespace()
    };
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || foreign(c);
    let local_is_right = local.len() <= 64 && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom));
    let labels: Vec<&str> = domain.split('.').collect();
    let label_is_right = |label: &&str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c == '-' || c.is_ascii_alphanumeric() || foreign(c))
    };
    let top_is_right = |top: &&str| {
        top.chars().count() >= 2
            && (top.starts_with("xn--") || top.chars().all(|c| c.is_ascii_alphabetic() || foreign(c)))
    };
    local_is_right && labels.len() >= 2 && labels.iter().all(label_is_right) && labels.last().is_some_and(top_is_right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_or_refused_as_the_original_does() {
        for good in [
            "a@b.co",
            "Test.User+tag@Sub.Example.com",
            "o'brien@example.ie",
            "ผู้ใช้@example.co.th",
            "a@xn--bcher-kva.example",
        ] {
            assert!(looks_like_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@",
            "a@b",
            "a@b.",
            "a@.com",
            "@b.co",
            "a b@c.de",
            " a@b.co",
            "a@b.co ",
            "a@b.co\n",
            "a\0@b.co",
            "a@@b.co",
            "a..b@c.de",
            ".a@b.co",
            "a@b_c.de",
            "a@-b.co",
            "a@b.c",
            "a@b.123",
            "a@[127.0.0.1]",
            "<a@b.co>",
            "a@b.co,c@d.ef",
        ] {
            assert!(!looks_like_email(bad), "{bad:?}");
        }
        assert!(!looks_like_email(&format!("{}@example.com", "a".repeat(65))));
        assert!(!looks_like_email(&format!("a@{}.com", "b.".repeat(140))));
    }

    #[test]
    fn a_new_password_is_held_against_the_policy() {
        let dev = PasswordPolicy { min_length: 6, refuse_common: false };
        let prod = PasswordPolicy { min_length: 8, refuse_common: true };
        assert_eq!(dev.problem("pass123", "a@b.co"), None);
        assert_eq!(
            dev.problem("short", "a@b.co").as_deref(),
            Some("password must be longer than or equal to 6 characters")
        );
        assert!(prod.problem("pass123", "a@b.co").is_some());
        assert!(prod.problem("Password123!", "a@b.co").is_some());
        assert_eq!(prod.problem("correct horse battery", "a@b.co"), None);
    }
}
