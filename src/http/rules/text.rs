//! The rules of texts.

use serde_json::{Value, json};

use crate::domain::name;
use crate::http::input::FieldRule;
use crate::http::json::Json;

/// A text that is trimmed, not empty, and has at most `MAX` characters.
pub struct Text<const MAX: usize>;

impl<const MAX: usize> FieldRule for Text<MAX> {
    type Output = String;

    fn read(value: Json) -> Result<String, Vec<String>> {
        let text = not_empty_string(value)?;
        let trimmed = text.trim();
        if !name::is_seen(trimmed) && !trimmed.contains('\0') {
            return Err(vec!["should not be empty".to_owned()]);
        }
        within(trimmed, MAX).map(str::to_owned)
    }

    fn schema() -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": MAX, "pattern": visible()})
    }
}

/// A name: a text without invisible characters, in one form of its letters, and with single blanks.
pub struct Name<const MAX: usize>;

impl<const MAX: usize> FieldRule for Name<MAX> {
    type Output = String;

    fn read(value: Json) -> Result<String, Vec<String>> {
        // The length is checked before the name is cleaned, which would take long for megabytes of text.
        let text = Text::<MAX>::read(value)?;
        within(&name::clean(&text), MAX).map(str::to_owned)
    }

    fn schema() -> Value {
        Text::<MAX>::schema()
    }
}

/// The pattern of a text without NUL that has a visible character.
fn visible() -> String {
    // `domain::name` has more of them, which a pattern without the flag `u` cannot have. U+0085 is a blank in Unicode, but not in
    // ECMA-262.
    const INVISIBLE: &str = r"\u0000-\u0008\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb";
    format!(r"^[^\u0000]*[^\s{INVISIBLE}][^\u0000]*$")
}

/// The pattern of a text without NUL, which PostgreSQL cannot store.
const NO_NUL: &str = r"^[^\u0000]*$";

/// A text that is trimmed and may be empty.
pub struct OptionalText<const MAX: usize>;

impl<const MAX: usize> FieldRule for OptionalText<MAX> {
    type Output = String;

    fn read(value: Json) -> Result<String, Vec<String>> {
        let Json::String(text) = value else { return Err(vec!["must be a string".to_owned()]) };
        within(text.trim(), MAX).map(str::to_owned)
    }

    fn schema() -> Value {
        json!({"type": "string", "maxLength": MAX, "pattern": NO_NUL})
    }
}

/// An [`OptionalText`] that means the same as none where it is empty.
pub struct Note<const MAX: usize>;

impl<const MAX: usize> FieldRule for Note<MAX> {
    type Output = String;

    fn read(value: Json) -> Result<String, Vec<String>> {
        OptionalText::<MAX>::read(value)
    }

    fn schema() -> Value {
        OptionalText::<MAX>::schema()
    }

    fn is_nothing(text: &String) -> bool {
        text.is_empty()
    }
}

/// A text that is neither trimmed nor cleaned, such as a password.
pub struct Verbatim<const MAX: usize>;

impl<const MAX: usize> FieldRule for Verbatim<MAX> {
    type Output = String;

    fn read(value: Json) -> Result<String, Vec<String>> {
        let text = not_empty_string(value)?;
        within(&text, MAX)?;
        Ok(text)
    }

    fn schema() -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": MAX, "pattern": NO_NUL})
    }
}

/// A missing value breaks both rules, `""` the first, and any other value that is not a text the second.
fn not_empty_string(value: Json) -> Result<String, Vec<String>> {
    const EMPTY: &str = "should not be empty";
    const NO_STRING: &str = "must be a string";
    match value {
        Json::Null => Err(vec![EMPTY.to_owned(), NO_STRING.to_owned()]),
        Json::String(text) if text.is_empty() => Err(vec![EMPTY.to_owned()]),
        Json::String(text) => Ok(text),
        _ => Err(vec![NO_STRING.to_owned()]),
    }
}

fn within(text: &str, max: usize) -> Result<&str, Vec<String>> {
    if text.contains('\0') {
        return Err(vec!["must not contain NUL characters".to_owned()]);
    }
    if text.chars().count() > max {
        return Err(vec![format!("must be shorter than or equal to {max} characters")]);
    }
    Ok(text)
}
