//! The rules of lists and of nested objects.

use std::marker::PhantomData;

use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::input::{FieldRule, FromInput, Input, InputSource, NamedSchemas};
use crate::http::json::Json;

/// A list of `MIN` to `MAX` elements, each by a rule.
pub struct List<R, const MIN: usize, const MAX: usize>(PhantomData<R>);

impl<R: FieldRule, const MIN: usize, const MAX: usize> FieldRule for List<R, MIN, MAX> {
    type Output = Vec<R::Output>;

    fn read(value: Json) -> Result<Self::Output, Vec<String>> {
        let Json::Array(elements) = value else { return Err(vec!["must be an array".to_owned()]) };
        if elements.len() < MIN {
            return Err(vec![format!("must contain at least {MIN} elements")]);
        }
        if elements.len() > MAX {
            return Err(vec![format!("must contain no more than {MAX} elements")]);
        }
        let mut read = Vec::with_capacity(elements.len());
        for element in elements {
            // Only the first wrong element is reported: there may be ten thousand.
            let prefixed =
                |words: Vec<String>| words.iter().map(|words| format!("each value {words}")).collect::<Vec<String>>();
            read.push(R::read(element).map_err(prefixed)?);
        }
        Ok(read)
    }

    fn schema() -> Value {
        let mut schema = json!({"type": "array", "items": R::schema(), "maxItems": MAX});
        if MIN > 0 {
            schema["minItems"] = json!(MIN);
        }
        schema
    }
}

/// A list whose elements are all different.
pub struct DistinctList<R, const MAX: usize>(PhantomData<R>);

impl<R: FieldRule<Output: Ord + Clone>, const MAX: usize> FieldRule for DistinctList<R, MAX> {
    type Output = Vec<R::Output>;

    fn read(value: Json) -> Result<Self::Output, Vec<String>> {
        let read = List::<R, 0, MAX>::read(value)?;
        let mut sorted = read.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() < read.len() { Err(vec!["must have different elements".to_owned()]) } else { Ok(read) }
    }

    fn schema() -> Value {
        let mut schema = List::<R, 0, MAX>::schema();
        schema["uniqueItems"] = json!(true);
        schema
    }
}

/// An object within a body, with fields of its own.
pub struct Nested<T>(PhantomData<T>);

impl<T: FromInput + ToSchema> FieldRule for Nested<T> {
    type Output = T;

    fn read(value: Json) -> Result<T, Vec<String>> {
        let Json::Object(fields) = value else { return Err(vec!["must be an object".to_owned()]) };
        Input::parse(fields, InputSource::Body).map_err(|error| match error {
            ApiError::Validation(problems) => {
                problems.iter().map(|problem| format!("is not right: {problem}")).collect()
            }
            _ => vec!["is not right".to_owned()],
        })
    }

    fn schema() -> Value {
        json!({"$ref": format!("#/components/schemas/{}", T::name())})
    }

    fn add_schemas(schemas: &mut NamedSchemas) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}
