//! Strict input: every field is read by its rules, every broken rule is told, and what nobody asked for is refused.
//!
//! A type that stands in a body or in a query string reads itself from an [`Input`], field by field, in the order in
//! which problems are to be told. The messages are those of class-validator, which clients of the original know.
//!
//! The same code says what is asked of the type, for the OpenAPI document, which is therefore as strict as the server: see
//! [`Input::described`].

use chrono::NaiveDate;

use crate::domain::civil_date::parse_day;
use crate::domain::name;

use serde_json::{Value, json};

use super::error::ApiError;
use super::json::{Fields, Json};

/// The problems that an answer tells at most. One that breaks more rules than that was not made by hand.
const MAX_PROBLEMS: usize = 50;

/// The fields of a body or a query string, taken out one by one.
#[derive(Debug)]
pub struct Input {
    fields: Fields,
    problems: Vec<String>,
    /// What was asked of the fields so far.
    asked: Option<Description>,
}

/// What a type asks of its input.
#[derive(Debug, Default)]
pub struct Description {
    /// The fields, in the order in which they are read.
    pub fields: Vec<Asked>,
    /// Pairs of fields of which one at most has a value.
    pub exclusive: Vec<[&'static str; 2]>,
    /// Pairs of fields of which one at least has a value.
    pub alternative: Vec<[&'static str; 2]>,
    /// Has a field at least.
    pub some: bool,
    /// Has a field with a value at least.
    pub some_value: bool,
}

/// What is asked of a field.
#[derive(Debug)]
pub struct Asked {
    /// The key.
    pub key: String,
    /// Must be there.
    pub required: bool,
    /// May be `null`.
    pub nullable: bool,
    /// The rest, as a JSON schema.
    pub schema: Value,
}

/// A type that reads itself from an input.
pub trait FromInput: Sized {
    /// Takes the fields. `None` if a problem was noted.
    fn from_input(input: &mut Input) -> Option<Self>;
}

/// The rules of one field: what its value has to be, and what is said if it is not.
pub trait Rule {
    /// What the field becomes.
    type Output;

    /// Reads the value, or tells each rule it breaks. A field that is missing is read as `null`.
    ///
    /// # Errors
    /// The broken rules, each as the words behind the field's name: `must be a string`.
    fn read(&self, value: Json) -> Result<Self::Output, Vec<String>>;

    /// The JSON schema of what [`Rule::read`] takes. Where it takes more, such as blanks around a number, this is the form to
    /// send.
    fn schema(&self) -> Value;
}

impl Input {
    /// Reads a whole type, and refuses every field that it did not ask for.
    ///
    /// # Errors
    /// [`ApiError::Validation`] with everything that is wrong.
    pub fn parse<T: FromInput>(fields: Fields) -> Result<T, ApiError> {
        let mut input = Self { fields, problems: Vec::new(), asked: None };
        let value = T::from_input(&mut input);
        let known = if input.is_empty() { Description::default() } else { Self::described::<T>() };
        let unknown = input.fields.keys().map(|key| unknown(key, &known));
        let mut problems: Vec<String> = unknown.chain(input.problems).take(MAX_PROBLEMS + 1).collect();
        if problems.len() > MAX_PROBLEMS {
            problems.truncate(MAX_PROBLEMS);
            problems.push("there are more problems than these".to_owned());
        }
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            _ => Err(ApiError::Validation(problems)),
        }
    }

    /// What a type asks of its input: its reading is gone through with no fields, and what it asks for is noted.
    #[must_use]
    pub fn described<T: FromInput>() -> Description {
        let mut input = Self { fields: Fields::default(), problems: Vec::new(), asked: Some(Description::default()) };
        // There is nothing to read, so nothing comes of it.
        let _ = T::from_input(&mut input);
        input.asked.unwrap_or_default()
    }

    fn note(&mut self, key: &str, rule: &impl Rule, required: bool, nullable: bool) {
        if let Some(asked) = &mut self.asked {
            asked.fields.push(Asked { key: key.to_owned(), required, nullable, schema: rule.schema() });
        }
    }

    /// A field that must be there.
    pub fn required<R: Rule>(&mut self, key: &str, rule: R) -> Option<R::Output> {
        self.note(key, &rule, true, false);
        let value = self.fields.take(key).unwrap_or(Json::Null);
        self.judge(key, &rule, value)
    }

    /// A field that may be left out, for which `null` says the same. The outer `None` is a problem, already noted.
    pub fn optional<R: Rule>(&mut self, key: &str, rule: R) -> Option<Option<R::Output>> {
        self.note(key, &rule, false, true);
        match self.fields.take(key) {
            None | Some(Json::Null) => Some(None),
            Some(value) => self.judge(key, &rule, value).map(Some),
        }
    }

    /// A field that may be left out, but must have a value where it is there: `null` breaks its rules.
    pub fn if_present<R: Rule>(&mut self, key: &str, rule: R) -> Option<Option<R::Output>> {
        self.note(key, &rule, false, false);
        match self.fields.take(key) {
            None => Some(None),
            Some(value) => self.judge(key, &rule, value).map(Some),
        }
    }

    /// A field of an update that `null` clears: left out, cleared, or set.
    pub fn clearable<R: Rule>(&mut self, key: &str, rule: R) -> Option<Change<R::Output>> {
        self.note(key, &rule, false, true);
        match self.fields.take(key) {
            None => Some(Change::Keep),
            Some(Json::Null) => Some(Change::Clear),
            Some(value) => self.judge(key, &rule, value).map(Change::Set),
        }
    }

    /// Whether there is no field left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Describes two fields of which one at most has a value; the type itself refuses both.
    pub fn exclusive(&mut self, fields: [&'static str; 2]) {
        if let Some(asked) = &mut self.asked {
            asked.exclusive.push(fields);
        }
    }

    /// Describes two fields of which one at least has a value; the type itself refuses neither.
    pub fn alternative(&mut self, fields: [&'static str; 2]) {
        if let Some(asked) = &mut self.asked {
            asked.alternative.push(fields);
        }
    }

    /// Describes that there is a field; the type itself refuses none.
    pub fn some(&mut self) {
        if let Some(asked) = &mut self.asked {
            asked.some = true;
        }
    }

    /// Describes that there is a field that has a value; who takes the type in refuses none.
    pub fn some_value(&mut self) {
        if let Some(asked) = &mut self.asked {
            asked.some_value = true;
        }
    }

    /// Notes a problem that only several fields together show.
    pub fn refuse(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    fn judge<R: Rule>(&mut self, key: &str, rule: &R, value: Json) -> Option<R::Output> {
        match rule.read(value) {
            Ok(output) => Some(output),
            Err(broken) => {
                self.problems.extend(broken.into_iter().map(|words| format!("{key} {words}")));
                None
            }
        }
    }
}

/// What an update does to a field that may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays as it is.
    Keep,
    /// It becomes empty.
    Clear,
    /// It gets this value.
    Set(T),
}

impl<T> Change<T> {
    /// What a field is after the change.
    #[must_use]
    pub fn applied_to(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Keep => current,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<T: PartialEq> Change<T> {
    /// Tells if a field stays what it is.
    #[must_use]
    pub fn keeps(&self, current: Option<&T>) -> bool {
        match self {
            Self::Keep => true,
            Self::Clear => current.is_none(),
            Self::Set(value) => current == Some(value),
        }
    }
}

/// Tells if a field that cannot be empty stays what it is.
pub fn keeps<T: PartialEq>(edited: Option<&T>, current: &T) -> bool {
    edited.is_none_or(|value| value == current)
}

/// The most edits between a key and the one that was meant.
const MAX_EDITS: usize = 2;

/// What is said of a key that nobody asked for, with the one that was meant where one is near.
fn unknown(key: &str, known: &Description) -> String {
    let key = shortened(key);
    let distance = |asked: &Asked| strsim::osa_distance(&key.to_lowercase(), &asked.key.to_lowercase());
    let distances = known.fields.iter().map(|asked| (distance(asked), &asked.key));
    // Of a short key, two edits are most of it.
    let near = distances.filter(|(edits, meant)| *edits <= MAX_EDITS && edits * 3 <= meant.len());
    match near.min() {
        Some((_, meant)) => format!("property {key} should not exist; did you mean {meant}?"),
        None => format!("property {key} should not exist"),
    }
}

/// A key of any length came from outside and goes into a message.
pub(super) fn shortened(key: &str) -> String {
    if key.chars().count() <= 64 { key.to_owned() } else { key.chars().take(64).chain(['…']).collect() }
}

/// A text that is trimmed, not empty, and has at most `max` characters.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// The most characters.
    pub max: usize,
}

impl Rule for Text {
    type Output = String;

    fn read(&self, value: Json) -> Result<String, Vec<String>> {
        let text = not_empty_string(value)?;
        let trimmed = text.trim();
        if !name::is_seen(trimmed) && !trimmed.contains('\0') {
            return Err(vec!["should not be empty".to_owned()]);
        }
        within(trimmed, self.max).map(str::to_owned)
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": self.max, "pattern": seen()})
    }
}

/// A name: a text without what is not seen, in one form of its letters, and with single blanks.
#[derive(Debug, Clone, Copy)]
pub struct Name {
    /// The most characters.
    pub max: usize,
}

impl Rule for Name {
    type Output = String;

    fn read(&self, value: Json) -> Result<String, Vec<String>> {
        // Before it is cleaned: a text of megabytes is nothing to work on.
        let text = Text { max: self.max }.read(value)?;
        within(&name::clean(&text), self.max).map(str::to_owned)
    }

    fn schema(&self) -> Value {
        Text { max: self.max }.schema()
    }
}

/// No NUL, and something that is seen.
fn seen() -> String {
    // `domain::name` says more of them, which a pattern that is read without the flag `u` cannot have. U+0085 is a blank to Unicode
    // and none to ECMA-262.
    const UNSEEN: &str = r"\u0000-\u0008\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb";
    format!(r"^[^\u0000]*[^\s{UNSEEN}][^\u0000]*$")
}

/// No NUL, which PostgreSQL does not keep.
const NO_NUL: &str = r"^[^\u0000]*$";

/// A text that is trimmed and may be empty.
#[derive(Debug, Clone, Copy)]
pub struct OptionalText {
    /// The most characters.
    pub max: usize,
}

impl Rule for OptionalText {
    type Output = String;

    fn read(&self, value: Json) -> Result<String, Vec<String>> {
        let Json::String(text) = value else { return Err(vec!["must be a string".to_owned()]) };
        within(text.trim(), self.max).map(str::to_owned)
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "maxLength": self.max, "pattern": NO_NUL})
    }
}

/// A text that is taken as it is, blanks and all: a password.
#[derive(Debug, Clone, Copy)]
pub struct Verbatim {
    /// The most characters.
    pub max: usize,
}

impl Rule for Verbatim {
    type Output = String;

    fn read(&self, value: Json) -> Result<String, Vec<String>> {
        let text = not_empty_string(value)?;
        within(&text, self.max)?;
        Ok(text)
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": self.max, "pattern": NO_NUL})
    }
}

/// A civil day, as `YYYY-MM-DD` or as a date-time of which the day counts.
#[derive(Debug, Clone, Copy)]
pub struct Day;

impl Rule for Day {
    type Output = NaiveDate;

    fn read(&self, value: Json) -> Result<NaiveDate, Vec<String>> {
        value.as_str().and_then(parse_day).ok_or_else(|| vec!["must be a valid ISO 8601 date string".to_owned()])
    }

    fn schema(&self) -> Value {
        // RFC 3339 has a year 0, which neither PostgreSQL nor most clients have.
        json!({"type": "string", "format": "date", "pattern": "^(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-"})
    }
}

/// One of a few words.
#[derive(Debug, Clone, Copy)]
pub struct OneOf<T: 'static>(pub &'static [(&'static str, T)]);

impl<T: Copy> Rule for OneOf<T> {
    type Output = T;

    fn read(&self, value: Json) -> Result<T, Vec<String>> {
        let found = value.as_str().and_then(|text| self.0.iter().find(|(word, _)| *word == text));
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = self.0.iter().map(|(word, _)| *word).collect();
            vec![format!("must be one of the following values: {}", words.join(", "))]
        })
    }

    fn schema(&self) -> Value {
        let words: Vec<&str> = self.0.iter().map(|(word, _)| *word).collect();
        let mut schema = json!({"type": "string", "enum": words});
        // `-date` cannot be a name in a program: what generated clients are to call it.
        let name = |word: &str| word.strip_prefix('-').map(|rest| format!("{rest}_descending"));
        if words.iter().any(|word| name(word).is_some()) {
            let names: Vec<String> =
                words.iter().map(|word| name(word).unwrap_or_else(|| (*word).to_owned())).collect();
            schema["x-enum-varnames"] = json!(names);
        }
        schema
    }
}

/// What is missing breaks both rules, `""` the first, and what is no text the second.
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

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::*;

    fn fields(body: &str) -> Fields {
        let Ok(Json::Object(fields)) = json::parse(body.as_bytes()) else { panic!("an object") };
        fields
    }

    #[derive(Debug, PartialEq)]
    struct Sample {
        title: String,
        day: Option<NaiveDate>,
    }

    impl FromInput for Sample {
        fn from_input(input: &mut Input) -> Option<Self> {
            let title = input.required("title", Text { max: 5 });
            let day = input.optional("day", Day);
            Some(Self { title: title?, day: day? })
        }
    }

    fn problems(body: &str) -> Vec<String> {
        match Input::parse::<Sample>(fields(body)) {
            Err(ApiError::Validation(problems)) => problems,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn unknown_keys_come_first_and_every_broken_rule_is_told() {
        assert_eq!(
            problems(r#"{"day": 5, "role": "admin"}"#),
            [
                "property role should not exist",
                "title should not be empty",
                "title must be a string",
                "day must be a valid ISO 8601 date string"
            ]
        );
    }

    #[test]
    fn of_an_unknown_key_the_one_that_was_meant_is_told() {
        let first = |body: &str| problems(body).remove(0);
        assert_eq!(first(r#"{"titel": "x"}"#), "property titel should not exist; did you mean title?");
        assert_eq!(first(r#"{"Day": "x"}"#), "property Day should not exist; did you mean day?");
        assert_eq!(first(r#"{"dog": "x"}"#), "property dog should not exist");
        assert_eq!(first(r#"{"x": "x"}"#), "property x should not exist");
    }

    #[test]
    fn each_form_of_wrong_text_breaks_its_own_rule() {
        assert_eq!(problems(r#"{"title": ""}"#), ["title should not be empty"]);
        assert_eq!(problems(r#"{"title": "  "}"#), ["title should not be empty"]);
        assert_eq!(problems(r#"{"title": 5}"#), ["title must be a string"]);
        assert_eq!(problems(r#"{"title": "a\u0000b"}"#), ["title must not contain NUL characters"]);
        assert_eq!(problems(r#"{"title": "sixsix"}"#), ["title must be shorter than or equal to 5 characters"]);
    }

    #[test]
    fn problems_are_told_up_to_a_number() {
        let many: Vec<String> = (0..60).map(|number| format!("\"x{number}\": 1")).collect();
        let told = problems(&format!("{{{}}}", many.join(",")));
        assert_eq!((told.len(), told[49].as_str()), (51, "property x49 should not exist"));
        assert_eq!(told[50], "there are more problems than these");
    }

    #[test]
    fn a_length_is_counted_in_characters_and_text_is_trimmed() {
        let fields = fields(r#"{"title": " ข้าวม ", "day": null}"#);
        assert_eq!(Input::parse::<Sample>(fields).expect("a sample"), Sample { title: "ข้าวม".to_owned(), day: None });
    }
}
