//! The rules of single values: switches, ids, numbers, days, colours, choices.

use std::marker::PhantomData;

use chrono::NaiveDate;
use serde_json::{Value, json};
use utoipa::ToSchema as _;

use crate::config::secret::Secret;
use crate::domain::civil_date::parse_day;
use crate::domain::number;
use crate::domain::transaction_type::{TRANSACTION_TYPES, TransactionType};
use crate::http::input::FieldRule;
use crate::http::json::Json;

/// A switch: `true` or `false`, in a query string as words.
pub struct Flag;

impl FieldRule for Flag {
    type Output = bool;

    fn read(value: Json) -> Result<bool, Vec<String>> {
        match value {
            Json::Bool(flag) => Ok(flag),
            Json::String(text) if text == "true" => Ok(true),
            Json::String(text) if text == "false" => Ok(false),
            _ => Err(vec!["must be a boolean value".to_owned()]),
        }
    }

    fn schema() -> Value {
        json!({"type": "boolean"})
    }
}

/// The id of a row: in a body a JSON number in any notation of a whole one, such as `7` or `7.0`; in a query string digits.
pub struct Id;

const NO_INTEGER: &str = "must be an integer number";

impl FieldRule for Id {
    type Output = i64;

    fn read(value: Json) -> Result<i64, Vec<String>> {
        let whole = if let Json::Number(number) = &value { number::whole(number) } else { None };
        whole.ok_or_else(|| vec![NO_INTEGER.to_owned()])
    }

    fn read_query(text: String) -> Result<i64, Vec<String>> {
        text.trim().parse().map_err(|_| vec![NO_INTEGER.to_owned()])
    }

    fn schema() -> Value {
        json!({"type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX})
    }
}

/// A whole number from `MIN` to `MAX`.
pub struct Whole<const MIN: i64, const MAX: i64>;

impl<const MIN: i64, const MAX: i64> FieldRule for Whole<MIN, MAX> {
    type Output = i64;

    fn read(value: Json) -> Result<i64, Vec<String>> {
        let number = Id::read(value)?;
        if number < MIN {
            return Err(vec![format!("must not be less than {MIN}")]);
        }
        if number > MAX {
            return Err(vec![format!("must not be greater than {MAX}")]);
        }
        Ok(number)
    }

    fn schema() -> Value {
        json!({"type": "integer", "format": "int64", "minimum": MIN, "maximum": MAX})
    }
}

/// A colour as `#rrggbb`, kept in lower case.
pub struct Color;

impl FieldRule for Color {
    type Output = String;

    fn read(value: Json) -> Result<String, Vec<String>> {
        let color = value.as_str().map(|text| text.trim().to_ascii_lowercase());
        let right = |color: &String| {
            color
                .strip_prefix('#')
                .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        };
        color.filter(right).ok_or_else(|| vec!["must be a colour such as #1f77b4".to_owned()])
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": "^#[0-9A-Fa-f]{6}$"})
    }
}

/// A civil day, as `YYYY-MM-DD` or as a date-time, the day of which is taken.
pub struct Day;

impl FieldRule for Day {
    type Output = NaiveDate;

    fn read(value: Json) -> Result<NaiveDate, Vec<String>> {
        value.as_str().and_then(parse_day).ok_or_else(|| vec!["must be a valid ISO 8601 date string".to_owned()])
    }

    fn schema() -> Value {
        // RFC 3339 has a year 0, which neither PostgreSQL nor most clients have.
        json!({"type": "string", "format": "date", "pattern": "^(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-"})
    }
}

/// A type of a few values, each of which has a word.
pub trait WordChoice: Copy + 'static {
    /// The words with their values.
    const WORDS: &'static [(&'static str, Self)];

    /// The schema: the words, or a reference to a named schema.
    fn schema() -> Value {
        let words: Vec<&str> = Self::WORDS.iter().map(|(word, _)| *word).collect();
        json!({"type": "string", "enum": words})
    }
}

impl WordChoice for TransactionType {
    const WORDS: &'static [(&'static str, Self)] = TRANSACTION_TYPES;

    fn schema() -> Value {
        json!({"$ref": format!("#/components/schemas/{}", Self::name())})
    }
}

/// One of a few words.
pub struct OneOf<T>(PhantomData<T>);

impl<T: WordChoice> FieldRule for OneOf<T> {
    type Output = T;

    fn read(value: Json) -> Result<T, Vec<String>> {
        let found = value.as_str().and_then(|text| T::WORDS.iter().find(|(word, _)| *word == text));
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
            vec![format!("must be one of the following values: {}", words.join(", "))]
        })
    }

    fn schema() -> Value {
        T::schema()
    }
}

/// A text by another rule that is never shown in logs.
pub struct SecretText<R>(PhantomData<R>);

impl<R: FieldRule<Output = String>> FieldRule for SecretText<R> {
    type Output = Secret<String>;

    fn read(value: Json) -> Result<Secret<String>, Vec<String>> {
        R::read(value).map(Secret::new)
    }

    fn schema() -> Value {
        R::schema()
    }

    fn is_nothing(text: &Secret<String>) -> bool {
        R::is_nothing(text.expose())
    }
}
