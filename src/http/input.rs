//! Strict input: every field is read by its rule, every broken rule is reported, and unknown fields are refused.
//!
//! The fields of a body or a query string are listed once, with [`fields!`](crate::fields): key, rule, description and example.
//! The same list reads the input and describes it in the OpenAPI document, which is therefore as strict as the server: see
//! [`Input::described`]. The messages are those of class-validator, which clients of the original service know.

use serde_json::Value;

use super::error::ApiError;
use super::json::{Fields, Json, shortened};

/// The most problems that one answer reports. An input that breaks more rules was not written by hand.
const MAX_PROBLEMS: usize = 50;

/// The fields of a body or a query string, taken out one by one.
#[derive(Debug)]
pub struct Input {
    fields: Fields,
    source: InputSource,
    was_empty: bool,
    problems: Vec<String>,
    /// Collects the description of the fields, where nothing is read.
    description: Option<Description>,
}

/// The part of a request that an input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputSource {
    /// A JSON body.
    Body,
    /// A query string, in which every value is a text.
    Query,
}

/// The contract of a type that is read from an input.
#[derive(Debug, Default)]
pub struct Description {
    /// The fields, in the order in which they are read.
    pub fields: Vec<DescribedField>,
    /// Pairs of fields of which at most one has a value.
    pub exclusive: Vec<[&'static str; 2]>,
    /// Pairs of fields of which at least one has a value.
    pub alternative: Vec<[&'static str; 2]>,
    /// At least one field is given.
    pub not_empty: bool,
    /// At least one field has a value.
    pub has_value: bool,
}

/// The contract of one field.
#[derive(Debug)]
pub struct DescribedField {
    /// The key.
    pub key: &'static str,
    /// The description.
    pub text: String,
    /// An example of its value.
    pub example: Option<Value>,
    /// Set if it must be given.
    pub required: bool,
    /// Set if it may be `null`.
    pub nullable: bool,
    /// The rule, as a JSON schema.
    pub schema: Value,
}

/// One entry of a list of fields.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The key in a body or in a query string.
    pub key: &'static str,
    /// The description, as the lines of the doc comment.
    pub text: &'static str,
    /// An example of its value.
    pub example: Option<fn() -> Value>,
}

/// A type that is read from an input.
pub trait FromInput: Sized {
    /// Takes the fields. `None` if a problem was noted.
    fn from_input(input: &mut Input) -> Option<Self>;

    /// Adds the named schemas that its fields refer to.
    fn add_schemas(_schemas: &mut NamedSchemas) {}
}

/// The rule of a field: the values that it takes, and the message for those that it refuses.
pub trait FieldRule {
    /// The value of the field.
    type Output;

    /// Reads a value from a body. A missing field is read as `null`.
    ///
    /// # Errors
    /// Every broken rule, as the words that follow the name of the field: `must be a string`.
    fn read(value: Json) -> Result<Self::Output, Vec<String>>;

    /// Reads a value from a query string.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn read_query(text: String) -> Result<Self::Output, Vec<String>> {
        Self::read(Json::String(text))
    }

    /// The JSON schema of the values that [`Self::read`] takes. Where several notations are taken, such as blanks around a
    /// number, this is the one to send.
    fn schema() -> Value;

    /// Adds the named schemas that [`Self::schema`] refers to.
    fn add_schemas(_schemas: &mut NamedSchemas) {}

    /// True for a value that means the same as no value, such as an empty note.
    fn is_nothing(_value: &Self::Output) -> bool {
        false
    }
}

/// Schemas of the document with their names.
pub type NamedSchemas = Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>;

/// The presence of a field: required or optional, `null` or not.
pub trait Presence {
    /// The field of the struct.
    type Value;

    /// Takes the field from an input. `None` if a problem was noted.
    fn take(input: &mut Input, field: &Field) -> Option<Self::Value>;

    /// Adds the named schemas that the field refers to.
    fn add_schemas(schemas: &mut NamedSchemas);
}

impl Input {
    /// Reads a type, and refuses every field that it does not have.
    ///
    /// # Errors
    /// [`ApiError::Validation`] with every problem.
    pub fn parse<T: FromInput>(fields: Fields, source: InputSource) -> Result<T, ApiError> {
        let was_empty = fields.is_empty();
        let mut input = Self { fields, source, was_empty, problems: Vec::new(), description: None };
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

    /// Describes a type: it is read from an input without fields, and every field that it asks for is noted.
    #[must_use]
    pub fn described<T: FromInput>() -> Description {
        let description = Some(Description::default());
        let fields = Fields::default();
        let mut input = Self { fields, source: InputSource::Body, was_empty: true, problems: Vec::new(), description };
        // The value is of no interest: nothing was given.
        let _ = T::from_input(&mut input);
        input.description.unwrap_or_default()
    }

    /// Takes the value of a field out of the input, and notes its contract where the input is described.
    pub(super) fn take<R: FieldRule>(&mut self, field: &Field, required: bool, nullable: bool) -> Option<Json> {
        if let Some(description) = &mut self.description {
            description.fields.push(DescribedField {
                key: field.key,
                text: joined(field.text),
                example: field.example.map(|example| example()),
                required,
                nullable,
                schema: R::schema(),
            });
        }
        self.fields.take(field.key)
    }

    /// Reads a value by a rule, and notes the rules that it breaks.
    pub(super) fn read<R: FieldRule>(&mut self, field: &Field, value: Json) -> Option<R::Output> {
        let read = match (self.source, value) {
            (InputSource::Query, Json::String(text)) => R::read_query(text),
            (_, value) => R::read(value),
        };
        match read {
            Ok(output) => Some(output),
            Err(broken) => {
                self.problems.extend(broken.into_iter().map(|words| format!("{} {words}", field.key)));
                None
            }
        }
    }

    /// Tells if no field is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Tells if no field was given.
    #[must_use]
    pub const fn was_empty(&self) -> bool {
        self.was_empty
    }

    /// Refuses two fields that both have a value. `given` says which of them have one.
    pub fn not_both(&mut self, fields: [&'static str; 2], given: [bool; 2]) {
        self.describe(|description| description.exclusive.push(fields));
        if given == [true, true] {
            self.refuse(format!("{} and {} must not be given together", fields[0], fields[1]));
        }
    }

    /// Refuses two fields of which neither has a value. `given` says which of them have one.
    pub fn not_neither(&mut self, fields: [&'static str; 2], given: [bool; 2]) {
        self.describe(|description| description.alternative.push(fields));
        if given == [false, false] {
            self.refuse(format!("{} or {} must be given", fields[0], fields[1]));
        }
    }

    /// Adds to the description, where the input is described.
    pub fn describe(&mut self, add: impl FnOnce(&mut Description)) {
        if let Some(description) = &mut self.description {
            add(description);
        }
    }

    /// Notes a problem that only several fields together show.
    pub fn refuse(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }
}

/// The lines of a doc comment as one text.
pub(super) fn joined(lines: &str) -> String {
    let lines: Vec<&str> = lines.lines().map(str::trim).collect();
    lines.join("\n").trim().to_owned()
}

/// The change of a field that may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldUpdate<T> {
    /// Leaves the value as it is.
    Keep,
    /// Removes the value.
    Clear,
    /// Sets a value.
    Set(T),
}

impl<T> FieldUpdate<T> {
    /// The value after the change.
    #[must_use]
    pub fn applied_to(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Keep => current,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// Tells if a value is set.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        matches!(self, Self::Set(_))
    }
}

/// The most edits between an unknown key and a known one that is suggested instead.
const MAX_EDITS: usize = 2;

/// The problem of an unknown key, with a known key that is near.
fn unknown(key: &str, known: &Description) -> String {
    let key = shortened(key);
    let distance = |field: &DescribedField| strsim::osa_distance(&key.to_lowercase(), &field.key.to_lowercase());
    let distances = known.fields.iter().map(|field| (distance(field), &field.key));
    // In a short key, two edits are most of it.
    let near = distances.filter(|(edits, meant)| *edits <= MAX_EDITS && edits * 3 <= meant.len());
    match near.min() {
        Some((_, meant)) => format!("property {key} should not exist; did you mean {meant}?"),
        None => format!("property {key} should not exist"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::super::presence::{Optional, Required};
    use super::super::rules::{Day, Text};
    use super::*;

    fn fields(body: &str) -> Fields {
        let Ok(Json::Object(fields)) = json::parse(body.as_bytes()) else { panic!("an object") };
        fields
    }

    crate::fields! {
        #[derive(Debug, PartialEq)]
        struct Sample {
            title: Required<Text<5>>,
            day: Optional<Day>,
        }
    }

    fn problems(body: &str) -> Vec<String> {
        match Input::parse::<Sample>(fields(body), InputSource::Body) {
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
        assert_eq!(
            Input::parse::<Sample>(fields, InputSource::Body).expect("a sample"),
            Sample { title: "ข้าวม".to_owned(), day: None }
        );
    }
}
