//! The rules of addresses and passwords.

use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization as _;

use super::password::composed;
use super::strength;
use crate::domain::name::is_unseen;
use crate::fields;
use crate::http::input::FieldRule;
use crate::http::json::Json;
use crate::http::presence::{Optional, Required};
use crate::http::rules::{Note, SecretText, Verbatim};

/// The most characters of a password: enough for a sentence, and little to hash.
const MAX_PASSWORD: usize = 128;

/// The most characters of a password that is only compared: one from the original may be longer than a new one.
const MAX_OLD_PASSWORD: usize = 1024;

/// The most characters of a user's name.
pub const MAX_NAME: usize = 200;

/// The most characters of an invitation's code, with whatever is typed around it.
const MAX_INVITE_CODE: usize = 100;

/// The rules of new passwords, by profile.
#[derive(Debug, Clone, Copy)]
pub struct PasswordPolicy {
    /// The fewest characters.
    pub min_length: usize,
    /// Refuses a password that is easily guessed.
    pub refuse_guessable: bool,
}

impl PasswordPolicy {
    /// The problem of a new password that is too short.
    #[must_use]
    pub fn shortness(&self, password: &str) -> Option<String> {
        let short = password.chars().count() < self.min_length;
        short.then(|| format!("password must be longer than or equal to {} characters", self.min_length))
    }

    /// The problem of a new password, for somebody with this address and name. Takes up to 30 ms: not for a thread that
    /// serves.
    #[must_use]
    pub fn problem(&self, password: &str, email: &str, name: Option<&str>) -> Option<String> {
        let short = self.shortness(password);
        if short.is_some() || !self.refuse_guessable {
            return short;
        }
        strength::weakness(password, email, name)
    }
}

fields! {
    /// A registration.
    #[derive(Debug)]
    pub(super) struct Register as "Register" {
        /// The address; kept and compared in lower case.
        pub email: Required<Email> = "test@example.com",
        /// At least 6 characters in dev; in prod 8, and not one that is easily guessed.
        pub password: Required<SecretText<NewPassword>> = "pass123",
        /// The name to show.
        pub name: Optional<Note<MAX_NAME>> = "Test User",
        /// The code of an invitation, where registration is by invitation.
        pub invite_code "inviteCode": Optional<SecretText<Note<MAX_INVITE_CODE>>> = "k7qfx-2mz9a-hr4ue-wd6tc",
    }
}

fields! {
    /// The credentials for logging in.
    #[derive(Debug)]
    pub(super) struct Login as "Login" {
        /// The address, in any case.
        pub email: Required<Email> = "test@example.com",
        /// The password.
        pub password: Required<SecretText<Verbatim<MAX_OLD_PASSWORD>>> = "pass123",
    }
}

/// An e-mail address that could be one, in lower case, with composed letters and without blanks around it.
pub(super) struct Email;

impl FieldRule for Email {
    type Output = String;

    fn read(value: Json) -> Result<String, Vec<String>> {
        value.as_str().and_then(kept_address).ok_or_else(|| vec!["must be an email".to_owned()])
    }

    fn schema() -> Value {
        // `looks_like_email` but for the lengths of the parts.
        const FOREIGN: &str = r"\u00a1-\u00ac\u00ae-\u034e\u0350-\u061b\u061d-\u115e\u1161-\u167f\u1681-\u17b3\u17b6-\u180a\u1810-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\u2fff\u3001-\u3163\u3165-\ud7ff\uf900-\ufdcf\ufdf0-\ufdff\ufe10-\ufefe\uff00-\uff9f\uffa1-\uffef";
        let atom = format!("[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{FOREIGN}-]+");
        let letter = format!("[A-Za-z0-9{FOREIGN}]");
        let label = format!("{letter}([A-Za-z0-9{FOREIGN}-]*{letter})?");
        let top = format!("([A-Za-z{FOREIGN}]{{2,63}}|xn--[A-Za-z0-9-]*[A-Za-z0-9])");
        let pattern = format!(r"^{atom}(\.{atom})*@({label}\.)+{top}$");
        json!({"type": "string", "format": "idn-email", "maxLength": 254, "pattern": pattern})
    }
}

/// An address as it is kept and compared; `None` if it cannot be one.
#[must_use]
pub fn kept_address(text: &str) -> Option<String> {
    // Keyboards of phones put a blank behind what they complete.
    let text = Some(text.trim()).filter(|text| looks_like_email(text));
    let text = text.map(|text| text.to_lowercase().nfc().collect::<String>());
    // In lower case some letters are two, and some are not composed.
    text.filter(|text| looks_like_email(text))
}

/// A password that is new, of which each profile asks for so many characters at least.
pub(super) struct NewPassword;

/// The fewest characters of a password in any profile.
const MIN_PASSWORD: usize = 6;

impl FieldRule for NewPassword {
    type Output = String;

    fn read(value: Json) -> Result<String, Vec<String>> {
        let password = Verbatim::<MAX_PASSWORD>::read(value)?;
        // As it is hashed, so that its length and its strength are those of what is kept.
        Ok(composed(&password))
    }

    fn schema() -> Value {
        let mut schema = Verbatim::<MAX_PASSWORD>::schema();
        schema["minLength"] = json!(MIN_PASSWORD);
        schema
    }
}

/// Tells if class-validator would accept the address: a plain local part, an `@`, and a domain with a top level of letters.
fn looks_like_email(text: &str) -> bool {
    if text.chars().count() > 254 {
        return false;
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    // Every script, but no blank, no control character and nothing beyond the basic plane: the original's ranges. What is not
    // seen would make an address that looks like another one.
    let foreign = |c: char| {
        matches!(c, '\u{A1}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFEF}')
            && !c.is_whitespace()
            && !is_unseen(c)
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
            "a\u{200b}@b.co",
            "a@b\u{ad}.co",
            "a@b.c\u{200d}o",
            "\u{feff}a@b.co",
            "\u{202e}a@b.co",
            "\u{3164}@b.co",
        ] {
            assert!(!looks_like_email(bad), "{bad:?}");
        }
        assert!(!looks_like_email(&format!("{}@example.com", "a".repeat(65))));
        assert!(!looks_like_email(&format!("a@{}.com", "b.".repeat(140))));
        let padded = Email::read(Json::String(" Ann@Example.com \n".to_owned()));
        assert_eq!(padded.as_deref(), Ok("ann@example.com"), "blanks around it are no part of it");
        let grows = format!("{}@{}com", "İ".repeat(32), format!("{}.", "İ".repeat(31)).repeat(6));
        assert!(Email::read(Json::String(grows)).is_err(), "it is too long in lower case");
        let grows = format!("{}@b.co", "\u{fb2c}".repeat(20));
        assert!(Email::read(Json::String(grows)).is_err(), "its letters are too many when they are composed");
        let (one, other) = ("Re\u{301}ne\u{301}@b.co".to_owned(), "réné@b.co".to_owned());
        assert_eq!(Email::read(Json::String(one)), Ok(other));
    }

    #[test]
    fn a_new_password_is_held_against_the_policy() {
        let dev = PasswordPolicy { min_length: 6, refuse_guessable: false };
        let prod = PasswordPolicy { min_length: 8, refuse_guessable: true };
        assert_eq!(dev.problem("pass123", "a@b.co", None), None);
        assert_eq!(
            dev.problem("short", "a@b.co", None).as_deref(),
            Some("password must be longer than or equal to 6 characters")
        );
        assert!(prod.problem("pass123", "a@b.co", None).is_some());
        assert!(prod.problem("Password123!", "a@b.co", None).is_some());
        assert_eq!(prod.problem("correct horse battery", "a@b.co", None), None);
    }
}
