//! More rules of fields, beside the plain texts of [`input`](super::input): numbers, switches, lists, colours.

use serde_json::{Value, json};

use super::input::Rule;
use super::json::Json;
use crate::domain::number;

/// A switch: `true` or `false`, in a query string as words.
#[derive(Debug, Clone, Copy)]
pub struct Flag;

impl Rule for Flag {
    type Output = bool;

    fn read(&self, value: Json) -> Result<bool, Vec<String>> {
        match value {
            Json::Bool(flag) => Ok(flag),
            Json::String(text) if text == "true" => Ok(true),
            Json::String(text) if text == "false" => Ok(false),
            _ => Err(vec!["must be a boolean value".to_owned()]),
        }
    }

    fn schema(&self) -> Value {
        json!({"type": "boolean"})
    }
}

/// The id of a row: a JSON number in a body, in any notation of a whole one: `7`, `7.0`.
#[derive(Debug, Clone, Copy)]
pub struct IdNumber;

impl Rule for IdNumber {
    type Output = i64;

    fn read(&self, value: Json) -> Result<i64, Vec<String>> {
        let whole = if let Json::Number(number) = &value { number::whole(number) } else { None };
        whole.ok_or_else(|| vec!["must be an integer number".to_owned()])
    }

    fn schema(&self) -> Value {
        json!({"type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX})
    }
}

/// The id of a row: digits in a query string.
#[derive(Debug, Clone, Copy)]
pub struct IdText;

impl Rule for IdText {
    type Output = i64;

    fn read(&self, value: Json) -> Result<i64, Vec<String>> {
        let id = value.as_str().and_then(|text| text.trim().parse().ok());
        id.ok_or_else(|| vec!["must be an integer number".to_owned()])
    }

    fn schema(&self) -> Value {
        IdNumber.schema()
    }
}

/// A whole number within bounds.
#[derive(Debug, Clone, Copy)]
pub struct Whole {
    /// The least.
    pub min: i64,
    /// The most.
    pub max: i64,
}

impl Rule for Whole {
    type Output = i64;

    fn read(&self, value: Json) -> Result<i64, Vec<String>> {
        let number = IdNumber.read(value)?;
        if number < self.min {
            return Err(vec![format!("must not be less than {}", self.min)]);
        }
        if number > self.max {
            return Err(vec![format!("must not be greater than {}", self.max)]);
        }
        Ok(number)
    }

    fn schema(&self) -> Value {
        json!({"type": "integer", "format": "int64", "minimum": self.min, "maximum": self.max})
    }
}

/// A colour as `#rrggbb`, answered in lower case.
#[derive(Debug, Clone, Copy)]
pub struct Color;

impl Rule for Color {
    type Output = String;

    fn read(&self, value: Json) -> Result<String, Vec<String>> {
        let color = value.as_str().map(|text| text.trim().to_ascii_lowercase());
        let right = |color: &String| {
            color
                .strip_prefix('#')
                .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        };
        color.filter(right).ok_or_else(|| vec!["must be a colour such as #1f77b4".to_owned()])
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "pattern": "^#[0-9A-Fa-f]{6}$"})
    }
}

/// A list, each element of which keeps to a rule.
#[derive(Debug, Clone, Copy)]
pub struct List<R> {
    /// The rule.
    pub each: R,
    /// The least elements.
    pub min: usize,
    /// The most.
    pub max: usize,
}

impl<R: Rule> Rule for List<R> {
    type Output = Vec<R::Output>;

    fn read(&self, value: Json) -> Result<Self::Output, Vec<String>> {
        let Json::Array(elements) = value else { return Err(vec!["must be an array".to_owned()]) };
        if elements.len() < self.min {
            return Err(vec![format!("must contain at least {} elements", self.min)]);
        }
        if elements.len() > self.max {
            return Err(vec![format!("must contain no more than {} elements", self.max)]);
        }
        let mut read = Vec::with_capacity(elements.len());
        for element in elements {
            // The first that is wrong tells enough: ten thousand may be.
            let element = self.each.read(element);
            let prefixed =
                |words: Vec<String>| words.iter().map(|words| format!("each value {words}")).collect::<Vec<String>>();
            read.push(element.map_err(prefixed)?);
        }
        Ok(read)
    }

    fn schema(&self) -> Value {
        let mut schema = json!({"type": "array", "items": self.each.schema(), "maxItems": self.max});
        if self.min > 0 {
            schema["minItems"] = json!(self.min);
        }
        schema
    }
}

/// A list in which nothing stands twice.
#[derive(Debug, Clone, Copy)]
pub struct Set<R>(pub List<R>);

impl<R: Rule<Output: Ord + Clone>> Rule for Set<R> {
    type Output = Vec<R::Output>;

    fn read(&self, value: Json) -> Result<Self::Output, Vec<String>> {
        let read = self.0.read(value)?;
        let mut sorted = read.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() < read.len() { Err(vec!["must have different elements".to_owned()]) } else { Ok(read) }
    }

    fn schema(&self) -> Value {
        let mut schema = self.0.schema();
        schema["uniqueItems"] = json!(true);
        schema
    }
}
